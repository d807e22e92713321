"""Convert the estimator's parameters to barenet's settings, and check them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from pydantic import ValidationError
from sklearn.utils import check_random_state

from barenet.config.sources import explain
from barenet.config.tables import Config
from barenet.errors import ConfigError, nearest
from barenet.nn import ACTIVATIONS, ALIASES, OPTIMIZERS
from barenet.nn.hyperparameters import names_of
from barenet.sklearn.rows import Rows

__all__ = ["draw_seed", "make_config", "refuse_balanced"]

SCHEDULES = ("cosine", "constant", "one_cycle")  # other schedules need settings that the estimator does not have

# "auto" takes a sixteenth of the rows within these limits: for small data sets, many steps matter more than little
# noise in each step.
ROWS_PER_BATCH = 16
SMALLEST_BATCH, LARGEST_BATCH = 8, 128


def make_config(parameters: Mapping[str, Any], seed: int, rows: Rows | None, *, schedule: str, epochs: int) -> Config:
    """Return settings for training on `rows`; without rows, for making the network.

    Raises:
        ConfigError: a parameter is wrong; the message names it, its value, and what was expected.
    """
    check_number(parameters, "alpha", Real, "a number, 0 or more", lambda value: 0 <= value < float("inf"))
    check_number(parameters, "patience", Integral, "a whole number, 1 or more", lambda value: value >= 1)
    check_number(parameters, "validation_fraction", Real, "a number between 0 and 1", lambda value: 0 < value < 1)
    given = parameters["activation"]
    for activation in given if isinstance(given, list | tuple) else [given]:
        check_name({"activation": activation}, "activation", (*ACTIVATIONS, *ALIASES))
    check_name(parameters, "optimizer", tuple(OPTIMIZERS))
    check_name(parameters, "schedule", SCHEDULES)
    for name in ("momentum", "weight_decay"):
        owners = [kind for kind, rule in OPTIMIZERS.items() if name in names_of(rule.hypers)]
        if parameters[name] and parameters["optimizer"] not in owners:
            raise ConfigError(
                f"{name} = {parameters[name]!r} belongs to {' and '.join(owners)}, not to {parameters['optimizer']}"
            )
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
    """Raise ConfigError unless a parameter that is not a setting of barenet is a number for which `fits` is true."""
    value = parameters[name]
    if isinstance(value, bool) or not isinstance(value, kind) or not fits(value):
        raise ConfigError(f"{name} must be {expected}, got {value!r}")


def check_name(parameters: Mapping[str, Any], name: str, known: Sequence[str]) -> None:
    """Raise ConfigError unless a parameter is one of the known names."""
    value = parameters[name]
    if not isinstance(value, str) or value not in known:
        raise ConfigError(f"{name}: unknown {name} {value!r}; {nearest(str(value), known)}")


def as_sizes(hidden_sizes: Any) -> Any:
    """Return hidden sizes in the form of the settings; NumPy's arrays and numbers are accepted."""
    if isinstance(hidden_sizes, Integral | str) or not hasattr(hidden_sizes, "__iter__"):
        return hidden_sizes
    return tuple(int(size) if isinstance(size, Integral) else size for size in hidden_sizes)


def draw_seed(random_state: Any) -> int:
    """Return a seed from the parameter random_state."""
    return int(check_random_state(random_state).randint(2**31 - 1))


def refuse_balanced(class_weight: Any) -> None:
    """Raise ConfigError for "balanced", as scikit-learn does: it needs all rows at once."""
    if isinstance(class_weight, str) and class_weight == "balanced":
        raise ConfigError(
            "class_weight='balanced' needs all rows, of which partial_fit sees some: give a dictionary of factors"
        )
