"""Settings that trials start from, as a person gives them: tables, a file, or values by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from barenet.config.names import SHORT_NAMES, describe_settings, setting_hint, setting_path
from barenet.config.places import check_tables
from barenet.config.reading import read_toml
from barenet.config.sources import take_recipe
from barenet.config.tables import Config
from barenet.errors import ConfigError
from barenet.tuning.space.plan import Plan

__all__ = ["read_base", "read_settings"]


def read_base(
    base: Config | str | Path | Mapping[str, Any] | None, recipe: str | None = None
) -> tuple[dict[str, Any], str | None]:
    """Return base settings by dotted path, and the recipe that they or `recipe` name.

    Raises ConfigError if they name two recipes.
    """
    if base is None:
        return {}, recipe
    if isinstance(base, Config):
        tables: Mapping[str, Any] = base.as_tables()
    else:
        tables = base if isinstance(base, Mapping) else read_toml(base)
    where = "base" if isinstance(base, Config | Mapping) else str(base)
    recipe, tables = take_recipe(tables, where, recipe)
    given = check_tables(tables, where)
    return {f"{table}.{name}": value for table, settings in given.items() for name, value in settings.items()}, recipe


def read_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return, by dotted path, the named values that are settings of training, and not of the search."""
    given: dict[str, Any] = {}
    for name, value in values.items():
        if name in Plan.model_fields:
            continue
        try:
            path = setting_path(name)
        except ConfigError:
            known = [*Plan.model_fields, *(leaf for _, leaf, _ in describe_settings()), *SHORT_NAMES]
            raise ConfigError(f"unknown setting {name!r}; {setting_hint(name, dict.fromkeys(known))}") from None
        if path in given:
            raise ConfigError(f"{path} was given twice, as {given[path]!r} and, by the name {name!r}, as {value!r}")
        given[path] = str(value) if isinstance(value, Path) else value
    return given
