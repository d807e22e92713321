"""One training step of a stack of networks, and the stack's hyper-parameters as columns.

The trainer asks `step(images, labels, learning_rate)` and nothing else of it: this is where another engine could
stand in for NumPy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.randomness import generator
from barenet.engine.state import TrainingState
from barenet.errors import ConfigError
from barenet.nn.layers import Move
from barenet.nn.losses import Loss
from barenet.nn.mlp import MLP, LayerSpec, Rate
from barenet.nn.optimizers import OPTIMIZERS, SGD, Optimizer, WeightAverage
from barenet.nn.workspace import Workspace

__all__ = ["Engine", "StepNorms", "check_stack", "make_optimizer", "stack_size"]

Array = NDArray[np.floating]

# What a core's second cache holds, with room to spare. If parameters and gradients are more, weights move layer by
# layer, while their gradients are in the cache; if not, all at once, in fewer calls. The bits are the same.
CACHE_BYTES = 3 << 19

# What must agree in a stack; all other settings may differ from network to network.
AGREE: dict[str, Callable[[Config], Any]] = {
    "model": lambda c: c.model.model_copy(update={"initializer": "", "dropout": 0.0, "input_dropout": 0.0}),
    "data": lambda c: c.data.model_copy(update={"mirror": bool(c.data.mirror)}),
    "optimizer.name": lambda c: c.optimizer.name,
    "optimizer.momentum (none or some)": lambda c: c.optimizer.momentum > 0,
    "optimizer.nesterov": lambda c: c.optimizer.nesterov,
    "optimizer.clip_norm (none or some)": lambda c: c.optimizer.clip_norm is None,
    "optimizer.average_decay (none or some)": lambda c: c.optimizer.average_decay > 0,
    "trainer.keep_best": lambda c: c.trainer.keep_best,
    "trainer.threads": lambda c: c.trainer.threads,
}


def check_stack(configs: Sequence[Config]) -> None:
    """Raise ConfigError unless these settings can train as one stack; say what differs."""
    for what, get in AGREE.items():
        values = [get(config) for config in configs]
        different = next((value for value in values if value != values[0]), None)
        if different is not None:
            raise ConfigError(f"networks of a stack must agree in {what}, got {values[0]!r} and {different!r}")


def stack_size(config: Config, architecture: Sequence[LayerSpec]) -> int | None:
    """Return how many networks to train as one stack; None: all there are. How many changes no bits.

    Plain SGD moves network after network, each with its weights in the cache, and gains by every further one. Other
    optimizers go over all that they keep of each parameter: as many networks as a core's cache holds, and at least one.
    """
    settings = config.optimizer
    has_slots = settings.name != "sgd" or settings.momentum > 0
    if not has_slots and settings.clip_norm is None:
        return None
    n_weights = sum(row.input_dim * row.output_dim for row in architecture)
    n_units = sum(row.output_dim for row in architecture)
    n_slots = len(OPTIMIZERS[settings.name].slot_names) if has_slots else 0
    kept = 2 + n_slots + (settings.average_decay > 0)  # values and gradients, slots, the average
    bytes_of_one = 4 * (kept * n_weights + config.data.batch_size * (architecture[0].input_dim + 2 * n_units))
    return max(1, CACHE_BYTES // bytes_of_one)


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
        architecture: the layers they share.
        state: where to go on from; it is copied, and `capture` gives the state reached.
    """

    def __init__(
        self, configs: Sequence[Config], architecture: Sequence[LayerSpec], loss: Loss, state: TrainingState
    ) -> None:
        n = len(configs)
        self.loss = loss
        self.seeds = [config.trainer.seed for config in configs]
        self.mlp = make_stack(
            architecture,
            loss,
            n,
            dropout=column(configs, lambda c: c.model.dropout),
            input_dropout=column(configs, lambda c: c.model.input_dropout),
        )
        self.workspace = Workspace(self.mlp, configs[0].data.batch_size)
        self.optimizer = make_optimizer(configs, self.mlp)
        self.plain_sgd: SGD | None = None
        if isinstance(self.optimizer, SGD) and self.optimizer.is_plain:
            self.plain_sgd = self.optimizer
        self.crowded = 2 * self.mlp.parameters.values.nbytes > CACHE_BYTES
        decay = column(configs, lambda c: c.optimizer.average_decay)
        self.average = WeightAverage(self.mlp.parameters.values, decay) if np.any(decay) else None
        self._evaluated = make_stack(architecture, loss, n) if self.average else self.mlp
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
        if self.plain_sgd is None or not self.crowded:
            result = self.forward_backward(images, labels, learning_rate)
            self.update(learning_rate)
            return result
        move = self.plain_sgd.move(learning_rate)
        result = self.forward_backward(images, labels, learning_rate, move, following)
        self.plain_sgd.step_scaled_biases(self.mlp.parameters.grads)
        self.update_average()
        return result

    def forward_backward(
        self,
        images: Array,
        labels: NDArray[np.integer],
        learning_rate: NDArray[np.float64],
        move: Move | None = None,
        following: Array | None = None,
    ) -> tuple[Array, Array]:
        """Compute gradients on a batch; return the loss (N,) and the predicted classes (N, B).

        For plain SGD they come out multiplied by the learning rate: it is folded in where arrays are small.
        """
        logits = self.mlp.forward(images, self.workspace, training=True)
        loss = self.loss(logits, labels, dlogits=self.workspace.dlogits)
        predicted = logits.argmax(axis=-1)
        if self.plain_sgd is not None:
            self.workspace.dlogits *= learning_rate[..., None].astype(self.mlp.dtype)
        self.mlp.backward(self.workspace, move, following)
        return loss, predicted

    def update(self, learning_rate: NDArray[np.float64]) -> None:
        """Move the parameters against the gradients, and the average after them."""
        if self.plain_sgd is not None:
            self.plain_sgd.step_scaled(self.mlp.parameters.grads, learning_rate)
        else:
            self.optimizer.step(self.mlp.parameters.grads, learning_rate)
        self.update_average()

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
        loss, predicted = self.forward_backward(images, labels, learning_rate)
        gradient = norms(parameters.grads) / (learning_rate[:, 0] if self.plain_sgd is not None else 1.0)
        self.update(learning_rate)
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


