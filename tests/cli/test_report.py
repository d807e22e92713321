"""`barenet report`, `train --report` and `train --plot` as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from barenet.data.formats.idx import write_idx

SMALL = ("--data", "data", "--data.n-valid", "60", "--batch-size", "30", "--hidden", "6", "--epochs", "1", "--quiet")


def barenet(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "barenet", *map(str, arguments)]
    environment = {**os.environ, "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    return subprocess.run(
        command, check=False, cwd=cwd, capture_output=True, encoding="utf-8", env=environment, timeout=120
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory, arrays) -> Path:
    """A folder with data/, and with two runs on it in runs/, of which one wrote its report."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "data").mkdir()
    write_idx(folder / "data" / "train-images-idx3-ubyte", arrays["x"])
    write_idx(folder / "data" / "train-labels-idx1-ubyte", arrays["y"].astype(np.uint8))
    write_idx(folder / "data" / "t10k-images-idx3-ubyte", arrays["x_test"])
    write_idx(folder / "data" / "t10k-labels-idx1-ubyte", arrays["y_test"].astype(np.uint8))
    for name, flags in (("first", ("--lr", "0.01")), ("second", ("--report", "--plot"))):
        done = barenet("train", *SMALL, *flags, "--name", name, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_train_writes_the_report_when_asked_and_the_same_as_report_does(home):
    assert not (home / "runs" / "first" / "report.html").exists()
    written = (home / "runs" / "second" / "report.html").read_bytes()
    done = barenet("report", cwd=home)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{Path('runs/second/report.html')}\n", "")
    assert (home / "runs" / "second" / "report.html").read_bytes() == written


def test_a_run_tells_its_machine(home):
    machine = json.loads((home / "runs" / "first" / "machine.json").read_text("utf-8"))
    assert machine["NumPy"] == np.__version__
    assert machine["cores"] >= 1


def test_several_runs_make_a_comparison(home):
    done = barenet("report", "runs/first", "runs/second", "--json", cwd=home)
    made = json.loads(done.stdout)
    assert made["page"] == str(Path("runs/comparison.html"))
    assert made["notes"] == []
    assert made["bytes"] == (home / "runs" / "comparison.html").stat().st_size


def test_training_that_diverges_is_reported_too(home):
    wild = ("--optimizer.name", "sgd", "--optimizer.weight-decay", "0", "--lr", "1e30", "--name", "wild", "--report")
    done = barenet("train", *SMALL, *wild, cwd=home)
    assert done.returncode == 4
    assert "diverged in epoch 1" in (home / "runs" / "wild" / "report.html").read_text("utf-8")


def test_without_a_screen_plot_says_so_in_one_line_and_trains(home):
    loud = [flag for flag in SMALL if flag != "--quiet"]
    done = barenet("train", *loud, "--plot", "--name", "plotted", cwd=home)
    assert done.returncode == 0
    [line] = [line for line in done.stderr.splitlines() if "--plot" in line]
    assert "there is no screen" in line or sys.platform != "linux"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("report", "nowhere"), "nowhere does not exist"),
        (("report", "data"), "data is not a run folder"),
        (("report", "runs/first/best.safetensors"), "is a file"),
        (("report", "runs/first", "runs/first"), "named twice"),
        (("report", "--output", "nothing"), "no run in nothing"),
    ],
)
def test_wrong_input_is_one_line_on_stderr(arguments, words, home):
    done = barenet(*arguments, cwd=home)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_the_help_shows_examples_first(home):
    shown = barenet("report", "--help", cwd=home).stdout
    assert shown.index("barenet report") < shown.index("For example:") < shown.index("--json")
