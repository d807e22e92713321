"""All parameters of a network, or of a stack of networks, in two flat buffers with named views.

An optimizer sees one long vector for each network; a layer sees its matrix. Both use the same memory, so nothing is
copied. All weights come first, then all biases, so that L2 and weight decay are one slice, `[..., :n_decayed]`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Parameters", "WeightAverage", "block_scratch", "blocks", "named"]

Array = NDArray[np.floating]
Hyper = float | NDArray[np.float64]

# Elements of a buffer that are updated at a time: half a dozen such blocks of float32 stay in a core's cache while a
# learning rule uses them a dozen times.
BLOCK = 65_536


def named(shapes: Mapping[str, tuple[int, int]], buffer: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
    """Return a view (..., D, H) into `buffer` (..., P) for each shape by name, one after the other."""
    views, start = {}, 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape)
        # Splitting the last, contiguous axis is always possible without a copy.
        views[name] = buffer[..., start:stop].reshape(*buffer.shape[:-1], *shape)
        start = stop
    return views


class Parameters:
    """Two buffers, `values` and `grads`, both (..., P), and a view of each for every named parameter.

    Args:
        weights: name to (D, H); these are decayed by L2 and weight decay.
        biases: name to (1, H); these are not.
        n_networks: N for a stack, None for a single network without a leading axis.
        dtype: float32, or float64 for gradient checks.
    """

    def __init__(
        self,
        weights: Mapping[str, tuple[int, int]],
        biases: Mapping[str, tuple[int, int]],
        n_networks: int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.shapes = {**weights, **biases}
        self.n_decayed = sum(math.prod(shape) for shape in weights.values())
        self.size = sum(math.prod(shape) for shape in self.shapes.values())
        self.lead: tuple[int, ...] = () if n_networks is None else (n_networks,)
        self.values = np.zeros((*self.lead, self.size), dtype)
        self.grads = np.zeros((*self.lead, self.size), dtype)
        self.views = self.named(self.values)
        self.grad_views = self.named(self.grads)

    def named(self, buffer: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
        """Return a view (..., D, H) into `buffer` (..., P) for each parameter; nothing is copied."""
        return named(self.shapes, buffer)


def block_scratch(values: Array) -> Array:
    """Return scratch space (..., K) for one block; all networks of a stack together have about BLOCK elements."""
    lead = values.shape[:-1]
    width = max(BLOCK // max(1, math.prod(lead)), 1024)
    return np.empty((*lead, min(width, values.shape[-1])), values.dtype)


def blocks(stop: int, scratch: Array) -> Iterator[tuple[slice, Array]]:
    """Yield nearly equal slices of [0, stop), as wide as `scratch` at most, each with as much of `scratch`."""
    n = math.ceil(stop / scratch.shape[-1])
    for number in range(n):
        block = slice(number * stop // n, (number + 1) * stop // n)
        yield block, scratch[..., : block.stop - block.start]


class WeightAverage:
    """An exponential moving average of the weights, often better than the weights themselves.

    average = d average + (1 - d) values, with d = min(decay, (1 + t) / (10 + t)) so that the random start soon has no
    weight (Polyak and Juditsky 1992; the warm-up is that of TensorFlow's ExponentialMovingAverage).
    """

    def __init__(self, values: Array, decay: Hyper) -> None:
        self.values = values
        self.decay = decay
        self.average = values.copy()
        self._scratch = block_scratch(values)

    def update(self, n_steps: int) -> None:
        """Add the values after step number `n_steps`, counted from 1, to the average."""
        self.take_in(self.values, self.average, self.rest(n_steps), self._scratch)

    def rest(self, step: int | NDArray[np.int64]) -> Array:
        """Return 1 - d after step number `step`, cast; the shapes of decay and step broadcast."""
        return np.asarray(1 - np.minimum(self.decay, (1 + step) / (10 + step)), self.values.dtype)

    def take_in(self, values: Array, average: Array, rest: Array, scratch: Array) -> None:
        """Move some averages (..., K) by the share `rest` towards their values, a block of `scratch` at a time."""
        for block, difference in blocks(values.shape[-1], scratch):
            np.subtract(values[..., block], average[..., block], out=difference)
            average[..., block] += np.multiply(difference, rest, out=difference)
