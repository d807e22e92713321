"""`barenet inspect` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from refusals import assert_refused


@pytest.fixture(scope="module")
def home(barenet, tmp_path_factory, write_data) -> Path:
    """A folder with data/, and with one run on it in runs/."""
    folder = tmp_path_factory.mktemp("home")
    write_data(folder / "data")
    small = ("--data", "data", "--data.n-valid", "60", "--batch-size", "30", "--hidden", "6", "--epochs", "1")
    done = barenet("train", *small, "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_without_a_model_the_latest_run_is_inspected_and_its_pictures_are_named(barenet, home):
    done = barenet("inspect", cwd=home)
    assert done.returncode == 0, done.stderr
    *found, _ = done.stdout.splitlines()
    assert found[0].startswith("layer 1, ")
    assert found[1].startswith("without neuron 1:")
    files = [line for line in done.stdout.splitlines() if line.endswith(".png")]
    assert len(files) == 8
    assert all((home / file).is_file() for file in files)


@pytest.mark.slow
def test_json_is_one_object_with_all_results(barenet, home):
    done = barenet("inspect", "runs/quick-1", "--neuron", "1:3", "--output", "elsewhere", "--json", cwd=home)
    found = json.loads(done.stdout)
    assert found["neuron"]["unit"] == 3
    assert found["images"] == 60
    assert [Path(file).parent.name for file in found["files"]] == ["elsewhere"] * 8
    assert found["layers"][0]["units"] == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("inspect", "nowhere"), "no model file 'nowhere'"),
        (("inspect", "data"), "not a run folder"),
        (("inspect", "--neuron", "1:6"), "1:0 to 1:5; got '1:6'"),
        (("inspect", "--data", "nothing"), "nothing does not exist"),
        (("inspect", "--runs", "nothing"), "no run in nothing"),
        (("inspect", "--output", "my.png"), "my.png ends like a file, and the pictures go to a folder; use my"),
    ],
)
def test_wrong_input_is_one_line_on_stderr(arguments, words, barenet, home):
    assert_refused(barenet(*arguments, cwd=home), words)


def test_the_error_of_an_incomplete_run_names_the_missing_file(barenet, home):
    done = barenet("train", "--data", "data", "--epochs", "1", "--hidden", "4", "--name", "torn", "--quiet", cwd=home)
    assert done.returncode == 0
    (home / "runs" / "torn" / "initial.safetensors").unlink()
    done = barenet("inspect", "runs/torn", cwd=home)
    assert done.returncode == 2
    assert "is incomplete: initial.safetensors is missing" in done.stderr
