"""Powers and cosines whose bits are the same on every processor.

`np.power` and `np.cos` are computed in different ways on different processors, and their last bits differ. Additions,
products, divisions and square roots are rounded in the same way everywhere (IEEE 754). So functions that are made of
these alone, in a fixed order, are the same everywhere. NumPy and Python compute one operation at a time: no compiler
can join a product and a sum and round them once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["power", "raised_cosine"]

Array = NDArray[np.float64]

SPLIT = 2.0**27 + 1  # a product with it separates the upper half of a float64's 53 bits (Veltkamp)
ROOTS = 60  # binary digits of a fraction that count; those after them change a result by 6e-16 of it at most
# Taylor's series of (1 - cos t) / 2 in t^2, without its first factor t^2; at t = pi / 2 the next term is 4e-20.
SERIES = [(-1) ** k * 0.5 / math.factorial(2 * k + 2) for k in range(11)]


def power(base: ArrayLike, exponent: ArrayLike) -> Array:
    """Return base^exponent in float64, for a base and exponents that are 0 or more; their shapes broadcast.

    The binary digits of the exponent before the point choose among base^1, base^2, base^4, ..., those after it among
    the square roots base^(1/2), base^(1/4), .... The relative error is below 5e-15 for whole exponents up to a million
    and 2e-14 for others, where the result is above 1e-290.
    """
    base, exponent = np.asarray(base, np.float64), np.asarray(exponent, np.float64)
    shape = np.broadcast(base, exponent).shape
    whole = np.floor(exponent)
    n_squares, n_roots = int(whole.max(initial=0)).bit_length(), ROOTS if (exponent > whole).any() else 0
    result: Any = np.ones(shape) if shape else 1.0
    square, digits, fraction = plain(base), plain(whole.astype(np.int64)), plain(exponent - whole)
    root, rest = square, 0.0 * square
    # Squares beyond the last one that is chosen may overflow, or vanish.
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for place in range(n_squares):
            result = choose(digits >> place & 1, result * square + result * rest, result)
            square, rest = squared(square, rest)
        for _ in range(n_roots):
            root, fraction = np.sqrt(root), 2 * fraction
            is_chosen = fraction >= 1
            result = choose(is_chosen, result * root, result)
            fraction = fraction - is_chosen
    return np.asarray(result, np.float64)


def plain(array: NDArray[Any]) -> Any:
    """Return an array as it is, and one without axes as a Python number, with which Python computes faster."""
    return array if array.ndim else array.item()


def choose(condition: Any, chosen: Any, other: Any) -> Any:
    """Return `chosen` where the condition, an array or one value, holds, and `other` elsewhere."""
    if isinstance(condition, np.ndarray):
        return np.where(condition, chosen, other)
    return chosen if condition else other


def squared(number: Any, rest: Any) -> tuple[Any, Any]:
    """Return the square of number + rest, as a float64 and what rounding takes from it (Dekker 1971).

    With the rest, the error does not double with each square.
    """
    square = number * number
    shifted = number * SPLIT
    upper = shifted - (shifted - number)
    lower = number - upper
    lost = ((upper * upper - square) + 2 * upper * lower) + lower * lower + 2 * number * rest
    total = square + lost
    is_finite = total < math.inf  # NaN, which is infinity less infinity, is not below it either
    return choose(is_finite, total, math.inf), choose(is_finite, lost - (total - square), math.inf)


def raised_cosine(share: Array) -> Array:
    """Return (1 + cos(pi share)) / 2 for shares from 0 to 1: it falls from 1 to 0, and both are exact.

    The relative error is below 5e-16. The series is that of the distance to 1, or to 0 for shares above a half.
    """
    near = np.pi * np.minimum(share, 1 - share)
    square = near * near
    series = np.zeros_like(square)
    for coefficient in reversed(SERIES):
        series = series * square + coefficient
    distance = series * square
    return np.where(share <= 0.5, 1 - distance, distance)
