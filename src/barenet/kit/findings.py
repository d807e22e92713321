"""What the check of a step finds: sentences about what is wrong, notes, and the state of the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["MISSING", "NOT_CHECKED", "RIGHT", "WRONG", "Findings", "NotPossible", "NotWritten", "StepResult", "Wrong"]

RIGHT, WRONG, MISSING, NOT_CHECKED = "right", "wrong", "not written yet", "not checked"


class Wrong(Exception):
    """Something is wrong, and the rest of the step cannot be checked."""


class NotWritten(Exception):
    """A body that the student has not written yet; the message names its step."""


class NotPossible(Exception):
    """A step cannot be checked for a reason that says nothing about the homework."""


@dataclass
class Findings:
    """Collects what is wrong and what is worth a note while a step is checked."""

    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *sentences: str) -> None:
        """Add sentences about something wrong, except those that are there already."""
        self.wrong += [sentence for sentence in sentences if sentence not in self.wrong]

    def note(self, sentence: str) -> None:
        """Add a note, if it is not there yet."""
        if sentence not in self.notes:
            self.notes.append(sentence)


@dataclass(frozen=True)
class StepResult:
    """The state of a step, what is wrong, and notes; `seconds` is how long its check took."""

    step: str
    status: str
    wrong: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the result as a process hands it over and as `--json` prints it."""
        return asdict(self) | {"wrong": list(self.wrong), "notes": list(self.notes)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> StepResult:
        """Return the result that `as_dict` described; raises KeyError, TypeError or ValueError for anything else."""
        wrong, notes = ([str(text) for text in values[key]] for key in ("wrong", "notes"))
        if values["status"] not in (RIGHT, WRONG, MISSING, NOT_CHECKED):
            raise ValueError(values["status"])
        return cls(str(values["step"]), values["status"], tuple(wrong), tuple(notes), float(values["seconds"]))
