"""Small data sets in a file data.npz, which `load_data` of the kit reads, and the networks for them.

The numbers of images are prime, so a fraction of the images tells which of the three parts it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.kit.checks.formulas import architecture, draw_parameters
from barenet.kit.checks.numbers import Array
from barenet.kit.findings import Wrong
from barenet.kit.form import Form

__all__ = [
    "N_CLASSES",
    "N_INPUTS",
    "N_TRAIN",
    "N_VALID",
    "Parts",
    "part_of_fraction",
    "random_parameters",
    "usual_architecture",
    "usual_layers",
    "watch_loading",
    "write_data",
]

N_INPUTS, N_CLASSES = 4, 3
N_TRAIN, N_VALID, N_TEST = 101, 37, 41
SIZES = (N_INPUTS, 8, 6, N_CLASSES)
Parts = dict[str, tuple[NDArray[Any], NDArray[Any]]]


def write_data(folder: Path, *, is_noise: bool, shift: int = 0) -> Parts:
    """Write data.npz into a new folder, and return its parts.

    The classes are easy to tell apart, or with `is_noise` the labels have nothing to do with the images. `shift` is
    added to the labels of the training images and of each fourth other one, so a network that learns the training
    images gets most others wrong. Not all: where the best accuracy begins at 0, one of 0 saves no weights.
    """
    rng = np.random.default_rng(5)
    n = N_TRAIN + N_VALID + N_TEST
    labels = rng.integers(0, N_CLASSES, n)
    x = (rng.normal(0, 0.3, (n, N_INPUTS)) + 2 * np.eye(N_CLASSES, N_INPUTS)[labels]).astype(np.float32)
    if is_noise:
        labels = rng.integers(0, N_CLASSES, n)
    for shifted in (labels[:N_TRAIN], labels[N_TRAIN::4]):
        shifted[:] = (shifted + shift) % N_CLASSES
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


def watch_loading(function: Callable[..., Any], folder: str) -> None:
    """Let load_data, as the student's function calls it, raise Wrong if it gets another folder or n_valid."""
    names = getattr(function, "__globals__", {})
    load = names.get("load_data")
    if not callable(load):
        return
    load = getattr(load, "watched", load)

    def load_data(path_dir: Any = ".", n_valid: Any = 2000) -> Any:
        if Path(path_dir) not in (Path(folder), Path(folder, "data.npz")):
            raise Wrong("load_data must get path_dir of dataloader_kwargs")
        if n_valid != N_VALID:
            raise Wrong(f"load_data must get n_valid of dataloader_kwargs, which is {N_VALID}, got {n_valid!r}")
        return load(path_dir, n_valid)

    load_data.watched = load  # type: ignore[attr-defined]
    names["load_data"] = load_data


def part_of_fraction(fractions: list[float]) -> str:
    """Return the part whose number of images explains all fractions; "" if none or several do."""
    parts = {"training": N_TRAIN, "validation": N_VALID, "test": N_TEST}
    fits = [name for name, n in parts.items() if all(abs(one * n - round(one * n)) < 1e-4 for one in fractions)]
    return fits[0] if len(fits) == 1 else ""


def usual_layers(form: Form) -> tuple[str, ...]:
    """Return the activations of the hidden layers of the trainings here."""
    return form.hidden(form.usual, form.usual)


def usual_architecture(form: Form) -> list[dict[str, Any]]:
    """Return the nn_architecture of the trainings here."""
    return architecture(form.sizes(SIZES), usual_layers(form))


def random_parameters(form: Form, rng: np.random.Generator) -> dict[str, Array]:
    """Return parameters of a network of the sizes used here."""
    return draw_parameters(form.sizes(SIZES), rng)
