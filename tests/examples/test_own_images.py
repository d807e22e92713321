"""The example that trains on a folder of images and recognises one, started as a command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import PATIENCE

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_images.py"


def run(*arguments, cwd):
    environment = {**os.environ, "BARENET_CACHE": str(cwd / "cache"), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *arguments],
        check=False,
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        env=environment,
        timeout=4 * PATIENCE,
    )


@pytest.mark.full
def test_without_a_folder_it_makes_one_trains_and_recognises_a_boot(tmp_path):
    done = run(cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    trained, tested, exported, *_, found = done.stdout.splitlines()
    assert trained.endswith("of the validation images right")
    assert float(tested.split("%")[0]) > 70
    assert "ONNX" in exported
    assert found.startswith(str(Path("own-images") / "test" / "Ankle boot" / "0000.png") + ": ")
    assert "1,600 training and 400 validation images" in done.stderr


@pytest.mark.slow
def test_a_missing_folder_is_reported_in_one_line(tmp_path):
    done = run("nowhere", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: data path nowhere does not exist")
    assert done.stderr.count("\n") == 1
