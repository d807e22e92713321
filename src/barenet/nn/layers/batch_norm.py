"""Batch normalisation over ghost batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from barenet.nn.layers.base import Layer, Slot
from barenet.nn.layers.normalization import EPSILON

__all__ = ["GHOST", "BatchNorm", "BatchNormSlot", "ghosts"]

Array = NDArray[np.floating]

GHOST = 32  # images in a ghost batch, at least


def ghosts(n_images: int) -> list[slice]:
    """Return the ghost batches of a batch: 32 images each; the remaining images, fewer than 32, belong to the last.

    A batch of fewer than 64 images is one ghost batch. The result depends only on the size of the batch.

    >>> ghosts(70), ghosts(20)
    ([slice(0, 32, None), slice(32, 70, None)], [slice(0, 20, None)])
    """
    n = max(1, n_images // GHOST)
    return [slice(GHOST * i, GHOST * (i + 1) if i + 1 < n else n_images) for i in range(n)]


def equal_ghosts(n_images: int) -> list[tuple[slice, slice]]:
    """Return groups of ghost batches of equal size, as slices of images and of ghost batches.

    >>> equal_ghosts(64)
    [(slice(0, 64, None), slice(0, 2, None))]
    >>> equal_ghosts(70)
    [(slice(0, 32, None), slice(0, 1, None)), (slice(32, 70, None), slice(1, 2, None))]
    """
    n = len(ghosts(n_images))
    if n_images == GHOST * n:
        return [(slice(0, n_images), slice(0, n))]
    first = GHOST * (n - 1)
    last = (slice(first, n_images), slice(n - 1, n))
    return [(slice(0, first), slice(0, n - 1)), last] if n > 1 else [last]


def apart(array: Array, images: slice) -> Array:
    """Return a view of some images (..., B, H) with an axis for their ghost batches: (..., G, R, H)."""
    some = array[..., images, :]
    n_images = some.shape[-2]
    n = max(1, n_images // GHOST) if n_images % GHOST == 0 else 1
    return some.reshape(*some.shape[:-2], n, n_images // n, some.shape[-1])


def mean_over_images(x: Array, out: Array) -> Array:
    """Write the mean over the images of each ghost batch: x (..., G, R, H), out (..., G, H).

    The sum and the division are those of `np.mean`, without its overhead.
    """
    np.add.reduce(x, axis=-2, out=out)
    return np.divide(out, x.dtype.type(x.shape[-2]), out=out)


@dataclass
class BatchNormSlot(Slot):
    """A batch normalisation's slot, for G ghost batches.

    normalized: (x - mean) / deviation (..., B, H), for the backward pass.
    mean, variance, inverse: of each ghost batch, inverse being 1 / deviation (..., G, H).
    """

    normalized: Array
    mean: Array
    variance: Array
    inverse: Array

    def rows(self, rows: slice) -> Self:
        """Return the slot of some rows of the batch, in the same memory; ghost batches must not be cut."""
        first = rows.start // GHOST
        batches = slice(first, first + len(ghosts(rows.stop - rows.start)))
        of_ghosts = {name: getattr(self, name)[..., batches, :] for name in ("mean", "variance", "inverse")}
        of_images = {name: getattr(self, name)[..., rows, :] for name in ("x", "y", "normalized")}
        return replace(self, **of_images, **of_ghosts, dx=None if self.dx is None else self.dx[..., rows, :])


class BatchNorm(Layer):
    """y = (x - mean) / sqrt(variance + 1e-5) + b, mean and variance of each unit over the images of a ghost batch.

    Ioffe and Szegedy 2015, algorithm 1, without gain; over parts of the batch, as in Hoffer et al. 2017. b is the bias
    of the dense layer below, which does not add it: subtracting the mean would remove it again (section 3.2 of the
    first paper).

    In evaluation mean and deviation are fixed and are part of weights and bias: then y = x + b, see `folding`.

    Args:
        b, db: (..., 1, H), the bias and its gradient.
    """

    kind = "batch_norm"
    has_parameters = True

    def __init__(self, b: Array, db: Array) -> None:
        self.b, self.db = b, db
        self.n_outputs = b.shape[-1]

    def make_slot(self, x: Array, needs_dx: bool) -> BatchNormSlot:
        """Return arrays for a batch."""
        dx = np.empty_like(x) if needs_dx else None
        of_ghosts = (np.empty_like(x[..., : len(ghosts(x.shape[-2])), :]) for _ in range(3))
        return BatchNormSlot(x, np.empty_like(x), dx, np.empty_like(x), *of_ghosts)

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y, and in training the statistics of the ghost batches."""
        assert isinstance(slot, BatchNormSlot)
        if not training:
            np.add(slot.x, self.b, out=slot.y)
            return
        for images, of_ghosts in equal_ghosts(slot.x.shape[-2]):
            x, y, normalized = (apart(array, images) for array in (slot.x, slot.y, slot.normalized))
            mean, variance, inverse = (array[..., of_ghosts, :] for array in (slot.mean, slot.variance, slot.inverse))
            mean_over_images(x, out=mean)
            np.subtract(x, mean[..., None, :], out=normalized)
            np.square(normalized, out=y)
            mean_over_images(y, out=variance)
            np.add(variance, x.dtype.type(EPSILON), out=inverse)
            np.divide(1, np.sqrt(inverse, out=inverse), out=inverse)
            normalized *= inverse[..., None, :]
        np.add(slot.normalized, self.b, out=slot.y)

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = (dy - mean(dy) - normalized mean(dy normalized)) / deviation, with means over images."""
        assert isinstance(slot, BatchNormSlot)
        if slot.dx is None:
            return
        for images, of_ghosts in equal_ghosts(dy.shape[-2]):
            above, dx, normalized = (apart(array, images) for array in (dy, slot.dx, slot.normalized))
            means = np.empty_like(slot.mean[..., of_ghosts, :])
            np.multiply(above, normalized, out=dx)
            np.multiply(normalized, mean_over_images(dx, out=means)[..., None, :], out=dx)
            np.subtract(above, dx, out=dx)
            dx -= mean_over_images(above, out=means)[..., None, :]
            dx *= slot.inverse[..., of_ghosts, None, :]

    def parameter_gradients(self, slot: Slot, dy: Array) -> None:
        """Write db = the sum of dy over the batch."""
        np.sum(dy, axis=-2, keepdims=True, out=self.db)
