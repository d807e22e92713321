"""The smoothed loss over rising learning rates, and the marks on it: where it falls, is smallest, and rises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BLEW_UP",
    "FELL_AT_ONCE",
    "NO_FALL",
    "STILL_FALLING",
    "Marks",
    "count_kept",
    "find_marks",
    "smooth",
    "span_of",
]

Losses = NDArray[np.float64]

SPANS = 30  # the mean goes over about 1 / 30 of the steps of a test
# Why there may be no marks.
BLEW_UP = "the loss blew up at once"
NO_FALL = "the loss did not fall"
FELL_AT_ONCE = "the loss fell from the first steps on"
STILL_FALLING = "the loss was still falling at the end"

BLOWN_UP = 4.0  # times the smallest smoothed loss
SURE = 6.0  # least fall, in standard errors of the smoothed loss: noise alone falls so far in 1 test of 200
ROUNDING = 1e-6  # part of a loss: in float32 the mean of equal losses is not exactly equal to them
TWENTIETH, TENTH, HALF = 0.05, 0.1, 0.5  # parts of the fall


def span_of(n_steps: int) -> int:
    """Return over about how many steps a test of `n_steps` steps smooths: the same part of the steps in every test."""
    return max(2, n_steps // SPANS)


def smooth(losses: Losses, span: int) -> Losses:
    """Return the bias-corrected exponential mean of the losses (T,) up to each step.

    m_t = k m_(t-1) + (1 - k) loss_t from m_(-1) = 0, divided by 1 - k^(t+1), with k = 1 - 1 / span (the correction of
    Kingma and Ba 2015, section 3).
    """
    keep = 1 - 1 / span
    mean, power = 0.0, 1.0
    smoothed = np.empty(len(losses))
    for t, loss in enumerate(losses):
        mean = keep * mean + (1 - keep) * loss
        power *= keep
        smoothed[t] = mean / (1 - power)
    return smoothed


def count_kept(losses: Losses, span: int) -> int:
    """Return how many steps come before the loss blows up, all if it does not.

    It blows up where it is not finite, or where the smoothed loss is above four times its smallest value so far and
    also above its value at the end of the first span. (Four times a loss near 0 is still a small loss.)
    """
    is_finite = np.isfinite(losses)
    n = len(losses) if is_finite.all() else int(is_finite.argmin())
    smoothed = smooth(losses[:n], span)
    if n <= span:
        return n
    is_above = smoothed > np.maximum(BLOWN_UP * np.minimum.accumulate(smoothed), smoothed[span - 1])
    is_above[:span] = False  # the mean of a few steps is hardly smoothed
    return int(is_above.argmax()) if is_above.any() else n


@dataclass(frozen=True)
class Marks:
    """The marks on a curve: steps, counted from 0.

    falls_from: the last step at which the smoothed loss has done less than a tenth of its fall. steepest: the middle of
    the span of steps in which it falls most. smallest: the middle of the steps at which it differs from its smallest
    value by less than a twentieth of its fall. (The step of the smallest value itself changes with the seed, since the
    curve is flat there.) half_lost: the first later step at which the loss has risen again by half of the fall, or is
    not finite; None if there is none.
    """

    falls_from: int
    steepest: int
    smallest: int
    half_lost: int | None


def find_marks(losses: Losses, n_tried: int) -> Marks | str:
    """Return the marks on the losses (T,) of the first T of `n_tried` steps, or a text that says why there are none.

    The fall is that of the smoothed loss, from the end of the first span of steps to its smallest value. If the first
    rates have raised the loss, the fall starts at the loss before the first step.
    """
    span = span_of(n_tried)
    if len(losses) < 2 * span:
        return BLEW_UP
    smoothed = smooth(losses, span)
    first = span - 1  # before it the mean is of few losses
    lowest = first + int(smoothed[first:].argmin())
    fall = min(smoothed[first], losses[0]) - smoothed[lowest]
    # An exponential mean over a span has 1 / (2 span - 1) of the variance of what it smooths.
    noise = np.std(losses[: lowest + 1] - smoothed[: lowest + 1]) / np.sqrt(2 * span - 1)
    if lowest < first + span or fall <= max(SURE * noise, ROUNDING * abs(losses[0])):
        return NO_FALL
    has_blown_up = len(losses) < n_tried
    left = (smoothed - smoothed[lowest]) / fall  # the part of the fall that is still to come: 1 at its start
    if not has_blown_up and left[lowest:].max() <= TENTH:
        return STILL_FALLING
    falls_from = first + int(np.flatnonzero(left[first:lowest] > 1 - TENTH)[-1])
    if falls_from < first + span:
        return FELL_AT_ONCE
    has_lost_half = np.flatnonzero(left[lowest:] > HALF) + lowest
    half_lost = int(has_lost_half[0]) if len(has_lost_half) else len(losses) if has_blown_up else None
    is_near = np.flatnonzero(left[:half_lost] < TWENTIETH)
    falls = smoothed[first : lowest - span + 1] - smoothed[first + span : lowest + 1]
    return Marks(
        falls_from=falls_from,
        steepest=first + int(falls.argmax()) + span // 2,
        smallest=round(float(is_near.mean())),
        half_lost=half_lost,
    )
