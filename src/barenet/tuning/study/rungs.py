"""The result of a rung of a trial, as its file holds it; and how the files of a study are read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from barenet.errors import MachineError, RunError
from barenet.messages import describe
from barenet.schema import SchemaError, make_checked
from barenet.storage.sealing import SealError, unseal
from barenet.training.records import EpochRecord
from barenet.tuning.space.dimensions import Value

__all__ = ["DamagedError", "RungRecord", "StoredRung", "Subject", "check_object", "read_sealed", "read_stored_rung"]


class DamagedError(RunError):
    """A file of a study is not what was written."""


@dataclass(frozen=True)
class RungRecord:
    """The result of a rung of a trial. `outcome`: trained, diverged or failed; the last two with a `reason`.

    Validation figures are those of the last validated epoch and of the best one by the study's metric; None before the
    first validation. seconds: the time of the rung; that of a stack is divided among its networks.
    """

    outcome: Literal["trained", "diverged", "failed"]
    epochs: int
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    best_epoch: int | None = None
    best_valid_loss: float | None = None
    best_valid_accuracy: float | None = None
    seconds: float = 0.0
    reason: str | None = None


@dataclass(frozen=True)
class Subject:
    """What a record is about: the key of its trial, its rung, its point, its round and the number of points of that.

    From this, the points of a round can be checked if its file is damaged, and a file in a wrong place is noticed.
    """

    trial: str
    rung: int
    round: int
    round_size: int
    point: dict[str, Value]


@dataclass(frozen=True)
class StoredRung:
    """What a rung's file holds; `subject` is None in files of earlier versions."""

    record: RungRecord
    history: list[EpochRecord]
    subject: Subject | None


def read_stored_rung(path: Path, trial: str, number: int) -> StoredRung | None:
    """Return the result of a rung, None if it is not done; raise DamagedError for a damaged file."""
    try:
        values = read_sealed(path)
        if values is None:
            return None
        lines, about = values.pop("history", None), values.pop("about", None)
        if not isinstance(lines, list):
            raise SchemaError("its history is no list of records")
        subject = None if about is None else make_checked(Subject, check_object(about))
        if subject is not None and (subject.trial, subject.rung) != (trial, number):
            raise SchemaError(f"it is of rung {subject.rung} of trial {subject.trial}")
        history = [EpochRecord.from_values(check_object(line)) for line in lines]
        return StoredRung(make_checked(RungRecord, values), history, subject)
    except (SealError, SchemaError, RunError) as error:
        raise DamagedError(f"{path} is damaged ({error})") from None


def check_object(value: Any) -> dict[str, Any]:
    """Return a value that should be an object of JSON; raise SchemaError if it is not."""
    if not isinstance(value, dict):
        raise SchemaError(f"it holds {describe(value)} in place of an object")
    return value


def read_sealed(path: Path) -> dict[str, Any] | None:
    """Return what a file holds, None if there is no file; a list, as in earlier versions, becomes the value `points`.

    Raises:
        SealError: the file is damaged.
        MachineError: it cannot be read.
    """
    if not path.exists():
        return None
    if not path.is_file():
        raise SealError("it is no file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from None
    return unseal(b'{"points": ' + data + b"}" if data.startswith(b"[") else data)
