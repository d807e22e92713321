"""Mini-batches in reused buffers: gathered, changed at random and scaled to float32, some dozen images at a time.

Images stay in memory as they came, a byte a pixel. A chunk of several small batches is prepared by one call each of
take, copy and multiply, which is as fast as gathering from a float32 copy four times the size; a batch is a view of
the chunk.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from barenet.data.augmentation import mirror, shift, shift_sources

__all__ = ["Batches", "to_float", "with_following"]

# Images of a chunk, over all networks of a stack: their float32 pixels and the step's own arrays share a core's cache.
CHUNK_IMAGES = 64


class Batches:
    """Batches of one data set for one network or a stack.

    Args:
        images: (n, D) uint8, or floating.
        labels: (n,) integers.
        batch_size: B; the last batch of an epoch has what is left.
        scale: pixels are multiplied by this, 1 / 255 for bytes.
        image_shape: (height, width[, channels]), for mirroring and shifting.
        most_shift: pixels that an image is shifted by at most.
    """

    def __init__(
        self,
        images: NDArray[np.generic],
        labels: NDArray[np.integer],
        batch_size: int,
        *,
        scale: float = 1.0,
        image_shape: tuple[int, ...] = (),
        most_shift: int = 0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.images, self.labels = images, labels
        self.batch_size = batch_size
        self.scale = scale
        self.image_shape = image_shape
        self.dtype = np.dtype(dtype)
        self.sources = shift_sources(image_shape, most_shift) if most_shift else None
        self.is_ready = images.dtype == self.dtype and scale == 1  # nothing to multiply: chosen is prepared
        self._buffers: dict[tuple[int, ...], tuple[NDArray[Any], NDArray[Any], list[NDArray[Any]]]] = {}

    def epoch(
        self,
        order: NDArray[np.intp],
        coins: NDArray[np.bool_] | None = None,
        shifts: NDArray[np.int64] | None = None,
    ) -> Iterator[tuple[NDArray[np.floating], NDArray[np.integer]]]:
        """Yield (images (..., B, D), labels (..., B)) in the given order, valid until the next but one is taken.

        `order` is (n,) when all networks of a stack see the same images, or (N, n), each its own; `coins`, shaped
        like it, says which positions in the order are to be mirrored, and `shifts` how each is shifted.
        """
        labels = self.labels[order]
        n_networks = math.prod(order.shape[:-1])
        size = self.batch_size * max(1, CHUNK_IMAGES // (self.batch_size * n_networks))
        for start in range(0, order.shape[-1], size):
            chunk = order[..., start : start + size]
            part = (..., slice(start, start + size))
            images = self._prepare(
                chunk, None if coins is None else coins[part], None if shifts is None else shifts[part]
            )
            for i in range(0, chunk.shape[-1], self.batch_size):
                batch = slice(i, i + self.batch_size)
                yield images[..., batch, :], labels[..., start + i : start + min(i + self.batch_size, chunk.shape[-1])]

    def _prepare(
        self, chosen: NDArray[np.intp], coins: NDArray[np.bool_] | None, shifts: NDArray[np.int64] | None
    ) -> NDArray[np.floating]:
        """Return the chosen (..., M) images as floats (..., M, D), in a buffer used again two chunks later."""
        raw, scratch, floats = self._buffers_for(chosen.shape)
        floats.reverse()
        prepared = floats[0]
        if self.is_ready:
            raw = prepared
        np.take(self.images, chosen, axis=0, out=raw, mode="clip")  # "clip" skips a hidden copy; indices are ours
        if coins is not None:
            mirror(raw, coins, self.image_shape, scratch)
        if shifts is not None and self.sources is not None:
            shift(raw, shifts, self.sources, scratch)
        return to_float(raw, self.scale, out=prepared)

    def _buffers_for(self, shape: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any], list[NDArray[Any]]]:
        """Return buffers (*shape, D) for pixels as stored, for scratch, and two for floats, which take turns."""
        if shape not in self._buffers:
            full = (*shape, self.images.shape[-1])
            raw, scratch = np.empty(full, self.images.dtype), np.empty(full, self.images.dtype)
            self._buffers[shape] = raw, scratch, [np.empty(full, self.dtype) for _ in range(2)]
        return self._buffers[shape]


def with_following(
    batches: Iterable[tuple[NDArray[np.floating], NDArray[np.integer]]],
) -> Iterator[tuple[NDArray[np.floating], NDArray[np.integer], NDArray[np.floating] | None]]:
    """Yield (images, labels, the images of the batch that follows); None follows the last."""
    remaining = iter(batches)
    batch = next(remaining, None)
    while batch is not None:
        following = next(remaining, None)
        yield *batch, None if following is None else following[0]
        batch = following


def to_float(
    images: NDArray[np.generic], scale: float, out: NDArray[np.floating] | None = None, dtype: DTypeLike = np.float32
) -> NDArray[np.floating]:
    """Return `images * scale` as floats of `dtype`, or of `out`'s, in which they are then written."""
    if out is None:
        out = np.empty(images.shape, dtype)
    if out is not images:
        np.copyto(out, images, casting="unsafe")
    if scale != 1:
        np.multiply(out, out.dtype.type(scale), out=out)
    return out
