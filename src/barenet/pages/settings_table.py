"""Settings as text for a page, and which of them differ between runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from barenet.config.tables import Config

__all__ = ["differing_settings", "show", "show_tables"]


def show(value: Any) -> str:
    """Return a setting as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return " · ".join(f"{row['input_dim']} → {row['output_dim']} {row['activation']}" for row in value)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {show(one)}" for name, one in value.items())
    return str(value)


def show_tables(config: Config) -> dict[str, dict[str, str]]:
    """Return all settings of a run as texts, by table and name."""
    tables = config.as_tables()
    return {table: {name: show(value) for name, value in settings.items()} for table, settings in tables.items()}


def differing_settings(configs: Sequence[Config]) -> list[tuple[str, list[str]]]:
    """Return the settings that differ between runs: their path, and the value of each run as text."""
    tables = [config.as_tables() for config in configs]
    paths = list(dict.fromkeys((table, name) for one in tables for table, keys in one.items() for name in keys))
    rows = []
    for table, name in paths:
        values = [one[table].get(name) for one in tables]
        if any(value != values[0] for value in values):
            rows.append((f"{table}.{name}", ["–" if value is None else show(value) for value in values]))
    return rows
