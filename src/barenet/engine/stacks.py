"""Which networks train as one stack; makes its network, optimizer and average from the settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.engine.network import FastMLP
from barenet.engine.plain_sgd import PlainSGD
from barenet.errors import ConfigError
from barenet.nn import MLP, OPTIMIZERS, Architecture, Loss, Optimizer, WeightAverage
from barenet.nn.hyperparameters import names_of

__all__ = ["check_stack", "column", "make_average", "make_network", "make_optimizer", "make_rule", "statistics_rest"]

STATISTICS_DECAY = 0.99  # the smallest decay of running statistics

# Settings that must agree in a stack; all others may differ from network to network.
AGREE: dict[str, Callable[[Config], Any]] = {
    "model": lambda c: c.model.model_copy(update={"initializer": "", "dropout": 0.0, "input_dropout": 0.0}),
    "data": lambda c: c.data.model_copy(update={"mirror": bool(c.data.mirror)}),
    "optimizer.name": lambda c: c.optimizer.name,
    "optimizer.momentum (none or some)": lambda c: c.optimizer.momentum > 0,
    "optimizer.nesterov": lambda c: c.optimizer.nesterov,
    "optimizer.clip_norm (none or some)": lambda c: c.optimizer.clip_norm is None,
    "optimizer.average_decay (none or some)": lambda c: c.optimizer.average_decay > 0,
    "trainer.keep_best": lambda c: c.trainer.keep_best,
    "trainer.engine": lambda c: c.trainer.engine,
}


def check_stack(configs: Sequence[Config]) -> None:
    """Raise ConfigError unless these settings can train as one stack; say what differs."""
    for what, get in AGREE.items():
        values = [get(config) for config in configs]
        different = next((value for value in values if value != values[0]), None)
        if different is not None:
            raise ConfigError(f"networks of a stack must agree in {what}, got {values[0]!r} and {different!r}")


def is_plain_sgd(config: Config) -> bool:
    """Whether the optimizer is SGD without momentum and clipping."""
    settings = config.optimizer
    return settings.name == "sgd" and not settings.momentum and settings.clip_norm is None


def column(configs: Sequence[Config], get: Callable[[Config], float]) -> NDArray[np.float64]:
    """Return one hyper-parameter as a float64 column (N, 1) of all networks, or for one network without axes."""
    return per_network(np.array([[get(config)] for config in configs], np.float64))


def per_network(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a column (N, 1) as it is for a stack, and without axes for one network."""
    return values if len(values) > 1 else values[0, 0, ...]


def make_network(configs: Sequence[Config], architecture: Architecture, loss: Loss) -> FastMLP:
    """Return a network, or a stack of several, with all weights zero and the dropout of the settings."""
    mlp = FastMLP.from_architecture(
        architecture,
        initializer=None,
        loss=loss,
        n_networks=len(configs) if len(configs) > 1 else None,
        dropout=column(configs, lambda c: c.model.dropout),
        input_dropout=column(configs, lambda c: c.model.input_dropout),
    )
    mlp.noise.seeds[:] = [config.trainer.seed for config in configs]
    return mlp


def make_optimizer(configs: Sequence[Config], mlp: MLP) -> Optimizer:
    """Return the optimizer that the settings name for the parameters of a network or of a stack."""
    return make_rule(configs, mlp.parameters.values, mlp.parameters.n_decayed)


def make_rule(configs: Sequence[Config], values: NDArray[np.floating], n_decayed: int) -> Optimizer:
    """Return the optimizer in the settings, with a column for every hyper-parameter; booleans are shared."""
    kind = PlainSGD if is_plain_sgd(configs[0]) else OPTIMIZERS[configs[0].optimizer.name]
    hypers: dict[str, Any] = {}
    for name in names_of(kind.hypers):
        given = [getattr(config.optimizer, name) for config in configs]
        numbers = np.array([[math.inf if value is None else value] for value in given], np.float64)
        hypers[name] = given[0] if isinstance(given[0], bool) else per_network(numbers)
    return kind(values, n_decayed, **hypers)


def make_average(configs: Sequence[Config], values: NDArray[np.floating]) -> WeightAverage | None:
    """Return the average of weights, if the settings of any network ask for it."""
    decay = column(configs, lambda c: c.optimizer.average_decay)
    return WeightAverage(values, decay) if np.any(decay) else None


def statistics_rest(configs: Sequence[Config], steps: NDArray[np.int64]) -> NDArray[np.floating]:
    """Return the share by which running statistics move towards those of a batch in each step (from 1), float32.

    They are averaged like the weights, so that they fit the averaged weights, but over at least about the last hundred
    steps.
    """
    decay = np.maximum(column(configs, lambda c: c.optimizer.average_decay), STATISTICS_DECAY)
    return WeightAverage(np.zeros(1, np.float32), decay).rest(steps)
