"""The argument of `train` and `search` without a flag: a settings file, or data, which people often write there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from barenet.config.reading import UTF16_MARKS
from barenet.data.files import is_address
from barenet.errors import ConfigError
from barenet.messages import as_typed
from barenet.notes import logger
from barenet.run_folders.finding import find_folder, is_ensemble

__all__ = ["take_data"]

NUMBER = re.compile(r"[-+.\d]+(e[-+]?\d+)?,?")
BEGINNING = 4096  # bytes of a file that show whether it has settings


def take_data(word: Path | None, given: dict[str, Any]) -> tuple[Path | None, dict[str, Any]]:
    """Return the settings file that a word names, and the given settings; a word that names data becomes a setting.

    Raises ConfigError: the word names a run or a study, or names data while `given` has data too.
    """
    if word is not None and NUMBER.fullmatch(str(word)) and not word.exists():
        raise ConfigError(
            f"unexpected value {word}: several values of a flag have commas and no spaces between them, as in "
            f"--hidden 64,32 and --grid lr=0.1,0.2"
        )
    if word is None or not (is_address(str(word)) or is_data(word)):
        return word, given
    if "data.path" in given:
        raise ConfigError(f"{word} is data, and so is --data {given['data.path']}; give one of them")
    logger.info(f"{word} is taken as the data, as --data {word} would")
    return None, {**given, "data.path": str(word)}


def is_data(path: Path) -> bool:
    """Whether a path exists and is data, not settings; raise ConfigError for a run, an ensemble or a study."""
    if not path.exists():
        path = find_folder(path)  # it may be the name of a run or a study
    if is_ensemble(path):
        raise ConfigError(
            f"{path} is an ensemble, which holds neither settings nor data: give a settings file, or data"
        )
    if path.is_dir():
        for marker, command, settings in (
            ("study.json", "search", "space.toml"),
            ("config.toml", "train", "config.toml"),
        ):
            if (path / marker).exists():
                raise ConfigError(
                    f"{path} is a folder that barenet {command} made: go on with it by --resume {as_typed(path)}, or "
                    f"give its settings, {as_typed(path / settings)}"
                )
        return True
    return path.is_file() and path.suffix.lower() != ".toml" and not reads_as_settings(path)


def reads_as_settings(path: Path) -> bool:
    """Whether a file without the suffix .toml looks like a settings file: it is text with a table or a setting."""
    with path.open("rb") as file:
        beginning = file.read(BEGINNING)
    encoding = "utf-16" if beginning.startswith(UTF16_MARKS) else "utf-8-sig"
    text = beginning.decode(encoding, errors="replace")
    return "\0" not in text and any(is_toml(line) for line in text.splitlines())


def is_toml(line: str) -> bool:
    """Whether a line is the head of a TOML table or a setting."""
    try:
        return bool(tomllib.loads(line))
    except tomllib.TOMLDecodeError:
        return False
