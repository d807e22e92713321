"""The points of the steps: the usual ones, or those of a file points.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

from barenet.errors import ConfigError, nearest
from barenet.kit.steps import STEPS
from barenet.messages import as_typed, describe

__all__ = ["read_points"]

MOST = 1_000_000  # points of a step


def read_points(file: Path | None) -> dict[str, float]:
    """Return the points of each step, in the order of the steps. A file replaces all of them: `forward = 10`.

    Steps that the file does not name give no points.

    Raises ConfigError: no such file, no TOML, an unknown step, a value that is no number from 0 to a million.
    """
    if file is None:
        return {step.name: step.points for step in STEPS}
    if not file.is_file():
        raise ConfigError(f"there is no file {as_typed(file)}")
    try:
        table = tomllib.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{as_typed(file)} is no TOML: {error}") from error
    table = table["points"] if isinstance(table.get("points"), dict) else table
    names = [step.name for step in STEPS]
    for name, value in table.items():
        if name not in names:
            raise ConfigError(
                f"unknown step {name!r} in {as_typed(file)}; {nearest(name, names)}; all: {', '.join(names)}"
            )
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= MOST:
            raise ConfigError(f"{name} in {as_typed(file)} must be a number from 0 to {MOST}, got {describe(value)}")
    if not sum(table.values()):
        raise ConfigError(f"{as_typed(file)} gives no points; write lines such as forward = 10")
    return {name: float(table.get(name, 0)) for name in names}
