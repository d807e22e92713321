"""What a run came to, a network at a time and as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from barenet.config.tables import Config
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.scores import Scores
from barenet.training.records import EpochRecord, Stop

__all__ = ["NetworkResult", "RunResult"]


@dataclass(frozen=True)
class NetworkResult:
    """What one network of a run came to; `scores` are None where the data has no test images."""

    seed: int
    folder: Path | None
    best_epoch: int
    validation_accuracy: float
    validation_loss: float
    scores: Scores | None
    model: SavedModel
    history: list[EpochRecord]
    stopped: Stop

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`."""
        return {
            "run": None if self.folder is None else str(self.folder),
            "seed": self.seed,
            "best_epoch": self.best_epoch,
            "validation_accuracy": self.validation_accuracy,
            "validation_loss": self.validation_loss,
            "test_accuracy": None if self.scores is None else self.scores.accuracy,
            "test_loss": None if self.scores is None else self.scores.loss,
            "stopped": str(self.stopped),
        }


@dataclass(frozen=True)
class RunResult:
    """What a run came to: its networks, their average where there are several, and what it cost."""

    folder: Path | None
    config: Config
    networks: list[NetworkResult]
    lost: list[str]
    ensemble: Scores | None
    training_seconds: float
    parameters: int

    @property
    def model(self) -> SavedModel:
        """The network that is best on validation."""
        by_accuracy = self.config.trainer.metric == "acc"
        return max(self.networks, key=lambda n: n.validation_accuracy if by_accuracy else -n.validation_loss).model

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`; with several networks means, standard deviations and all runs."""
        common = {"training_seconds": self.training_seconds, "parameters": self.parameters}
        run = None if self.folder is None else str(self.folder)
        if self.config.trainer.n_seeds == 1:
            return {**self.networks[0].as_dict(), **common, "run": run}
        rows = [network.as_dict() for network in self.networks]
        figures: dict[str, Any] = {"run": run, "best_epoch": [row["best_epoch"] for row in rows]}
        for name in ("validation_accuracy", "validation_loss", "test_accuracy", "test_loss"):
            values = [row[name] for row in rows if row[name] is not None]
            figures[name] = float(np.mean(values)) if values else None
            figures[f"{name}_std"] = float(np.std(values, ddof=1)) if len(values) > 1 else None
        figures["ensemble_test_accuracy"] = None if self.ensemble is None else self.ensemble.accuracy
        figures["ensemble_test_loss"] = None if self.ensemble is None else self.ensemble.loss
        return {**figures, **common, "runs": rows, "diverged": self.lost}
