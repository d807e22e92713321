"""Images changed at random while they are prepared for training: mirrored left to right, moved, mixed.

Also the mirror images of all images, for prediction from an image and its mirror image.
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
    "count_moves",
    "draw_mirrored",
    "draw_moves",
    "draw_shares",
    "mirror",
    "mirror_images",
    "mix",
    "move",
    "move_sources",
]

AnyNumber = TypeVar("AnyNumber", bound=np.generic)

N_AFFINE = 201  # affine maps, one of which is drawn for each image: few, so that their table stays small


@dataclass(frozen=True)
class Mixture:
    """The second image of each mixed image, and the share (float32, from 1/2 to 1) that the first one keeps.

    order, mirrored, moves: the second images and how each is changed, as `EpochPlan` has them for the first ones.
    """

    order: NDArray[np.intp]
    mirrored: NDArray[np.bool_] | None
    moves: NDArray[np.int64] | None
    shares: NDArray[np.float32]

    def __getitem__(self, places: Any) -> Mixture:
        """Return the mixture of some images."""

        def some(drawn: Any) -> Any:
            return None if drawn is None else drawn[places]

        return Mixture(self.order[places], some(self.mirrored), some(self.moves), self.shares[places])


def draw_mirrored(n_images: int, seed: int, epoch: int) -> NDArray[np.bool_]:
    """Draw for each image (n_images,) whether it is mirrored in this epoch; each with probability 1/2."""
    return generator(seed, "mirror", epoch).random(n_images, np.float32) < 0.5


def mirror(
    images: NDArray[np.generic],
    mirrored: NDArray[np.bool_],
    image_shape: tuple[int, ...],
    scratch: NDArray[np.generic],
) -> None:
    """Mirror those of the images (..., M, D) that `mirrored` (..., M) marks, in place; `scratch` has the same shape.

    `image_shape` is (height, width) or (height, width, channels).
    """
    pixels = images.reshape(-1, *image_shape)
    rows = np.flatnonzero(mirrored)
    chosen = scratch.reshape(-1, *image_shape)[: len(rows)]
    np.take(pixels, rows, axis=0, out=chosen, mode="clip")
    pixels[rows] = chosen[:, :, ::-1]


def mirror_images(images: NDArray[AnyNumber], image_shape: tuple[int, ...]) -> NDArray[AnyNumber]:
    """Return the mirror images (n, D), left to right, of images (n, D), as a new array.

    `image_shape` is (height, width) or (height, width, channels).
    """
    return images.reshape(-1, *image_shape)[:, :, ::-1].reshape(images.shape)


def count_moves(most_shift: int, affine: float) -> int:
    """Return the number of moves of `move_sources`, one of which is drawn for each image; 1 if images do not move."""
    return N_AFFINE if affine else (2 * most_shift + 1) ** 2


def draw_moves(n_images: int, seed: int, epoch: int, n_moves: int) -> NDArray[np.int64]:
    """Draw for each image (n_images,) the number of one of the moves."""
    return generator(seed, "shift", epoch).integers(0, n_moves, n_images)


def move_sources(image_shape: tuple[int, ...], most_shift: int, affine: float) -> NDArray[np.intp] | None:
    """Return, for each move and each pixel of the moved image, which pixel it comes from: (moves, D).

    The moves are all shifts, or affine maps, which shift as well; None if neither is wanted. Pixels from outside the
    image repeat its border. The move in the middle of the list leaves the image as it is.
    """
    if affine:
        return affine_sources(image_shape, most_shift, affine)
    return shift_sources(image_shape, most_shift) if most_shift else None


def shift_sources(image_shape: tuple[int, ...], most: int) -> NDArray[np.intp]:
    """Return the sources of all (2 most + 1)^2 shifts by at most `most` pixels in each direction."""
    moves = range(-most, most + 1)
    height, width = image_shape[:2]
    rows = [np.arange(height)[:, None] - down for down in moves]
    columns = [np.arange(width)[None] - right for right in moves]
    return np.stack([sources_of(image_shape, row, column) for row in rows for column in columns])


def affine_sources(image_shape: tuple[int, ...], most_shift: int, share: float) -> NDArray[np.intp]:
    """Return the sources of `N_AFFINE` affine maps, the same ones in each training.

    Pixel (x, y) of the result, counted from the middle of the image, comes from the pixel nearest to
    ((1 + a) x + b y + s, c x + (1 + d) y + t), where a, b, c and d are drawn from -share to share, s and t from
    -most_shift to most_shift: a small map stretches the image, turns it and slants it. (LeCun et al. 1998, section
    III.E, have such images for handwritten digits.)
    """
    height, width = image_shape[:2]
    drawn = 2 * generator(0, "affine").random((N_AFFINE, 6)) - 1
    drawn[N_AFFINE // 2] = 0
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    y, x = np.arange(height)[:, None] - middle_y, np.arange(width)[None] - middle_x
    sources = []
    for a, b, c, d, s, t in drawn:
        column = x + share * (a * x + b * y) + most_shift * s + middle_x
        row = y + share * (c * x + d * y) + most_shift * t + middle_y
        sources.append(sources_of(image_shape, np.rint(row), np.rint(column)))
    return np.stack(sources)


def sources_of(image_shape: tuple[int, ...], rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.intp]:
    """Return which pixel each one (D,) comes from; rows and columns broadcast to (height, width)."""
    height, width = image_shape[:2]
    pixels = np.arange(np.prod(image_shape)).reshape(height, width, -1)
    inside = np.clip(rows, 0, height - 1).astype(np.intp), np.clip(columns, 0, width - 1).astype(np.intp)
    return np.asarray(pixels[inside].reshape(-1), np.intp)


def move(
    images: NDArray[np.generic],
    moves: NDArray[np.int64],
    sources: NDArray[np.intp],
    scratch: NDArray[np.generic],
) -> None:
    """Move the images (..., M, D) as `moves` (..., M) say, in place; `scratch` has the images' shape."""
    before, after = images.reshape(-1, images.shape[-1]), scratch.reshape(-1, images.shape[-1])
    for image, moved, number in zip(before, after, moves.flat, strict=True):
        np.take(image, sources[number], out=moved, mode="clip")
    np.copyto(images, scratch)


def draw_shares(n_images: int, seed: int, epoch: int, alpha: float) -> NDArray[np.float32]:
    """Draw for each image (n_images,) the share that it keeps when it is mixed with another one (Zhang et al. 2018).

    It is the larger of s and 1 - s, with s from the distribution Beta(alpha, alpha), alpha up to 1. The second image is
    drawn at random too, so taking the larger one loses nothing. With numbers u and v from 0 to 1, s = x / (x + y) for
    x = u^(1 / alpha) and y = v^(1 / alpha) where x + y <= 1; others are drawn again (Joehnk 1964). NumPy's function for
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
    """Write s first + (1 - s) second over `first` (..., M, D), for shares s (..., M); `second` is changed too."""
    share = shares[..., None].astype(first.dtype, copy=False)
    np.multiply(first, share, out=first)
    np.multiply(second, 1 - share, out=second)
    np.add(first, second, out=first)
