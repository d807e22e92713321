"""Flags that commands had in earlier versions: they still work, but no help shows them.

`--output` was the folder with the runs, and the flags for the files that a command writes had other names.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from barenet.notes import logger
from barenet.old_words import check_same

__all__ = ["in_new_words"]

NEW_WORDS = {
    "playground": {"--file": "--output"},
    "report": {"--page": "--output"},
    "inspect": {"--figures": "--output"},
}
WRITE_NO_FILE = ("test", "predict")


def in_new_words(arguments: Sequence[str]) -> list[str]:
    """Return a command line with each old flag replaced by the one that is used today.

    Raises ConfigError: an old and a new word for one thing, with different values.
    """
    command = arguments[0] if arguments else ""
    if command not in (*NEW_WORDS, *WRITE_NO_FILE):
        return list(arguments)
    words: list[str] = []
    given: dict[str, tuple[str, str]] = {}  # by today's flag: the flag as it was typed, and its value
    for position, word in enumerate(arguments):
        old, equals, value = word.partition("=")
        if not equals:
            value = arguments[position + 1] if position + 1 < len(arguments) else ""
        new = new_word(command, old, value)
        if new in given:
            check_same(*sorted_by_age(new, given[new], (old, value)))
        if old == "--output" and new == "--runs":
            logger.info(f"--output {value} is taken as --runs {value}: --runs names the folder to look for runs in")
        if new in ("--output", "--runs"):
            given[new] = old, value
        words.append(f"{new}{equals}{value}" if equals else new)
    return words


def new_word(command: str, flag: str, value: str) -> str:
    """Return today's name of a flag, which may depend on its value; any other word is returned unchanged."""
    if flag == "--output" and (command in WRITE_NO_FILE or holds_runs(Path(value))):
        return "--runs"
    return NEW_WORDS.get(command, {}).get(flag, flag)


def holds_runs(folder: Path) -> bool:
    """Whether there are runs in a folder."""
    return next(folder.glob("*/config.toml"), None) is not None


def sorted_by_age(new: str, one: tuple[str, str], other: tuple[str, str]) -> tuple[str, str, str, str]:
    """Return two flags and their values, today's flag first."""
    first, second = (one, other) if one[0] == new else (other, one)
    return *first, *second
