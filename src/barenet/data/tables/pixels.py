"""Which rows of numbers are pixels of images."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.checks import hold_bytes
from barenet.data.tables.columns import Columns

__all__ = ["are_pixels", "image_shape"]

PIXEL_NAME = re.compile(r"(?:pixel|px|p|x|v)?_?\d+|\d+x\d+", re.IGNORECASE)
FEWEST_PIXELS = 64  # rows of fewer numbers are never taken for images


def are_pixels(array: np.ndarray) -> bool:
    """Whether rows (n, D) are images and not features: of 64 values or more, which are bytes or from 0 to 1."""
    if array.shape[1] < FEWEST_PIXELS or array.dtype.kind not in "iufb":
        return False
    if array.dtype == np.uint8:
        return True
    low, high = array.min(), array.max()
    return bool((low >= 0 and high <= 1) or hold_bytes(array))


def image_shape(columns: Columns, features: Mapping[str, NDArray[Any]]) -> tuple[int, int] | None:
    """Return (height, width) of images whose pixels, all bytes, are the columns of tables, or None.

    Bytes are whole numbers up to 255, some of them bright: numbers from 0 to 16 are features. The columns have names of
    pixels ("pixel1", "1x1"), or no names, and are a square number of at least 64; names such as "1x1" say the shape.
    """
    n = len(columns.columns)
    side = math.isqrt(n)
    if not columns.are_plain or any(pixels.dtype != np.uint8 for pixels in features.values()):
        return None
    if not hold_bytes(features["train"]):
        return None
    names = [column.name for column in columns.columns]
    if columns.has_header and not all(PIXEL_NAME.fullmatch(name) for name in names):
        return None
    by_place = [re.fullmatch(r"(\d+)x(\d+)", name) for name in names]
    if columns.has_header and all(by_place):
        rows, widths = ({int(m[k]) for m in by_place if m} for k in (1, 2))
        if len(rows) * len(widths) == n:
            return len(rows), len(widths)
    return (side, side) if side * side == n and n >= FEWEST_PIXELS else None
