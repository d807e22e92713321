"""Pictures with 16 bits a pixel, as cameras and scanners write them: which of their values become 0 and 255."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["WHOLE_RANGE", "as_bytes", "has_deep_color", "other_scale", "range_of"]

WHOLE_RANGE = (0, 2**16 - 1)  # the values that 16 bits can hold
NEAREST, FARTHEST = 1 / 8, 1.5  # the highest value of pictures on the same scale, as a share of the range


def range_of(lowest: int, highest: int) -> tuple[int, int]:
    """Return the values of 16-bit pictures that become 0 and 255, for their lowest and highest value.

    Cameras write 10, 12 or 14 bits into 16: then the highest value becomes white. Values up to 255 are bytes. A lowest
    value far from 0, as in thermal pictures, becomes black. If the values span half of the 16-bit range, all of it is
    used.
    """
    if highest <= 255:
        return 0, 255
    if 4 * lowest < highest:
        lowest = 0
    return WHOLE_RANGE if highest - lowest >= 2**15 or highest == lowest else (lowest, highest)


def other_scale(extremes: Sequence[int], value_range: tuple[int, int]) -> str:
    """Return in words that pictures have another scale than those with `value_range`, or an empty text.

    `extremes` are their lowest and highest value, empty if none has 16 bits.
    """
    lowest, highest = value_range
    share = (extremes[1] - lowest) / (highest - lowest) if extremes else 1
    if FARTHEST >= share >= NEAREST:
        return ""
    what = "become white" if share > 1 else "stay nearly black"
    return f"values up to {extremes[1]} {what}: these pictures are on another scale than those trained on"


def as_bytes(deep: NDArray[Any], value_range: tuple[int, int]) -> NDArray[np.uint8]:
    """Return 16-bit values as bytes: the two of `value_range` become 0 and 255, and so do values outside of it."""
    if value_range == WHOLE_RANGE:
        return (deep.astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
    lowest, highest = value_range
    share = (deep.astype(np.float64) - lowest) / (highest - lowest)
    grey: NDArray[np.uint8] = np.rint(255 * share.clip(0, 1)).astype(np.uint8)
    return grey


def has_deep_color(image: Image) -> bool:
    """Whether a picture that is not decoded yet has 16 bits for each of several channels: Pillow reads the upper 8."""
    return not image.mode.startswith("I") and any("16" in str(tile[3]) for tile in getattr(image, "tile", ()))
