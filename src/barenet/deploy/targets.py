"""The file that an export writes: its format, its name, and whether it may be written."""

from __future__ import annotations

import re
from pathlib import Path

from barenet.errors import ConfigError, RunError, nearest
from barenet.run_folders.finding import parts_of_name
from barenet.run_folders.folder import RunFolder
from barenet.storage.files import with_ending

__all__ = ["FORMATS", "check_target", "choose_target", "default_name"]

FORMATS = {"onnx": ".onnx", "numpy": ".py"}
CONTENTS = {"onnx": "an ONNX model", "numpy": "a Python program"}


def choose_target(to: str | None, output: str | Path | None) -> tuple[str, Path | None]:
    """Return the format, as given or by the ending of the file, and the file to write if one is named."""
    by_suffix = {suffix: name for name, suffix in FORMATS.items()}
    if to is None and output is not None:
        to = by_suffix.get(Path(output).suffix.lower())
    if to is None:
        raise ConfigError("export needs --to onnx or --to numpy, or an --output that ends in .onnx or .py")
    if to not in FORMATS:
        raise ConfigError(f"--to: unknown format {to!r}; {nearest(to, FORMATS)}")
    return to, None if output is None else with_ending(output, CONTENTS[to], [FORMATS[to]])


def default_name(path: Path, to: str) -> str:
    """Return a name for the file: that of the run or study, and of the part of it unless that is the best.

    A .py file gets a name that can be imported.
    """
    whole = path.resolve()
    folder = whole if whole.is_dir() else whole.parent
    parts = [*parts_of_name(folder)] if RunFolder(folder).config.exists() or whole.is_dir() else []
    parts += [] if whole.is_dir() else [whole.stem]
    name = "-".join([parts[0], *(part for part in parts[1:] if part != "best")])
    if to == "numpy":
        name = re.sub(r"\W", "_", name)
        name = f"model_{name}" if not name.isidentifier() else name
    return name + FORMATS[to]


def check_target(target: Path, force: bool) -> None:
    """Raise RunError unless a file may be written at `target`."""
    if target.is_dir():
        raise RunError(f"{target} is a folder; name a file by --output")
    if not target.absolute().parent.is_dir():
        raise RunError(f"there is no folder {target.parent} for {target.name}; make it, or choose another --output")
    if target.exists() and not force:
        raise RunError(f"{target} exists already; overwrite it by --force, or choose another --output")
