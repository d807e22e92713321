"""What a search tells whoever watches it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from barenet.tuning.space.plan import Plan
from barenet.tuning.study.trial import Trial

__all__ = ["SearchObserver"]


class SearchObserver:
    """Told what happens in a search; the command line shows it, tests count it. Does nothing by itself."""

    def __enter__(self) -> Self:
        """Begin to watch."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching, whether the search ended well or not."""

    def note(self, message: str) -> None:
        """Hear of something that a person should know."""

    def start(self, folder: Path, plan: Plan, n_trials: int, workers: str, names: Sequence[str]) -> None:
        """Hear that all checks are done and training begins; `names` are the settings with more than one value."""

    def ended(self, trial: Trial) -> None:
        """Hear that a trial's story is over: finished, stopped, diverged or failed, now or in an earlier process."""

    def started(self, stack: Sequence[Trial], rung: int) -> None:
        """Hear that a stack was sent to a worker."""

    def finished(self, stack: Sequence[Trial], rung: int) -> None:
        """Hear that a rung of a stack is done and written, or that a trial was given up."""
