"""The logits of a batch: the position of each image's class, and the largest logit of each image."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["label_positions", "largest", "ones"]

Array = NDArray[np.floating]
Labels = NDArray[np.integer]


def largest(logits: Array) -> Array:
    """Return the largest logit of each image, (..., B, 1); on a short axis several times faster than np.max."""
    at_largest = label_positions(logits.argmax(axis=-1), logits.shape)
    return logits.reshape(-1)[at_largest][..., None]


def label_positions(labels: Labels, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the position of each image's class in a flat (..., B, C) array, shape (..., B)."""
    return row_starts(shape) + labels


@lru_cache(maxsize=64)
def row_starts(shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the flat position of the first class of each image, shape (..., B)."""
    starts = np.arange(0, int(np.prod(shape)), shape[-1]).reshape(shape[:-1])
    starts.flags.writeable = False
    return starts


@lru_cache(maxsize=64)
def ones(n: int, dtype: DTypeLike) -> Array:
    """Return a read-only row (1, n) of ones, made once for each size; a product with it or its transpose is a sum."""
    row: Array = np.ones((1, n), dtype)
    row.flags.writeable = False
    return row
