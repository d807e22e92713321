"""scikit-learn's MLPClassifier with solver="sgd"."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from peers.problem import L2, LEARNING_RATE, Problem


class Peer:
    """One pass of `fit` with `warm_start` an epoch; its checks of the input are part of it."""

    def __init__(self, problem: Problem) -> None:
        self.limits = threadpool_limits(problem.threads)
        self.data = problem.images
        warnings.simplefilter("ignore", ConvergenceWarning)
        self.model = MLPClassifier(
            problem.hidden,
            solver="sgd",
            momentum=0,
            nesterovs_momentum=False,
            alpha=L2 * problem.batch,  # it divides by the batch
            batch_size=problem.batch,
            learning_rate_init=LEARNING_RATE,
            max_iter=1,
            warm_start=True,
            shuffle=False,  # the order is given
        )
        self.model.fit(self.data["x"][: problem.batch], np.arange(problem.batch) % 10)
        self.model.coefs_ = problem.weights()
        self.model.intercepts_ = [np.zeros(width, np.float32) for width in problem.widths[1:]]

    def epoch(self, order: np.ndarray) -> None:
        """Train one epoch."""
        self.model.fit(self.data["x"][order], self.data["y"][order])

    def accuracy(self) -> float:
        """Return the share of right test images."""
        return float(self.model.score(self.data["x_test"], self.data["y_test"]))

    def about(self) -> dict[str, Any]:
        """Return versions."""
        return {"scikit-learn": sklearn.__version__}
