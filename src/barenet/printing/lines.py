"""Lines on stdout and stderr, JSON, and CSV that a spreadsheet may open."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable
from typing import TextIO

from barenet.messages import escaped
from barenet.printing.encodings import in_its_language

__all__ = ["print_json", "print_line", "print_note", "print_problem", "print_toml", "print_values", "write_csv_row"]

LAYOUT = "\n\t"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # and their full-width forms

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)", re.ASCII)


def print_line(text: object) -> None:
    """Print a line of results on stdout."""
    write(sys.stdout, escaped(in_its_language(str(text), sys.stdout)))


def print_values(text: str) -> None:
    """Print a line of names and numbers on stdout, which is the same in every language."""
    write(sys.stdout, escaped(text))


def print_toml(text: str) -> None:
    """Print TOML on stdout; what does not print is escaped as TOML does it."""
    shown = (c if escaped(c, LAYOUT) == c else f"\\U{ord(c):08x}" for c in text)
    write(sys.stdout, "".join(shown), end="")


def print_json(value: object, *, as_ascii: bool = True) -> None:
    """Print a value as one line of JSON on stdout; `as_ascii=False` leaves letters of all languages as they are."""
    text = json.dumps(value, ensure_ascii=as_ascii)
    # What remains to escape is inside strings, where JSON writes each UTF-16 unit as \uXXXX.
    write(sys.stdout, text if text.isprintable() else "".join(json_character(c) for c in text))


def json_character(character: str) -> str:
    """Return a character of JSON text, escaped as JSON does if it does not print."""
    return character if escaped(character) == character else json.dumps(character)[1:-1]


def print_note(sentence: str, cited: str = "") -> None:
    """Print a note on stderr, and below it the text that it cites, whose line breaks stay."""
    write(sys.stderr, escaped(in_its_language(f"note: {sentence}", sys.stderr)))
    if cited:
        write(sys.stderr, escaped(cited, LAYOUT))


def print_problem(sentence: str) -> None:
    """Print on stderr, in one line, why the command ends."""
    write(sys.stderr, escaped(in_its_language(f"barenet: {sentence}", sys.stderr)))


def write_csv_row(stream: TextIO, cells: Iterable[object]) -> None:
    """Write a line of CSV; text that a spreadsheet would run as a formula gets an apostrophe before it."""
    csv.writer(stream, lineterminator="\n").writerow([safe_cell(cell) for cell in cells])


def safe_cell(cell: object) -> object:
    """Return a cell as it is written; numbers stay as they are, negative ones too.

    >>> safe_cell("=1+1"), safe_cell("-0.5"), safe_cell(-0.5), safe_cell("T-shirt")
    ("'=1+1", '-0.5', -0.5, 'T-shirt')
    """
    if not isinstance(cell, str):
        return cell
    runs = cell.startswith(FORMULA) and NUMBER.fullmatch(cell) is None
    return "'" * runs + escaped(cell)


def write(stream: TextIO, text: str, end: str = "\n") -> None:
    """Write on a standard stream; only this function and the consoles do."""
    stream.write(text + end)
