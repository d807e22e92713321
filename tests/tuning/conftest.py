"""Small searches, and the parts of a study that must not depend on how it was run."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import barenet

SMALL = {"n_valid": 100, "hidden_sizes": (8, 4), "batch_size": 48, "epochs": 4, "lr": 0.01, "label_smoothing": 0}
GRID = {"lr": [0.02, 0.002], "hidden_size_1": [8, 6], "l2": [0.0, 0.01]}


@pytest.fixture
def small_search(arrays, tmp_path):
    """Search on small images, in this process unless `workers` are asked for."""

    def search(space=None, **values):
        values = {"workers": 0, "verbose": False, "output": tmp_path / "studies", **values}
        if "resume" not in values:
            values = {**SMALL, **values}
        return barenet.search(GRID if space is None and "resume" not in values else space, **arrays, **values)

    return search


@pytest.fixture(scope="session")
def contents():
    """Everything in a study's folder that must not change: all figures, all weights, Optuna's record; no times."""

    def read(folder: Path) -> dict[str, object]:
        found: dict[str, object] = {}
        for path in sorted(folder.glob("trials/*/rung-?.json")):
            rung = json.loads(path.read_text("utf-8"))
            rung.pop("seconds")
            rung.pop("checksum")  # it includes the seconds
            for record in rung["history"]:
                record.pop("seconds")
            found[str(path.relative_to(folder))] = rung
        for path in sorted(folder.glob("rounds/?.json")):
            found[str(path.relative_to(folder))] = json.loads(path.read_text("utf-8"))
        with (folder / "results.csv").open(encoding="utf-8") as file:
            found["results"] = [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
        found["course"] = (folder / "gridsearch_results.json").read_text("utf-8")
        for name in ("initial", "best", "last"):
            if (folder / "best").exists():
                found[name] = (folder / "best" / f"{name}.safetensors").read_bytes()
        found["optuna"] = sorted(read_optuna(folder), key=str)
        return found

    return read


def read_optuna(folder: Path) -> list[tuple]:
    """Return (our number, state, value, parameters) of every trial in a study's SQLite record."""
    import optuna

    study = optuna.load_study(study_name=None, storage=f"sqlite:///{folder / 'study.db'}")
    return [(t.user_attrs.get("trial"), t.state.name, t.value, t.params) for t in study.get_trials(deepcopy=False)]
