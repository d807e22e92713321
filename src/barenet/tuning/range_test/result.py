"""The result of a range test: the learning rate that it suggests, in figures and in words."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.printing.shown import Shown
from barenet.training.setting_notes import why_constant
from barenet.tuning.range_test.curve import BLEW_UP, FELL_AT_ONCE, NO_FALL, STILL_FALLING, find_marks, smooth, span_of

__all__ = ["RangeTest", "make_result", "table_of"]

# The rate at which the smoothed loss is smallest is already too high: lower rates before it made the loss small. So a
# part of this rate is suggested. `docs/search.md` says what was measured.
CONSTANT, FALLING = 10, 3  # the rate is divided by this, for a constant rate and for one that falls


@dataclass(frozen=True, repr=False)
class RangeTest(Shown):
    """The losses at rising learning rates, and the rate that they suggest.

    rates, losses, smoothed: (T,), a value for each step of the test; with several seeds the mean loss.
    suggestion: `smallest_at` divided by 3 for a schedule that lowers the rate, by 10 for a constant one, in two digits.
    falls_from, falls_fastest_at, smallest_at, half_lost_at: learning rates at the marks on the smoothed loss, see
    `Marks`; None where there is no such mark. words: the same in sentences; without a suggestion they say why.
    picture, table: the files that show the losses, None if they were not written.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float | None
    falls_from: float | None
    falls_fastest_at: float | None
    smallest_at: float | None
    half_lost_at: float | None
    words: tuple[str, ...]
    picture: Path | None = None
    table: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`."""
        names = ("suggestion", "falls_from", "falls_fastest_at", "smallest_at", "half_lost_at")
        files = {name: str(path) if path else None for name, path in (("picture", self.picture), ("table", self.table))}
        return {**{name: getattr(self, name) for name in names}, "steps": len(self.rates), "words": self.words, **files}


def make_result(rates: NDArray[np.float64], losses: NDArray[np.float64], config: Config, n_train: int) -> RangeTest:
    """Return the result of the losses (T,) at the first T of `rates`; `config` is for the training that follows."""
    smoothed = smooth(losses, span_of(len(rates)))
    tried = rates[: len(losses)]
    marks = find_marks(losses, len(rates))
    if isinstance(marks, str):
        return RangeTest(tried, losses, smoothed, None, None, None, None, None, (refusal(marks, rates),))
    smallest = float(rates[marks.smallest])
    falls_from, fastest = float(rates[marks.falls_from]), float(rates[marks.steepest])
    half_lost = None if marks.half_lost is None else float(rates[marks.half_lost])
    risen = "it has risen again by half of that"
    end = f"{risen} at {half_lost:.2g}" if half_lost else f"it has not blown up before {rates[-1]:.2g}"
    words = (
        *suggest(smallest, config, n_train),
        f"the smoothed loss falls from {falls_from:.2g} to about {smallest:.2g}, fastest at {fastest:.2g}; {end}",
    )
    suggestion = rounded(smallest / (FALLING if lowers_rate(config, n_train) else CONSTANT))
    return RangeTest(tried, losses, smoothed, suggestion, falls_from, fastest, smallest, half_lost, words)


def suggest(smallest: float, config: Config, n_train: int) -> tuple[str, str]:
    """Return the suggestion for the schedule of the settings, and what to try with another kind of schedule."""
    tenth, third = rounded(smallest / CONSTANT), rounded(smallest / FALLING)
    where = f"of about {smallest:.2g}, where the smoothed loss is smallest"
    if lowers_rate(config, n_train):
        name, warm_up = config.schedule.name, " after its warm-up" * (config.schedule.warmup_epochs > 0)
        return (
            f"suggestion: --lr {third:g}, a third {where}",
            f"this is for a schedule that lowers the rate, as {name} does{warm_up}; for a constant rate try a tenth, "
            f"--lr {tenth:g}",
        )
    return (
        f"suggestion: --lr {tenth:g}, a tenth {where}",
        f"this is for a constant rate; with warm-up and a rate that falls try a third, --lr {third:g} --schedule "
        f"cosine --schedule.warmup-epochs 1",
    )


def refusal(reason: str, rates: NDArray[np.float64]) -> str:
    """Return why there is no suggestion, and what to try."""
    lowest, highest = rates[0], rates[-1]
    advice = {
        BLEW_UP: f"--from {lowest / 1000:.2g}",
        NO_FALL: f"--from {lowest / 100:.2g} --to {highest * 100:.2g} --steps {2 * len(rates)}",
        FELL_AT_ONCE: f"--from {lowest / 100:.2g}",
        STILL_FALLING: f"--to {highest * 10:.2g}",
    }
    return f"no suggestion: between {lowest:.2g} and {highest:.2g} {reason}; try {advice[reason]}"


def lowers_rate(config: Config, n_train: int) -> bool:
    """Whether the schedule of the settings lowers the learning rate during training."""
    n_steps = math.ceil(n_train / config.data.batch_size) * config.trainer.epochs
    return config.schedule.name != "constant" and not why_constant(config, n_steps)


def rounded(rate: float) -> float:
    """Return a rate in two digits; a range test is not more exact."""
    return float(f"{rate:.2g}")


def table_of(result: RangeTest) -> str:
    """Return CSV with a row for each step."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "learning_rate", "loss", "smoothed_loss"])
    columns = (result.rates.tolist(), result.losses.tolist(), result.smoothed.tolist())
    writer.writerows([step, *row] for step, row in enumerate(zip(*columns, strict=True), start=1))
    return text.getvalue()
