"""Measure someone's function at one point: what it reports in two calls, and what the difference quotients say."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError
from barenet.gradcheck.differences import DOUBLE, SINGLE, Precision, differentiate, relative_error
from barenet.gradcheck.functions.function import OwnFunction
from barenet.gradcheck.functions.structure import index_text
from barenet.gradcheck.report import OwnParameter

Array = NDArray[np.float64]

__all__ = ["Measured", "fill_zeros", "find_precision"]

SAME = 1e-9  # relative; two calls with the same arguments give the same numbers, but for the order of sums


def fill_zeros(own: OwnFunction, rng: np.random.Generator) -> list[str]:
    """Give parameters that are zero everywhere small values: at zero an L2 term, or a ReLU's kink, would not show."""
    zero = [i for i, value in enumerate(own.values) if not np.any(value)]
    for i in zero:
        own.values[i] = rng.normal(0, 0.3, own.values[i].shape)
    names = ", ".join(own.names[i] for i in zero)
    return [f"{names} came as zeros, where mistakes hide; checked with small random numbers instead"] if zero else []


class Measured:
    """What the function gives at one strength of L2.

    `answer` is that of the second call. `changed` says for each parameter whether the calls differ, and `each_call`
    what a call contributes: the gradient itself, or by how much it changed where it is added to the last one.
    `numeric` is NaN where no quotient was taken; norms below `smallest` are rounding.
    """

    def __init__(self, own: OwnFunction, l2: float | None) -> None:
        self.own, self.l2 = own, l2
        first, self.answer = own.call(own.values, l2), own.call(own.values, l2)
        if relative_error(np.array([first.loss]), np.array([self.answer.loss])) > SAME:
            raise ConfigError(
                f"{own.title} returns a loss of {first.loss:.6g}, and {self.answer.loss:.6g} when called again with "
                "the same arguments; it must keep nothing between calls and draw no random numbers"
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
        loss = partial(self.own.loss, l2=self.l2)
        for i, positions in enumerate(chosen):
            numeric, noise = differentiate(loss, self.own.values, i, positions, precision)
            self.numeric.append(numeric)
            self.smallest.append(noise / precision.tolerance)

    def row(self, i: int, n_chosen: int, precision: Precision) -> OwnParameter:
        """Return what there is to report of parameter i."""
        reported, numeric = self.answer.gradients[i], self.numeric[i]
        difference = np.abs(reported - numeric)
        n_checked = int(np.sum(np.isfinite(difference)))
        worst = int(np.nanargmax(difference)) if n_checked else 0
        error = relative_error(reported, numeric, self.smallest[i])
        enough = n_checked >= max(1, n_chosen * (1 - precision.most_skipped))
        return OwnParameter(
            name=self.own.names[i],
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
    """Return whether the function computes in float64, or somewhere inside in float32."""
    losses = [measured.answer.loss]
    for _ in range(3):
        values = [value * (1 + 0.1 * rng.random()) for value in measured.own.values]
        losses.append(measured.own.loss(values, measured.l2))
    # Four numbers of float64 that all happen to be numbers of float32 too: only if they were computed as such.
    in_single = all(loss == float(np.float32(loss)) for loss in losses) and len(set(losses)) == len(losses)
    return SINGLE if measured.answer.is_single or in_single else DOUBLE
