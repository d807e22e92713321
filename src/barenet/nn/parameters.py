"""All parameters of a network, or of a stack of networks, in two flat buffers with named views.

An optimizer sees one long vector a network; a layer sees its own matrix. Both look at the same memory, so neither
ever copies. All weights come first, then all biases, so that L2 and weight decay are one slice, `[..., :n_decayed]`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Parameters", "block_scratch", "blocks"]

Array = NDArray[np.floating]

# Elements of a buffer that are updated at a time: half a dozen such blocks of float32 stay in a core's cache while a
# learning rule goes over them a dozen times.
BLOCK = 32_768


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
        views, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + math.prod(shape)
            # Splitting the last, contiguous axis is always possible without a copy.
            views[name] = buffer[..., start:stop].reshape(*buffer.shape[:-1], *shape)
            start = stop
        return views


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
