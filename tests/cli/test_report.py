"""`barenet report`, `train --report` and `train --plot` as a person types them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from refusals import assert_refused

SMALL = ("--data", "data", "--data.n-valid", "60", "--batch-size", "30", "--hidden", "6", "--epochs", "1", "--quiet")


@pytest.fixture(scope="module")
def home(barenet, tmp_path_factory, write_data) -> Path:
    """A folder with data/, and with two runs on it in runs/."""
    folder = tmp_path_factory.mktemp("home")
    write_data(folder / "data")
    for name in ("first", "second"):
        done = barenet("train", *SMALL, "--name", name, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.full
def test_train_with_report_writes_the_same_page_as_the_command_report(barenet_process, barenet, home, drawn):
    assert not (home / "runs" / "first" / "report.html").exists()
    done = barenet("train", *SMALL, "--report", "--plot", "--name", "told", cwd=home)
    assert done.returncode == 0, done.stderr
    written = (home / "runs" / "told" / "report.html").read_bytes()
    done = barenet_process("report", cwd=home)
    assert (done.returncode, done.stdout) == (0, f"{Path('runs/told/report.html')}\n")
    assert done.stderr == f"note: taking the latest run, {Path('runs/told')}\n"
    assert (home / "runs" / "told" / "report.html").read_bytes() == written


def test_a_run_names_its_machine(home):
    machine = json.loads((home / "runs" / "first" / "machine.json").read_text("utf-8"))
    assert machine["NumPy"] == np.__version__
    assert machine["cores"] >= 1


@pytest.mark.slow
def test_several_runs_make_a_comparison(barenet, home):
    done = barenet("report", "runs/first", "runs/second", "--json", cwd=home)
    made = json.loads(done.stdout)
    assert made["page"] == str(Path("runs/comparison.html"))
    assert made["notes"] == []
    assert made["bytes"] == (home / "runs" / "comparison.html").stat().st_size


@pytest.mark.slow
def test_training_that_diverges_gets_a_report_too(barenet, home):
    wild = ("--optimizer.name", "sgd", "--optimizer.weight-decay", "0", "--lr", "1e30", "--name", "wild", "--report")
    done = barenet("train", *SMALL, *wild, cwd=home)
    assert done.returncode == 4
    assert "diverged in epoch 1" in (home / "runs" / "wild" / "report.html").read_text("utf-8")


def test_without_a_screen_plot_says_so_in_one_line_and_trains(barenet, home):
    loud = [flag for flag in SMALL if flag != "--quiet"]
    done = barenet("train", *loud, "--plot", "--name", "plotted", cwd=home)
    assert done.returncode == 0
    [line] = [line for line in done.stderr.splitlines() if "--plot" in line]
    assert "there is no screen" in line or sys.platform != "linux"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("report", "nowhere"), "no model file 'nowhere', and no run or study of that name: there are first, "),
        (("report", "data"), "data is not a run folder"),
        (("report", "runs/first/best.safetensors"), "is a file"),
        (("report", "runs/first", "runs/first"), "named twice"),
        (
            ("report", "runs/first", "--output", "rep.pdf"),
            "rep.pdf: this file is an HTML page, whose name ends in .html",
        ),
        (("report", "--runs", "nothing"), "no run in nothing"),
    ],
)
def test_wrong_input_is_one_line_on_stderr(arguments, words, barenet, home):
    assert_refused(barenet(*arguments, cwd=home), words)
    assert not list(home.glob("rep*"))
