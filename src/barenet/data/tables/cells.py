"""One cell of a text table: a number, missing, or text."""

from __future__ import annotations

import re

import numpy as np

__all__ = ["DECIMAL_COMMA", "MISSING", "is_missing", "is_number", "parse"]

# What stands for a missing value, in small letters: the words that pandas and R write, and the question mark of UCI.
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none", "nil", "?", "nat", "missing"})
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
    """Return a cell's number, NaN where it is missing; raise ValueError for text, and for an underscore in a number."""
    text = text.strip()
    if decimal == ",":
        text = text.replace(",", ".")
    if "_" in text:
        raise ValueError(text)
    try:
        return float(text)
    except ValueError:
        if text.lower() in MISSING:
            return np.nan
        raise
