"""One cell of a text table: a number, missing, or text."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import numpy as np

from barenet.errors import DataError

__all__ = [
    "DECIMAL_COMMA",
    "MISSING",
    "as_label",
    "as_text",
    "check_spelling",
    "is_absent",
    "is_missing",
    "is_number",
    "parse",
]

# Cells that mean a missing value, in small letters: the words that pandas and R write, and the question mark of UCI.
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none", "nil", "?", "nat", "missing"})
# Words for a missing value that cannot be names of classes. Others, such as "none", can.
NO_LABELS = frozenset({"nan", "-nan", "#n/a", "<na>", "nat"})
UNSEEN = ("\ufeff", "\u200b")  # the byte order mark, left where files were joined, and a space without width
NEGATIVE_ZERO = re.compile(r"-0+(\.0*)?")
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")


def is_missing(text: str) -> bool:
    """Whether a cell says that its value is missing."""
    return text.strip().lower() in MISSING


def is_number(text: str, decimal: str = ".") -> bool:
    """Whether a cell reads as a number."""
    try:
        parse(text, decimal)
    except ValueError:
        return False
    return True


def parse(text: str, decimal: str = ".") -> float:
    """Return a cell's number, NaN where it is missing; raise ValueError for text.

    Python's float also reads underscores ("1_5" is 15) and the digits of all scripts; here these are text.
    """
    text = text.strip()
    if decimal == ",":
        text = text.replace(",", ".")
    if "_" in text or not text.isascii():
        raise ValueError(text)
    try:
        return float(text)
    except ValueError:
        if text.lower() in MISSING:
            return np.nan
        raise


def as_text(value: Any) -> str:
    """Return a cell as text."""
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else str(value).strip()


def as_label(value: Any) -> str:
    """Return a label as text; -0.0 is 0.0, the same class."""
    text = "" if value is None else as_text(value)
    return text[1:] if text.startswith("-0") and NEGATIVE_ZERO.fullmatch(text) else text


def is_absent(value: Any) -> bool:
    """Whether a cell of a data frame holds nothing: None, NaN, pandas's NA and NaT."""
    if isinstance(value, float):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def check_spelling(labels: Collection[str], where: str) -> None:
    """Raise DataError for labels that mean a missing one, or that look alike and would be two classes."""
    for label in sorted(labels):
        if label.lower() in NO_LABELS:
            raise DataError(
                f"{where}: {label} is no class, it says that the label is missing: fill it in, or remove its rows"
            )
        if any(sign in label for sign in UNSEEN):
            raise DataError(f"{where}: the label {label!a} holds a character that nobody sees: remove it")
    spellings: dict[str, str] = {}
    for label in sorted(labels):
        other = spellings.setdefault(label.lower(), label)
        if other is not label and (label.lower() in ("true", "false") or is_missing(label)):
            raise DataError(f"{where}: the labels {other} and {label} differ in capital letters only: write them alike")
