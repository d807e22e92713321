"""One searched setting: its name, its values, and the condition under which it counts.

The name of a setting is its dotted path, its short name or the course project's word. A network's layers can also be
searched one by one: `n_hidden_layers`, `hidden_size_1`, `activation_2`.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from barenet.config.names import SHORT_NAMES, describe_settings, setting_hint, setting_path
from barenet.config.tables import TABLES
from barenet.errors import ConfigError, nearest
from barenet.messages import count

__all__ = [
    "DEPTH",
    "FIXED",
    "NAME",
    "OF_A_TRIAL",
    "Dimension",
    "Point",
    "Value",
    "layer_number",
    "parse_dimension",
    "target_of",
]

Value = str | int | float | bool | None
Point = dict[str, Value]

LAYER = re.compile(r"(hidden_size|activation)_([1-9]\d*)")
DEPTH = "n_hidden_layers"
NAME = "name"  # of a listed point; it is no setting
FIXED = ("input_dim", "output_dim")  # the course project names them; the images decide them
# Settings of the data that may differ from trial to trial.
OF_A_TRIAL = ("batch_size", "mirror", "shift", "affine", "mixup")
SHARED = {
    "data.n_valid": "all trials share one split",
    "data.split_seed": "all trials share one split",
    "model.teacher": "all trials have one teacher; name it by --teacher",
    "trainer.metric": "one metric compares all trials; choose it by --metric",
    "trainer.n_seeds": "--repeats trains the best settings with several seeds",
    "trainer.keep_best": "it changes no result",
    "trainer.threads": "every trial has one thread",
    "trainer.engine": "one engine trains all trials",
}


@dataclass(frozen=True)
class Dimension:
    """One searched setting: a list of `choices`, or a range from `low` to `high`, both included.

    points: the number of values that a grid takes from a range. when: the setting counts only if each setting named
    here has one of the values given here.
    """

    name: str
    choices: tuple[Value, ...] = ()
    low: float = math.nan
    high: float = math.nan
    log: bool = False
    integer: bool = False
    points: int | None = None
    when: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)

    def grid_values(self) -> tuple[Value, ...]:
        """Return the values that a grid takes.

        Raises ConfigError for a range of real numbers without `points`.
        """
        if self.choices:
            return self.choices
        if self.points is None and self.integer:
            return tuple(range(int(self.low), int(self.high) + 1))
        if self.points is None:
            raise ConfigError(
                f"a grid takes single values of {self.name}: give a list, or points = 5 beside low and high; "
                "the strategies random and tpe draw from a range"
            )
        spaced = (np.geomspace if self.log else np.linspace)(self.low, self.high, self.points)
        if not self.integer:
            return tuple(float(value) for value in spaced)
        return tuple(dict.fromkeys(int(value) for value in np.rint(spaced)))

    def as_text(self) -> str:
        """Return the dimension in words; equal words mean equal values and equal conditions."""
        points = f", {count(self.points, 'point')}" if self.points else ""
        span = f"{self.low:g} to {self.high:g}{', log' * self.log}{points}"
        values = str(list(self.choices)) if self.choices else span
        conditions = [f"{name} in {list(allowed)}" for name, allowed in sorted(self.when.items())]
        return f"{self.name} = {values}" + (f" when {' and '.join(conditions)}" if conditions else "")

    def has(self, value: Value) -> bool:
        """Whether a value is one of the setting's values: 1 is not true, and 1.0 is not a whole number."""
        if self.choices:
            return any(type(value) is type(choice) and value == choice for choice in self.choices)
        return type(value) is (int if self.integer else float) and self.low <= value <= self.high

    def is_active(self, point: Mapping[str, Value]) -> bool:
        """Whether the setting counts, given the values of the settings before it."""
        return all(point.get(name) in values and name in point for name, values in self.when.items())


def parse_dimension(name: str, row: Any, where: str) -> Dimension:
    """Return one dimension from a list, a single value, or a table of choices or of low and high."""
    target_of(name, where)
    if not isinstance(row, Mapping):
        return Dimension(name, choices=read_choices(name, row if isinstance(row, list | tuple) else [row], where))
    known = ("choices", "low", "high", "log", "points", "when")
    for key in row:
        if key not in known:
            raise ConfigError(f"{where}: {name} has an unknown {key!r}; {nearest(key, known)}")
    when = {
        parent: read_choices(parent, values if isinstance(values, list | tuple) else [values], where)
        for parent, values in row.get("when", {}).items()
    }
    if "choices" in row:
        return Dimension(name, choices=read_choices(name, row["choices"], where), when=when)
    return parse_range(name, row, when, where)


