"""What a rung of a trial gave, as its file holds it, and how a file of a study is read: whole, or damaged."""

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
    """What a rung of a trial gave. `outcome`: trained, diverged or failed; the last two with a `reason`.

    Figures are of validation: those of the last epoch that had one, and those of the best by the study's metric;
    None before the first. seconds: of the rung, a stack's time divided among its networks.
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
    """What a record is about: its trial by its key, its rung, its point, and which round of how many points that is of.

    By this a round whose file is damaged is known again, and a file in a wrong place is noticed.
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
    """Return what a rung gave, None where it is not done; raise DamagedError for a file that is not whole."""
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
    """Return what should be an object of JSON; raise SchemaError if it is none."""
    if not isinstance(value, dict):
        raise SchemaError(f"it holds {describe(value)} in place of an object")
    return value


def read_sealed(path: Path) -> dict[str, Any] | None:
    """Return what a file holds, None where it is not there; the list of points of an earlier version as `points`.

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
