"""A space as a person writes it: a TOML file, Python values, or flags.

Flags are such as `--grid lr=0.05,0.01` and `--range l2=1e-5:1e-2:log`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, KeysView, Mapping, Sequence, Set
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import tomli_w

from barenet.config.places import check_tables
from barenet.config.reading import read_toml
from barenet.config.sources import take_recipe
from barenet.config.tables import TABLES
from barenet.errors import ConfigError, nearest
from barenet.messages import describe
from barenet.tuning.space.listed import POINTS, check_beside
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.points import Base

__all__ = [
    "SpaceFile",
    "SpaceLike",
    "as_lists",
    "parse_flags",
    "read_space",
    "read_space_file",
    "read_value",
    "write_space_file",
]

MOST_VALUES = 10_000  # of one setting; a generator may have no end

SpaceFile = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
SpaceLike = str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]]  # a file, a space, or a list of points


def read_space(space: SpaceLike) -> SpaceFile:
    """Return what a space's file holds; or a space from Python, without any other settings."""
    if isinstance(space, str | Path):
        return read_space_file(Path(space))
    if not isinstance(space, Mapping | list | tuple):
        raise ConfigError(
            f"the space is {describe(space)}, expected values by the names of settings, a list of points, or a "
            "TOML file; images and labels are given as x=..., y=..."
        )
    return as_lists(space) if isinstance(space, Mapping) else {POINTS: [as_lists(point) for point in space]}, {}, {}


def read_space_file(path: Path) -> SpaceFile:
    """Return a file's space, its [search] table, and the settings that every trial starts from by dotted path.

    With a table [space] or [[points]] the other tables are settings as `barenet train` takes them. Without one, all
    tables but [search] are the space.
    """
    tables = read_toml(path)
    recipe, tables = take_recipe(tables, str(path))
    search = tables.pop("search", {})
    if not isinstance(search, dict):
        raise ConfigError(f"{path}: search must be a table, got {search!r}")
    if recipe is not None and search.setdefault("recipe", recipe) != recipe:
        raise ConfigError(f"{path} names two recipes, {recipe} and, in [search], {search['recipe']}; leave out one")
    if POINTS in tables:
        check_beside(tables, f"{path}: ")
        space = {POINTS: tables.pop(POINTS)}
    elif "space" not in tables:
        return read_texts(tables), search, {}
    else:
        space = tables.pop("space")
    if not isinstance(space, dict):
        raise ConfigError(f"{path}: space must be a table, got {space!r}")
    for name, value in tables.items():
        if isinstance(value, dict) and name not in TABLES:
            raise ConfigError(f"{path}: unknown table [{name}]; {nearest(name, (*TABLES, 'search', 'space', POINTS))}")
    settings = check_tables(tables, str(path))
    given = {f"{table}.{name}": value for table, rows in settings.items() for name, value in rows.items()}
    return read_texts(space), search, given


def read_texts(row: Any) -> Any:
    """Return a table with the text "none" as None, which TOML cannot write: clip_norm = ["none", 1.0]."""
    if isinstance(row, dict):
        return {name: read_texts(value) for name, value in row.items()}
    if isinstance(row, list):
        return [read_texts(value) for value in row]
    return None if row == "none" else row


def write_space_file(table: Mapping[str, Any], plan: Plan, base: Base) -> str:
    """Return a file that asks for the same search: space, plan, and the settings given over the recipe, in their order.

    A row that is a table is written in one line, at its place. tomli_w would put it after all others, and the points of
    random and tpe depend on the order. Listed points come one after another, each below [[points]].
    """
    search = {"strategy": plan.strategy, **plan.model_dump(exclude_defaults=True, exclude_none=True)}
    tables: dict[str, Any] = {"search": {**search, "recipe": base.recipe}}
    settings = base.config().as_tables()  # numbers are numbers here, though flags gave texts; None is left out
    for section, name in (path.split(".", 1) for path in base.given):
        if name in settings[section]:
            tables.setdefault(section, {})[name] = settings[section][name]
    parts = [("[[points]]", point) for point in table[POINTS]] if POINTS in table else [("[space]", table)]
    return tomli_w.dumps(tables) + "".join(f"\n{head}\n{write_rows(rows)}" for head, rows in parts)


