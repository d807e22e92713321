"""barenet's engine, called like the trainer calls it: one network, or several, each with a different order."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

import barenet
from barenet.config.sources import build_config
from barenet.cores import available_cores
from barenet.data.batches import TrainingImages
from barenet.engine.making import make_engine
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.protocol import Engine, EpochPlan
from barenet.engine.state import TrainingState
from barenet.nn import MLP, OPTIMIZERS, make_loss
from peers.problem import N_IMAGES, Problem

STRETCH_SECONDS = 0.1  # seconds of a call, as in the trainer, which reports progress between calls


class Peer:
    """The engine, with the losses and predicted classes that it returns for an epoch."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        recipe, n = problem.recipe, len(problem.networks)
        flags = {
            "data.batch_size": problem.batch,
            "model.hidden_sizes": list(problem.hidden),
            "model.activation": recipe.activation,
            "model.label_smoothing": recipe.label_smoothing,
            "optimizer.name": recipe.optimizer,
            "optimizer.learning_rate": recipe.learning_rate,
            "optimizer.l2": recipe.l2,
            "optimizer.weight_decay": recipe.weight_decay,
            "optimizer.average_decay": recipe.average_decay,
            "trainer.engine": "numpy",
        }
        config = build_config("course", None, flags)
        mlp = MLP(784, problem.hidden, 10, activation=recipe.activation, n_networks=n)
        for row, number in enumerate(problem.networks):
            for i, weights in enumerate(problem.weights(number), start=1):
                mlp.parameters.views[f"W{i}"][row] = weights
        slots = OPTIMIZERS[recipe.optimizer].slot_names if recipe.optimizer != "sgd" else ()  # SGD has no momentum here
        state = TrainingState.start(mlp.parameters.values, slots, recipe.average_decay > 0, 1)
        self.engine = self.make_engine(
            [config] * n,
            mlp.architecture,
            make_loss("cross_entropy", recipe.label_smoothing),
            state,
            TrainingImages(problem.pixels, problem.labels, scale=1 / 255),
            batch_size=problem.batch,
            most_threads=problem.threads or available_cores(),
        )
        self.steps_taken = 0

    def make_engine(self, *args: Any, **kwargs: Any) -> Engine:
        """Return the engine that would train the course's 100 epochs."""
        return make_engine(*args, n_steps=100 * N_IMAGES // self.problem.batch, **kwargs)

    def epoch(self, orders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Train one epoch; losses (N, steps) and predicted classes (N, n)."""
        n_networks, n_images = orders.shape
        rates = np.full((n_images // self.problem.batch, n_networks), self.problem.recipe.learning_rate)
        plan = EpochPlan(self.steps_taken, rates, orders[0] if n_networks == 1 else orders)
        self.engine.begin(plan)
        results = []
        start, stretch = 0, 1
        while start < plan.n_steps:
            stop = min(start + stretch, plan.n_steps)
            started = time.perf_counter()
            results.append(self.engine.train(start, stop))
            stretch = max(1, round(STRETCH_SECONDS * (stop - start) / (time.perf_counter() - started)))
            start = stop
        self.steps_taken += plan.n_steps
        losses, predicted = zip(*results, strict=True)
        return np.concatenate(losses).T, np.concatenate(predicted, axis=-1)

    def logits(self) -> np.ndarray:
        """Return the first network's logits (10000, 10) of the test images."""
        logits: np.ndarray = self.engine.evaluation_network().forward(self.problem.test[0])[0]
        return logits

    def about(self) -> dict[str, Any]:
        """Return versions, BLAS, and the choice of the engine."""
        (blas, *_) = threadpool_info()
        names = ("internal_api", "version", "architecture")
        return {
            "barenet": barenet.__version__,
            "numpy": np.__version__,
            **{k: blas.get(k) for k in names},
            "uses": self.describe_choice(),
        }

    def describe_choice(self) -> str:
        """Return how many threads, or worker processes, the engine uses."""
        if not isinstance(self.engine, NumpyEngine):
            return f"{min(len(self.problem.networks), available_cores())} processes"
        n = self.engine.choice.best
        return f"{n} thread{'s'[: n != 1]}"
