"""The first weights: random, and scaled so that values keep their size from layer to layer.

Each function fills one (fan_in, fan_out) matrix in place from a generator. Biases start at zero.

Uniform numbers have the same bits on every computer. Of normal ones, one in 3,900 is in the tail, for which NumPy calls
the C library's log1p. If two libraries differ there in the last bit of a float64, the float32 after rounding
is the same in all but one of half a billion cases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

__all__ = ["INITIALIZERS"]

if TYPE_CHECKING:  # naming numpy.random would import it, a sixth of the time that `import barenet` takes
    Initializer = Callable[[NDArray[np.floating], np.random.Generator], None]


def he(weights: NDArray[np.floating], rng: np.random.Generator) -> None:
    """Draw from a normal distribution of deviation sqrt(2 / fan_in), for ReLU and similar (He et al. 2015, eq. 10)."""
    fan_in = weights.shape[0]
    weights[...] = rng.normal(0.0, np.sqrt(2.0 / fan_in), weights.shape)


def glorot(weights: NDArray[np.floating], rng: np.random.Generator) -> None:
    """Draw uniformly within sqrt(6 / (fan_in + fan_out)), for tanh (Glorot and Bengio 2010, equation 16)."""
    limit = np.sqrt(6.0 / sum(weights.shape))
    # `rng.uniform` computes -limit + 2 limit u, which is rounded twice on some processors and once on others.
    # (`rng.normal` with mean 0 has no sum to round.)
    weights[...] = 2 * limit * rng.random(weights.shape) - limit


def lecun(weights: NDArray[np.floating], rng: np.random.Generator) -> None:
    """Draw from a normal distribution of deviation fan_in^-1/2 (LeCun et al. 1998, "Efficient BackProp", eq. 16)."""
    fan_in = weights.shape[0]
    weights[...] = rng.normal(0.0, 1 / np.sqrt(fan_in), weights.shape)


INITIALIZERS: dict[str, Initializer] = {
    "he": he,
    "glorot": glorot,
    "lecun": lecun,
    "course": lecun,  # the course project's N(0, fan_in^-1/2) is LeCun's
}
