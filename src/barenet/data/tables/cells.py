"""One cell of a text table: a number, missing, or text."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

__all__ = ["DECIMAL_COMMA", "MISSING", "as_text", "is_absent", "is_missing", "is_number", "parse"]

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


def as_text(value: Any) -> str:
    """Return a cell as text."""
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else str(value).strip()


def is_absent(value: Any) -> bool:
    """Whether a cell of a data frame holds nothing: None, NaN, pandas's NA and NaT."""
    if isinstance(value, float):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")
