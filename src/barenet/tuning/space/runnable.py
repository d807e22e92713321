"""Find the values of a space that cannot be trained, before training begins: the same for every strategy and seed.

A value with which no point of the space can run is an error. If values contradict each other in some points only, each
of these points becomes a failed trial, with its reason. In a list of points, each point that cannot run is an error.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from barenet.config.tables import Config
from barenet.errors import ConfigError
from barenet.tuning.space.dimensions import Dimension, Point, Value
from barenet.tuning.space.points import describe
from barenet.tuning.space.search_space import Space

__all__ = ["check_points", "check_values"]

MOST_POINTS = 200  # points that are tried for a value, at most


def check_points(space: Space, configure: Callable[[Point], Config]) -> None:
    """Raise ConfigError for a listed point that cannot be trained, and for two that mean the same settings."""
    names: dict[str, str] = {}
    for point in space.listed:
        name = describe(point)
        try:
            settings = configure(point).model_dump_json()
        except ConfigError as error:
            raise ConfigError(f"{error} (at the point {name})") from None
        if settings in names:
            raise ConfigError(f"the points {names[settings]!r} and {name!r} have the same settings; leave one out")
        names[settings] = name


def check_values(space: Space, configure: Callable[[Point], Config]) -> None:
    """Raise ConfigError for a value with which no point can run; of a range only the ends are checked.

    Args:
        space: what is searched.
        configure: makes the settings of a point, and raises ConfigError where they cannot be trained.
    """
    corners = corners_of(space)
    works: set[tuple[str, type, Value]] = set()

    def try_out(point: Point) -> str | None:
        try:
            configure(point)
        except ConfigError as error:
            return str(error)
        works.update((name, type(value), value) for name, value in point.items())
        return None

    # Most spaces have no wrong value. To show that, as many points are enough as the longest list has values.
    for i in range(max(len(d.choices) for d in corners)):
        try_out(grow_point(corners, [d.choices[i % len(d.choices)] for d in corners]))
    for dimension in corners:
        for value in dimension.choices:
            if (dimension.name, type(value), value) not in works:
                check_value(corners, dimension.name, value, try_out)


def check_value(corners: Sequence[Dimension], name: str, value: Value, try_out: Callable[[Point], str | None]) -> None:
    """Raise ConfigError if none of the points with a value can run; the message is that of most points."""
    faults: Counter[str] = Counter()
    examples: dict[str, Point] = {}
    for point in points_with(corners, name, value):
        fault = try_out(point)
        if fault is None:
            return
        faults[fault] += 1
        examples.setdefault(fault, point)
    if faults:
        fault = faults.most_common(1)[0][0]
        raise ConfigError(f"{fault} (at the point {describe(examples[fault])})")


def corners_of(space: Space) -> list[Dimension]:
    """Return the dimensions with choices alone: of a range, its ends and the values that conditions name."""
    named = [(parent, value) for d in space for parent, values in d.when.items() for value in values]
    corners = []
    for d in space:
        number = int if d.integer else float
        ends = (number(d.low), number(d.high)) if not d.choices else ()
        inside = [value for parent, value in named if parent == d.name and not d.choices]
        corners.append(replace(d, choices=d.choices or tuple(dict.fromkeys([*ends, *inside]))))
    return corners


def grow_point(dimensions: Sequence[Dimension], values: Sequence[Value]) -> Point:
    """Return the point that has one value of each dimension, where its conditions hold."""
    point: Point = {}
    for dimension, value in zip(dimensions, values, strict=True):
        if dimension.is_active(point):
            point[dimension.name] = value
    return point


def points_with(corners: Sequence[Dimension], name: str, value: Value) -> Iterator[Point]:
    """Yield points with a value: all of them, or a sample in which the values of other dimensions occur."""
    allowed = {d.name: d.choices for d in corners}
    restrict(allowed, {d.name: d for d in corners}, name, (value,))
    if not all(allowed.values()):
        return  # its conditions never hold together
    dimensions = tuple(replace(d, choices=allowed[d.name]) for d in corners)
    if math.prod(len(d.choices) for d in dimensions) <= MOST_POINTS:
        points = Space(dimensions).grid()
    else:
        # Each value of every other dimension occurs (at most MOST_POINTS of them), in an order that is shuffled for
        # each dimension. The seed is fixed: the seed of the search must not decide what is an error.
        rng = np.random.default_rng(0)
        columns = [
            [d.choices[i % len(d.choices)] for i in rng.permutation(max(MOST_POINTS, len(d.choices)))]
            for d in dimensions
        ]
        rows = zip(*(column[:MOST_POINTS] for column in columns), strict=True)
        points = (grow_point(dimensions, row) for row in rows)
    yield from (point for point in points if name in point)


def restrict(
    allowed: dict[str, tuple[Value, ...]], by_name: dict[str, Dimension], name: str, values: tuple[Value, ...]
) -> None:
    """Keep only the given values of a dimension, and of its conditions only the values under which it counts."""
    allowed[name] = tuple(value for value in allowed[name] if value in values)
    for parent, wanted in by_name[name].when.items():
        restrict(allowed, by_name, parent, wanted)
