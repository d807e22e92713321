"""Images changed at random while they are prepared for training: for now, mirrored left to right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.data.randomness import generator

__all__ = ["mirror", "mirror_coins"]


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
