"""From chosen training images to the network's input: gathered, changed at random, scaled to float32.

Images stay in memory as bytes, one a pixel. Gathering some dozens of them and scaling them is as fast as gathering from
a float32 copy of four times the size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from barenet.data.augmentation import mirror, move, move_sources

__all__ = ["Pixels", "TrainingImages", "to_float"]


@dataclass(frozen=True)
class Pixels:
    """Memory for preparing M images: `raw` and `scratch` (..., M, D) as stored, `floats` (..., M, D) for the result."""

    raw: NDArray[np.generic]
    scratch: NDArray[np.generic]
    floats: NDArray[np.floating]

    def rows(self, rows: slice) -> Pixels:
        """Return the memory of some images (M, D) of one network."""
        return Pixels(self.raw[rows], self.scratch[rows], self.floats[rows])


class TrainingImages:
    """The images of one data set, and how images are prepared for a step.

    Args:
        images: (n, D) uint8, or floating.
        labels: (n,) integers.
        scale: pixels are multiplied by this, 1 / 255 for bytes.
        image_shape: (height, width[, channels]), for mirroring and moves.
        most_shift: pixels that an image is shifted by at most.
        affine: share of its size by which an image is stretched, turned and slanted at most.
        soft_labels: (n, C) the label of each image in training, as a weight for each class; their sum is the weight of
            the image. None where `labels` are used alone.
    """

    def __init__(
        self,
        images: NDArray[np.generic],
        labels: NDArray[np.integer],
        *,
        scale: float = 1.0,
        image_shape: tuple[int, ...] = (),
        most_shift: int = 0,
        affine: float = 0.0,
        soft_labels: NDArray[np.floating] | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.images, self.labels, self.soft_labels = images, labels, soft_labels
        self.scale = scale
        self.image_shape = image_shape
        self.most_shift, self.affine = most_shift, affine
        self.dtype = np.dtype(dtype)
        self.sources = move_sources(image_shape, most_shift, affine)
        self.is_ready = images.dtype == self.dtype and scale == 1  # images need no conversion

    @property
    def n_inputs(self) -> int:
        """D, the values of one image."""
        return int(self.images.shape[-1])

    def pixels(self, shape: tuple[int, ...]) -> Pixels:
        """Return memory for images of `shape` (..., M)."""
        full = (*shape, self.n_inputs)
        floats = np.empty(full, self.dtype)
        raw = floats if self.is_ready else np.empty(full, self.images.dtype)
        changes = bool(self.image_shape) or self.sources is not None
        return Pixels(raw, np.empty(full, self.images.dtype) if changes else raw, floats)

    def prepare(
        self,
        chosen: NDArray[np.intp],
        mirrored: NDArray[np.bool_] | None,
        moves: NDArray[np.int64] | None,
        pixels: Pixels,
    ) -> None:
        """Write the images `chosen` (..., M) into `pixels.floats`; `mirrored` and `moves` say how each is changed."""
        # "clip" avoids a hidden copy, and is safe because the indices are made here.
        np.take(self.images, chosen, axis=0, out=pixels.raw, mode="clip")
        if mirrored is not None:
            mirror(pixels.raw, mirrored, self.image_shape, pixels.scratch)
        if moves is not None and self.sources is not None:
            move(pixels.raw, moves, self.sources, pixels.scratch)
        to_float(pixels.raw, self.scale, out=pixels.floats)


def to_float(
    images: NDArray[np.generic], scale: float, out: NDArray[np.floating] | None = None, dtype: DTypeLike = np.float32
) -> NDArray[np.floating]:
    """Return `images * scale` as floats of `dtype`; with `out`, they are written there and have its dtype."""
    if out is None:
        out = np.empty(images.shape, dtype)
    if out is not images:
        np.copyto(out, images, casting="unsafe")
    if scale != 1:
        np.multiply(out, out.dtype.type(scale), out=out)
    return out
