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
    """Return the ghost batches of a batch: 32 images each; what is left over, fewer than 32, belongs to the last.

    A batch of fewer than 64 images is one ghost batch. The rule follows from the size alone, whoever computes.

    >>> ghosts(70), ghosts(20)
    ([slice(0, 32, None), slice(32, 70, None)], [slice(0, 20, None)])
    """
    n = max(1, n_images // GHOST)
    return [slice(GHOST * i, GHOST * (i + 1) if i + 1 < n else n_images) for i in range(n)]


@dataclass
class BatchNormSlot(Slot):
    """A batch normalisation's slot, for G ghost batches.

    normalized: (x - mean) / deviation (..., B, H), which the way back needs.
    mean, variance, inverse: of each ghost batch, inverse being 1 / deviation (..., G, H).
    """

    normalized: Array
    mean: Array
    variance: Array
    inverse: Array

    def rows(self, rows: slice) -> Self:
        """Return the slot of some rows of the batch, in the same memory; ghost batches must not be cut."""
        first = rows.start // GHOST
        own = slice(first, first + len(ghosts(rows.stop - rows.start)))
        of_ghosts = {name: getattr(self, name)[..., own, :] for name in ("mean", "variance", "inverse")}
        of_images = {name: getattr(self, name)[..., rows, :] for name in ("x", "y", "normalized")}
        return replace(self, **of_images, **of_ghosts, dx=None if self.dx is None else self.dx[..., rows, :])


class BatchNorm(Layer):
    """y = (x - mean) / sqrt(variance + 1e-5) + b, mean and variance of each unit over the images of a ghost batch.

    Ioffe and Szegedy 2015, algorithm 1, without gain; over parts of the batch, as Hoffer et al. 2017. b is the bias of
    the dense layer below, which adds none: there it would be subtracted again with the mean (their section 3.2).

    In evaluation mean and deviation are fixed, and weights and bias hold them: then y = x + b, see `folding`.

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
        for number, rows in enumerate(ghosts(slot.x.shape[-2])):
            x, y, normalized = (array[..., rows, :] for array in (slot.x, slot.y, slot.normalized))
            own = (..., slice(number, number + 1), slice(None))
            mean, variance, inverse = slot.mean[own], slot.variance[own], slot.inverse[own]
            np.mean(x, axis=-2, keepdims=True, out=mean)
            np.subtract(x, mean, out=normalized)
            np.square(normalized, out=y)
            np.mean(y, axis=-2, keepdims=True, out=variance)
            np.add(variance, x.dtype.type(EPSILON), out=inverse)
            np.divide(1, np.sqrt(inverse, out=inverse), out=inverse)
            normalized *= inverse
        np.add(slot.normalized, self.b, out=slot.y)

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = (dy - mean of dy - normalized times the mean of dy normalized) / deviation, means over images."""
        assert isinstance(slot, BatchNormSlot)
        if slot.dx is None:
            return
        for number, rows in enumerate(ghosts(dy.shape[-2])):
            own, dx, normalized = (array[..., rows, :] for array in (dy, slot.dx, slot.normalized))
            np.multiply(own, normalized, out=dx)
            along = dx.mean(axis=-2, keepdims=True)
            np.multiply(normalized, along, out=dx)
            np.subtract(own, dx, out=dx)
            dx -= own.mean(axis=-2, keepdims=True)
            dx *= slot.inverse[..., number : number + 1, :]

    def parameter_gradients(self, slot: Slot, dy: Array) -> None:
        """Write db = the sum of dy over the batch."""
        np.sum(dy, axis=-2, keepdims=True, out=self.db)
