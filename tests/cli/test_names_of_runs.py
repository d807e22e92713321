"""Commands that take a run also take a study, and names without runs/ and studies/."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from refusals import assert_refused

import barenet as package

SMALL = ("--data", "data", "--data.n-valid", "60", "--batch-size", "30", "--hidden", "6,5", "--epochs", "1", "--quiet")
# Each command, and its arguments besides a run.
COMMANDS = {
    "test": ("--json",),
    "predict": ("images.npy", "--csv"),
    "export": ("--to", "numpy", "--output", "model.py", "--force", "--quiet"),
    "playground": ("--output", "page.html", "--json"),
    "inspect": ("--output", "pictures", "--json"),
    "report": ("--output", "page.html", "--json"),
}
SLOW = ("export", "playground", "inspect", "report")


@pytest.fixture(scope="module")
def home(barenet, tmp_path_factory, write_data) -> Path:
    """A folder with data/, a run, a study of two trials, and images to predict."""
    folder = tmp_path_factory.mktemp("home")
    write_data(folder / "data")
    np.save(folder / "images.npy", np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8))
    assert barenet("train", *SMALL, cwd=folder).returncode == 0
    searched = barenet("search", *SMALL, "--grid", "lr=0.1,0.01", "--workers", "0", cwd=folder)
    assert searched.returncode == 0, searched.stderr
    return folder


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in SLOW])
def test_a_study_means_its_best_run_and_names_are_enough(command, barenet, home):
    best, run = Path("studies", "course-search-1", "best"), Path("runs", "quick-1")
    for path, names in ((best, (best.parent, "course-search-1")), (run, ("quick-1",))):
        wanted = barenet(command, path, *COMMANDS[command], cwd=home)
        for name in names:
            done = barenet(command, name, *COMMANDS[command], cwd=home)
            assert (done.returncode, done.stdout) == (0, wanted.stdout)
            assert command == "export" or f" {path}\n" in done.stderr  # the note about the run that was taken


@pytest.mark.full
def test_pictures_of_a_study_are_those_of_its_best_run(barenet, home):
    done = barenet("inspect", "course-search-1", *COMMANDS["inspect"], cwd=home)
    assert done.returncode == 0, done.stderr
    assert f"taking its best run, {Path('studies', 'course-search-1', 'best')}\n" in done.stderr


@pytest.mark.slow
def test_a_report_about_a_study_is_about_its_search(barenet, home):
    done = barenet("report", "course-search-1", *COMMANDS["report"], cwd=home)
    assert done.returncode == 0, done.stderr
    assert "course-search-1 is taken as" in done.stderr
    assert 'id="winner"' in (home / "page.html").read_text("utf-8")


def test_python_takes_the_same_names(home, monkeypatch):
    monkeypatch.chdir(home)
    images = np.load("images.npy")
    for name, path in (("course-search-1", "studies/course-search-1/best"), ("quick-1", "runs/quick-1")):
        np.testing.assert_array_equal(
            package.load(name).predict_proba(images), package.load(path).predict_proba(images)
        )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("train", "--resume", "studies/course-search-1"),
            "not a run; go on with: barenet search --resume studies",
        ),
        (("search", "--resume", "runs/quick-1"), "go on with the run by: barenet train --resume runs"),
        (("test", "quick-2"), "no model file 'quick-2', and no run or study of that name: did you mean 'quick-1'?"),
        (("test", "shoe"), "of that name: there are course-search-1, quick-1 in runs and studies"),
        (("test", "quick-1", "--runs", "data"), "of that name: there are course-search-1 in data and studies"),
        (("train", "--resume", "quick-2"), "quick-2 does not exist: did you mean 'quick-1'?"),
        (("train", "quick-1"), "quick-1 is a folder that barenet train made: go on with it by --resume"),
        (
            ("search", "course-search-1"),
            "course-search-1 is a folder that barenet search made: go on with it by --resume",
        ),
    ],
)
def test_the_wrong_kind_of_folder_is_refused_with_the_right_command(arguments, words, barenet, home):
    assert_refused(barenet(*arguments, cwd=home), words, 2)


@pytest.mark.slow
def test_a_run_and_a_study_of_the_same_name_are_both_resumed_by_it(barenet, home, tmp_path):
    shutil.copytree(home / "data", tmp_path / "data")
    shutil.copytree(home / "studies" / "course-search-1", tmp_path / "studies" / "mine")
    shutil.copytree(home / "runs" / "quick-1", tmp_path / "runs" / "mine")
    for arguments in (("train", "--resume", "mine"), ("search", "--resume", "mine", "--workers", "0")):
        done = barenet(*arguments, "--quiet", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    words = f"mine may mean {Path('runs', 'mine')} or {Path('studies', 'mine')}"
    assert_refused(barenet("test", "mine", cwd=tmp_path), words, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "runs", "studies"]


@pytest.mark.slow
def test_resuming_a_finished_run_or_study_shows_its_results_and_how_to_go_on(barenet, home):
    loud = [
        ("train", Path("runs", "quick-1"), "(1 epoch); --epochs 2 trains it for longer", "test accuracy"),
        (
            "search",
            Path("studies", "course-search-1"),
            "(2 trials); --repeats 5 trains its best settings",
            "best: trial",
        ),
    ]
    for command, folder, words, results in loud:
        files = sorted(path for path in (home / folder).rglob("*.safetensors"))
        done = barenet(command, "--resume", folder, *(["--workers", "0"] if command == "search" else []), cwd=home)
        assert done.returncode == 0, done.stderr
        assert f"note: {folder} is finished {words}" in done.stderr
        assert results in done.stdout
        assert sorted(path for path in (home / folder).rglob("*.safetensors")) == files


@pytest.mark.slow
def test_a_study_that_is_not_finished_does_not_say_so(barenet, home, tmp_path):
    shutil.copytree(home / "data", tmp_path / "data")
    folder = shutil.copytree(home / "studies" / "course-search-1", tmp_path / "studies" / "mine")
    done = barenet("search", "--resume", folder, "--repeats", "1", "--workers", "0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "is finished" not in done.stderr
