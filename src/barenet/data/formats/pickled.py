"""Data sets in a pickle, `mnist.pkl.gz` first of all: pairs of images and labels, or a dictionary of arrays.

Nothing that a pickle says is run; see `barenet.pickles`. What the arrays hold is left to `data.checks`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from barenet.data.files import Place
from barenet.data.formats.named_arrays import EXPECTED_NAMES, found_by_name
from barenet.data.found import Found
from barenet.errors import CheckpointError, DataError
from barenet.messages import describe
from barenet.pickles.reader import read_pickle

__all__ = ["SUFFIXES", "find_pickle", "read_data_pickle", "read_pickled"]

SUFFIXES = (".pkl", ".pickle", ".pkl.gz", ".pickle.gz", ".p")
PARTS = {1: ("train",), 2: ("train", "test"), 3: ("train", "val", "test")}  # of so many pairs, in their order
SMALLEST = 64  # numbers of a row from which on a square number of them is an image


def find_pickle(place: Place) -> Path | None:
    """Return the file at a place that is called a pickle, or the only such one in a folder, or None."""
    return place.find_alone(SUFFIXES)


def read_data_pickle(path: Path) -> object:
    """Return what a pickle of data holds, packed with gzip or not; raise DataError."""
    try:
        return read_pickle(path, of_data=True)
    except CheckpointError as error:
        raise DataError(str(error)) from None


def read_pickled(path: Path) -> Found:
    """Return the arrays of a pickled data set; raise DataError."""
    content = read_data_pickle(path)
    if isinstance(content, dict):
        arrays = {name: as_array(value) for name, value in content.items()}
        known = {name: array for name, array in arrays.items() if array is not None}
        return found_by_name(list(known), lambda name: square(known[name]), str(path), "pickled arrays by name")
    pairs = content if isinstance(content, list | tuple) else ()
    if pairs and not any(isinstance(pair, list | tuple) for pair in pairs) and len(pairs) == 2:
        pairs = [pairs]
    parts: dict[str, dict[str, np.ndarray]] = {}
    for part, pair in zip(PARTS.get(len(pairs), ()), pairs, strict=False):
        own = [as_array(value) for value in pair] if isinstance(pair, list | tuple) else []
        if len(own) != 2 or own[0] is None or own[1] is None:
            parts = {}
            break
        parts[part] = {f"{part} images in {path}": square(own[0]), f"{part} labels in {path}": own[1]}
    if not parts:
        raise DataError(
            f"{path} holds {describe(content)} in another layout: expected pairs of images and labels to train, to "
            f"validate and to test on, as mnist.pkl.gz has them, or a dictionary with {EXPECTED_NAMES}"
        )
    return Found(parts, f"a pickle of {len(parts)} pairs of images and labels")


def as_array(value: Any) -> np.ndarray | None:
    """Return an array, or a list of numbers as one; None for anything else."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, list) and value and all(type(item) in (int, float) for item in value):
        return np.asarray(value)
    return None


def square(values: np.ndarray) -> np.ndarray:
    """Return rows of 64, 784, ... pixels as the square images that they are; anything else as it is."""
    side = math.isqrt(values.shape[1]) if values.ndim == 2 else 0
    if side * side < SMALLEST or side * side != values.shape[1] or not is_pixels(values):
        return values
    return values.reshape(-1, side, side)


def is_pixels(values: np.ndarray) -> bool:
    """Whether numbers can be brightness: bytes, or from 0 to 1."""
    return values.dtype == np.uint8 or (values.dtype.kind == "f" and values.min() >= 0 and values.max() <= 1)
