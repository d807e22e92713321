"""Small data sets in a file data.npz, which `load_data` of the kit reads. Their numbers of images are prime.

So a fraction of the images tells which of the three parts it belongs to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["N_CLASSES", "N_INPUTS", "N_TRAIN", "N_VALID", "Parts", "part_of_fraction", "write_data"]

N_INPUTS, N_CLASSES = 4, 3
N_TRAIN, N_VALID, N_TEST = 101, 37, 41
Parts = dict[str, tuple[NDArray[Any], NDArray[Any]]]


def write_data(folder: Path, *, is_noise: bool) -> Parts:
    """Write data.npz into a new folder, and return its parts.

    The classes are easy to tell apart, or with `is_noise` the labels have nothing to do with the images.
    """
    rng = np.random.default_rng(5)
    n = N_TRAIN + N_VALID + N_TEST
    labels = rng.integers(0, N_CLASSES, n)
    x = (rng.normal(0, 0.3, (n, N_INPUTS)) + 2 * np.eye(N_CLASSES, N_INPUTS)[labels]).astype(np.float32)
    if is_noise:
        labels = rng.integers(0, N_CLASSES, n)
    folder.mkdir()
    n_known = N_TRAIN + N_VALID
    np.savez(
        folder / "data.npz", x_train=x[:n_known], y_train=labels[:n_known], x_test=x[n_known:], y_test=labels[n_known:]
    )
    return {
        "train": (x[:N_TRAIN], labels[:N_TRAIN]),
        "valid": (x[N_TRAIN:n_known], labels[N_TRAIN:n_known]),
        "test": (x[n_known:], labels[n_known:]),
    }


def part_of_fraction(fractions: list[float]) -> str:
    """Return the part whose number of images explains all fractions; "" if none or several do."""
    parts = {"training": N_TRAIN, "validation": N_VALID, "test": N_TEST}
    fits = [name for name, n in parts.items() if all(abs(one * n - round(one * n)) < 1e-4 for one in fractions)]
    return fits[0] if len(fits) == 1 else ""
