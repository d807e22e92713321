"""Folders, points and grades."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from solution import write_solution

from barenet.errors import ConfigError
from barenet.kit.check import CheckReport, check_homework
from barenet.kit.findings import MISSING, RIGHT, WRONG, StepResult
from barenet.kit.folder import LANGUAGES, check_kit, inner_kit, new_kit
from barenet.kit.grade import Grade, check_folders, grade_folder, names_of_folders, write_result, write_table
from barenet.kit.points import read_points
from barenet.kit.steps import STEPS, find_step


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_kit_has_the_files_of_all_steps_and_no_solution(language, tmp_path):
    files = {path.name for path in new_kit(tmp_path / "a" / "kit", language)}
    assert files == {file for step in STEPS for file in step.names} | {"data.py", "task.md", "kit.toml"}
    assert f'language = "{language}"' in (tmp_path / "a" / "kit" / "kit.toml").read_text("utf-8")
    source = "".join(path.read_text("utf-8") for path in (tmp_path / "a" / "kit").glob("*.py"))
    for step in STEPS:
        assert f'raise NotImplementedError("step {step.number}: {step.name}")' in source


def refused(call, *words: str) -> None:
    """Check that a call raises ConfigError in one line with these words."""
    with pytest.raises(ConfigError) as caught:
        call()
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_wrong_folders_are_refused_in_one_line(tmp_path):
    kit, other = tmp_path / "kit", tmp_path / "other"
    new_kit(kit)
    other.mkdir()
    refused(lambda: new_kit(kit), "is already there; name a new folder")
    refused(lambda: new_kit(tmp_path / "b", "fr"), "the kit has no language 'fr'; known: en, zh")
    refused(lambda: check_homework(tmp_path / "gone"), "there is no folder")
    refused(lambda: check_homework(other), "is no kit, since it has no kit.toml", "--adapter")
    refused(lambda: check_homework(other, adapter=tmp_path / "gone.py"), "there is no file")
    refused(lambda: check_homework(other, adapter=kit / "task.md"), "the name of an adapter must end with .py")
    (kit / "kit.toml").write_text("version = 1\n", "utf-8-sig")  # as editors on Windows write it
    check_kit(kit)
    (kit / "test.py").unlink()
    refused(lambda: check_homework(kit), "has no test.py, the file of step 8 (testing)")
    for text, words in (
        ("version = 2", "is a kit of version 2, and this barenet knows 1"),
        ("version = 'one'", "must be a whole number from 1, got 'one'"),
        ("version", "cannot be read"),
    ):
        (kit / "kit.toml").write_text(text, "utf-8")
        refused(lambda: check_homework(kit), words)


def test_points_come_from_a_file_or_are_a_hundred(tmp_path):
    assert sum(read_points(None).values()) == 100
    file = tmp_path / "points.toml"
    file.write_text("forward = 3\nbackward = 2.5\n", "utf-8")
    assert {name: value for name, value in read_points(file).items() if value} == {"forward": 3, "backward": 2.5}
    for text, words in (
        ("foward = 3", "unknown step 'foward'"),
        ("forward = -1", "forward in"),
        ("forward = nan", "must be a number from 0"),
        ("forward = inf", "must be a number from 0 to 1000000, got inf"),
        ("forward = 1" + 400 * "0", "must be a number from 0"),
        ("forward = true", "must be a number from 0"),
        ("forward = 0", "gives no points"),
        ("forward", "is no TOML"),
    ):
        file.write_text(text, "utf-8")
        refused(lambda: read_points(file), words)
    refused(lambda: read_points(tmp_path / "gone.toml"), "there is no file")
    file.write_text("forward = 3\n", "utf-8-sig")  # as editors on Windows write it
    assert read_points(file)["forward"] == 3


def test_steps_are_found_by_name_and_by_number():
    assert find_step("3") is find_step("Backward") is STEPS[2]
    refused(lambda: find_step("backwards"), "there is no step 'backwards'; did you mean 'backward'?")


def some_grade(name: str) -> Grade:
    """Return a grade with one right, one missing and eight wrong steps."""
    states = [RIGHT, MISSING, *[WRONG] * 8]
    steps = tuple(StepResult(step.name, state, ("why",)) for step, state in zip(STEPS, states, strict=True))
    return Grade(name, name, steps, read_points(None))


def test_results_have_the_form_that_gradescope_reads(tmp_path):
    bad = Grade("=1+1", "x", tuple(StepResult(step.name, WRONG) for step in STEPS), read_points(None), "no kit")
    grades = [some_grade("ann"), bad]
    files = [*(write_result(grade, tmp_path / "out") for grade in grades), write_table(grades, tmp_path / "out")]
    assert [file.relative_to(tmp_path / "out").as_posix() for file in files] == [
        "ann/results.json", "=1+1/results.json", "grades.csv",
    ]  # fmt: skip
    results = json.loads(files[0].read_text("utf-8"))
    assert results["score"] == 10
    assert results["tests"][0] == {
        "name": "step 1 (forward)", "score": 10, "max_score": 10, "output": "right\nwhy", "status": "passed",
    }  # fmt: skip
    assert [test["status"] for test in results["tests"]] == ["passed", *["failed"] * 9]
    assert sum(test["max_score"] for test in results["tests"]) == 100
    rows = list(csv.reader(files[-1].read_text("utf-8").splitlines()))
    assert rows[0] == ["name", "score", "max_score", *(step.name for step in STEPS), "problem"]
    assert [float(cell) for cell in rows[1][1:-1]] == [10, 100, 10, *[0] * 9]
    assert rows[2][0] == "'=1+1"


def test_a_folder_that_is_no_kit_gets_a_grade_with_the_reason(tmp_path):
    grade = grade_folder("x", tmp_path, read_points(None))
    assert (grade.score, grade.most) == (0, 100)
    assert "is no kit" in grade.problem
    assert "is no kit" in json.dumps(grade.as_gradescope())


@pytest.mark.slow
def test_a_missing_file_costs_the_points_of_its_steps_only(tmp_path):
    folder = write_solution(tmp_path / "kit")
    for name in ("model.py", "train.py", "gridsearch.py", "test.py"):
        (folder / name).unlink()
    grade = grade_folder("x", folder, read_points(None))
    assert grade.score == 10
    assert {result.step: result.wrong for result in grade.steps}["decay"] == ("there is no train.py in the folder",)


def test_folders_that_cannot_be_graded_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    Path("b").mkdir()
    refused(lambda: check_folders([]), "name at least one folder")
    refused(lambda: check_folders([Path("a"), Path("b"), Path("a")]), "a is named twice")
    refused(lambda: check_folders([Path("a"), Path("b/../a")]), "is named twice")
    refused(lambda: check_folders([Path("a"), Path("c"), Path("d e")]), 'there is no folder c, "d e"; nothing was')


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["c/a-b", "c/a/b", "d/b"], ["a-b", "c-a-b", "d-b"]),
        (["c/a:b", "c/ab"], ["ab-2", "ab-3"]),
        (["c/Ann", "d/ann"], ["c-Ann", "d-ann"]),
        (["c/.."], [Path.cwd().name]),
    ],
)
def test_no_two_folders_get_the_same_results(folders, names):
    named = names_of_folders([Path(folder) for folder in folders])
    assert list(named) == names
    assert list(named.values()) == [Path(folder) for folder in folders]


def test_a_folder_that_cannot_be_read_does_not_end_the_grading(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", refuse)
    grade = grade_folder("ann", tmp_path, read_points(None))
    assert (grade.score, grade.problem) == (0, "the folder cannot be read: Permission denied")


def test_a_report_says_which_step_comes_next():
    steps = some_grade("x").steps
    assert CheckReport("x", steps).next_step is STEPS[1]
    assert CheckReport("x", steps[:1]).as_dict()["next_step"] is None
    assert StepResult.from_dict(steps[0].as_dict()) == steps[0]
    with pytest.raises(ValueError):
        StepResult.from_dict(steps[0].as_dict() | {"status": "fine"})


def test_a_kit_in_a_folder_of_an_archive_is_found(tmp_path):
    kit = tmp_path / "ann" / "homework"
    new_kit(kit)
    (tmp_path / "ann" / "__MACOSX").mkdir()
    assert inner_kit(tmp_path / "ann") == kit
    assert inner_kit(kit) is None
    with pytest.raises(ConfigError, match=r"and .*homework is one; name that folder"):
        check_homework(tmp_path / "ann")
    for file in kit.glob("*.py"):
        file.unlink()  # so no step needs a process
    grade = grade_folder("ann", tmp_path / "ann", read_points(None))
    assert (grade.problem, grade.steps[0].status) == ("", WRONG)
    new_kit(tmp_path / "ann" / "another")
    assert inner_kit(tmp_path / "ann") is None
