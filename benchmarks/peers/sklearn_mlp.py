"""scikit-learn's MLPClassifier with solver="sgd"; it has no GELU, AdamW or average."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from peers.one_by_one import OneByOne
from peers.problem import Problem


class Network:
    """Takes one pass of `fit` with `warm_start` for each epoch; this includes its checks of the input."""

    def __init__(self, problem: Problem, number: int) -> None:
        if problem.recipe.optimizer != "sgd":
            raise ValueError("scikit-learn has no GELU, AdamW or average")
        warnings.simplefilter("ignore", ConvergenceWarning)
        self.x, self.y = problem.images, problem.labels
        self.model = MLPClassifier(
            problem.hidden,
            solver="sgd",
            momentum=0,
            nesterovs_momentum=False,
            alpha=problem.recipe.l2 * problem.batch,  # it divides by the batch
            batch_size=problem.batch,
            learning_rate_init=problem.recipe.learning_rate,
            max_iter=1,
            warm_start=True,
            shuffle=False,  # the order is given
        )
        n = max(problem.batch, 10)  # at least one image of each class, so that it knows all classes
        self.model.fit(self.x[:n], np.arange(n) % 10)
        self.model.coefs_ = problem.weights(number)
        self.model.intercepts_ = [np.zeros(width, np.float32) for width in problem.widths[1:]]

    def epoch(self, order: np.ndarray) -> tuple[None, None]:
        """Train one epoch."""
        self.model.fit(self.x[order], self.y[order])
        return None, None

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Return the probabilities of images (n, 784); the largest one belongs to the largest logit."""
        probabilities: np.ndarray = self.model.predict_proba(x)
        return probabilities


class Peer(OneByOne):
    """Networks one after another."""

    network = Network

    def __init__(self, problem: Problem) -> None:
        self.limits = threadpool_limits(problem.threads)
        super().__init__(problem)

    def epoch(self, orders: np.ndarray) -> tuple[None, None]:
        """Train one epoch; scikit-learn keeps only the epoch's mean loss, and no predictions."""
        for network, order in zip(self.networks, orders, strict=True):
            network.epoch(order)
        return None, None

    def about(self) -> dict[str, Any]:
        """Return versions."""
        return {"scikit-learn": sklearn.__version__}
