"""Data sets in a pickle, such as `mnist.pkl.gz`: pairs of images and labels, or a dictionary of arrays.

Nothing that a pickle says is run; see `barenet.pickles`. `data.checks` checks what the arrays hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from barenet.data.files import Place
from barenet.data.formats.named_arrays import EXPECTED_NAMES, PARTS_OF_PAIRS, found_by_name, pairs_among
from barenet.data.found import Found
from barenet.errors import CheckpointError, DataError
from barenet.messages import count, describe
from barenet.pickles.reader import read_pickle

__all__ = ["SUFFIXES", "find_pickle", "read_data_pickle", "read_pickled"]

SUFFIXES = (".pkl", ".pickle", ".pkl.gz", ".pickle.gz", ".p")
SMALLEST = 64  # rows of a square number of values, so many or more, are images


def find_pickle(place: Place) -> Path | None:
    """Return the file at a place if its name is that of a pickle, or the only such file in a folder, or None."""
    return place.find_alone(SUFFIXES)


def read_data_pickle(path: Path) -> object:
    """Return what a pickle of data holds, packed with gzip or not; raise DataError."""
    try:
        return read_pickle(path, of_data=True)
    except CheckpointError as error:
        raise DataError(str(error)) from None


def read_pickled(path: Path, part: str | None = "train") -> Found:
    """Return the arrays of a pickled data set; raise DataError.

    Arrays whose names say no part belong to `part`, which must be there; with None any part is enough.
    """
    content = read_data_pickle(path)
    if isinstance(content, dict):
        named = dict(named_arrays(content))
        return found_by_name(list(named), lambda name: square(named[name]), str(path), "pickled arrays by name", part)
    values = list(content) if isinstance(content, list | tuple) else []
    if values and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in values):
        values = [value for pair in values for value in pair]
    arrays = [as_array(value) for value in values] if len(values) <= 2 * max(PARTS_OF_PAIRS) else []
    known = [array for array in arrays if array is not None]
    pairs = pairs_among(known) if len(known) == len(arrays) else None
    if not pairs:
        raise DataError(
            f"{path} holds {describe(content)} in another layout: expected pairs of images and labels to train, to "
            f"validate and to test on, as mnist.pkl.gz has them, or a dictionary with {EXPECTED_NAMES}"
        )
    names = (part or "train",) if len(pairs) == 1 else PARTS_OF_PAIRS[len(pairs)]
    parts = {
        name: {f"{name} images in {path}": square(images), f"{name} labels in {path}": labels}
        for name, (images, labels) in zip(names, pairs, strict=True)
    }
    return Found(parts, f"a pickle of {count(len(parts), 'pair')} of images and labels")


def named_arrays(content: Mapping[Any, Any], before: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays of a dictionary and of the dictionaries in it, by name: `train_x` for `x` of `train`."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from named_arrays(value, f"{before}{name}_")
        elif (array := as_array(value)) is not None:
            yield f"{before}{name}", array


def as_array(value: Any) -> np.ndarray | None:
    """Return an array as it is, a list of numbers, texts or arrays as an array, and None for anything else."""
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, list) or not value:
        return None
    try:
        array = np.asarray(value)
    except ValueError:  # rows of several lengths
        return None
    return array if array.dtype.kind in "biufUS" else None


def square(values: np.ndarray) -> np.ndarray:
    """Return rows of 64, 784, ... pixels as square images; anything else as it is."""
    side = math.isqrt(values.shape[1]) if values.ndim == 2 else 0
    if side * side < SMALLEST or side * side != values.shape[1] or not is_pixels(values):
        return values
    return values.reshape(-1, side, side)


def is_pixels(values: np.ndarray) -> bool:
    """Whether numbers can be the brightness of pixels: bytes, or fractions from 0 to 1."""
    return values.dtype == np.uint8 or (values.dtype.kind == "f" and values.min() >= 0 and values.max() <= 1)
