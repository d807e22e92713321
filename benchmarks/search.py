"""Measure what a search costs: the course project's grid, halving against the full grid, and the coordinator alone.

    python benchmarks/search.py course       16 trials, 10 epochs, by barenet search, one after another, and by
                                             scikit-learn's GridSearchCV with the same split (needs barenet[bench])
    python benchmarks/search.py halving      64 settings: full grid against successive halving, winners over 5 seeds
    python benchmarks/search.py coordinator  1,000 trials that take no time: seconds and memory of the coordinator

Prints one JSON object with the machine and the versions. Studies are written to a temporary folder, which is deleted.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
import warnings
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import barenet
from barenet.config.sources import build_config
from barenet.training.preparation import prepare
from barenet.training.records import EpochRecord, Stop
from barenet.training.trainer import Trainer
from barenet.tuning.space.search_space import COURSE_GRID
from barenet.tuning.workers.pool import Pool
from barenet.tuning.workers.rung import RungTask, TrainedNetwork

WORKERS = 2  # each with one thread, as every trial has, and as joblib gives each of its two processes
EPOCHS = 10


def course(output: Path, *, with_sklearn: bool = True) -> dict[str, Any]:
    """Return the seconds of the course project's grid: by a search, one trial after another, and by GridSearchCV.

    The speed of a machine changes within minutes. So the search runs before and after the single trials, and its mean
    counts.
    """
    first, result = searched(output)
    seconds: dict[str, Any] = {}
    seconds["one_after_another"], accuracies = one_after_another(result)
    seconds["searches"] = [first, searched(output)[0]]
    seconds["search"] = sum(seconds["searches"]) / 2
    figures: dict[str, Any] = {
        "best": result.best and [result.best.point, result.best.last and result.best.last.valid_accuracy],
        "accuracies_agree": accuracies,
        "share_of_one_after_another": seconds["search"] / seconds["one_after_another"],
    }
    if with_sklearn:
        seconds["GridSearchCV"], figures["GridSearchCV_best"] = grid_search_cv()
        figures["share_of_GridSearchCV"] = seconds["search"] / seconds["GridSearchCV"]
    return {"seconds": seconds, **figures}


def searched(output: Path) -> tuple[float, Any]:
    """Return the seconds of one search, including its study and plots, and its result."""
    started = time.perf_counter()
    result = barenet.search(output=output, workers=WORKERS, verbose=False, epochs=EPOCHS)
    return time.perf_counter() - started, result


def one_after_another(result: Any) -> tuple[float, bool]:
    """Return the seconds of the same trials alone, one after another, and whether their losses are the same."""
    started = time.perf_counter()
    same = True
    config = build_config("course")
    dataset = barenet.load_dataset()
    _, data = prepare(config, dataset)
    for trial in result.trials:
        records = list(Trainer([trial.config], data))
        same &= records[-1].valid_loss == trial.last.valid_loss
    return time.perf_counter() - started, same


def grid_search_cv() -> tuple[float, Any]:
    """Return the seconds and the best score of GridSearchCV(MLPClassifier(solver="sgd"), n_jobs=2)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import GridSearchCV, PredefinedSplit
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore", ConvergenceWarning)
    os.environ["PYTHONWARNINGS"] = "ignore"
    dataset = barenet.load_dataset()
    _, data = prepare(build_config("course"), dataset)
    fold = np.zeros(len(dataset.train_labels))
    fold[data.train_rows] = -1
    started = time.perf_counter()
    images = dataset.train_images.astype(np.float32) / 255
    sizes = [(a, b) for a in COURSE_GRID["hidden_size_1"] for b in COURSE_GRID["hidden_size_2"]]
    grid = {
        "hidden_layer_sizes": sizes,
        "learning_rate_init": COURSE_GRID["lr"],
        "alpha": [16 * ld for ld in COURSE_GRID["ld"]],  # it divides by the batch
    }
    model = MLPClassifier(
        solver="sgd",
        momentum=0,
        nesterovs_momentum=False,
        batch_size=16,
        max_iter=EPOCHS,
        n_iter_no_change=EPOCHS + 1,
        random_state=0,
    )
    search = GridSearchCV(model, grid, cv=PredefinedSplit(fold), n_jobs=WORKERS, refit=False)
    search.fit(images, dataset.train_labels)
    return time.perf_counter() - started, [search.best_params_, search.best_score_]


