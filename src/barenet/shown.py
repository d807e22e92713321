"""How results print: in a line or a few, whatever arrays they hold, and in a notebook with tables and pictures.

What a notebook shows is drawn by packages above those that hold the results: it is found by name when it is asked for.
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
    """A dataclass, made with `repr=False`, that prints in a line and has a page's worth to show in a notebook."""

    def __repr__(self) -> str:
        own: Any = self
        parts = [f"{field.name}={short(getattr(own, field.name))}" for field in fields(own)]
        return f"{type(self).__name__}({', '.join(parts)})"

    def _repr_html_(self) -> str | None:
        """Return what a notebook shows, a self-contained piece of HTML; None where the line says it all."""
        shown: str | None = import_module("barenet.pages.cells").html_of(self)
        return shown


def short(value: object) -> str:
    """Return a value in a few words: of an array its type and shape, of a long list its length."""
    for kinds, show in KINDS:
        if isinstance(value, kinds):
            return show(value)
    text = repr(value)
    return text if len(text) <= LENGTH and " at 0x" not in text else f"<{type(value).__name__}>"


def show_mapping(value: Mapping[Any, Any]) -> str:
    """Return the entries of a small mapping, or how many there are."""
    if len(value) > MOST:
        return f"<{type(value).__name__} of {len(value)}>"
    return "{" + ", ".join(f"{short(key)}: {short(own)}" for key, own in value.items()) + "}"


def show_list(value: list[Any] | tuple[Any, ...]) -> str:
    """Return the elements of a short list, or how many there are."""
    if len(value) > MOST or any(isinstance(own, Shown) for own in value):
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
