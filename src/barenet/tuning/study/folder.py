"""The folder of a study: what it was asked, and one file for each finished rung of each trial.

    studies/course-search-1/
      study.json            what was asked: space, plan, base settings, data; a search goes on only with the same
      space.toml            the space, and config.toml the settings that every trial starts from
      rounds/0.json         the points of a round, written before any of them is trained
      trials/00003/rung-0.json          what a rung of trial 3 gave; its presence means that the rung is done
      trials/00003/rung-0.safetensors   the state to go on from, only while it is needed
      study.db              Optuna's record, told from these files

Files are written whole, so that a process killed at any moment leaves a rung either done or not done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from barenet.engine.state import TrainingState
from barenet.errors import CheckpointError, MachineError, RunError
from barenet.storage.arrays import read_arrays, write_arrays
from barenet.storage.files import replace_file
from barenet.storage.folders import create_folder
from barenet.storage.sealing import SealError, seal, unseal
from barenet.training.records import EpochRecord
from barenet.tuning.space.dimensions import Point

__all__ = ["RungRecord", "StudyFolder", "create_study"]


@dataclass(frozen=True)
class RungRecord:
    """What a rung of a trial gave. `outcome`: trained, diverged or failed; the last two with a `reason`.

    Figures are of validation: those of the last epoch that had one, and those of the best by the study's metric;
    None before the first. seconds: of the rung, a stack's time divided among its networks.
    """

    outcome: str
    epochs: int
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    best_epoch: int | None = None
    best_valid_loss: float | None = None
    best_valid_accuracy: float | None = None
    seconds: float = 0.0
    reason: str | None = None


@dataclass(frozen=True)
class StudyFolder:
    """The files of a study."""

    path: Path

    @property
    def about(self) -> Path:
        """What was asked."""
        return self.path / "study.json"

    def round(self, number: int) -> Path:
        """The points of a round."""
        return self.path / "rounds" / f"{number}.json"

    def rung(self, trial: str, number: int) -> Path:
        """What a rung of a trial gave."""
        return self.path / "trials" / trial / f"rung-{number}.json"

    def state(self, trial: str, number: int) -> Path:
        """Where a trial goes on from after a rung."""
        return self.path / "trials" / trial / f"rung-{number}.safetensors"

    def write_json(self, path: Path, value: Mapping[str, Any]) -> None:
        """Write an object whole and with its checksum, and the folders it needs."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MachineError(f"cannot write {path}: {error.strerror}") from None
        replace_file(path, seal(value, indent=1) + "\n")

    def write_rung(
        self, trial: str, number: int, record: RungRecord, history: Sequence[EpochRecord], state: TrainingState | None
    ) -> None:
        """Write what a rung gave; the record comes last, since it says that the rung is done."""
        path = self.rung(trial, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        if state is not None:
            write_arrays(self.state(trial, number), {"kind": "state"}, state.arrays())
        self.write_json(path, {**asdict(record), "history": [epoch.as_values() for epoch in history]})

    def read_rungs(self, trial: str) -> list[RungRecord]:
        """Return what the finished rungs of a trial gave, without its history."""
        return [
            RungRecord(**{k: v for k, v in content.items() if k != "history"}) for content in self.read_contents(trial)
        ]

    def read_history(self, trial: str) -> list[EpochRecord]:
        """Return the records of all epochs of a trial."""
        return [EpochRecord.from_values(line) for content in self.read_contents(trial) for line in content["history"]]

    def read_contents(self, trial: str) -> Iterator[dict[str, Any]]:
        """Yield the files of a trial's finished rungs as they are."""
        for number in count():
            path = self.rung(trial, number)
            try:
                yield unseal(path.read_bytes())
            except FileNotFoundError:
                return
            except (OSError, SealError) as error:
                raise RunError(f"{path} cannot be read ({error}); delete it, and its rung is trained again") from None

    def read_state(self, trial: str, number: int) -> TrainingState:
        """Return the state after a rung."""
        try:
            _, arrays = read_arrays(self.state(trial, number))
        except CheckpointError as error:
            state, record = self.state(trial, number), self.rung(trial, number)
            raise RunError(
                f"{state} cannot be read ({error}); delete {record}, and its rung is trained again"
            ) from None
        return TrainingState.from_arrays(arrays)

    def read_points(self, number: int) -> list[Point]:
        """Return the points of a round that was written down."""
        try:
            points: list[Point] = unseal(self.round(number).read_bytes())["points"]
        except (OSError, SealError, KeyError) as error:
            raise RunError(
                f"{self.round(number)} cannot be read ({error}); put it back from a copy, or begin a new study"
            ) from None
        return points

    def drop_states(self, kept: set[str]) -> None:
        """Delete all states but those of the trials to be kept."""
        for path in self.path.glob("trials/*/rung-*.safetensors"):
            if path.parent.name not in kept:
                path.unlink(missing_ok=True)

    def drop_state(self, trial: str, number: int) -> None:
        """Delete a state that nothing goes on from."""
        self.state(trial, number).unlink(missing_ok=True)


def create_study(output: Path, name: str | None, prefix: str) -> StudyFolder:
    """Make the folder of a new study: `output/name`, or `output/prefix-search-1`, `-2`, ... without a name.

    So the name alone tells a study from the runs of the same recipe.
    """
    prefix = prefix if prefix.endswith("search") else f"{prefix}-search"
    return StudyFolder(create_folder(output, name, prefix, kind="study", marker="study.json"))
