"""A peer that trains its networks one after another."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from peers.problem import Problem


class OneByOne:
    """The base class of such peers: `network` makes a network from a problem and the network's number.

    A network has `epoch(order)`, which returns losses (steps,) and predicted classes (n,), and `logits(x)`.
    """

    network: ClassVar[Any]

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.networks = [self.network(problem, number) for number in problem.networks]

    def epoch(self, orders: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Train one epoch; return losses (N, steps) and predicted classes (N, n)."""
        results = [network.epoch(order) for network, order in zip(self.networks, orders, strict=True)]
        losses, predicted = zip(*results, strict=True)
        return np.stack(losses), np.stack(predicted)

    def logits(self) -> np.ndarray | None:
        """Return the first network's logits (10000, 10) of the test images."""
        logits: np.ndarray = self.networks[0].logits(self.problem.test[0])
        return logits
