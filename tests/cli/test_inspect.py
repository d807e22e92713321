"""`barenet inspect` as a person types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from barenet.data.formats.idx import write_idx


def barenet(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "barenet", *map(str, arguments)]
    environment = {**os.environ, "DISPLAY": "", "WAYLAND_DISPLAY": "", **environment}
    return subprocess.run(
        command, check=False, cwd=cwd, capture_output=True, encoding="utf-8", env=environment, timeout=120
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory, arrays) -> Path:
    """A folder with data/, and with one run on it in runs/."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "data").mkdir()
    write_idx(folder / "data" / "train-images-idx3-ubyte", arrays["x"])
    write_idx(folder / "data" / "train-labels-idx1-ubyte", arrays["y"].astype(np.uint8))
    write_idx(folder / "data" / "t10k-images-idx3-ubyte", arrays["x_test"])
    write_idx(folder / "data" / "t10k-labels-idx1-ubyte", arrays["y_test"].astype(np.uint8))
    small = ("--data", "data", "--data.n-valid", "60", "--batch-size", "30", "--hidden", "6", "--epochs", "1")
    done = barenet("train", *small, "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_latest_run_is_looked_into_and_its_pictures_are_named(home):
    done = barenet("inspect", cwd=home)
    assert done.returncode == 0, done.stderr
    *found, _ = done.stdout.splitlines()
    assert found[0].startswith("layer 1, ")
    assert found[1].startswith("neuron 1:")
    files = [line for line in done.stdout.splitlines() if line.endswith(".png")]
    assert len(files) == 8
    assert all((home / file).is_file() for file in files)


def test_json_is_one_object_of_what_was_found(home):
    done = barenet("inspect", "runs/quick-1", "--neuron", "1:3", "--figures", "elsewhere", "--json", cwd=home)
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
        (("inspect", "--output", "nothing"), "no run in nothing"),
        (("visualize",), "did you mean 'inspect'?"),
        (("plot",), "did you mean 'inspect'?"),
    ],
)
def test_wrong_input_is_one_line_on_stderr(arguments, words, home):
    done = barenet(*arguments, cwd=home)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_an_incomplete_run_is_named_with_what_it_lacks(home):
    done = barenet("train", "--data", "data", "--epochs", "1", "--hidden", "4", "--name", "torn", "--quiet", cwd=home)
    assert done.returncode == 0
    (home / "runs" / "torn" / "initial.safetensors").unlink()
    done = barenet("inspect", "runs/torn", cwd=home)
    assert done.returncode == 2
    assert "is incomplete: initial.safetensors is missing" in done.stderr


def test_the_help_shows_examples_first(home):
    shown = barenet("inspect", "--help", cwd=home).stdout
    assert shown.index("barenet inspect") < shown.index("For example:") < shown.index("--json")
