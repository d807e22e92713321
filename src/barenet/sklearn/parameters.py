"""The estimator's parameters as barenet's settings, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from pydantic import ValidationError

from barenet.config.sources import explain
from barenet.config.tables import Config
from barenet.errors import ConfigError
from barenet.sklearn.rows import Rows

__all__ = ["make_config", "optimizer_kind"]

# "auto" takes a sixteenth of the rows within these: small data sets need many steps more than they need quiet ones.
ROWS_PER_BATCH = 16
SMALLEST_BATCH, LARGEST_BATCH = 8, 128


def make_config(parameters: Mapping[str, Any], seed: int, rows: Rows | None, *, schedule: str, epochs: int) -> Config:
    """Return settings for training on `rows`; without rows, for making the network.

    Raises:
        ConfigError: a parameter is wrong; says which, its value, and what was expected.
    """
    check_number(parameters, "alpha", Real, "a number, 0 or more", lambda value: 0 <= value < float("inf"))
    check_number(parameters, "patience", Integral, "a whole number, 1 or more", lambda value: value >= 1)
    check_number(parameters, "validation_fraction", Real, "a number between 0 and 1", lambda value: 0 < value < 1)
    n_rows, total_weight = (1, 1.0) if rows is None else (len(rows), float(rows.weights.sum()))
    batch_size = parameters["batch_size"]
    if isinstance(batch_size, str) and batch_size == "auto":
        batch_size = min(LARGEST_BATCH, max(SMALLEST_BATCH, n_rows // ROWS_PER_BATCH))
    tables = {
        "data": {"batch_size": batch_size},
        "model": {name: parameters[name] for name in ("activation", "label_smoothing")}
        | {"hidden_sizes": as_sizes(parameters["hidden_sizes"])},
        "optimizer": {name: parameters[name] for name in ("learning_rate", "momentum", "weight_decay", "average_decay")}
        | {"name": parameters["optimizer"], "l2": float(parameters["alpha"]) / total_weight},
        "schedule": {"name": schedule},
        "trainer": {"epochs": epochs, "seed": seed, "keep_best": 1},
    }
    try:
        return Config.model_validate(tables)
    except ValidationError as error:
        # optimizer.name and schedule.name are the parameters optimizer and schedule, trainer.epochs is epochs.
        message = re.sub(r"^(optimizer|schedule)\.name\b", r"\1", explain(error, {}))
        raise ConfigError(re.sub(r"^(data|model|optimizer|schedule|trainer)\.", "", message)) from None


def check_number(parameters: Mapping[str, Any], name: str, kind: type, expected: str, fits: Any) -> None:
    """Raise ConfigError unless a parameter that barenet's settings don't know is a number that fits."""
    value = parameters[name]
    if isinstance(value, bool) or not isinstance(value, kind) or not fits(value):
        raise ConfigError(f"{name} must be {expected}, got {value!r}")


def as_sizes(hidden_sizes: Any) -> Any:
    """Return hidden sizes as the settings read them; NumPy's arrays and numbers are understood."""
    if isinstance(hidden_sizes, Integral | str) or not hasattr(hidden_sizes, "__iter__"):
        return hidden_sizes
    return tuple(int(size) if isinstance(size, Integral) else size for size in hidden_sizes)


def optimizer_kind(config: Config) -> tuple[str, bool, bool]:
    """Return what decides which arrays an optimizer remembers: its name, whether momentum, whether an average."""
    return config.optimizer.name, config.optimizer.momentum > 0, config.optimizer.average_decay > 0
