"""The gradient of any function of arrays by central differences, without knowledge of its code.

For a coordinate w the quotient q(h) = (J(w + h) - J(w - h)) / 2h is taken at h and at h / 2. If J is smooth, the two
agree up to a term in h^2, and (4 q(h / 2) - q(h)) / 3 does not have that term (Richardson). If a ReLU has its kink
between w - h and w + h, they disagree, or the second differences show it. Then a smaller h is tried, and if that does
not help, the coordinate is skipped.

The step is h = r max(|w|, size), where size is the root mean square of the parameter that w belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

__all__ = ["DOUBLE", "SINGLE", "Precision", "choose", "differentiate", "relative_error"]


@dataclass(frozen=True)
class Precision:
    """How exactly a function computes, and the limits for its check.

    `steps` are the values of r that are tried one after another, `tolerance` is the largest relative error, and
    `most_skipped` the largest share of coordinates (0-1) at a kink.
    """

    name: str
    rounding: float
    steps: tuple[float, ...]
    tolerance: float
    most_skipped: float


DOUBLE = Precision("float64", 2.0**-52, (1e-4, 1e-5, 1e-6), 1e-6, 0.01)
# In float32 the loss has seven digits. The step must be long, and kinks are more often within it.
SINGLE = Precision("float32", 2.0**-23, (2e-2,), 1e-2, 0.5)


def choose(shape: tuple[int, ...], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return about `most` random flat positions; in a square matrix also the transposed position of each."""
    size = int(np.prod(shape))
    chosen = rng.choice(size, min(size, most), replace=False)
    if len(shape) == 2 and shape[0] == shape[1]:
        row, column = np.unravel_index(chosen, shape)
        chosen = np.concatenate([chosen, np.ravel_multi_index((column, row), shape)])
    return np.unique(chosen)


def differentiate(
    objective: Callable[[Sequence[Array]], float],
    values: Sequence[Array],
    which: int,
    chosen: NDArray[np.intp],
    precision: Precision,
) -> tuple[Array, float]:
    """Return the derivative by parameter `which`, NaN where it is not known, and the norm of its rounding error."""
    values = list(values)
    here = values[which] = values[which].copy()
    size = float(np.sqrt(np.mean(here**2))) or 1.0
    quotients = np.full((len(chosen), len(precision.steps), 2), np.nan)
    bends = np.full(quotients.shape, np.nan)
    noise = np.zeros((len(chosen), len(precision.steps)))
    derivative = np.full(here.shape, np.nan)
    start = objective(values)

    def take(k: int, position: int, level: int) -> None:
        """Write q(h), q(h / 2) and the bends (J(w + h) - 2 J(w) + J(w - h)) / h at a position."""
        before = here.flat[position]
        step = precision.steps[level] * max(abs(before), size)
        for half, h in enumerate((step, step / 2)):
            here.flat[position] = before + h
            above, width = objective(values), here.flat[position]
            here.flat[position] = before - h
            below, width = objective(values), width - here.flat[position]
            quotients[k, level, half] = (above - below) / width
            bends[k, level, half] = (above - 2 * start + below) / h
        here.flat[position] = before
        noise[k, level] = 8 * precision.rounding * abs(start) / step

    for k, position in enumerate(chosen):
        take(k, int(position), 0)
    # The usual size of this parameter's derivative: a disagreement between h and h / 2 is compared with it.
    usual = float(np.sqrt(np.mean(quotients[:, 0, 1] ** 2)))
    total = 0.0
    for k, position in enumerate(chosen):
        for level in range(len(precision.steps)):
            if level:
                take(k, int(position), level)
            wide, narrow = quotients[k, level]
            bend = bends[k, level, 0] - 2 * bends[k, level, 1]  # for a kink exactly at w the quotients are equal
            if max(abs(wide - narrow), abs(bend) / 4) <= precision.tolerance / 2 * usual + noise[k, level]:
                smooth = (4 * narrow - wide) / 3 if precision.name == "float64" else narrow
                derivative.flat[position] = smooth
                total += noise[k, level] ** 2
                break
    return derivative, float(np.sqrt(total))


def relative_error(a: Array, b: Array, smallest: float = 0.0) -> float:
    """Return |a - b| over the larger of |a|, |b| and `smallest`, where both are known; 0 if all of them are zero."""
    known = np.isfinite(a) & np.isfinite(b)
    a, b = a[known], b[known]
    larger = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)), smallest)
    return float(np.linalg.norm(a - b)) / larger if larger else 0.0