def write_rows(table: Mapping[str, Any]) -> str:
    """Return a line of TOML for each entry of a table."""
    return "".join(f"{tomli_w.dumps({name: 0}).split(' = ')[0]} = {inline(row)}\n" for name, row in table.items())


def inline(value: Any) -> str:
    """Return a value as TOML in one line; None as the text "none", which `read_texts` reads again."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{tomli_w.dumps({k: 0}).split(' = ')[0]} = {inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    return tomli_w.dumps({"x": "none" if value is None else value}).removeprefix("x = ").strip()


def parse_flags(grids: Sequence[str], ranges: Sequence[str]) -> dict[str, Any]:
    """Return the space of `--grid NAME=VALUE,VALUE` and `--range NAME=LOW:HIGH[:log]`.

    >>> parse_flags(["lr=0.05,0.01", "hidden=128-32,256-64"], ["l2=1e-5:1e-2:log"])
    {'lr': [0.05, 0.01], 'hidden': ['128-32', '256-64'], 'l2': {'low': 1e-05, 'high': 0.01, 'log': True}}
    """
    space: dict[str, Any] = {}
    for flag, texts in (("--grid", grids), ("--range", ranges)):
        for text in texts:
            name, separator, values = text.partition("=")
            if not separator or not name.strip():
                example = "lr=0.05,0.01" if flag == "--grid" else "lr=0.001:0.1:log"
                raise ConfigError(f"{flag} takes NAME=VALUES, such as {flag} {example}; got {text!r}")
            name = name.strip().lstrip("-").replace("-", "_")
            if name in space:
                raise ConfigError(f"{flag} {text}: {name} was given twice; write all its values in one list")
            if flag == "--grid":
                parts = [part.strip() for part in values.split(",")]
                space[name] = [read_value(part) for part in parts if part]
            else:
                space[name] = read_range(text, values)
    return space


def read_range(text: str, values: str) -> dict[str, Any]:
    """Return the table of LOW:HIGH or LOW:HIGH:log."""
    parts = values.split(":")
    bounds = [read_value(part) for part in parts[:2]]
    is_number = [isinstance(bound, int | float) and not isinstance(bound, bool) for bound in bounds]
    if len(bounds) != 2 or not all(is_number) or parts[2:] not in ([], ["log"]):
        raise ConfigError(f"--range takes NAME=LOW:HIGH or NAME=LOW:HIGH:log, such as lr=0.001:0.1:log; got {text!r}")
    return {"low": bounds[0], "high": bounds[1], "log": bool(parts[2:])}


def read_value(text: str) -> Any:
    """Return a value from a flag: a number, true or false, none, or else the text.

    >>> [read_value(text) for text in ("3", "0.1", "true", "none", "128-32", "relu")]
    [3, 0.1, True, None, '128-32', 'relu']
    """
    words: dict[str, Any] = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def as_lists(row: Any) -> Any:
    """Return a space with its ranges, sets, arrays and generators as lists, which files can hold, and plain numbers.

    >>> as_lists({"lr": {0.1, 0.01}, "epochs": range(5, 20, 5)})
    {'lr': [0.01, 0.1], 'epochs': [5, 10, 15]}
    """
    if isinstance(row, Mapping):
        return {name: as_lists(value) for name, value in row.items()}
    if isinstance(row, np.generic | np.ndarray):
        return as_lists(row.tolist())
    if isinstance(row, Set) and not isinstance(row, KeysView):
        return sorted_values([as_lists(value) for value in row])
    if isinstance(row, Iterable) and not isinstance(row, str | bytes | PurePath):
        values = list(islice(row, MOST_VALUES + 1))
        if len(values) > MOST_VALUES:
            raise ConfigError(f"a setting of the space has more than {MOST_VALUES:,} values; give it low and high")
        return [as_lists(value) for value in values]
    return row


def sorted_values(values: list[Any]) -> list[Any]:
    """Return the values of a set in an order that is the same in every process: by size, or else by type."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=lambda value: (type(value).__name__, json.dumps(value, default=str)))
