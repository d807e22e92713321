"""What a search reports to its observer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from barenet.config.tables import Config
from barenet.run_folders.observer import Watcher
from barenet.tuning.space.plan import Plan
from barenet.tuning.study.trial import Trial

__all__ = ["SearchObserver"]


class SearchObserver(Watcher):
    """An observer of a search, which does nothing; the command line and tests have subclasses that do something."""

    def settings(self, config: Config, searched: Sequence[str]) -> None:
        """Called before training with the settings that trials start from; those in `searched` (dotted paths) vary."""

    def start(self, folder: Path, plan: Plan, n_trials: int, workers: str, names: Sequence[str]) -> None:
        """Called when all checks are done and training begins; `names` are the settings with more than one value."""

    def ended(self, trial: Trial) -> None:
        """Called when a trial has ended: finished, stopped, diverged or failed, now or in an earlier process."""

    def started(self, stack: Sequence[Trial], rung: int) -> None:
        """Called when a stack was sent to a worker."""

    def finished(self, stack: Sequence[Trial], rung: int) -> None:
        """Called when a rung of a stack is done and written, or when a trial was given up."""
