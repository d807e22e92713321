"""Tiny runs that learned something, and others that did not, each for a different reason."""

from __future__ import annotations

import numpy as np
import pytest

import barenet

TINY = {"n_valid": 120, "hidden": "16,8", "batch_size": 24, "epochs": 4, "label_smoothing": 0, "activation": "relu"}
TINY |= {
    "normalization": "none",
    "output": None,
    "verbose": False,
    "mirror": False,
    "average_decay": 0,
    "warmup_epochs": 0,
}
KINDS = {
    "good": {"lr": 0.005},
    "fast": {"optimizer.name": "sgd", "lr": 1000.0, "weight_decay": 0},
    "slow": {"lr": 1e-9},
    "deep": {
        "hidden": "12,12,12,12,12,12",
        "activation": "sigmoid",
        "optimizer.name": "sgd",
        "lr": 0.01,
        "weight_decay": 0,
    },
    "shuffled": {"lr": 0.01, "epochs": 40, "hidden": "64"},
    "equal": {"lr": 0.005},
    "short": {"lr": 1e-6, "epochs": 1, "batch_size": 480},
    "rare": {"lr": 0.005},
    "weighted": {"lr": 0.005, "class_weight": "balanced", "loss": "mse"},
    "hinge": {"lr": 0.005, "loss": "hinge"},
    "one class": {"lr": 1e-5, "epochs": 1},
    "lucky": {"lr": 1e-9, "n_valid": 12},
    "lucky start": {"lr": 1e-9, "epochs": 2, "seed": 19},
    "luckier start": {
        "lr": 1e-9,
        "epochs": 2,
        "seed": 13,
    },  # right on 42 % of the training images before the first step
    "slow, normalised": {"lr": 1e-9, "normalization": "batch"},
    # right on 47 % of the validation images
    "lucky start, normalised": {"lr": 1e-9, "normalization": "batch", "epochs": 2, "seed": 13},
    "good, normalised": {"lr": 0.005, "normalization": "batch"},
    "late": {"lr": 0.002, "epochs": 8},
    "forty rows": {"lr": 0.005, "epochs": 10, "batch_size": 8, "n_valid": 8},
}


@pytest.fixture(scope="session")
def network_of(arrays):
    """Return a function that takes a name in KINDS and returns the result of that network, trained once."""
    made = {}

    def make(kind):
        if kind not in made:
            x, y = arrays["x"], arrays["y"]
            if kind == "shuffled":
                y = np.random.default_rng(3).permutation(y)
            if kind == "equal":
                x = np.full_like(x, 100)
            if kind in ("rare", "weighted", "one class", "late"):  # class 0 and one in twenty of the others
                rows = np.flatnonzero((y == 0) | (np.arange(len(y)) % 20 == 0))
                x, y = x[rows], (y[rows] == 0).astype(int)
            if kind == "forty rows":
                x, y = x[:40], y[:40]
            values = {**TINY, **KINDS[kind]}
            values["n_valid"] = min(values["n_valid"], len(y) // 4)
            made[kind] = barenet.train(x, y, **values).networks[0]
        return made[kind]

    return make
