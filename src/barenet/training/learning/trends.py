"""How the validation loss of a network that learned changed over the epochs: it rises, or still falls at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.training.learning.remedies import less_by_heart, longer_training
from barenet.training.records import EpochRecord

__all__ = ["Trend", "find_trend"]

LEAST_RISE = 0.05  # share of the lowest loss; with a smaller rise, the best epoch and the last hardly differ
LEAST_FALL = 0.01  # share of the loss; with a smaller fall, more epochs would hardly help
NOISES = 3.0  # standard deviations; a smaller change may be noise
LEAST_AFTER = 2  # validations after the lowest one
END = 0.1  # share of all validations that counts as the end


@dataclass(frozen=True)
class Trend:
    """How the validation loss changed: kind "rises", from `epoch` on, or "falls", at the end; and both losses."""

    kind: str
    epoch: int
    before: float
    after: float

    @property
    def words(self) -> str:
        """The trend in a sentence, without a full stop."""
        before, after = f"{self.before:.4g}", f"{self.after:.4g}"
        if self.kind == "rises":
            return f"validation loss rises from epoch {self.epoch} on, from {before} to {after}"
        return f"validation still improves at the end: the loss fell from {before} to {after} in the last validations"

    def advice(self, config: Config) -> list[str]:
        """Return what to try with the settings of the run."""
        return less_by_heart(config) if self.kind == "rises" else [longer_training(config)]


def find_trend(history: Sequence[EpochRecord]) -> Trend | None:
    """Return the trend of the validation loss, or None where it neither rises nor falls clearly."""
    points = [(r.epoch, r.valid_loss) for r in history if r.valid_loss is not None and math.isfinite(r.valid_loss)]
    if len(points) < 2 or history[-1].diverged:
        return None
    epochs, losses = [epoch for epoch, _ in points], np.array([loss for _, loss in points])
    noise = noise_of_curve(losses)
    return find_rise(epochs, losses, noise) or find_fall(epochs, losses, noise)


def find_rise(epochs: Sequence[int], losses: NDArray[np.float64], noise: float) -> Trend | None:
    """Return the rise of the loss after its lowest value, if it ends well above that.

    Medians of three validations are compared, so that a single bad validation is not a rise.
    """
    lowest = int(np.argmin(losses))
    if len(losses) - 1 - lowest < LEAST_AFTER:
        return None
    low, last = np.median(losses[max(0, lowest - 1) : lowest + 2]), np.median(losses[-3:])
    if last - low <= max(LEAST_RISE * low, NOISES * noise):
        return None
    return Trend("rises", epochs[lowest + 1], float(losses[lowest]), float(losses[-1]))


def find_fall(epochs: Sequence[int], losses: NDArray[np.float64], noise: float) -> Trend | None:
    """Return the fall of the loss in the last validations, compared with those before them, if it is clear.

    A schedule that ends near a rate of 0 makes the curve flat at the end, so no fall is found there.
    """
    width = max(1, round(END * len(losses)))
    before, after = float(np.mean(losses[-2 * width : -width])), float(np.mean(losses[-width:]))
    if before - after <= max(LEAST_FALL * before, NOISES * noise * math.sqrt(2 / width)):
        return None
    return Trend("falls", epochs[-width], before, after)


def noise_of_curve(losses: NDArray[np.float64]) -> float:
    """Return the standard deviation of a loss around a smooth curve.

    The second difference of independent values has six times their variance; that of a smooth curve is nearly 0. The
    median of absolute values is 0.6745 standard deviations of a normal distribution; the steep start hardly changes it.
    """
    if len(losses) < 5:
        return 0.0
    return float(np.median(np.abs(np.diff(losses, 2))) / (0.6745 * math.sqrt(6)))
