"""The records of a run's epochs, one a line of history.jsonl, each with its checksum.

A damaged line is left out and named; the other lines are read. Resuming needs nothing from this file, only the
checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from barenet.errors import MachineError, RunError
from barenet.storage.sealing import SealError, seal, unseal
from barenet.training.records import EpochRecord

__all__ = ["History", "history_line", "read_history"]


@dataclass(frozen=True)
class History:
    """What a history file holds: its records in order, and the lines (numbers from 1) that are damaged.

    is_cut: whether the last line is damaged and has no line end, as after a crash.
    """

    path: Path
    records: list[EpochRecord]
    damaged: list[int]
    is_cut: bool

    @property
    def is_damaged(self) -> bool:
        """Whether a line is damaged in another way than by a crash."""
        return len(self.damaged) > self.is_cut

    def problems(self, epochs: int | None = None) -> list[str]:
        """Return in words what is missing: damaged lines, and those of the epochs 1 to `epochs` that have no record."""
        words = []
        damaged = self.damaged[:-1] if self.is_cut else self.damaged
        if damaged:
            lines = f"line {damaged[0]} is" if len(damaged) == 1 else f"{len(damaged)} lines ({ranges(damaged)}) are"
            words.append(f"{self.path}: {lines} damaged and left out")
        if epochs is not None:
            there = {record.epoch for record in self.records}
            missing = [epoch for epoch in range(1, epochs + 1) if epoch not in there]
            if missing:
                words.append(f"{self.path} has no record of epoch {ranges(missing)}")
        return words


def history_line(record: EpochRecord) -> str:
    """Return a record as a line of a history, without its end."""
    return seal(record.as_values())


def read_history(path: str | Path) -> History:
    """Return the undamaged records of a history file; none if there is no file.

    Raises:
        MachineError: the file cannot be read.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return History(path, [], [], is_cut=False)
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from None
    lines = data.split(b"\n")
    is_cut = lines[-1] != b""
    records, damaged = read_lines(lines if is_cut else lines[:-1])
    return History(path, records, damaged, is_cut=is_cut and bool(damaged) and damaged[-1] == len(lines))


def read_lines(lines: Iterable[bytes]) -> tuple[list[EpochRecord], list[int]]:
    """Return the records of undamaged lines, and the numbers of damaged lines."""
    records, damaged = [], []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(EpochRecord.from_values(unseal(line)))
        except (SealError, RunError):
            damaged.append(number)
    return records, damaged


def ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers in words.

    >>> ranges([3, 4, 5, 9])
    '3-5, 9'
    """
    groups: list[list[int]] = []
    for number in numbers:
        if groups and number == groups[-1][-1] + 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return ", ".join(str(g[0]) if len(g) == 1 else f"{g[0]}-{g[-1]}" for g in groups)
