"""How to read a data set: the arguments of `load_dataset`, for the readers."""

from __future__ import annotations

from dataclasses import dataclass

from barenet.data.tables.choosing import Choices

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """The arguments of `load_dataset` that readers need.

    for_model: the data are for a model that knows the classes: one class is enough, and so is a test part alone.
    """

    image_size: tuple[int, int] | None
    color: bool
    skip_broken: bool
    value_range: tuple[int, int] | None
    choices: Choices
    show_progress: bool
    for_model: bool = False
