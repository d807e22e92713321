"""How a data set is to be read: what `load_dataset` is given, for the readers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from barenet.data.tables.choosing import Choices

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """How to read, of `load_dataset`: what readers of pictures need, and where to say what deserves attention.

    for_model: the data are for a model that knows the classes: one class is enough, and so is a part to test on.
    """

    image_size: tuple[int, int] | None
    color: bool
    skip_broken: bool
    value_range: tuple[int, int] | None
    choices: Choices
    note: Callable[[str], None]
    show_progress: bool
    for_model: bool = False
