"""A space that is a list of points: each has any settings, and is tried as it is.

    [{"name": "SGD", "lr": 0.1}, {"optimizer": "adamw", "lr": 0.001}]

Such a space is a grid with conditions, of which only the listed points are tried. Its first dimension is the name of a
point; every other setting counts for the names of the points that have it. So studies, Optuna's record and pictures
treat it like any other space. A point without a name is named after its settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from barenet.errors import ConfigError
from barenet.messages import describe
from barenet.tuning.space.dimensions import NAME, Dimension, Point, Value, read_choices, target_of
from barenet.tuning.space.search_space import Space, check_targets, flatten

__all__ = ["POINTS", "check_beside", "list_points"]

POINTS = "points"  # the table's name in a file, and the key of a space that holds the list
UNCHANGED = "base settings"  # the name of a point without a name and without settings
LISTS = ("model.hidden_sizes", "model.activation")  # settings whose one value may be a list


def list_points(table: Mapping[str, Any]) -> Space:
    """Return the space of a table that holds a list of points, and nothing else.

    Raises ConfigError: no points, something beside them, an unknown setting or one given twice in a point, a point or a
    name given twice.
    """
    check_beside(table)
    rows = table[POINTS]
    if isinstance(rows, Mapping):
        raise ConfigError("points is one table; write [[points]], with two brackets, above each point")
    if not isinstance(rows, list | tuple):
        raise ConfigError(f"points must be a list of points, each settings by their names, got {describe(rows)}")
    if not rows:
        raise ConfigError("the list of points is empty; give some, such as {lr = 0.1} and {lr = 0.01}")
    spelling: dict[str, str] = {}
    points = [read_point(row, number, spelling) for number, row in enumerate(rows, start=1)]
    check_names(points, rows)
    settings = [dimension_of(name, points) for name in spelling.values()]
    return Space((Dimension(NAME, choices=tuple(point[NAME] for point in points)), *settings), tuple(points))


def check_beside(table: Mapping[str, Any], where: str = "") -> None:
    """Raise ConfigError if anything else is searched beside a list of points.

    where: the file, which may also have tables of settings; empty for a space from Python, which may not.
    """
    for name, value in table.items():
        if name == "space":
            raise ConfigError(f"{where}a space is [space] or [[points]], not both; leave one of them out")
        if name != POINTS and not (where and isinstance(value, Mapping)):
            raise ConfigError(
                f"{where}{name} cannot be searched beside a list of points; write it into each point, or list more "
                f"points"
            )


def read_point(row: Any, number: int, spelling: dict[str, str]) -> Point:
    """Return one point of a list, its name first.

    spelling: each setting as the first point with it writes it; all points use this name.
    """
    if not isinstance(row, Mapping):
        raise ConfigError(f"point {number} is {describe(row)}, expected settings by their names, such as lr = 0.1")
    name = row.get(NAME)
    if name is not None and not (isinstance(name, str) and name.strip() and name.isprintable()):
        raise ConfigError(f"the name of point {number} must be a text of one line, got {describe(name)}")
    where = f"point {number}" + (f" ({name})" if name else "")
    written = dict(flatten({key: value for key, value in row.items() if key != NAME}))
    check_targets(written, where)
    settings = {spelling.setdefault(target_of(key), key): read_one(key, value, where) for key, value in written.items()}
    return {NAME: name or in_words(settings), **settings}


def read_one(name: str, value: Any, where: str) -> Value:
    """Return the value of a setting in a point."""
    if isinstance(value, list | tuple) and target_of(name) not in LISTS:
        raise ConfigError(f"{where}: a point has one value of {name}, got {value!r}; list a point for each")
    return read_choices(name, [value], where)[0]


def in_words(settings: Point) -> str:
    """Return a name for a point that has none: its settings, with all their digits."""
    words = " ".join(f"{name}={'none' if value is None else value}" for name, value in settings.items())
    return words or UNCHANGED


def check_names(points: Sequence[Point], rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise ConfigError for a point that is given twice, and for two points of one name."""
    seen: dict[Value, int] = {}
    for i, point in enumerate(points):
        first = seen.setdefault(point[NAME], i)
        if first == i:
            continue
        if point == points[first]:
            raise ConfigError(f"point {i + 1} is point {first + 1} again ({point[NAME]}); leave one out")
        raise ConfigError(f"points {first + 1} and {i + 1} have one name, {point[NAME]!r}; change one")


def dimension_of(name: str, points: Iterable[Point]) -> Dimension:
    """Return the dimension of one setting: its listed values, on condition of the names of the points that have it."""
    having = [point for point in points if name in point]
    values = {(type(point[name]), point[name]): point[name] for point in having}
    return Dimension(name, choices=tuple(values.values()), when={NAME: tuple(point[NAME] for point in having)})
