"""Plain NumPy in float64 as a course would write it: one-hot labels, fresh arrays in each step."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from peers.problem import L2, LEARNING_RATE, Problem


class Peer:
    """Lists of weights, lists of activations, and formulas as they stand on the blackboard."""

    def __init__(self, problem: Problem) -> None:
        self.limits = threadpool_limits(problem.threads)
        self.batch = problem.batch
        self.x, self.y = problem.images["x"].astype(np.float64), np.eye(10)[problem.images["y"]]
        self.x_test, self.y_test = problem.images["x_test"].astype(np.float64), problem.images["y_test"]
        self.W = [weights.astype(np.float64) for weights in problem.weights()]
        self.b = [np.zeros((1, weights.shape[1])) for weights in self.W]

    def forward(self, x: np.ndarray) -> list[np.ndarray]:
        """Return the inputs of every layer and, last, the probabilities."""
        a = [x]
        for i, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            z = a[-1] @ W + b
            if i < len(self.W) - 1:
                a.append(np.maximum(z, 0))
            else:
                e = np.exp(z - z.max(axis=1, keepdims=True))
                a.append(e / e.sum(axis=1, keepdims=True))
        return a

    def epoch(self, order: np.ndarray) -> None:
        """Train one epoch."""
        x, y = self.x[order], self.y[order]
        for i in range(0, len(order), self.batch):
            self.step(x[i : i + self.batch], y[i : i + self.batch])

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        """Take one step and return the loss before it."""
        a = self.forward(x)
        loss = float(-np.mean(np.sum(y * np.log(a[-1] + 1e-12), axis=1)))
        d = (a[-1] - y) / len(x)
        for i in reversed(range(len(self.W))):
            dW, db = a[i].T @ d + L2 * self.W[i], d.sum(axis=0, keepdims=True)
            if i:
                d = (d @ self.W[i].T) * (a[i] > 0)
            self.W[i] -= LEARNING_RATE * dW
            self.b[i] -= LEARNING_RATE * db
        return loss

    def accuracy(self) -> float:
        """Return the share of right test images."""
        return float(np.mean(np.argmax(self.forward(self.x_test)[-1], axis=1) == self.y_test))

    def about(self) -> dict[str, Any]:
        """Return versions."""
        return {"numpy": np.__version__}
