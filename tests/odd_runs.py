"""Runs of many kinds, as small as can be: images near one random picture a class."""

from __future__ import annotations

import numpy as np

SMALL = {"hidden_sizes": (12,), "batch_size": 30, "epochs": 2, "n_valid": 60, "label_smoothing": 0, "verbose": False}


def draw(shape: tuple[int, ...], n_classes: int, n: int, seed: int, dtype=np.uint8):
    """Return images near one random picture a class, and their labels; each class occurs."""
    prototypes = np.random.default_rng(0).integers(0, 256, (n_classes, *shape))
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % n_classes)
    images = np.clip(prototypes[labels] / 2 + rng.normal(60, 60, (n, *shape)), 0, 255)
    return (images.astype(np.uint8) if dtype == np.uint8 else (images / 255).astype(dtype)), labels


KINDS = {
    "plain": ((8, 8), 4, {"hidden_sizes": (12, 7)}),
    "one epoch": ((8, 8), 4, {"epochs": 1}),
    "two classes": ((8, 8), 2, {}),
    "47 classes": ((6, 6), 47, {}),
    "16x16": ((16, 16), 4, {"activation": "relu"}),
    "colour": ((8, 8, 3), 4, {"activation": "tanh"}),
    "no pictures": ((20,), 3, {"activation": "sigmoid"}),
    "floats": ((8, 8), 4, {"loss": "hinge"}),
    "no hidden layer": ((8, 8), 4, {"hidden_sizes": ()}),
    "validated now and then": ((8, 8), 4, {"epochs": 4, "eval_every": 2}),
    "untested": ((8, 8), 4, {}),
    "diverged": ((8, 8), 4, {"optimizer": "sgd", "weight_decay": 0, "learning_rate": 1e30, "activation": "relu"}),
}
