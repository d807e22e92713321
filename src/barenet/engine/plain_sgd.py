"""Stochastic gradient descent without momentum and clipping, in fewer passes over the weights.

w - lr (g + l2 w) = (1 - lr l2) w - lr g. The images phase multiplies the gradient of the loss with respect to the
logits, a small array, by lr. So back-propagation gives lr g, and no pass has to scale the gradient of every weight.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.nn.optimizers import DECAY, SGD, Factors, Hyper, Slots

__all__ = ["PlainSGD"]

Array = NDArray[np.floating]


class PlainSGD(SGD):
    """SGD whose gradients are already multiplied by the learning rate."""

    def __init__(self, values: Array, n_decayed: int, **hypers: Any) -> None:
        super().__init__(values, n_decayed, **hypers)
        self.has_l2 = False  # not in the gradient: the weights shrink, as `combine` says

    def combine(self, rate: NDArray[np.float64], step: NDArray[np.int64]) -> dict[str, Hyper]:
        """Return the factor by which weights shrink."""
        return {DECAY: 1 - rate * np.asarray(self.l2)} if np.any(self.l2) else {}

    def move(self, w: Array, g: Array, slots: Slots, factors: Factors, scratch: Array) -> None:
        """Move some parameters, given `g` = learning rate * gradient."""
        if DECAY in factors:
            np.multiply(w, factors[DECAY], out=w)
        np.subtract(w, g, out=w)
