"""Compare BarenetClassifier and scikit-learn's MLPClassifier, with their defaults, on scikit-learn's small data sets.

    python benchmarks/estimator.py             accuracy by cross-validation, and the time of a fit on digits
    python benchmarks/estimator.py --choose    our defaults and similar settings, on training folds only

Both commands use the same folds. `--choose` only uses the rows of training folds: it cross-validates inside each of
them, so that no default was chosen with a row on which it is tested. Fits are timed in turns, and times are compared as
ratios. Prints one JSON object with the versions.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import time
import warnings
from typing import Any

import numpy as np
import sklearn
from sklearn.base import BaseEstimator
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier

import barenet
from barenet.sklearn import BarenetClassifier

DATA = {"digits": load_digits, "wine": load_wine, "breast_cancer": load_breast_cancer, "iris": load_iris}
FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)
SEEDS = range(3)
GRID = {"learning_rate": (0.005, 0.01), "epochs": (50, 100), "alpha": (0.3, 1.0, 3.0)}


def compare() -> dict[str, Any]:
    """Return the accuracies of both on the folds (each a mean over seeds), and their difference with its error."""
    figures: dict[str, Any] = {}
    for name, load in DATA.items():
        X, y = load(return_X_y=True)
        ours, theirs = (
            np.mean([cross_val_score(kind(random_state=s), X, y, cv=FOLDS) for s in SEEDS], axis=0)
            for kind in (BarenetClassifier, MLPClassifier)
        )
        difference = ours - theirs
        figures[name] = {
            "BarenetClassifier": ours.mean(),
            "MLPClassifier": theirs.mean(),
            "difference": difference.mean(),
            "standard_error": difference.std(ddof=1) / np.sqrt(len(difference)),
        }
    return figures


def time_fits(n_fits: int = 15) -> dict[str, float]:
    """Return the median seconds of a fit on all of digits, with both estimators in turns, and the ratio."""
    X, y = load_digits(return_X_y=True)
    seconds: dict[str, list[float]] = {"BarenetClassifier": [], "MLPClassifier": []}
    for seed in range(n_fits):
        for kind in (BarenetClassifier, MLPClassifier):
            started = time.perf_counter()
            kind(random_state=seed).fit(X, y)
            seconds[kind.__name__].append(time.perf_counter() - started)
    ratios = np.divide(seconds["MLPClassifier"], seconds["BarenetClassifier"])
    return {
        **{name: float(np.median(times)) for name, times in seconds.items()},
        "times_faster": float(np.median(ratios)),
        "times_faster_at_least": float(ratios.min()),
    }


def choose() -> list[dict[str, Any]]:
    """Return each setting of the grid with its accuracies inside the training folds, the best mean first."""
    rows = []
    for values in itertools.product(*GRID.values()):
        settings = dict(zip(GRID, values, strict=True))
        by_data = {
            name: inner_accuracy(load, BarenetClassifier(random_state=0, **settings)) for name, load in DATA.items()
        }
        rows.append({**settings, **by_data, "mean": float(np.mean(list(by_data.values())))})
    return sorted(rows, key=lambda row: -row["mean"])


def inner_accuracy(load: Any, estimator: BaseEstimator) -> float:
    """Return the accuracy of three-fold cross-validation inside every training fold, averaged."""
    X, y = load(return_X_y=True)
    inner = StratifiedKFold(3, shuffle=True, random_state=1)
    return float(np.mean([cross_val_score(estimator, X[train], y[train], cv=inner) for train, _ in FOLDS.split(X, y)]))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="BarenetClassifier against MLPClassifier")
    parser.add_argument("--choose", action="store_true", help="compare our defaults with their neighbours instead")
    arguments = parser.parse_args()
    # MLPClassifier warns if its loss still changes after its default of 200 epochs.
    warnings.simplefilter("ignore", ConvergenceWarning)
    figures: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "barenet": barenet.__version__,
    }
    if arguments.choose:
        figures["grid"] = choose()
    else:
        figures |= {"accuracy": compare(), "seconds_of_a_fit_on_digits": time_fits()}
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
