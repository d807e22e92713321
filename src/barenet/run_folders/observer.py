"""What a run tells whoever watches it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from barenet.config.tables import Config
from barenet.training.records import EpochRecord
from barenet.training.trainer import Trainer

__all__ = ["Observer", "Watcher"]


class Watcher:
    """What observers of runs and of searches have in common."""

    takes_flags = False  # whether whoever watches types flags of the command line, and not keywords of Python

    def __enter__(self) -> Self:
        """Begin to watch."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching, whether all ended well or not."""

    def note(self, message: str) -> None:
        """Hear of something that a person should know."""


class Observer(Watcher):
    """Told what happens in a run; the command line shows it, tests count it. Does nothing by itself."""

    quiet = True  # whether nobody wants to see how far slow preparations are

    def start(self, folder: Path | None, config: Config, trainer: Trainer) -> None:
        """Hear that all checks are done and training begins."""

    def progress(self, epoch: int, step: int, n_steps: int, n_networks: int) -> None:
        """Hear that step number `step` of `n_steps`, counted from 0, is taken.

        Called after the first and the last step of each epoch, and about five times a second in between.
        """

    def record(self, record: EpochRecord) -> None:
        """Hear of a finished epoch of one network."""
