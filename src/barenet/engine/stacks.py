"""Which networks train as one stack, how many at once, and their hyper-parameters as columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.engine.plain_sgd import PlainSGD
from barenet.errors import ConfigError
from barenet.nn import MLP, OPTIMIZERS, Architecture, Optimizer

__all__ = ["CACHE_BYTES", "check_stack", "column", "make_optimizer", "stack_size"]

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


def is_plain_sgd(config: Config) -> bool:
    """Whether the optimizer is SGD without momentum and clipping."""
    settings = config.optimizer
    return settings.name == "sgd" and not settings.momentum and settings.clip_norm is None


def stack_size(config: Config, architecture: Architecture) -> int | None:
    """Return how many networks to train as one stack; None: all there are. How many changes no bits.

    Plain SGD moves network after network, each with its weights in the cache, and gains by every further one. Other
    optimizers go over all that they keep of each parameter: as many networks as a core's cache holds, and at least one.
    """
    settings = config.optimizer
    has_slots = settings.name != "sgd" or settings.momentum > 0
    if is_plain_sgd(config):
        return None
    n_slots = len(OPTIMIZERS[settings.name].slot_names) if has_slots else 0
    kept = 2 + n_slots + (settings.average_decay > 0)  # values and gradients, slots, the average
    of_images = config.data.batch_size * (architecture.n_inputs + 2 * architecture.n_units)
    bytes_of_one = 4 * (kept * architecture.n_weights + of_images)
    return max(1, CACHE_BYTES // bytes_of_one)


def column(configs: Sequence[Config], get: Callable[[Config], float]) -> NDArray[np.float64]:
    """Return one hyper-parameter of all networks as a float64 column (N, 1)."""
    return np.array([[get(config)] for config in configs], np.float64)


def make_optimizer(configs: Sequence[Config], mlp: MLP) -> Optimizer:
    """Return the optimizer that the settings name, with a column for every hyper-parameter; switches are shared."""
    kind = PlainSGD if is_plain_sgd(configs[0]) else OPTIMIZERS[configs[0].optimizer.name]
    hypers: dict[str, Any] = {}
    for name in kind.hypers:
        values = [getattr(config.optimizer, name) for config in configs]
        is_switch = isinstance(values[0], bool)
        hypers[name] = (
            values[0] if is_switch else np.array([[math.inf if v is None else v] for v in values], np.float64)
        )
    return kind(mlp.parameters.values, mlp.parameters.n_decayed, **hypers)
