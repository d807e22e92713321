"""Make the folder of a kit, and recognise one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from barenet.errors import ConfigError, MachineError
from barenet.kit.steps import Step
from barenet.messages import as_typed, describe

__all__ = ["LANGUAGES", "check_adapter", "check_files", "check_kit", "files_of", "inner_kit", "new_kit"]

VERSION = 1  # of the files and of what the check calls
TEMPLATES = Path(__file__).parent / "templates"
LANGUAGES = ("en", "zh")
MARK = "kit.toml"


def new_kit(folder: Path, language: str = "en") -> list[Path]:
    """Write the files of a kit into a new folder, and return them.

    Raises ConfigError: the folder is there, or the kit has no such language.
    """
    if language not in LANGUAGES:
        raise ConfigError(f"the kit has no language {describe(language)}; known: {', '.join(LANGUAGES)}")
    if folder.exists():
        raise ConfigError(f"{as_typed(folder)} is already there; name a new folder")
    try:
        folder.mkdir(parents=True)
        written = []
        for template in sorted((TEMPLATES / language).glob("*.txt")):
            written.append(folder / template.stem)
            written[-1].write_text(template.read_text("utf-8"), "utf-8", newline="\n")
        mark = f'# The check needs this file.\nversion = {VERSION}\nlanguage = "{language}"\n'
        (folder / MARK).write_text(mark, "utf-8", newline="\n")
    except OSError as error:
        raise MachineError(f"the kit could not be written into {as_typed(folder)}: {error.strerror}") from error
    return [*written, folder / MARK]


def check_kit(folder: Path) -> None:
    """Raise ConfigError if a folder is no kit, or one of a newer version."""
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {as_typed(folder)}")
    mark = folder / MARK
    inner = inner_kit(folder)
    if inner is not None:
        raise ConfigError(f"{as_typed(folder)} is no kit, and {as_typed(inner)} is one; name that folder")
    if not mark.is_file():
        raise ConfigError(
            f"{as_typed(folder)} is no kit, since it has no {MARK}; for other homework name a file with --adapter"
        )
    try:
        version = tomllib.loads(mark.read_text("utf-8-sig")).get("version")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{as_typed(mark)} cannot be read: {error}") from error
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ConfigError(f"version in {as_typed(mark)} must be a whole number from 1, got {describe(version)}")
    if version > VERSION:
        raise ConfigError(
            f"{as_typed(folder)} is a kit of version {version}, and this barenet knows {VERSION}; update it"
        )


def check_adapter(adapter: Path) -> None:
    """Raise ConfigError if an adapter is no Python file."""
    if not adapter.is_file():
        raise ConfigError(f"there is no file {as_typed(adapter)}")
    if adapter.suffix != ".py":
        raise ConfigError(f"the name of an adapter must end with .py, got {as_typed(adapter)}")


def inner_kit(folder: Path) -> Path | None:
    """Return the only kit in the folders of a folder that is no kit, such as an unpacked archive; None if none is."""
    if (folder / MARK).is_file():
        return None
    kits = sorted(mark.parent for mark in folder.glob(f"*/{MARK}"))
    return kits[0] if len(kits) == 1 else None


def files_of(steps: Iterable[Step]) -> dict[str, list[Step]]:
    """Return the steps that need each file."""
    files: dict[str, list[Step]] = {}
    for step in steps:
        for file in step.names:
            files.setdefault(file, []).append(step)
    return files


def check_files(folder: Path, steps: Iterable[Step]) -> None:
    """Raise ConfigError if a folder lacks a file that the check of these steps needs."""
    for file, needing in files_of(steps).items():
        if not (folder / file).is_file():
            raise ConfigError(f"{as_typed(folder)} has no {file}, the file of {needing[0].title}")
