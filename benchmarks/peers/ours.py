"""barenet's engine, a network alone or a stack in lockstep that sees the images in the same order."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

import barenet
from barenet.config.sources import build_config
from barenet.data.batches import Batches, with_following
from barenet.engine.numpy_engine import Engine
from barenet.engine.state import TrainingState
from barenet.nn.losses import make_loss
from barenet.nn.mlp import MLP
from peers.problem import L2, LEARNING_RATE, Problem


class Peer:
    """The engine's training step, driven as the trainer drives it."""

    own_order = False

    def __init__(self, problem: Problem) -> None:
        self.data = problem.images
        self.problem = problem
        self.limits = threadpool_limits(problem.threads)
        n = problem.n_networks
        flags = {
            "data.batch_size": problem.batch,
            "model.hidden_sizes": list(problem.hidden),
            "optimizer.learning_rate": LEARNING_RATE,
            "optimizer.l2": L2,
            "trainer.threads": problem.threads,
        }
        config = build_config("course", None, flags)
        mlp = MLP(784, problem.hidden, 10, n_networks=n)
        for network in range(n):
            for i, weights in enumerate(problem.weights(network), start=1):
                mlp.parameters.views[f"W{i}"][network] = weights
        state = TrainingState.start(mlp.parameters.values, (), False, 1)
        self.engine = Engine([config] * n, mlp.architecture, make_loss("cross_entropy"), state)
        self.batches = Batches(self.data["x_bytes"], self.data["y"], problem.batch, scale=1 / 255)
        self.rate = np.full((n, 1), LEARNING_RATE)

    def epoch(self, order: np.ndarray) -> None:
        """Train one epoch."""
        if self.own_order:
            order = np.stack([np.roll(order, 1000 * network) for network in range(self.problem.n_networks)])
        for images, labels, following in with_following(self.batches.epoch(order)):
            self.engine.step(images, labels, self.rate, following)

    def accuracy(self) -> float:
        """Return the first network's share of right test images."""
        logits = self.engine.mlp.forward(self.data["x_test"])
        return float(np.mean(np.argmax(logits[0], axis=-1) == self.data["y_test"]))

    def about(self) -> dict[str, Any]:
        """Return versions and BLAS."""
        (blas, *_) = threadpool_info()
        names = ("internal_api", "version", "architecture", "num_threads")
        return {"barenet": barenet.__version__, "numpy": np.__version__, **{k: blas.get(k) for k in names}}
