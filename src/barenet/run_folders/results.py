"""The results of a run: those of each network, and of the run as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from barenet.config.tables import Config
from barenet.messages import count
from barenet.nn import MLP
from barenet.printing.shown import Shown
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.scores import Scores
from barenet.schema import SchemaError, make_checked
from barenet.storage.files import replace_file
from barenet.storage.sealing import SealError, seal, unseal
from barenet.training.epochs import start_state
from barenet.training.evaluation import plain
from barenet.training.learning.verdict import TrainedNetwork, Verdict, judge, thin
from barenet.training.records import EpochRecord, Stop
from barenet.training.trainer import Trainer

__all__ = ["VERDICT", "NetworkResult", "RunResult", "judge_network", "read_verdict", "write_verdict"]


@dataclass(frozen=True, repr=False)
class NetworkResult(Shown):
    """The result of one network of a run; `scores` is None where the data have no test images.

    verdict: whether it learned anything, and how its validation loss changed.
    """

    seed: int
    folder: Path | None
    best_epoch: int
    validation_accuracy: float
    validation_loss: float
    scores: Scores | None
    model: SavedModel
    history: list[EpochRecord]
    stopped: Stop
    verdict: Verdict

    @property
    def learned(self) -> bool:
        """Whether it learned anything: `verdict.reasons` say why not."""
        return self.verdict.learned

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
            **self.verdict.as_dict(),
        }


@dataclass(frozen=True, repr=False)
class RunResult(Shown):
    """The result of a run: its networks, the average of several networks, the training time and the parameters.

    unsaved: what could not be written, and how to write it; None if everything is in the folder.
    """

    folder: Path | None
    config: Config
    networks: list[NetworkResult]
    lost: list[str]
    ensemble: Scores | None
    training_seconds: float
    parameters: int
    unsaved: str | None = None

    def __repr__(self) -> str:
        figures = self.as_dict()
        parts = [
            f"{kind} accuracy {100 * value:.2f} %"
            for kind in ("validation", "test")
            if (value := figures[f"{kind}_accuracy"]) is not None
        ]
        where, several = self.folder or "in memory", len(self.networks) > 1
        what = f"{count(len(self.networks), 'network')} {self.model.mlp.architecture}"
        n, n_empty = len(self.networks), sum(not network.learned for network in self.networks)
        nothing = "" if n_empty == 0 else "; learned nothing" if n_empty == n else f"; {n_empty} learned nothing"
        return f"RunResult({where}: {what}; {'mean ' * several}{', '.join(parts)}{nothing})"

    @property
    def learned(self) -> bool:
        """Whether every network that did not diverge learned something."""
        return all(network.learned for network in self.networks)

    @property
    def model(self) -> SavedModel:
        """The network that is best on validation."""
        by_accuracy = self.config.trainer.metric == "acc"
        return max(self.networks, key=lambda n: n.validation_accuracy if by_accuracy else -n.validation_loss).model

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`; for several networks, means, standard deviations and all networks."""
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
        return {**figures, **common, "learned": self.learned, "runs": rows, "diverged": self.lost}


def judge_network(trainer: Trainer, network: int, mlp: MLP, history: Sequence[EpochRecord]) -> Verdict:
    """Return whether a network, `mlp` with its best weights, learned anything, and how its validation loss changed."""
    data, config = trainer.data, trainer.configs[network]
    initial, rows = mlp.copy(), thin(data.train_rows)
    initial.parameters.values[...] = start_state(config, trainer.architecture).values[0]
    return judge(
        TrainedNetwork(
            mlp=mlp,
            initial=initial,
            loss=plain(trainer.loss),
            scale=data.scale,
            valid_images=data.valid_images,
            valid_labels=data.valid_labels,
            train_images=data.images[rows],
            train_labels=data.labels[rows],
            class_names=data.class_names,
            history=history,
            config=config,
        )
    )


VERDICT = "learning.json"


def write_verdict(folder: Path, verdict: Verdict, history: Sequence[EpochRecord]) -> None:
    """Write a network's verdict, with the last epoch of its history."""
    values = {"epoch": history[-1].epoch if history else 0, **asdict(verdict)}
    replace_file(folder / VERDICT, seal(values, indent=2) + "\n")


def read_verdict(folder: Path, history: Sequence[EpochRecord]) -> Verdict | None:
    """Return the verdict after the last epoch.

    Returns None before the end of training, for a run of an earlier version, and where the file is damaged: the verdict
    can be measured again.
    """
    path = folder / VERDICT
    if not path.exists() or not history:
        return None
    try:
        values = unseal(path.read_bytes())
        return make_checked(Verdict, values) if values.pop("epoch", None) == history[-1].epoch else None
    except (SealError, SchemaError):
        return None
