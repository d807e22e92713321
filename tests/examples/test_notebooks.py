"""The notebooks: their kept outputs are clean, and a fresh run says the same."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from families import full_except
from waiting import PATIENCE

FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
# What each notebook must print, whatever the processor.
FACTS = {
    "find-the-mistake": ["softmax's derivative is applied twice", "WRONG: W1, b1, W2, b2", "all gradients agree"],
    "search-honestly": ["(4 seeds)", "standard deviation", "test accuracy"],
    "train-and-look-inside": ["25,450 parameters", "of the validation images are right", "are taken for"],
}
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
ACCURACY = re.compile(r"\d+\.\d%")


def cells(path):
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def outputs(path):
    return [output for cell in cells(path) for output in cell["outputs"]]


def text_of(path):
    return "".join(line for output in outputs(path) for line in output.get("text", []))


def test_there_are_facts_of_every_notebook():
    assert set(FACTS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_is_small_whole_and_without_paths_or_times(name):
    path = FOLDER / f"{name}.ipynb"
    assert path.stat().st_size < 300_000
    assert [cell["execution_count"] for cell in cells(path)] == list(range(1, len(cells(path)) + 1))
    assert {output.get("name", "stdout") for output in outputs(path)} == {"stdout"}
    assert {output["output_type"] for output in outputs(path)} <= {"stream", "display_data"}
    assert re.findall(r"(?:/|\\)\w+(?:/|\\)\w+|20\d\d-\d\d|\d:\d\d|seconds", text_of(path)) == []
    assert [fact for fact in FACTS[name] if fact not in text_of(path)] == []


@pytest.mark.parametrize("name", NAMES)
def test_cells_are_short(name):
    lengths = [len(cell["source"]) for cell in cells(FOLDER / f"{name}.ipynb")]
    assert len(lengths) > 3
    assert max(lengths) <= 25


@pytest.mark.extra
@pytest.mark.slow
@pytest.mark.parametrize("name", full_except(NAMES, "find-the-mistake"))
def test_a_fresh_run_has_the_same_outputs(name, tmp_path):
    pytest.importorskip("nbclient", reason="no nbclient here: pip install nbclient ipykernel")
    pytest.importorskip("ipykernel", reason="no ipykernel here: pip install nbclient ipykernel")
    kept, fresh = FOLDER / f"{name}.ipynb", tmp_path / f"{name}.ipynb"
    shutil.copy(kept, fresh)
    command = [sys.executable, str(FOLDER / "run.py"), str(fresh)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=4 * PATIENCE)
    assert done.returncode == 0, done.stderr
    assert [output["output_type"] for output in outputs(fresh)] == [output["output_type"] for output in outputs(kept)]
    assert [fact for fact in FACTS[name] if fact not in text_of(fresh)] == []
    # Other processors give other last bits, and after some epochs other images are wrong.
    ours, theirs = (sorted(float(found[:-1]) for found in ACCURACY.findall(text_of(path))) for path in (kept, fresh))
    assert theirs == pytest.approx(ours, abs=4)
