"""Weights and images as small pictures: blue below zero, red above, nothing at zero, so that they suit any page.

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
    "photograph",
    "picture_of",
    "pool",
    "raster_png",
    "span",
    "tile",
]

Array = NDArray[np.floating]

STEPS = 24
NEGATIVE, POSITIVE = (0x2F, 0x6D, 0xB8), (0xCF, 0x4F, 0x2E)


def diverging_colours() -> NDArray[np.uint8]:
    """Return the colours (2 STEPS + 1, 4) of a raster as RGBA: the farther from zero, the less transparent."""
    colours = np.zeros((2 * STEPS + 1, 4), np.uint8)
    colours[:STEPS, :3], colours[STEPS:, :3] = NEGATIVE, POSITIVE
    colours[:, 3] = np.rint(255 * np.abs(np.arange(-STEPS, STEPS + 1)) / STEPS)
    return colours


def span(*arrays: Array) -> float:
    """Return the value of the full colour: 99.5 % of all values are smaller, so that a few cannot fade the rest."""
    sizes = np.abs(np.concatenate([array.ravel() for array in arrays]))
    return float(np.quantile(sizes, 0.995)) or float(np.max(sizes)) or 1.0


def colour_numbers(values: Array, limit: float) -> NDArray[np.uint8]:
    """Return the raster of values, full colour at ± limit and beyond."""
    numbers: NDArray[np.uint8] = (np.rint(STEPS * np.clip(values / limit, -1, 1)) + STEPS).astype(np.uint8)
    return numbers


def picture_of(weights: Array, shape: tuple[int, ...]) -> Array:
    """Return weights (..., D) on the pixels of images of this shape as pictures; of colours the mean over them."""
    pictures = weights.reshape(*weights.shape[:-1], *shape)
    return np.mean(pictures, axis=-1) if len(shape) == 3 else pictures


def pool(matrix: Array, max_rows: int, max_columns: int) -> tuple[Array, tuple[int, int]]:
    """Return a matrix of at most so many rows and columns, and the size of the block that each value stands for.

    A block shows its value farthest from zero: the mean of many weights would be nothing.
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


def tile(pictures: Array, columns: int, gap: int = 1, above: int = 0) -> tuple[Array, list[tuple[int, int]]]:
    """Return pictures (n, height, width) in rows of so many, and the (left, top) of each.

    Zeros fill the gaps between them, and `above` further rows over each.
    """
    n, height, width = pictures.shape
    rows, step = math.ceil(n / columns), height + above + gap
    sheet = np.zeros((rows * step - gap, columns * (width + gap) - gap), pictures.dtype)
    places = [(i % columns * (width + gap), i // columns * step + above) for i in range(n)]
    for picture, (left, top) in zip(pictures, places, strict=True):
        sheet[top : top + height, left : left + width] = picture
    return sheet, places


def raster_png(numbers: NDArray[np.uint8]) -> bytes:
    """Return a raster as a PNG."""
    from PIL import Image

    picture = Image.fromarray(numbers)
    picture = picture.convert("P")
    colours = diverging_colours()
    picture.putpalette(colours[:, :3].tobytes())
    return encode(picture, transparency=colours[:, 3].tobytes())


def photograph(pixels: NDArray[np.generic], shape: tuple[int, ...], scale: float) -> bytes:
    """Return one image (D,) of a data set as a PNG; floats are brought from 0-1, or their own range, to bytes."""
    from PIL import Image

    image = np.asarray(pixels).reshape(shape)
    if image.dtype != np.uint8:
        values = image.astype(np.float64) * scale
        low, high = min(0.0, float(values.min())), max(1.0, float(values.max()))
        image = np.rint(255 * (values - low) / (high - low)).astype(np.uint8)
    return encode(Image.fromarray(image))


def encode(picture: Image, **options: Any) -> bytes:
    """Return a picture as the bytes of a PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True, **options)
    return buffer.getvalue()


def data_uri(content: bytes) -> str:
    """Return a PNG as an address that a page carries in itself."""
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")
