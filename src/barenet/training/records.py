"""The record of one epoch of one network, and how it is written to files and lines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from barenet.errors import RunError
from barenet.messages import describe
from barenet.schema import SchemaError, make_checked

__all__ = ["EpochRecord", "Stop", "format_loss", "training_seconds"]

HUGE = 1e6  # larger losses are written with an exponent


@dataclass(frozen=True)
class Stop:
    """Why a network stopped, as a kind and in words: it finished, its patience ended ("early"), or it diverged."""

    kind: Literal["finished", "early", "diverged"]
    words: str

    def __str__(self) -> str:
        """Return the words, as written in files and messages."""
        return self.words

    @staticmethod
    def parse(words: str) -> Stop:
        """Return the reason that words in a file give; the first word is the kind. Raises RunError for other words."""
        kinds: dict[str, Literal["finished", "early", "diverged"]]
        kinds = {"finished": "finished", "stopped": "early", "diverged": "diverged"}
        first = str(words).partition(" ")[0]
        if first not in kinds:
            known = ", ".join(kinds)
            raise RunError(f"a history is damaged: {describe(words)} is not a reason to stop; known: {known}")
        return Stop(kinds[first], words)


@dataclass(frozen=True, repr=False)
class EpochRecord:
    """One epoch of one network.

    Losses have no L2 term, and the validation loss has no label smoothing, so that settings can be compared.
    Accuracies are fractions 0-1. Training loss and accuracy are running means over the epoch; each batch is measured
    before its step. Norms are those of the last step of the epoch: of the gradient of the loss, of the change of the
    parameters, and of the parameters. `update_ratios` has, for each parameter, the norm of its change divided by the
    norm of the parameter.
    """

    network: int
    epoch: int
    step: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    valid_loss: float | None
    valid_accuracy: float | None
    is_best: bool
    gradient_norm: float
    update_norm: float
    weight_norm: float
    seconds: float
    update_ratios: Mapping[str, float] = field(default_factory=dict)
    stopped: Stop | None = None

    def __repr__(self) -> str:
        return f"EpochRecord({self.as_line()})"

    @property
    def diverged(self) -> bool:
        """Whether the network diverged in this epoch."""
        return self.stopped is not None and self.stopped.kind == "diverged"

    def as_values(self) -> dict[str, Any]:
        """Return the record in a form that JSON can hold: NaN and infinity become null."""
        values = {name: value if is_finite(value) else None for name, value in asdict(self).items()}
        values["update_ratios"] = {k: v if is_finite(v) else None for k, v in self.update_ratios.items()}
        values["stopped"] = None if self.stopped is None else str(self.stopped)
        return values

    @staticmethod
    def from_values(values: Mapping[str, Any]) -> EpochRecord:
        """Return the record of these values; raise RunError for other names or types than those of a record."""
        try:
            return make_checked(EpochRecord, {name: read_value(name, value) for name, value in values.items()})
        except SchemaError as error:
            raise RunError(f"a history is damaged: {error}") from None

    def as_line(self) -> str:
        """Return the line that the course project logs."""
        parts = [
            f"Epoch {self.epoch}",
            f"learning rate: {format_rate(self.learning_rate)}",
            f"Train Loss: {format_loss(self.train_loss)}",
            f"Train Acc: {self.train_accuracy:.4f}",
        ]
        if self.valid_loss is not None and self.valid_accuracy is not None:
            parts += [f"Valid Loss: {format_loss(self.valid_loss)}", f"Valid Acc: {self.valid_accuracy:.4f}"]
        parts.append(f"Epoch Time: {self.seconds:.2f} s")
        return " | ".join(parts) + (f" | {self.stopped}" if self.stopped else "")

    @staticmethod
    def csv_header() -> list[str]:
        """Return the columns of history.csv: every field that is a single value."""
        return [f.name for f in fields(EpochRecord) if f.name != "update_ratios"]

    def as_csv(self) -> list[Any]:
        """Return the values for `csv_header`."""
        return ["" if (value := getattr(self, name)) is None else value for name in self.csv_header()]


def training_seconds(histories: Iterable[Sequence[EpochRecord]]) -> float:
    """Return how many seconds the networks of a run trained in all, without epochs whose time was not measured.

    Networks that train together share an epoch's seconds, which count once; seconds of networks alone are added up.
    """
    epochs = {(record.epoch, record.seconds) for history in histories for record in history}
    return math.fsum(seconds for _, seconds in epochs if math.isfinite(seconds))


def format_loss(loss: float) -> str:
    """Return a loss with the four decimals of the course's log, or with three digits if it is a million or more.

    >>> format_loss(0.60351), format_loss(1.1082e17)
    ('0.6035', '1.11e+17')
    """
    return f"{loss:.2e}" if HUGE <= abs(loss) < math.inf else f"{loss:.4f}"


def format_rate(rate: float) -> str:
    """Return a learning rate with the four decimals of the course's log, or three digits if it is tiny or large."""
    return f"{rate:.4f}" if 0.001 <= rate < 1000 else f"{rate:.2e}"


# JSON has no NaN: the figures of a diverged epoch are written as null. These figures may be None for other reasons.
CAN_BE_NONE = ("valid_loss", "valid_accuracy")


def is_finite(value: object) -> bool:
    """Whether JSON can hold a value: all but NaN and infinity."""
    return not isinstance(value, float) or math.isfinite(value)


def read_value(name: str, value: Any) -> Any:
    """Return a field's value as it was before it went through JSON."""
    if name == "stopped":
        return None if value is None else Stop.parse(value)
    if name == "update_ratios" and isinstance(value, Mapping):
        return {key: math.nan if ratio is None else ratio for key, ratio in value.items()}
    return math.nan if value is None and name not in CAN_BE_NONE else value
