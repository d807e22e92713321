"""The tables of docs/results.md agree with the kept results."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="a source archive does not contain the benchmarks")


def load(name, monkeypatch):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["results", "candidates"])
def test_the_page_says_what_was_measured(name, tmp_path, monkeypatch):
    if name == "candidates":
        pytest.importorskip("jax")
    module, page = load(name, monkeypatch), tmp_path / "results.md"
    expected = module.PAGE.read_text("utf-8")
    before, _, rest = expected.partition(module.MARKS[0])
    page.write_text(f"{before}{module.MARKS[0]}\nold\n{module.MARKS[1]}{rest.partition(module.MARKS[1])[2]}", "utf-8")
    monkeypatch.setattr(module, "PAGE", page)
    module.write()
    assert page.read_text("utf-8") == expected


def test_the_tables_give_means_times_and_recipes(monkeypatch):
    module = load("results", monkeypatch)
    seeds = {
        f"{i}": {
            **{"validation_accuracy": 0.5, "test_accuracy": accuracy, "mirrored_test_accuracy": 0.25},
            **{
                "epoch_seconds": 30.0,
                "settings": "[model]\nhidden_sizes = [\n    7,\n    8,\n]\n[trainer]\nepochs = 6\n",
            },
        }
        for i, accuracy in enumerate((0.9, 0.92))
    }
    average = {"seeds": [0, 1], "test_accuracy": 0.93, "mirrored_test_accuracy": 0.94}
    monkeypatch.setattr(
        module, "read", lambda name: {"seeds": seeds, "average": average} if name == "best" else {"seeds": {}}
    )
    assert module.single_rows()[2:] == [
        "| `best` | 784-7-8-10 | 6 | 2 | 50.00 ± 0.00 | 91.00 ± 1.41 | 25.00 ± 0.00 | 3 min |"
    ]
    assert module.average_rows()[-1] == "| `best` | 2 | 93.00 | 94.00 |"


def test_the_candidates_have_different_names_and_known_settings(monkeypatch):
    pytest.importorskip("jax")
    module = load("candidates", monkeypatch)
    groups = module.read_groups()
    assert len({group["name"] for group in groups}) == len(groups)
    base = set(groups[0]["candidates"][0])
    assert all(set(candidate) == base for group in groups for candidate in group["candidates"])