def halving(output: Path) -> dict[str, Any]:
    """Return the epochs and the best settings of a grid of 64 settings, in full and with halving.

    The best settings are those with the least validation loss. They are repeated with 5 seeds.
    """
    space = {
        "lr": [0.16, 0.08, 0.04, 0.02, 0.01, 0.005, 0.0025, 0.00125],
        "l2": [0.0, 1e-4, 1e-3, 1e-2],
        "hidden_sizes": [[32, 16], [16, 16]],
    }
    options: dict[str, Any] = {
        "recipe": "course",
        "epochs": 9,
        "eval_every": 1,
        "batch_size": 64,
        "metric": "loss",
        "repeats": 5,
        "repeat_best": 1,
        "output": output,
        "workers": WORKERS,
        "verbose": False,
    }
    figures = {}
    for name, values in (("full", {}), ("halving", {"halving": True})):
        started = time.perf_counter()
        result = barenet.search(space, **options, **values)
        winner = result.repeated[0]
        figures[name] = {
            "epochs_trained": sum(trial.last.epochs for trial in result.trials if trial.last),
            "seconds_with_repeats": time.perf_counter() - started,
            "winner": winner.trial.point,
            "mean_loss_of_5_seeds": winner.mean,
            "standard_deviation": winner.std,
        }
    full, half = figures["full"], figures["halving"]
    figures["times_less_work"] = full["epochs_trained"] / half["epochs_trained"]
    gap = half["mean_loss_of_5_seeds"] - full["mean_loss_of_5_seeds"]
    figures["gap_in_standard_deviations"] = gap / full["standard_deviation"]
    return figures


class NoWork(Pool):
    """A pool whose trials take no time, so that only the coordinator is measured."""

    n_slots = 2

    def __init__(self) -> None:
        self.memory: list[int] = []

    def submit(self, task: RungTask, *, alone: bool = False) -> Future[list[TrainedNetwork]]:
        """Return an invented result, without training."""
        future: Future[list[TrainedNetwork]] = Future()
        results = []
        for config in task.configs:
            trainer = Trainer([config], task.data.open())
            state = replace(trainer.states[0], epoch=np.array([1]))
            loss = config.optimizer.learning_rate
            record = EpochRecord(0, 1, 1, loss, loss, 0.5, loss, 1 - loss, True, 1.0, 1.0, 1.0, 0.001)
            results.append(TrainedNetwork(state, [record], Stop.parse("finished"), 0.001))
        future.set_result(results)
        self.memory.append(psutil.Process().memory_info().rss)
        return future


def coordinator(output: Path) -> dict[str, Any]:
    """Return the coordinator's seconds per trial, and its memory after 100 and after 1,000 trials."""
    import barenet.api.searching

    pool = NoWork()
    barenet.api.searching.make_pool = lambda workers, dask: pool  # type: ignore[assignment]
    space = {
        "lr": [round(0.001 * i, 4) for i in range(1, 11)],
        "l2": [round(0.0001 * i, 5) for i in range(10)],
        "decay_rate": [round(0.9 + 0.01 * i, 3) for i in range(10)],
    }
    started = time.perf_counter()
    options: dict[str, Any] = {"recipe": "course", "epochs": 1, "hidden_sizes": (32,), "stack": 1}
    barenet.search(space, output=output, verbose=False, **options)
    seconds = time.perf_counter() - started  # including plots and tables at the end
    return {
        "seconds_a_trial": seconds / 1000,
        "share_of_10_second_trials_on_2_workers": seconds / 1000 / (10 / 2),
        "megabytes_after_100_trials": pool.memory[100] / 1e6,
        "megabytes_after_1000_trials": pool.memory[-1] / 1e6,
        "largest_megabytes": max(pool.memory) / 1e6,
    }


def main() -> None:
    """Run one of the three measurements and print its numbers."""
    kinds = {"course": course, "halving": halving, "coordinator": coordinator}
    if len(sys.argv) != 2 or sys.argv[1] not in kinds:
        sys.exit(f"which one? {', '.join(kinds)}")
    with tempfile.TemporaryDirectory() as folder:
        figures = kinds[sys.argv[1]](Path(folder))
    about = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count(), "numpy": np.__version__}
    print(json.dumps({**about, "python": platform.python_version(), **figures}, indent=2))


if __name__ == "__main__":
    main()
