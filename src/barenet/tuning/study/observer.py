"""What a search tells whoever watches it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from barenet.config.tables import Config
from barenet.run_folders.observer import Watcher
from barenet.tuning.space.plan import Plan
from barenet.tuning.study.trial import Trial

__all__ = ["SearchObserver"]


class SearchObserver(Watcher):
    """Told what happens in a search; the command line shows it, tests count it. Does nothing by itself."""

    def settings(self, config: Config, searched: Sequence[str]) -> None:
        """Hear what every trial starts from, before anything is trained; `searched`, by dotted path, vary."""

    def start(self, folder: Path, plan: Plan, n_trials: int, workers: str, names: Sequence[str]) -> None:
        """Hear that all checks are done and training begins; `names` are the settings with more than one value."""

    def ended(self, trial: Trial) -> None:
        """Hear that a trial's story is over: finished, stopped, diverged or failed, now or in an earlier process."""

    def started(self, stack: Sequence[Trial], rung: int) -> None:
        """Hear that a stack was sent to a worker."""

    def finished(self, stack: Sequence[Trial], rung: int) -> None:
        """Hear that a rung of a stack is done and written, or that a trial was given up."""