def parse_range(name: str, row: Mapping[str, Any], when: Mapping[str, tuple[Value, ...]], where: str) -> Dimension:
    """Return the dimension of a range, checked."""
    low, high = row.get("low"), row.get("high")
    for word, bound in (("low", low), ("high", high)):
        if not isinstance(bound, numbers.Real) or isinstance(bound, bool) or not math.isfinite(bound):
            raise ConfigError(
                f"{where}: {name} needs low and high, two numbers, or a list of choices; got {word} = {bound!r}"
            )
    assert low is not None
    assert high is not None
    log, points, integer = row.get("log", False), row.get("points"), is_whole(target_of(name, where))
    if low >= high:
        raise ConfigError(f"{where}: {name} goes from low = {low:g} to high = {high:g}; low must be less than high")
    if not isinstance(log, bool) or (log and low <= 0):
        raise ConfigError(f"{where}: {name} with log = {log!r} must begin above 0, got low = {low:g}")
    if points is not None and (not isinstance(points, int) or isinstance(points, bool) or points < 2):
        raise ConfigError(f"{where}: points of {name} must be a whole number, 2 or more, got {points!r}")
    if integer and (low != int(low) or high != int(high)):
        raise ConfigError(f"{where}: {name} takes whole numbers, got low = {low:g} and high = {high:g}")
    number = int if integer else float
    return Dimension(name, low=number(low), high=number(high), log=log, integer=integer, points=points, when=when)


def read_choices(name: str, values: Any, where: str) -> tuple[Value, ...]:
    """Return the choices of a list, each once; a list of sizes such as [128, 32] becomes the text 128-32."""
    if not isinstance(values, list | tuple) or not values:
        raise ConfigError(f"{where}: {name} needs at least one value, got {values!r}")
    choices: dict[tuple[type, Any], Value] = {}
    for value in values:
        plain = value.item() if isinstance(value, np.generic) else value
        if isinstance(plain, list | tuple):
            plain = "-".join(map(str, plain))
        if plain is not None and not isinstance(plain, str | int | float | bool):
            raise ConfigError(f"{where}: a value of {name} must be a number, a text or true or false, got {value!r}")
        choices[type(plain), plain] = plain
    return tuple(choices.values())


def layer_number(name: str) -> tuple[str, int] | None:
    """Return ("hidden_size" or "activation", layer from 1) for a name that means one layer, else None."""
    match = LAYER.fullmatch(name)
    return (match[1], int(match[2])) if match else None


def target_of(name: str, where: str = "the space") -> str:
    """Return what a name means: the dotted path of a setting, or the name itself if it is about layers.

    Raises ConfigError for an unknown name, and for a setting that all trials share.
    """
    if layer_number(name) or name == DEPTH or name in FIXED:
        return name
    try:
        path = setting_path(name)
    except ConfigError:
        leaves = [leaf for table, leaf, _ in describe_settings() if leaf != "name"]
        paths = [f"{table}.{leaf}" for table, leaf, _ in describe_settings()]
        known = paths if "." in name else [*leaves, *SHORT_NAMES, "hidden_size_1", "activation_1", DEPTH]
        raise ConfigError(f"{where}: unknown setting {name!r}; {setting_hint(name, dict.fromkeys(known))}") from None
    table, _, leaf = path.partition(".")
    if path in SHARED or (table == "data" and leaf not in OF_A_TRIAL):
        raise ConfigError(f"{where}: {name} cannot be searched: {SHARED.get(path, 'all trials see the same images')}")
    if path == "model.layers":
        raise ConfigError(f"{where}: search model.hidden_sizes, hidden_size_1, activation_1, ... in place of {name}")
    return path


def is_whole(target: str) -> bool:
    """Whether a setting takes whole numbers only."""
    if "." not in target:
        return not target.startswith("activation")
    table, name = target.split(".")
    annotation = str(TABLES[table].model_fields[name].annotation)
    return "int" in annotation and "float" not in annotation
