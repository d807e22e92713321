"""Plain NumPy in float64, as in a course: one-hot labels, and new arrays in each step."""

from __future__ import annotations

from typing import Any

import numpy as np

from peers.one_by_one import OneByOne
from peers.problem import BETA1, BETA2, EPSILON, GELU_CUBIC, GELU_SCALE, Problem


class Network:
    """Lists of weights, lists of activations, and the formulas of a lecture."""

    def __init__(self, problem: Problem, number: int) -> None:
        self.batch, self.recipe = problem.batch, problem.recipe
        self.x, self.labels = problem.images, problem.labels
        self.W = [weights.astype(np.float64) for weights in problem.weights(number)]
        self.b = [np.zeros(weights.shape[1]) for weights in self.W]
        self.average = [p.copy() for p in self.W + self.b]
        self.m, self.v = [[np.zeros_like(p) for p in self.W + self.b] for _ in range(2)]
        self.t = 0

    def epoch(self, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Train one epoch."""
        losses, predicted = [], []
        for i in range(0, len(order), self.batch):
            chosen = order[i : i + self.batch]
            loss, classes = self.step(self.x[chosen].astype(np.float64), np.eye(10)[self.labels[chosen]])
            losses.append(loss)
            predicted.append(classes)
        return np.array(losses), np.concatenate(predicted)

    def step(self, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        """Take one step; return the loss before it and the predicted classes."""
        a, z = [x], []
        for i, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            z.append(a[-1] @ W + b)
            if i < len(self.W) - 1:
                a.append(self.activate(z[-1]))
        p = softmax(z[-1])
        s = self.recipe.label_smoothing
        target = (1 - s) * y + s / y.shape[1]
        loss = float(-np.mean(np.sum(target * np.log(p + 1e-12), axis=1)))
        d = (p - target) / len(x)
        dW, db = [], []
        for i in reversed(range(len(self.W))):
            dW.insert(0, a[i].T @ d + self.recipe.l2 * self.W[i])
            db.insert(0, d.sum(axis=0))
            if i:
                d = (d @ self.W[i].T) * self.slope(z[i - 1])
        self.update(dW + db)
        return loss, np.argmax(p, axis=1)

    def activate(self, z: np.ndarray) -> np.ndarray:
        """Return ReLU, or GELU in its tanh form."""
        if self.recipe.activation == "relu":
            return np.maximum(z, 0)
        return 0.5 * z * (1 + np.tanh(GELU_SCALE * (z + GELU_CUBIC * z**3)))

    def slope(self, z: np.ndarray) -> np.ndarray:
        """Return the derivative of the activation."""
        if self.recipe.activation == "relu":
            return z > 0
        t = np.tanh(GELU_SCALE * (z + GELU_CUBIC * z**3))
        return 0.5 * (1 + t) + 0.5 * z * (1 - t**2) * GELU_SCALE * (1 + 3 * GELU_CUBIC * z**2)

    def update(self, grads: list[np.ndarray]) -> None:
        """Update all parameters, and then their average."""
        self.t += 1
        rate = self.recipe.learning_rate
        parameters = self.W + self.b
        for i, g in enumerate(grads):
            if self.recipe.optimizer == "sgd":
                parameters[i] -= rate * g
                continue
            if i < len(self.W):
                parameters[i] -= rate * self.recipe.weight_decay * parameters[i]
            self.m[i] = BETA1 * self.m[i] + (1 - BETA1) * g
            self.v[i] = BETA2 * self.v[i] + (1 - BETA2) * g**2
            m, v = self.m[i] / (1 - BETA1**self.t), self.v[i] / (1 - BETA2**self.t)
            parameters[i] -= rate * m / (np.sqrt(v) + EPSILON)
        if self.recipe.average_decay:
            rest = self.recipe.average_rest(self.t)
            for i, parameter in enumerate(parameters):
                self.average[i] += rest * (parameter - self.average[i])

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Return the logits of images (n, 784), with averaged parameters if there are any."""
        parameters = self.average if self.recipe.average_decay else self.W + self.b
        n = len(self.W)
        for i, (W, b) in enumerate(zip(parameters[:n], parameters[n:], strict=True)):
            x = x @ W + b
            if i < n - 1:
                x = self.activate(x)
        return x


def softmax(z: np.ndarray) -> np.ndarray:
    """Return probabilities (n, 10)."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Peer(OneByOne):
    """Networks one after another."""

    network = Network

    def about(self) -> dict[str, Any]:
        """Return versions."""
        return {"numpy": np.__version__}
