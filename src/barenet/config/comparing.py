"""Which settings differ between two configurations; the caller decides which differences matter."""

from __future__ import annotations

from typing import Any

from barenet.config.names import all_paths
from barenet.config.tables import Config

__all__ = ["differing_settings", "setting_of"]


def differing_settings(one: Config, other: Config) -> list[str]:
    """Return the dotted paths of all settings that differ, in the order of the tables.

    The engine `auto` agrees with every engine.
    """
    return [path for path in all_paths() if differs(path, setting_of(one, path), setting_of(other, path))]


def differs(path: str, one: Any, other: Any) -> bool:
    """Whether two values of a setting differ."""
    return one != other and not (path == "trainer.engine" and "auto" in (one, other))


def setting_of(config: Config, path: str) -> Any:
    """Return a setting by its dotted path."""
    table, name = path.split(".")
    return getattr(getattr(config, table), name)
