"""The average of a network's weights over the steps of training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.nn.parameters import block_scratch, blocks

__all__ = ["WeightAverage"]

Array = NDArray[np.floating]
Hyper = float | NDArray[np.float64]


class WeightAverage:
    """An exponential moving average of the weights, often better than the weights themselves.

    average = d average + (1 - d) values, with d = min(decay, (1 + t) / (10 + t)) so that the random start is soon
    forgotten (Polyak and Juditsky 1992; the warm-up is TensorFlow's ExponentialMovingAverage's).
    """

    def __init__(self, values: Array, decay: Hyper) -> None:
        self.values = values
        self.decay = decay
        self.average = values.copy()
        self._scratch = block_scratch(values)

    def update(self, n_steps: int) -> None:
        """Take in the values after step number `n_steps`, counted from 1."""
        self.take_in(self.values, self.average, self.rest(n_steps), self._scratch)

    def rest(self, step: int | NDArray[np.int64]) -> Array:
        """Return 1 - d after step number `step`, cast; the shapes of decay and step broadcast."""
        return np.asarray(1 - np.minimum(self.decay, (1 + step) / (10 + step)), self.values.dtype)

    def take_in(self, values: Array, average: Array, rest: Array, scratch: Array) -> None:
        """Move some averages (..., K) by the share `rest` towards their values, a block of `scratch` at a time."""
        for block, difference in blocks(values.shape[-1], scratch):
            np.subtract(values[..., block], average[..., block], out=difference)
            average[..., block] += np.multiply(difference, rest, out=difference)
