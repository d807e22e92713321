"""Images changed at random while they are prepared for training: mirrored left to right, shifted by some pixels.

And mirror images alone, as a trained network is shown them beside the images.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from barenet.data.randomness import generator

__all__ = ["draw_shifts", "mirror", "mirror_coins", "mirror_images", "shift", "shift_sources"]

AnyNumber = TypeVar("AnyNumber", bound=np.generic)


def mirror_coins(n_images: int, seed: int, epoch: int) -> NDArray[np.bool_]:
    """Toss a coin for each image (n_images,): mirrored in this epoch, or not."""
    return generator(seed, "mirror", epoch).random(n_images, np.float32) < 0.5


def mirror(
    images: NDArray[np.generic],
    coins: NDArray[np.bool_],
    image_shape: tuple[int, ...],
    scratch: NDArray[np.generic],
) -> None:
    """Mirror the images (..., M, D) whose coin (..., M) fell so, in place; `scratch` has the images' shape.

    `image_shape` is (height, width) or (height, width, channels).
    """
    pixels = images.reshape(-1, *image_shape)
    rows = np.flatnonzero(coins)
    chosen = scratch.reshape(-1, *image_shape)[: len(rows)]
    np.take(pixels, rows, axis=0, out=chosen, mode="clip")
    pixels[rows] = chosen[:, :, ::-1]


def mirror_images(images: NDArray[AnyNumber], image_shape: tuple[int, ...]) -> NDArray[AnyNumber]:
    """Return the mirror images (n, D), left to right, of images (n, D), as a new array.

    `image_shape` is (height, width) or (height, width, channels).
    """
    return images.reshape(-1, *image_shape)[:, :, ::-1].reshape(images.shape)


def draw_shifts(n_images: int, seed: int, epoch: int, most: int) -> NDArray[np.int64]:
    """Draw for each image (n_images,) one of the (2 most + 1)^2 shifts of at most so many pixels in each direction."""
    return generator(seed, "shift", epoch).integers(0, (2 * most + 1) ** 2, n_images)


def shift_sources(image_shape: tuple[int, ...], most: int) -> NDArray[np.intp]:
    """Return, for each shift and each pixel of the shifted image, which pixel it comes from: (shifts, D).

    What moves in from outside repeats the border.
    """
    height, width = image_shape[:2]
    pixels = np.arange(np.prod(image_shape)).reshape(height, width, -1)
    moves = range(-most, most + 1)
    rows = [np.clip(np.arange(height) - down, 0, height - 1) for down in moves]
    columns = [np.clip(np.arange(width) - right, 0, width - 1) for right in moves]
    return np.stack([pixels[row][:, column].reshape(-1) for row in rows for column in columns]).astype(np.intp)


def shift(
    images: NDArray[np.generic],
    shifts: NDArray[np.int64],
    sources: NDArray[np.intp],
    scratch: NDArray[np.generic],
) -> None:
    """Shift the images (..., M, D) as `shifts` (..., M) says, in place; `scratch` has the images' shape."""
    before, after = images.reshape(-1, images.shape[-1]), scratch.reshape(-1, images.shape[-1])
    for image, shifted, number in zip(before, after, shifts.flat, strict=True):
        np.take(image, sources[number], out=shifted, mode="clip")
    np.copyto(images, scratch)
