"""Plain stochastic gradient descent, without momentum and clipping, in fewer passes over the weights.

w - lr (g + l2 w) = (1 - lr l2) w - lr g. Whoever scales the small gradient of the loss with respect to the logits has
lr g from back-propagation, and saves the pass that would scale the gradient of every weight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.engine.layers import Move
from barenet.nn.optimizers import SGD, Hyper

__all__ = ["PlainSGD"]

Array = NDArray[np.floating]


class PlainSGD(SGD):
    """SGD whose gradients come multiplied by the learning rate already."""

    def step(self, grads: Array, learning_rate: Hyper) -> None:
        """Move the values one step, given `grads` = learning_rate * gradient."""
        self.n_steps += 1
        if self.has_l2:
            self.values[..., : self.n_decayed] *= self.cast(1 - learning_rate * np.asarray(self.l2))
        np.subtract(self.values, grads, out=self.values)

    def move(self, learning_rate: Hyper) -> Move:
        """Return the rule of `step` for one weight matrix at a time; `step_biases` finishes the step afterwards."""
        keep = self.cast(1 - learning_rate * np.asarray(self.l2))[..., None]

        def move(network: int | slice, W: Array, dW: Array) -> None:
            if self.has_l2:
                np.multiply(W, keep[network], out=W)
            np.subtract(W, dW, out=W)

        return move

    def step_biases(self, grads: Array) -> None:
        """Finish a step whose weights have moved already; biases are few."""
        self.n_steps += 1
        self.values[..., self.n_decayed :] -= grads[..., self.n_decayed :]
