"""How results print: in one line or a few, however large their arrays, and in a notebook with tables and pictures.

The packages that draw for a notebook import the results' packages, so this module imports them only when it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from barenet.messages import one_line

__all__ = ["Shown", "short"]

MOST = 4  # elements of a list that are shown one by one
LENGTH = 60  # characters of a text that are shown


class Shown:
    """A dataclass, made with `repr=False`, that prints in one line, and in a notebook with tables and pictures."""

    def __repr__(self) -> str:
        result: Any = self
        parts = [f"{field.name}={short(getattr(result, field.name))}" for field in fields(result)]
        return f"{type(self).__name__}({', '.join(parts)})"

    def _repr_html_(self) -> str | None:
        """Return the HTML that a notebook shows, which needs no other file; None where the line is enough."""
        shown: str | None = import_module("barenet.pages.cells").html_of(self)
        return shown


def short(value: object) -> str:
    """Return a value in a few words: an array by its type and shape, a long list by its length."""
    for kinds, show in KINDS:
        if isinstance(value, kinds):
            return show(value)
    text = repr(value)
    return text if len(text) <= LENGTH and " at 0x" not in text else f"<{type(value).__name__}>"


def show_mapping(value: Mapping[Any, Any]) -> str:
    """Return the entries of a small mapping, or how many there are."""
    if len(value) > MOST:
        return f"<{type(value).__name__} of {len(value)}>"
    return "{" + ", ".join(f"{short(key)}: {short(entry)}" for key, entry in value.items()) + "}"


def show_list(value: list[Any] | tuple[Any, ...]) -> str:
    """Return the elements of a short list, or how many there are."""
    if len(value) > MOST or any(isinstance(element, Shown) for element in value):
        of = f" {type(value[0]).__name__}" if isinstance(value[0], Shown) else ""
        return f"<{type(value).__name__} of {len(value)}{of}>"
    first, last = "[]" if isinstance(value, list) else "()"
    return first + ", ".join(map(short, value)) + last


# How values are shown, by their kind; the first that fits is taken.
KINDS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (Shown, lambda value: f"<{type(value).__name__}>"),
    (np.ndarray, lambda value: f"<{value.dtype} {value.shape}>"),
    ((float, np.floating), lambda value: f"{value:.6g}"),
    (str, lambda value: one_line(repr(value), LENGTH)),
    (Path, lambda value: one_line(value, LENGTH)),
    (Mapping, show_mapping),
    ((list, tuple), show_list),
)
