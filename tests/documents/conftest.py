"""A run, a study, homework of another program; figures are drawn for one report only, since they take seconds."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import barenet
from barenet.documents import figures
from barenet.documents.document import write_report
from barenet.documents.parts import search

DRAWN = figures.drawn
SEARCHED = {"n_valid": 0.2, "hidden_sizes": (8,), "epochs": 2, "label_smoothing": 0, "workers": 0, "verbose": False}


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch):
    """Leave the figures empty."""
    for module in (figures, search):
        monkeypatch.setattr(module, "drawn", lambda *about: b"\x89PNG")


@pytest.fixture(scope="session")
def data_folder(write_data, tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "small")


@pytest.fixture(scope="session")
def study(arrays, tmp_path_factory) -> Path:
    """A grid of four trials, the best of which is trained again and tested."""
    grid = {"lr": [0.02, 0.002], "batch_size": [24, 48]}
    output = tmp_path_factory.mktemp("studies")
    return barenet.search(grid, **arrays, **SEARCHED, output=output, name="small", retrain=True).folder


@pytest.fixture(scope="session")
def homework(tmp_path_factory) -> Path:
    """A folder as students have it: weights before and after training, a history, the results of a search."""
    folder = tmp_path_factory.mktemp("home") / "homework"
    folder.mkdir()
    rng = np.random.default_rng(0)
    sizes = [64, 12, 4]
    for name in ("initial", "weights"):
        weights = {f"W{i}": rng.normal(0, 0.3, sizes[i - 1 : i + 1]) for i in (1, 2)}
        np.savez(folder / f"{name}.npz", **weights, **{f"b{i}": rng.normal(0, 0.1, sizes[i]) for i in (1, 2)})
    with (folder / "history.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [["Epoch", "loss", "val_loss", "accuracy", "val_acc"], [1, 1.5, 1.2, 50, 61.5], [2, 1.0, 1.1, 70, 64]]
        csv.writer(file).writerows(rows)
    trials = [[{"lr": lr, "ld": ld, "output_dim": 4}, 0.5 + lr, 0.8 - ld] for lr in (0.1, 0.01) for ld in (0.0, 0.1)]
    (folder / "gridsearch_results.json").write_text(json.dumps(trials), "utf-8")
    (folder / "notes.txt").write_text("mine", "utf-8")
    return folder


@pytest.fixture(scope="session")
def run_page(make_run, study, tmp_path_factory) -> tuple[str, Path]:
    """The HTML of the report about a run and a study, and the run's folder."""
    folder, dataset = make_run("plain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "DPI", 25)
        for module in (figures, search):
            patch.setattr(module, "drawn", DRAWN)
        target = tmp_path_factory.mktemp("pages") / "a.html"
        write_report(folder, study, to="html", dataset=dataset, output=target)
    return target.read_text("utf-8"), folder
