"""Measure a person's function at one point: the gradients of two calls, and the difference quotients."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError
from barenet.gradcheck.differences import DOUBLE, SINGLE, Precision, differentiate, relative_error
from barenet.gradcheck.functions.function import CheckedFunction
from barenet.gradcheck.functions.structure import index_text
from barenet.gradcheck.report import OwnParameter

Array = NDArray[np.float64]

__all__ = ["Measured", "fill_zeros", "find_precision"]

SAME = 1e-9  # relative; two calls with the same arguments give the same numbers, except for the order of sums


def fill_zeros(checked: CheckedFunction, rng: np.random.Generator) -> list[str]:
    """Give parameters that are all zero small values: at zero an L2 term or a ReLU's kink would not be seen."""
    zero = [i for i, value in enumerate(checked.values) if not np.any(value)]
    for i in zero:
        checked.values[i] = rng.normal(0, 0.3, checked.values[i].shape)
    names = ", ".join(checked.names[i] for i in zero)
    return [f"{names} came as zeros, which can hide mistakes; checked with small random numbers"] if zero else []


class Measured:
    """The results of the function at one strength of L2.

    `answer` is the result of the second call. `changed` says for each parameter whether the calls differ, and
    `each_call` what a call adds: the gradient, or its change if the function adds each gradient to the last one.
    `numeric` is NaN where no quotient is known; norms below `smallest` are rounding errors.
    """

    def __init__(self, checked: CheckedFunction, l2: float | None) -> None:
        self.checked, self.l2 = checked, l2
        first, self.answer = checked.call(checked.values, l2), checked.call(checked.values, l2)
        if relative_error(np.array([first.loss]), np.array([self.answer.loss])) > SAME:
            raise ConfigError(
                f"{checked.title} returns a loss of {first.loss:.6g}, and {self.answer.loss:.6g} when called again "
                "with the same arguments; it must keep nothing between calls and draw no random numbers"
            )
        self.changed: list[bool] = []
        self.each_call: list[Array] = []
        for before, after in zip(first.gradients, self.answer.gradients, strict=True):
            changed = relative_error(before, after) > SAME
            self.changed.append(changed)
            self.each_call.append(after - before if changed else after)
        self.numeric: list[Array] = []
        self.smallest: list[float] = []

    def differentiate(self, chosen: Sequence[NDArray[np.intp]], precision: Precision) -> None:
        """Take the difference quotients at the chosen coordinates of every parameter."""
        loss = partial(self.checked.loss, l2=self.l2)
        for i, positions in enumerate(chosen):
            numeric, noise = differentiate(loss, self.checked.values, i, positions, precision)
            self.numeric.append(numeric)
            self.smallest.append(noise / precision.tolerance)

    def row(self, i: int, n_chosen: int, precision: Precision) -> OwnParameter:
        """Return the row of parameter i in the report."""
        reported, numeric = self.answer.gradients[i], self.numeric[i]
        difference = np.abs(reported - numeric)
        n_checked = int(np.sum(np.isfinite(difference)))
        worst = int(np.nanargmax(difference)) if n_checked else 0
        error = relative_error(reported, numeric, self.smallest[i])
        enough = n_checked >= max(1, n_chosen * (1 - precision.most_skipped))
        return OwnParameter(
            name=self.checked.names[i],
            shape=numeric.shape,
            relative_error=error,
            at=index_text(numeric, worst),
            reported=float(reported.flat[worst]),
            numeric=float(numeric.flat[worst]),
            n_checked=n_checked,
            n_skipped=n_chosen - n_checked,
            is_right=error <= precision.tolerance and enough,
        )


def find_precision(measured: Measured, rng: np.random.Generator) -> Precision:
    """Return SINGLE if the function computes in float32, even in a part, else DOUBLE."""
    losses = [measured.answer.loss]
    for _ in range(3):
        values = [value * (1 + 0.1 * rng.random()) for value in measured.checked.values]
        losses.append(measured.checked.loss(values, measured.l2))
    # Four float64 numbers are also float32 numbers only if they were computed in float32.
    in_single = all(loss == float(np.float32(loss)) for loss in losses)
    # Code that casts the parameters to float32 does not see a change of 1e-11, whatever the type of its loss.
    moved = [[value * (1 + r) for value in measured.checked.values] for r in (1e-11, 2e-11, 3e-11)]
    is_cast = measured.answer.loss in [measured.checked.loss(values, measured.l2) for values in moved]
    varies = len(set(losses)) == len(losses)
    return SINGLE if measured.answer.is_single or (varies and (in_single or is_cast)) else DOUBLE
