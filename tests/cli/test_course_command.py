"""`barenet course`: the assignment kit on the command line."""

from __future__ import annotations

import itertools
import json

import pytest
from refusals import assert_refused

from barenet.cli.application import load_command
from barenet.cli.commands.course import course
from barenet.kit import grade as grading


def test_the_commands_make_check_and_grade_a_kit(barenet, tmp_path):
    made = barenet("course", "new", "kit", "--language", "zh", cwd=tmp_path)
    assert made.returncode == 0
    assert "barenet course check kit" in made.stdout
    barenet("course", "new", "whole", cwd=tmp_path)
    loss = "return float(np.mean(-np.log(probabilities[np.arange(len(labels)), labels])))"
    model = tmp_path / "whole" / "model.py"
    model.write_text(model.read_text("utf-8").replace('raise NotImplementedError("step 2: loss")', loss), "utf-8")
    checked = barenet("course", "check", "whole", "--step", "loss", cwd=tmp_path)
    assert (checked.returncode, checked.stdout.splitlines()[0]) == (0, " 2 loss      right")
    assert checked.stdout.splitlines()[-1] == "1 step of 1: all right"
    checked = barenet("course", "check", "kit", "--step", "5", cwd=tmp_path)
    assert checked.returncode == 1
    assert checked.stdout.splitlines()[-1] == "0 of 1 step right; next: step 5 (decay) in train.py"
    (tmp_path / "adapter.py").touch()
    checked = barenet("course", "check", "kit", "--step", "5", "--adapter", "adapter.py", cwd=tmp_path)
    assert checked.stdout.splitlines()[-1] == "0 of 1 step right; next: step 5 (decay) in adapter.py"
    (tmp_path / "points.toml").write_text("loss = 4\n", "utf-8")
    for name in ("train", "test", "gridsearch", "param_vis"):  # so that fewer processes start
        (tmp_path / "whole" / f"{name}.py").unlink()
    graded = barenet("course", "grade", "whole", "--points", "points.toml", "--json", cwd=tmp_path)
    assert graded.returncode == 0
    assert json.loads(graded.stdout)["grades"][0]["score"] == 4
    assert json.loads((tmp_path / "results" / "whole" / "results.json").read_text("utf-8"))["score"] == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "gone"), "there is no folder gone"),
        (("check", "kit"), "kit is no kit, since it has no kit.toml"),
        (("check", "kit", "--step", "backwards"), "did you mean 'backward'?"),
        (("check", "kit", "--seconds", "0"), "--seconds must be a positive number"),
        (("new", "kit"), "kit is already there; name a new folder"),
        (("new", "other", "--language", "fr"), "the kit has no language 'fr'; known: en, zh"),
        (("grade", "kit", "--points", "points.toml"), "unknown step 'foward' in points.toml; did you mean 'forward'?"),
        (("grade", "kit", "kit"), "kit is named twice"),
        (("grade", "kit", "gone"), "there is no folder gone; nothing was graded"),
        (("grade",), "FOLDERS"),
        (("grade", "kit", "--output", "points.toml"), "points.toml is a file, and --output names a folder"),
    ],
)
def test_wrong_input_is_refused_in_one_line(arguments, words, barenet, tmp_path):
    (tmp_path / "kit").mkdir()
    (tmp_path / "points.toml").write_text("foward = 10\n", "utf-8")
    assert_refused(barenet("course", *arguments, cwd=tmp_path), words)


def test_help_is_wrapped_and_names_the_defaults(barenet, tmp_path):
    shown = barenet("course", "--help", cwd=tmp_path, COLUMNS="60").stdout
    assert shown.index("barenet course") < shown.index("For example:") < shown.index("grade  ")
    load_command("course")
    for name in ("new", "check", "grade"):
        words = " ".join(barenet("course", name, "--help", cwd=tmp_path).stdout.split())
        assert "--json" in words
        described = [line.startswith(" " * 8) for line in course[name].default_command.__doc__.splitlines()]
        assert not any(both == (True, True) for both in itertools.pairwise(described))
    assert "[default: results]" in words


def test_the_commands_have_no_flags_without_a_default_in_their_help():
    for name in ("new", "check", "grade"):
        for argument in course[name].assemble_argument_collection(parse_docstring=True):
            is_flag = argument.names[0].startswith("-") and argument.field_info.default is None
            assert not is_flag or "[" in str(argument.parameter.help), argument.names


def test_an_output_that_cannot_be_made_is_refused_before_the_checks(barenet, tmp_path):
    (tmp_path / "file").write_text("", "utf-8")
    (tmp_path / "ann").mkdir()
    done = barenet("course", "grade", "ann", "--output", "file/in", cwd=tmp_path)
    assert_refused(done, "cannot make the folder", code=3)
    assert "ann:" not in done.stdout


def test_an_interrupted_grading_keeps_the_results_that_are_there(barenet, tmp_path, monkeypatch):
    for name in ("ann", "bob"):
        (tmp_path / name).mkdir()
    grade = grading.grade_folder

    def stopped(name, *arguments, **options):
        if name == "bob":
            raise KeyboardInterrupt
        return grade(name, *arguments, **options)

    monkeypatch.setattr(grading, "grade_folder", stopped)
    done = barenet("course", "grade", "ann", "bob", "--output", "results", cwd=tmp_path)
    assert done.returncode == 130
    assert [path.relative_to(tmp_path / "results").as_posix() for path in (tmp_path / "results").rglob("*.*")] == [
        "ann/results.json"
    ]
