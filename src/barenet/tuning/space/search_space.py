"""A space of settings: which are searched, through which values, and under which conditions.

    {"lr": [0.05, 0.01], "l2": {"low": 1e-5, "high": 1e-2, "log": True}, "momentum": {"choices": [0.0, 0.9]}}

`dimensions` reads one row of that, `listed` reads a list of points, and `points` makes settings from a point.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from barenet.config.tables import TABLES
from barenet.errors import ConfigError, nearest
from barenet.messages import count, describe
from barenet.schema import SchemaError
from barenet.tuning.space.dimensions import DEPTH, NAME, Dimension, Point, layer_number, parse_dimension, target_of

__all__ = ["COURSE_GRID", "Space", "check_targets", "flatten"]

COURSE_GRID = {"hidden_size_1": [128, 256], "hidden_size_2": [64, 32], "lr": [0.05, 0.01], "ld": [0.001, 0.005]}


@dataclass(frozen=True)
class Space:
    """The dimensions of a search, each after those that its conditions name.

    listed: the points, where they were given one by one; their first dimension is their `NAME`.
    """

    dimensions: tuple[Dimension, ...]
    listed: tuple[Point, ...] = ()

    @staticmethod
    def parse(table: Mapping[str, Any], where: str = "the space", n_hidden: int = 0) -> Space:
        """Return the space that a table describes; `n_hidden` is the number of hidden layers of the base settings.

        Raises ConfigError: no settings, an unknown or doubled one, an empty list, a range whose low is not below its
        high, a layer that the network does not have.
        """
        rows = dict(flatten(table))
        if not rows:
            raise ConfigError(f"{where} names no setting to search; give one, such as lr = [0.05, 0.01]")
        dimensions = {name: parse_dimension(name, row, where) for name, row in rows.items()}
        check_targets(dimensions, where)
        dimensions = with_layer_conditions(dimensions, where, n_hidden)
        return Space(parents_first(dimensions, where))

    def __iter__(self) -> Iterator[Dimension]:
        """Yield the dimensions."""
        return iter(self.dimensions)

    @property
    def names(self) -> list[str]:
        """The names of all dimensions."""
        return [dimension.name for dimension in self.dimensions]

    @property
    def targets(self) -> list[str]:
        """What is searched: settings by dotted path, and layers by their names."""
        return [target_of(name) for name in self.names if name != NAME]

    @property
    def texts(self) -> list[str]:
        """The space in words; equal words mean equal spaces."""
        if self.listed:
            return [f"the point {point}" for point in self.listed]
        return [dimension.as_text() for dimension in self.dimensions]

    @property
    def varied(self) -> list[str]:
        """The names of dimensions with more than one value, or all if none has; for listed points only `NAME`."""
        if self.listed:
            return [NAME]
        return [dimension.name for dimension in self.dimensions if len(dimension.choices) != 1] or self.names

    @property
    def has_ranges(self) -> bool:
        """Whether a dimension is a range without `points`."""
        return any(not d.choices and d.points is None for d in self.dimensions)

    def grid(self) -> Iterator[Point]:
        """Yield every point of the grid, the last setting changing fastest; listed points as they are listed."""
        yield from map(dict, self.listed) if self.listed else grow({}, self.dimensions)

    def check_point(self, point: Mapping[str, Any]) -> None:
        """Raise SchemaError for a point that is not in this space: its settings or their values are wrong."""
        active = [dimension for dimension in self if dimension.is_active(point)]
        for dimension in active:
            if dimension.name not in point:
                raise SchemaError(f"{dimension.name} is missing")
            if not dimension.has(point[dimension.name]):
                raise SchemaError(f"{dimension.name} is {describe(point[dimension.name])}, which is not searched")
        for name in point:
            if name not in {dimension.name for dimension in active}:
                raise SchemaError(f"{describe(name)} is not searched")
        if self.listed and point not in self.listed:
            raise SchemaError(f"{describe(point[NAME])} has other settings than its point in the list")

    def check_grid(self, limit: int) -> int:
        """Return the number of points of the grid or the list; raise ConfigError if it is more than `limit`."""
        has_conditions = any(dimension.when for dimension in self.dimensions)
        if self.listed:
            count = len(self.listed)
        elif has_conditions:
            count = sum(1 for _ in islice(self.grid(), limit + 1))
        else:
            count = math.prod(len(dimension.grid_values()) for dimension in self.dimensions)
        if count > limit and self.listed:
            raise ConfigError(f"the list has {count:,} points and {limit:,} are allowed; raise that by --limit")
        if count > limit:
            shown = f"more than {limit:,}" if has_conditions else f"{count:,}"
            raise ConfigError(
                f"the grid has {shown} points and {limit:,} are allowed; raise that by --limit, "
                "or draw some by --strategy random --trials 100"
            )
        return count


def grow(point: Point, dimensions: tuple[Dimension, ...]) -> Iterator[Point]:
    """Yield every point that has the values of `point` and a value of each remaining dimension."""
    if not dimensions:
        yield dict(point)
        return
    first, rest = dimensions[0], dimensions[1:]
    if not first.is_active(point):
        yield from grow(point, rest)
        return
    for value in first.grid_values():
        yield from grow({**point, first.name: value}, rest)


def flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (name, row); of a table of settings, such as [space.optimizer], each of its rows."""
    for name, row in table.items():
        if not prefix and name in TABLES and isinstance(row, Mapping):
            yield from flatten(row, f"{name}.")
        else:
            yield prefix + name, row


