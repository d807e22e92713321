"""Weights that people saved by themselves: W1, b1, W2, b2, ... in an .npz file or a pickled dictionary.

Such a file has only names and shapes. Weights may be called W, w, weight, weights or kernel, biases b, bias or
biases, with a number anywhere (`fc1.weight`). Weights are read as (inputs, outputs), or as (outputs, inputs) where
only those shapes fit one another. Other entries, such as moments of an optimizer, are left out.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.formats.npz import read_members
from barenet.errors import CheckpointError
from barenet.messages import few, one_line
from barenet.reading.borders import reading

__all__ = ["PlainWeights", "find_weights", "read_npz_weights"]

BEFORE, AFTER = r"(?:^|[._/\- ]|(?<=\d))", r"(?=$|[._/\-: \d])"
WEIGHT = re.compile(f"{BEFORE}(?:[Ww]|[Ww]eights?|[Kk]ernel){AFTER}")
BIAS = re.compile(f"{BEFORE}(?:[Bb]|[Bb]ias(?:es)?){AFTER}")


@dataclass(frozen=True)
class PlainWeights:
    """Weights (in, out) and biases (1, out) of each layer, float64; `were_turned`: the file had (out, in)."""

    weights: list[NDArray[np.float64]]
    biases: list[NDArray[np.float64]]
    were_turned: bool


def read_npz_weights(path: Path) -> PlainWeights:
    """Return the weights of an .npz file; raise CheckpointError for another one."""
    with reading(path):
        if not zipfile.is_zipfile(path):
            raise CheckpointError(f"{one_line(path)} is not an .npz file: save W1, b1, W2, b2, ... with np.savez")
        arrays = read_members(path)
    found = find_weights(arrays, one_line(path))
    if found is None:
        raise CheckpointError(f"{one_line(path)} holds {few(sorted(arrays))}, expected W1, b1, W2, b2, ...")
    return found


def find_weights(arrays: Mapping[Any, Any], where: str) -> PlainWeights | None:
    """Return the weights among named arrays, or None where no names are those of weights and biases.

    Raises CheckpointError where the shapes do not fit one another, or a number is NaN or infinite.
    """
    named = {str(name): value for name, value in arrays.items() if isinstance(value, np.ndarray)}
    weights, biases = by_layer(named, WEIGHT, 2), by_layer(named, BIAS, 1)
    if not weights or set(weights) != set(biases):
        return None
    check_gaps(list(weights.values()), where)
    # In the order of their numbers, or in the file's order, since an output layer often has no number.
    for keys in (sorted(weights), list(weights)):
        offsets = [named[biases[key]].reshape(1, -1) for key in keys]
        for turned in (False, True):
            matrices = [named[weights[key]].T if turned else named[weights[key]] for key in keys]
            if fit_one_another(matrices, offsets):
                return PlainWeights(
                    [finite(array, where, weights[key]) for array, key in zip(matrices, keys, strict=True)],
                    [finite(array, where, biases[key]) for array, key in zip(offsets, keys, strict=True)],
                    turned,
                )
    shapes = ", ".join(f"{name} {named[name].shape}" for name in weights.values())
    raise CheckpointError(f"{where}: its weights do not fit one another: {shapes}; save W1 as (inputs, outputs), ...")


def check_gaps(names: list[str], where: str) -> None:
    """Raise CheckpointError for W1, W2, W4: the shapes of the others may fit one another without the missing one."""
    found = [re.fullmatch(r"[Ww](\d{1,9})", name) for name in names]
    numbers = sorted(int(match[1]) for match in found if match)
    if len(numbers) == len(names) and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        shown = ", ".join(f"W{number}" for number in numbers)
        raise CheckpointError(f"{where} has {shown}, and numbers between them are missing; save the model again, whole")


def by_layer(named: Mapping[str, NDArray[Any]], kind: re.Pattern[str], n_axes: int) -> dict[tuple[int, ...], str]:
    """Return the names of weights or biases by the numbers in them, which are those of the layers."""
    found: dict[tuple[int, ...], str] = {}
    for name, array in named.items():
        axes = [size for size in array.shape if size != 1] if n_axes == 1 else array.shape
        if kind.search(name) and array.dtype.kind == "f" and len(axes) in (n_axes, n_axes - (n_axes == 1)):
            found.setdefault(tuple(map(int, re.findall(r"\d+", name))), name)
    return found


def fit_one_another(weights: list[NDArray[Any]], biases: list[NDArray[Any]]) -> bool:
    """Whether each layer has as many outputs as it has biases, and as the next layer has inputs."""
    fit = all(matrix.shape[1] == bias.size for matrix, bias in zip(weights, biases, strict=True))
    return fit and all(left.shape[1] == right.shape[0] for left, right in pairwise(weights))


def finite(array: NDArray[Any], where: str, name: str) -> NDArray[np.float64]:
    """Return an array as float64; raise CheckpointError for NaN or infinity."""
    if not np.isfinite(array).all():
        raise CheckpointError(f"{where}: {name} holds NaN or infinity, expected finite numbers; use an earlier epoch")
    return np.ascontiguousarray(array, np.float64)
