"""The batches of an epoch, each prepared when a step needs it, in reused memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.augmentation import Mixture, mix
from barenet.data.batches import Pixels, TrainingImages
from barenet.engine.protocol import EpochPlan

__all__ = ["Feed"]

# Images prepared at a time, over all networks of a stack: their float32 pixels and the arrays of the step fit into a
# core's cache. Several small batches are prepared at a time, which saves calls.
CHUNK_IMAGES = 64


class Feed:
    """Batches for one network or a stack. Networks that see the same images may share a feed on one thread.

    Args:
        images: the training images.
        batch_size: B; the last batch of an epoch has the remaining images.
        n_networks: how many orders the plan has: 1 if all networks share one.
    """

    def __init__(self, images: TrainingImages, batch_size: int, n_networks: int = 1) -> None:
        self.images = images
        self.batch_size = batch_size
        self.ahead = max(1, CHUNK_IMAGES // (batch_size * n_networks))
        self._pixels: dict[tuple[int, int, bool], Pixels] = {}
        self._ready: dict[tuple[int, int], int] = {}  # by memory and first row: the step whose images are there
        self._n_memories = 1

    def begin(self, plan: EpochPlan) -> None:
        """Use the order of an epoch."""
        self.order, self.mirrored, self.moves, self.mixture = plan.order, plan.mirrored, plan.moves, plan.mixture
        self.n_images = plan.order.shape[-1]
        self._ready.clear()

    def positions(self, step: int) -> slice:
        """Return where in the order a step's images are."""
        return slice(step * self.batch_size, min((step + 1) * self.batch_size, self.n_images))

    def labels(self, places: slice) -> NDArray[Any]:
        """Return the labels (..., n) of some places of the order, or soft labels (..., n, C)."""
        chosen = self.order[..., places]
        if self.images.soft_labels is None:
            return self.images.labels[chosen]
        labels = self.images.soft_labels[chosen]
        if self.mixture is not None:
            mixture = self.mixture[..., places]
            mix(labels, self.images.soft_labels[mixture.order], mixture.shares)
        return labels

    def allow_following(self) -> None:
        """Alternate between two memories, so that a step's images can be prepared during the step before."""
        if self._n_memories == 1:
            self._n_memories = 2
            self._ready.clear()

    def batch(self, step: int) -> NDArray[np.floating]:
        """Return the memory (..., B, D) of a step's images, into which `prepare` writes them."""
        first = step - step % self.ahead
        start, places = first * self.batch_size, self.positions(step)
        return self._memory(first).floats[..., places.start - start : places.stop - start, :]

    def prepare(self, step: int, rows: slice) -> None:
        """Prepare some rows of a step's batch, unless they are ready; small batches are prepared several at a time."""
        if self.ahead > 1:
            step -= step % self.ahead
            rows = slice(0, self.ahead * self.batch_size)
        place = self._turn(step), rows.start
        if self._ready.get(place) == step:
            return
        start = step * self.batch_size
        chosen = slice(start + rows.start, min(start + rows.stop, self.n_images))
        pixels = self._memory(step)
        if chosen.stop - chosen.start < pixels.floats.shape[-2]:
            pixels = pixels.rows(rows)
        self.images.prepare(
            self.order[..., chosen],
            None if self.mirrored is None else self.mirrored[..., chosen],
            None if self.moves is None else self.moves[..., chosen],
            pixels,
        )
        if self.mixture is not None:
            others = self._memory(step, second=True)
            if chosen.stop - chosen.start < others.floats.shape[-2]:
                others = others.rows(rows)
            self._mix(self.mixture[..., chosen], pixels, others)
        self._ready[place] = step

    def _mix(self, mixture: Mixture, pixels: Pixels, others: Pixels) -> None:
        """Mix prepared images with others, for which there is memory."""
        self.images.prepare(mixture.order, mixture.mirrored, mixture.moves, others)
        mix(pixels.floats, others.floats, mixture.shares)

    def _turn(self, step: int) -> int:
        """Return which memory holds a step's images: batches that are prepared together are in one memory."""
        return step // self.ahead % self._n_memories

    def _memory(self, step: int, *, second: bool = False) -> Pixels:
        """Return the memory for the batch of a step and the batches prepared with it, of each order.

        second: the memory for the images that they are mixed with.
        """
        n_images = min(self.ahead * self.batch_size, self.n_images - step * self.batch_size)
        place = n_images, self._turn(step), second
        if place not in self._pixels:
            self._pixels[place] = self.images.pixels((*self.order.shape[:-1], n_images))
        return self._pixels[place]