def check_targets(names: Iterable[str], where: str) -> None:
    """Raise ConfigError for an unknown name, two names of one setting, and lists of layers mixed with single layers."""
    seen: dict[str, str] = {}
    for name in names:
        target = target_of(name, where)
        if target in seen:
            raise ConfigError(f"{where}: {seen[target]!r} and {name!r} are the same setting; leave one out")
        seen[target] = name
    sizes = [name for target, name in seen.items() if target == DEPTH or target.startswith("hidden_size_")]
    for path, singles in (
        ("model.hidden_sizes", sizes),
        ("model.activation", [name for target, name in seen.items() if target.startswith("activation_")]),
    ):
        if path in seen and singles:
            raise ConfigError(f"{where}: {seen[path]!r} and {singles[0]!r} both decide the layers; leave one out")


def with_layer_conditions(dimensions: Mapping[str, Dimension], where: str, n_hidden: int) -> dict[str, Dimension]:
    """Return the dimensions; each one of a single layer gets the condition that the network has this layer."""
    depth = dimensions.get(DEPTH)
    depths = depth.grid_values() if depth else (n_hidden,)
    deepest = max(value for value in depths if isinstance(value, int))
    if "model.hidden_sizes" in {target_of(name) for name in dimensions}:
        deepest = 1_000_000  # whether a network has the layer is checked when its settings are made
    result = dict(dimensions)
    for name, dimension in dimensions.items():
        layer = layer_number(name)
        if layer:
            kind, number = layer
            last = deepest + (kind == "activation" and depth is None)  # the last layer has an activation too
            if number > last:
                layers = count(deepest, "hidden layer")
                raise ConfigError(f"{where}: there is no {name}: the network has {layers}; search {DEPTH} for more")
            if depth:
                having = tuple(value for value in depths if isinstance(value, int) and value >= number)
                result[name] = replace(dimension, when={**dimension.when, DEPTH: having})
    return result


def check_condition(dimension: Dimension, parent: Dimension, where: str) -> None:
    """Raise ConfigError if a condition asks for a value that the other setting never takes."""
    for value in dimension.when[parent.name]:
        within = isinstance(value, int | float) and parent.low <= value <= parent.high
        if not (value in parent.choices if parent.choices else within):
            known = ", ".join(map(str, parent.choices)) or f"{parent.low:g} to {parent.high:g}"
            raise ConfigError(f"{where}: {dimension.name} counts when {parent.name} is {value!r}, but it takes {known}")


def parents_first(dimensions: Mapping[str, Dimension], where: str) -> tuple[Dimension, ...]:
    """Return the dimensions in their order, except that each comes after those that its conditions name."""
    placed: dict[str, Dimension] = {}
    waiting = dict(dimensions)
    for dimension in dimensions.values():
        for parent in dimension.when:
            if parent not in dimensions:
                hint = nearest(parent, dimensions)
                raise ConfigError(f"{where}: {dimension.name} depends on {parent!r}, which is not searched; {hint}")
            check_condition(dimension, dimensions[parent], where)
    while waiting:
        ready = [name for name, dimension in waiting.items() if all(parent in placed for parent in dimension.when)]
        if not ready:
            raise ConfigError(f"{where}: the conditions of {', '.join(waiting)} go in a circle")
        placed[ready[0]] = waiting.pop(ready[0])
    return tuple(placed.values())
