"""The events of a run, as methods that an observer may override."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from barenet.config.tables import Config
from barenet.training.records import EpochRecord
from barenet.training.trainer import Trainer

__all__ = ["Observer", "Watcher"]


class Watcher:
    """The methods that observers of runs and of searches have in common."""

    takes_flags = False  # whether advice names flags of the command line; otherwise it names keywords of Python

    def __enter__(self) -> Self:
        """Begin to observe."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop observing, also after an error."""


class Observer(Watcher):
    """Receives the events of a run; this base class ignores them. The command line shows them, and tests count them."""

    quiet = True  # whether the progress of slow preparations is not shown

    def start(self, folder: Path | None, config: Config, trainer: Trainer) -> None:
        """Called when all checks are done and training begins."""

    def progress(self, epoch: int, step: int, n_steps: int, n_networks: int) -> None:
        """Called when step number `step` of `n_steps`, counted from 0, is done.

        It is called after the first and the last step of each epoch, and about five times a second between them.
        """

    def record(self, record: EpochRecord) -> None:
        """Called after each epoch of each network."""
