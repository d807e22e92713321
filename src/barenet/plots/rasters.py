"""Weights and images as PNG files of pixels: blue below zero, red above, transparent at zero, for any background.

A raster is an array of colour numbers (height, width), uint8: from 0, the most negative, to 2 `STEPS`, the most
positive, with `STEPS` for zero, which is transparent.
"""

from __future__ import annotations

import base64
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "colour_numbers",
    "data_uri",
    "diverging_colours",
    "image_png",
    "pool",
    "raster_png",
    "span",
    "tile",
    "weights_as_pixels",
]

Array = NDArray[np.floating]

STEPS = 24
NEGATIVE, POSITIVE = (0x2F, 0x6D, 0xB8), (0xCF, 0x4F, 0x2E)


def diverging_colours() -> NDArray[np.uint8]:
    """Return the colours (2 STEPS + 1, 4) of a raster as RGBA; values far from zero are less transparent."""
    colours = np.zeros((2 * STEPS + 1, 4), np.uint8)
    colours[:STEPS, :3], colours[STEPS:, :3] = NEGATIVE, POSITIVE
    colours[:, 3] = np.rint(255 * np.abs(np.arange(-STEPS, STEPS + 1)) / STEPS)
    return colours


def span(*arrays: Array) -> float:
    """Return the value of the full colour, the 99.5 % quantile of sizes, so that a few large values do not matter."""
    sizes = np.abs(np.concatenate([array.ravel() for array in arrays]))
    return float(np.quantile(sizes, 0.995)) or float(np.max(sizes)) or 1.0


def colour_numbers(values: Array, limit: float) -> NDArray[np.uint8]:
    """Return the raster of values, with full colour from ± limit on."""
    numbers: NDArray[np.uint8] = (np.rint(STEPS * np.clip(values / limit, -1, 1)) + STEPS).astype(np.uint8)
    return numbers


def weights_as_pixels(weights: Array, shape: tuple[int, ...]) -> Array:
    """Return weights (..., D) of pixels as (..., height, width); for colours, the mean over the channels."""
    pixels = weights.reshape(*weights.shape[:-1], *shape)
    return np.mean(pixels, axis=-1) if len(shape) == 3 else pixels


def pool(matrix: Array, max_rows: int, max_columns: int) -> tuple[Array, tuple[int, int]]:
    """Return a matrix of at most `max_rows` and `max_columns`, and the size of the block of weights for each value.

    A block becomes its value farthest from zero, since the mean of many weights would be nearly zero.
    """
    rows, columns = matrix.shape
    block = math.ceil(rows / max_rows), math.ceil(columns / max_columns)
    if block == (1, 1):
        return matrix, block
    padded = np.pad(matrix, ((0, -rows % block[0]), (0, -columns % block[1])))
    blocks = padded.reshape(len(padded) // block[0], block[0], -1, block[1]).swapaxes(1, 2)
    flat = blocks.reshape(*blocks.shape[:2], -1)
    strongest = np.argmax(np.abs(flat), axis=-1)[..., None]
    return np.take_along_axis(flat, strongest, axis=-1)[..., 0], block


def tile(tiles: Array, columns: int, gap: int = 1, above: int = 0) -> tuple[Array, list[tuple[int, int]]]:
    """Return tiles (n, height, width) in one array, `columns` in a row, and the (left, top) of each.

    Zeros fill the gaps between them, and `above` more rows over each.
    """
    n, height, width = tiles.shape
    rows, step = math.ceil(n / columns), height + above + gap
    sheet = np.zeros((rows * step - gap, columns * (width + gap) - gap), tiles.dtype)
    places = [(i % columns * (width + gap), i // columns * step + above) for i in range(n)]
    for one, (left, top) in zip(tiles, places, strict=True):
        sheet[top : top + height, left : left + width] = one
    return sheet, places


def raster_png(numbers: NDArray[np.uint8]) -> bytes:
    """Return a raster as a PNG."""
    from PIL import Image

    image = Image.fromarray(numbers)
    image = image.convert("P")
    colours = diverging_colours()
    image.putpalette(colours[:, :3].tobytes())
    return encode(image, transparency=colours[:, 3].tobytes())


def image_png(pixels: NDArray[np.generic], shape: tuple[int, ...], scale: float) -> bytes:
    """Return one image (D,) of a data set as a PNG; floats are scaled to bytes, from 0-1 or from their larger range."""
    from PIL import Image

    image = np.asarray(pixels).reshape(shape)
    if image.dtype != np.uint8:
        values = image.astype(np.float64) * scale
        low, high = min(0.0, float(values.min())), max(1.0, float(values.max()))
        image = np.rint(255 * (values - low) / (high - low)).astype(np.uint8)
    return encode(Image.fromarray(image))


def encode(image: Image, **options: Any) -> bytes:
    """Return a Pillow image as the bytes of a PNG."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True, **options)
    return buffer.getvalue()


def data_uri(content: bytes) -> str:
    """Return a PNG as a data URI, which a page can hold."""
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")
