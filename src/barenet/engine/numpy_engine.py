"""One training step of a stack of networks, with NumPy.

The trainer asks `step(images, labels, learning_rate)` and little else of it: another engine could stand here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.randomness import generator
from barenet.engine.network import FastMLP
from barenet.engine.plain_sgd import PlainSGD
from barenet.engine.stacks import CACHE_BYTES, column, make_optimizer
from barenet.engine.state import TrainingState
from barenet.nn import MLP, Architecture, Loss, WeightAverage, Workspace

__all__ = ["Engine", "StepNorms"]

Array = NDArray[np.floating]


@dataclass(frozen=True)
class StepNorms:
    """Euclidean norms (N,) of one step: gradient, change and parameters, and change over parameter by name.

    A ratio is NaN where a parameter was all zero, as biases are at the start.
    """

    gradient: NDArray[np.float64]
    update: NDArray[np.float64]
    weights: NDArray[np.float64]
    ratios: dict[str, NDArray[np.float64]]


class Engine:
    """A stack of N networks with its workspace, loss, optimizer and average, bound to copies of a training state.

    Args:
        configs: the settings of each network; they agree as `check_stack` wants.
        architecture: the network that they share.
        state: where to go on from; it is copied, and `capture` gives the state reached.
    """

    def __init__(self, configs: Sequence[Config], architecture: Architecture, loss: Loss, state: TrainingState) -> None:
        self.loss = loss
        self.seeds = [config.trainer.seed for config in configs]
        self.mlp = FastMLP.from_architecture(
            architecture,
            initializer=None,
            loss=loss,
            n_networks=len(configs),
            dropout=column(configs, lambda c: c.model.dropout),
            input_dropout=column(configs, lambda c: c.model.input_dropout),
        )
        self.workspace = Workspace(self.mlp, configs[0].data.batch_size)
        self.optimizer = make_optimizer(configs, self.mlp)
        self.plain_sgd = self.optimizer if isinstance(self.optimizer, PlainSGD) else None
        self.moves_early = self.plain_sgd is not None and 2 * self.mlp.parameters.values.nbytes > CACHE_BYTES
        decay = column(configs, lambda c: c.optimizer.average_decay)
        self.average = WeightAverage(self.mlp.parameters.values, decay) if np.any(decay) else None
        self._evaluated = self.mlp.copy() if self.average else self.mlp
        self._restore(state)

    def _restore(self, state: TrainingState) -> None:
        self.mlp.parameters.values[...] = state.values
        for name, slot in self.optimizer.slots.items():
            slot[...] = state.slots[name]
        if self.average is not None and state.average is not None:
            self.average.average[...] = state.average
        self.optimizer.n_steps = int(state.n_steps[0])

    def begin_epoch(self, epoch: int) -> None:
        """Renew what dropout draws from: each network's own seed and the epoch."""
        if self.mlp.noise:
            self.mlp.renew_noise(generator(seed, "dropout", epoch) for seed in self.seeds)

    def capture(self, before: TrainingState) -> TrainingState:
        """Return a copy of all that has changed since `before`, one epoch further."""
        n_new = self.optimizer.n_steps - before.n_steps
        return TrainingState(
            values=self.mlp.parameters.values.copy(),
            slots={name: slot.copy() for name, slot in self.optimizer.slots.items()},
            average=None if self.average is None else self.average.average.copy(),
            statistics=before.statistics,
            n_steps=before.n_steps + n_new,
            epoch=before.epoch + 1,
            best_values=before.best_values,
            best_scores=before.best_scores,
            best_epochs=before.best_epochs,
            stale=before.stale,
        )

    def step(
        self,
        images: Array,
        labels: NDArray[np.integer],
        learning_rate: NDArray[np.float64],
        following: Array | None = None,
    ) -> tuple[Array, Array]:
        """Take one step on a batch; return the loss (N,) before it and the predicted classes (N, B).

        images (B, D) or (N, B, D), labels likewise, learning_rate (N, 1). `following` are the images of the next step,
        the very array, if they are known: a large stack then loads its first weights once a step instead of twice.
        """
        loss, predicted = self.forward(images, labels)
        if self.moves_early:
            self.backward_and_move(learning_rate, following)
        else:
            self.backward(learning_rate)
            self.update(learning_rate)
        self.update_average()
        return loss, predicted

    def forward(self, images: Array, labels: NDArray[np.integer]) -> tuple[Array, Array]:
        """Compute the loss (N,) and the predicted classes (N, B) of a batch, and the gradient of its logits."""
        logits = self.mlp.forward(images, self.workspace, training=True)
        loss = self.loss(logits, labels, dlogits=self.workspace.dlogits)
        return loss, logits.argmax(axis=-1)

    def backward(self, learning_rate: NDArray[np.float64]) -> None:
        """Compute the gradients; for plain SGD multiplied by the learning rate."""
        self.scale_logits(learning_rate)
        self.mlp.backward(self.workspace)

    def scale_logits(self, learning_rate: NDArray[np.float64]) -> None:
        """For plain SGD multiply the gradient of the logits by the learning rate: there it is smallest."""
        if self.plain_sgd is not None:
            self.workspace.dlogits *= learning_rate[..., None].astype(self.mlp.dtype)

    def update(self, learning_rate: NDArray[np.float64]) -> None:
        """Move the parameters against the gradients."""
        self.optimizer.step(self.mlp.parameters.grads, learning_rate)

    def backward_and_move(self, learning_rate: NDArray[np.float64], following: Array | None) -> None:
        """Do both for plain SGD, layer by layer, each while its gradient is in the cache."""
        assert self.plain_sgd is not None
        self.scale_logits(learning_rate)
        self.mlp.backward_and_move(self.workspace, self.plain_sgd.move(learning_rate), following)
        self.plain_sgd.step_biases(self.mlp.parameters.grads)

    def update_average(self) -> None:
        """Take the new parameters into their average, if there is one."""
        if self.average is not None:
            self.average.update(self.optimizer.n_steps)

    def measured_step(
        self, images: Array, labels: NDArray[np.integer], learning_rate: NDArray[np.float64]
    ) -> tuple[Array, Array, StepNorms]:
        """Take one step as `step` does, and measure the gradient and the change that it made."""
        parameters = self.mlp.parameters
        before = parameters.values.copy()
        loss, predicted = self.forward(images, labels)
        self.backward(learning_rate)
        gradient = norms(parameters.grads) / (learning_rate[:, 0] if self.plain_sgd is not None else 1.0)
        self.update(learning_rate)
        self.update_average()
        change = parameters.values - before
        ratios = {}
        for (name, moved), old in zip(parameters.named(change).items(), parameters.named(before).values(), strict=True):
            moved_by, was = norms(moved.reshape(len(before), -1)), norms(old.reshape(len(before), -1))
            ratios[name] = np.divide(moved_by, was, out=np.full(len(before), np.nan), where=was > 0)
        return loss, predicted, StepNorms(gradient, norms(change), norms(before), ratios)

    def evaluation_network(self) -> MLP:
        """Return the stack as it is evaluated: with its averaged parameters where there are any."""
        if self.average is not None:
            self._evaluated.parameters.values[...] = self.average.average
        return self._evaluated


def norms(vectors: Array) -> NDArray[np.float64]:
    """Return the Euclidean norm of each row (N, P), float64."""
    lengths: NDArray[np.float64] = np.sqrt(np.vecdot(vectors, vectors), dtype=np.float64)
    return lengths
