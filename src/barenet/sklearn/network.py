"""The network of an estimator, and the parameters that must not change when training continues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.engine.network import FastMLP
from barenet.engine.state import TrainingState
from barenet.errors import ConfigError, DataError
from barenet.nn import Architecture
from barenet.nn.architecture import each_layer
from barenet.sklearn.parameters import make_config
from barenet.training.epochs import start_state
from barenet.training.evaluation import compute_outputs
from barenet.training.metrics import probabilities

__all__ = ["Network", "log_probabilities"]


@dataclass(frozen=True)
class Network:
    """The description of an estimator's network; its weights are in a `TrainingState`.

    seed: that of the initial weights, and of the rows held out. sizes: those of all layers, including features and
    classes. fixed: the parameters that must not change.
    """

    seed: int
    sizes: tuple[int, ...]
    activation: str | tuple[str, ...]
    fixed: Mapping[str, Any]

    @staticmethod
    def begin(
        parameters: Mapping[str, Any], seed: int, n_features: int, classes: NDArray[Any]
    ) -> tuple[Network, TrainingState]:
        """Return a network and its state before the first step.

        Raises:
            DataError: there is only one class. ConfigError: a parameter is wrong.
        """
        if len(classes) < 2:
            raise DataError(f"a classifier needs 2 classes or more, got 1 class: {classes[0]!r}")
        config = make_config(parameters, seed, None, schedule="constant", epochs=1)
        sizes = (n_features, *config.model.hidden_sizes, len(classes))
        network = Network(seed, sizes, config.model.activation, fixed_parameters(config, parameters["standardize"]))
        return network, start_state(config, network.architecture())

    def check_parameters(self, parameters: Mapping[str, Any], remedy: str) -> None:
        """Raise ConfigError if training cannot continue with these parameters."""
        config = make_config(parameters, self.seed, None, schedule="constant", epochs=1)
        now = fixed_parameters(config, parameters["standardize"])
        for name, before in self.fixed.items():
            if now[name] != before:
                raise ConfigError(
                    f"training cannot go on with another {name}: it began with {before}, not {now[name]}; {remedy}"
                )

    def architecture(self) -> Architecture:
        """Return the architecture of the network."""
        return Architecture.from_sizes(self.sizes, [*each_layer(self.activation, len(self.sizes) - 2), "softmax"])

    def logits(self, state: TrainingState, features: NDArray[np.float32]) -> NDArray[np.floating]:
        """Return the outputs (n, C) for scaled features."""
        mlp = FastMLP.from_architecture(self.architecture(), initializer=None)
        mlp.parameters.values[...] = state.evaluated(mlp.architecture)[0]
        return compute_outputs(mlp, features, 1.0)


def fixed_parameters(config: Config, standardize: Any) -> dict[str, Any]:
    """Return the parameters that decide a network's arrays, or the meaning of its weights.

    For momentum and average_decay only "above 0" or "0" counts, since above 0 the optimizer needs one more array.
    """
    return {
        "hidden_sizes": config.model.hidden_sizes,
        "activation": config.model.activation,
        "optimizer": config.optimizer.name,
        "momentum": "above 0" if config.optimizer.momentum else "0",
        "average_decay": "above 0" if config.optimizer.average_decay else "0",
        "standardize": standardize,
    }


def log_probabilities(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the logarithms of the probabilities of logits (n, C).

    Where a float32 probability is 0, its logarithm is computed from the logits. Elsewhere it is that of the float32
    number, so that the two agree.
    """
    shares = np.asarray(probabilities(logits, False), np.float32)
    shifted = (logits - np.max(logits, axis=-1, keepdims=True)).astype(np.float64)
    log_softmax = np.asarray(shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True)), np.float32)
    return np.log(shares, out=log_softmax, where=shares > 0)
