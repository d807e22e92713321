"""Images changed at random while they are prepared for training: mirrored left to right, shifted, mixed.

And mirror images alone, as a trained network is shown them beside the images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from barenet.data.randomness import generator
from barenet.reproducible import power

__all__ = [
    "Mixture",
    "draw_shares",
    "draw_shifts",
    "mirror",
    "mirror_coins",
    "mirror_images",
    "mix",
    "shift",
    "shift_sources",
]

AnyNumber = TypeVar("AnyNumber", bound=np.generic)


@dataclass(frozen=True)
class Mixture:
    """The second image of each mixed image, and the share (float32, from 1/2 to 1) that the first one keeps.

    order, mirrored, shifts: which images, and how each is changed, as `EpochPlan` has them of the first ones.
    """

    order: NDArray[np.intp]
    mirrored: NDArray[np.bool_] | None
    shifts: NDArray[np.int64] | None
    shares: NDArray[np.float32]

    def __getitem__(self, places: Any) -> Mixture:
        """Return the mixture of some images."""

        def own(drawn: Any) -> Any:
            return None if drawn is None else drawn[places]

        return Mixture(self.order[places], own(self.mirrored), own(self.shifts), self.shares[places])


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


def draw_shares(n_images: int, seed: int, epoch: int, alpha: float) -> NDArray[np.float32]:
    """Draw for each image (n_images,) the share that it keeps when it is mixed with another one (Zhang et al. 2018).

    The larger one of s and 1 - s, with s from the distribution Beta(alpha, alpha), alpha up to 1: which of two images
    comes first is drawn as well, so nothing is lost. With numbers u and v from 0 to 1, s = x / (x + y) for
    x = u^(1 / alpha) and y = v^(1 / alpha) where x + y <= 1; others are drawn anew (Joehnk 1964). NumPy's function for
    this distribution may give other last bits on other processors.
    """
    random = generator(seed, "mixup", epoch)
    shares = np.empty(n_images)
    left = np.arange(n_images)
    while left.size:
        x, y = power(random.random((2, left.size)), 1 / alpha)
        total = x + y
        fits = (total <= 1) & (total > 0)
        shares[left[fits]] = np.maximum(x, y)[fits] / total[fits]
        left = left[~fits]
    return shares.astype(np.float32)


def mix(first: NDArray[np.floating], second: NDArray[np.floating], shares: NDArray[np.float32]) -> None:
    """Write s first + (1 - s) second over `first` (..., M, D), which must be floats; shares s (..., M)."""
    own = shares[..., None].astype(first.dtype, copy=False)
    np.multiply(first, own, out=first)
    np.multiply(second, 1 - own, out=second)
    np.add(first, second, out=first)