def make_stack(
    architecture: Sequence[LayerSpec], loss: Loss, n_networks: int, *, dropout: Rate = 0.0, input_dropout: Rate = 0.0
) -> MLP:
    """Return a stack whose weights are yet to be filled in."""
    return MLP.from_architecture(
        architecture,
        initializer=None,
        fuse_softmax=loss.output == "softmax",
        n_networks=n_networks,
        dropout=dropout,
        input_dropout=input_dropout,
    )


def column(configs: Sequence[Config], get: Callable[[Config], float]) -> NDArray[np.float64]:
    """Return one hyper-parameter of all networks as a float64 column (N, 1)."""
    return np.array([[get(config)] for config in configs], np.float64)


def make_optimizer(configs: Sequence[Config], mlp: MLP) -> Optimizer:
    """Return the optimizer that the settings name, with a column for every hyper-parameter."""
    name = configs[0].optimizer.name
    hypers: dict[str, Any] = {
        "l2": column(configs, lambda c: c.optimizer.l2),
        "clip_norm": column(configs, lambda c: math.inf if c.optimizer.clip_norm is None else c.optimizer.clip_norm),
    }
    if name == "sgd":
        hypers["momentum"] = column(configs, lambda c: c.optimizer.momentum)
        hypers["nesterov"] = configs[0].optimizer.nesterov
    else:
        hypers["beta1"] = column(configs, lambda c: c.optimizer.beta1)
        hypers["beta2"] = column(configs, lambda c: c.optimizer.beta2)
        hypers["epsilon"] = column(configs, lambda c: c.optimizer.epsilon)
    if name == "adamw":
        hypers["weight_decay"] = column(configs, lambda c: c.optimizer.weight_decay)
    return OPTIMIZERS[name](mlp.parameters.values, mlp.parameters.n_decayed, **hypers)
