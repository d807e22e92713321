"""The folder of a study: what it was asked for, and one file for each finished rung of each trial.

    studies/course-search-1/
      study.json            what was asked for: space, plan, base settings, data; a resume must ask for the same
      space.toml            the space, and config.toml the settings that every trial starts from
      rounds/0.json         the points of a round, written before any of them is trained
      trials/00003/rung-0.json          the result of a rung of trial 3; if the file is there, the rung is done
      trials/00003/rung-0.safetensors   the state after the rung, only while it is needed
      study.db              Optuna's record, written from these files

A file is written completely or not at all. So if a process is killed, each rung is either done or not done. The methods
`take_` are for the search that has locked the folder: they set a damaged file aside, say so, and treat it as missing,
so that its rung is trained again. The methods `read_` change nothing, and raise an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from barenet.engine.state import TrainingState
from barenet.errors import CheckpointError, MachineError
from barenet.notes import logger
from barenet.schema import SchemaError
from barenet.storage.arrays import read_arrays, write_arrays
from barenet.storage.files import make_folder, replace_file, set_aside
from barenet.storage.folders import NewFolder
from barenet.storage.sealing import SealError, seal
from barenet.training.records import EpochRecord
from barenet.tuning.space.dimensions import Point
from barenet.tuning.space.search_space import Space
from barenet.tuning.study.rungs import (
    DamagedError,
    RungRecord,
    StoredRung,
    Subject,
    check_object,
    read_sealed,
    read_stored_rung,
)

__all__ = ["StudyFolder", "new_study"]


@dataclass(frozen=True)
class StudyFolder:
    """The files of a study."""

    path: Path

    @property
    def about(self) -> Path:
        """The file that says what was asked for."""
        return self.path / "study.json"

    def round(self, number: int) -> Path:
        """Return the path of the points of a round."""
        return self.path / "rounds" / f"{number}.json"

    def rung(self, trial: str, number: int) -> Path:
        """Return the path of the result of a rung of a trial."""
        return self.path / "trials" / trial / f"rung-{number}.json"

    def state(self, trial: str, number: int) -> Path:
        """Return the path of the state of a trial after a rung."""
        return self.path / "trials" / trial / f"rung-{number}.safetensors"

    def write_json(self, path: Path, value: Mapping[str, Any]) -> None:
        """Write an object with its checksum, and make the folders it needs."""
        make_folder(path.parent)
        replace_file(path, seal(value, indent=1) + "\n")

    # Rungs

    def write_rung(
        self,
        subject: Subject,
        record: RungRecord,
        history: Sequence[EpochRecord],
        state: TrainingState | None = None,
    ) -> None:
        """Write the result of a rung; the record is written last, since it says that the rung is done."""
        trial, number = subject.trial, subject.rung
        path = self.rung(trial, number)
        make_folder(path.parent)
        if state is not None:
            write_arrays(self.state(trial, number), {"kind": "state", "trial": trial, "rung": number}, state.arrays())
        lines = [epoch.as_values() for epoch in history]
        self.write_json(path, {"about": asdict(subject), **asdict(record), "history": lines})

    def read_stored(self, trial: str) -> Iterator[StoredRung]:
        """Yield the results of the finished rungs of a trial."""
        for number in count():
            stored = read_stored_rung(self.rung(trial, number), trial, number)
            if stored is None:
                return
            yield stored

    def read_rungs(self, trial: str) -> list[RungRecord]:
        """Return the results of the finished rungs of a trial, without its history."""
        return [stored.record for stored in self.read_stored(trial)]

    def read_history(self, trial: str) -> list[EpochRecord]:
        """Return the records of all epochs of a trial."""
        return [record for stored in self.read_stored(trial) for record in stored.history]

    def take_rungs(self, trial: str) -> list[StoredRung]:
        """Return the results of a trial's finished rungs up to the first damaged file, which is set aside."""
        rungs: list[StoredRung] = []
        try:
            rungs.extend(self.read_stored(trial))
        except DamagedError as error:
            self.put_aside(self.rung(trial, len(rungs)), error, f"rung {len(rungs)} of trial {trial} is trained again")
        return rungs

    def take_state(self, trial: str, number: int) -> TrainingState | None:
        """Return the state after a rung, None if there is none; a damaged file is set aside."""
        path = self.state(trial, number)
        if not path.exists():
            return None
        try:
            if not path.is_file():
                raise CheckpointError(f"{path} is no file")
            info, arrays = read_arrays(path)
            if (info.get("trial"), info.get("rung")) != (trial, number):
                raise CheckpointError(f"{path} is not of rung {number} of trial {trial}")
            return TrainingState.from_arrays(arrays)
        except (CheckpointError, KeyError) as error:
            self.put_aside(path, error, f"trial {trial} is trained again from its start, to the same state")
            return None

    def put_aside(self, path: Path, why: Exception, consequence: str) -> None:
        """Rename a damaged file, and say so."""
        logger.info(f"{why}; it is kept as {set_aside(path).name}, and {consequence}")

    # Rounds

    def write_points(self, number: int, points: Sequence[Point]) -> None:
        """Write the points of a round."""
        self.write_json(self.round(number), {"points": list(points)})

    def read_points(self, number: int, space: Space) -> list[Point] | None:
        """Return the points of a round, None if they were not chosen yet; raise DamagedError for a damaged file."""
        path = self.round(number)
        try:
            values = read_sealed(path)
            if values is None:
                return None
            points = values.get("points")
            if not isinstance(points, list) or not points or set(values) != {"points"}:
                raise SchemaError("it holds no points")
            for point in points:
                space.check_point(check_object(point))
            return points
        except (SealError, SchemaError) as error:
            raise DamagedError(f"{path} is damaged ({error})") from None

    def take_points(self, number: int, space: Space) -> list[Point] | None:
        """Return the points of a round, None if they were not chosen yet; a damaged file is set aside."""
        try:
            return self.read_points(number, space)
        except DamagedError as error:
            self.put_aside(self.round(number), error, "its points are chosen again")
            return None

    def read_subjects(self, number: int) -> dict[int, Subject | None]:
        """Return what the first records of trials from `number` on are about, by trial; damaged ones are skipped."""
        found: dict[int, Subject | None] = {}
        for path in sorted(self.path.glob("trials/*")):
            if path.name.isdecimal() and int(path.name) >= number:
                try:
                    stored = read_stored_rung(self.rung(path.name, 0), path.name, 0)
                except DamagedError:
                    continue  # `take_rungs` sets it aside and says so
                if stored is not None:
                    found[int(path.name)] = stored.subject
        return found

    # States that are no longer needed

    def drop_states(self, kept: set[str]) -> None:
        """Delete all states but those of the trials to be kept."""
        for path in self.path.glob("trials/*/rung-*.safetensors"):
            if path.parent.name not in kept and path.stem.removeprefix("rung-").isdecimal():
                drop(path)

    def drop_state(self, trial: str, number: int) -> None:
        """Delete a state that is no longer needed."""
        drop(self.state(trial, number))


def drop(path: Path) -> None:
    """Delete a file, if it is there."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise MachineError(f"cannot delete {path}: {error.strerror}") from None


def new_study(output: Path, name: str | None, prefix: str) -> NewFolder:
    """Return the folder of a new study to fill: `output/name`, or `output/prefix-search-1`, `-2`, ... without a name.

    So a study's name differs from those of runs of the same recipe.
    """
    prefix = prefix if prefix.endswith("search") else f"{prefix}-search"
    return NewFolder(output, name, prefix, kind="study", marker="study.json")
