"""exp, log, tanh and functions made from them, as formulas over vectors of 16 float32 numbers.

They are polynomials, in a fixed order of operations that are rounded in the same way everywhere: the same bits on every
processor. Coefficients of exp, log and tanh are those of the Cephes library (Stephen Moshier, single precision,
netlib.org/cephes).
`tests/engine/compiled/test_functions.py` measures the largest errors against float64, in units in the last place (ulp).

A formula is Python code that runs once, while a kernel is compiled: x is a `Vector`, and each operation on it adds one
operation to the kernel's code. A number with a vector is rounded to float32, and means 16 times this number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from barenet.engine.compiled.kernels.vectors import (
    constant,
    exponent_of,
    fused,
    larger,
    mantissa_of,
    power_of_two,
    smaller,
)

__all__ = ["Vector", "elu", "elu_slope", "exp", "expm1", "gelu_share", "gelu_slope", "log", "sigmoid", "silu_slope",
           "softplus", "tanh"]  # fmt: skip


@dataclass(frozen=True)
class Vector:
    """A value of 16 numbers in code that LLVM builds."""

    builder: Any
    value: Any

    def __add__(self, other: Vector | float) -> Vector:
        return self._new(self.builder.fadd(self.value, self._value_of(other)))

    def __sub__(self, other: Vector | float) -> Vector:
        return self._new(self.builder.fsub(self.value, self._value_of(other)))

    def __rsub__(self, other: float) -> Vector:
        return self._new(self.builder.fsub(self._value_of(other), self.value))

    def __mul__(self, other: Vector | float) -> Vector:
        return self._new(self.builder.fmul(self.value, self._value_of(other)))

    def __truediv__(self, other: Vector | float) -> Vector:
        return self._new(self.builder.fdiv(self.value, self._value_of(other)))

    def __rtruediv__(self, other: float) -> Vector:
        return self._new(self.builder.fdiv(self._value_of(other), self.value))

    def times_plus(self, factor: Vector | float, other: Vector | float) -> Vector:
        """Return self * factor + other, rounded once."""
        return self._new(fused(self.builder, self.value, self._value_of(factor), self._value_of(other)))

    def at_least(self, other: Vector | float) -> Vector:
        """Return the larger numbers of two vectors; where this one is NaN, those of `other`."""
        return self._new(larger(self.builder, self.value, self._value_of(other)))

    def at_most(self, other: Vector | float) -> Vector:
        """Return the smaller numbers of two vectors; where this one is NaN, those of `other`."""
        return self._new(smaller(self.builder, self.value, self._value_of(other)))

    def or_where(self, low: Vector | float, high: Vector | float, other: Vector) -> Vector:
        """Return `other` where low < high, and else this vector."""
        below = self.builder.fcmp_ordered("<", self._value_of(low), self._value_of(high))
        return self._new(self.builder.select(below, other.value, self.value))

    def exponent(self) -> Vector:
        """Return n of positive normal numbers m 2^n, with m from sqrt(1/2) to sqrt(2)."""
        return self._new(exponent_of(self.builder, self.value))

    def mantissa(self) -> Vector:
        """Return m of positive normal numbers m 2^n."""
        return self._new(mantissa_of(self.builder, self.value))

    def pow2(self) -> Vector:
        """Return 2^n of whole numbers n from -126 to 127."""
        return self._new(power_of_two(self.builder, self.value))

    def _new(self, value: Any) -> Vector:
        return Vector(self.builder, value)

    def _value_of(self, other: Vector | float) -> Any:
        return other.value if isinstance(other, Vector) else constant(float(np.float32(other)))


LOWEST, HIGHEST = -87.3, 89  # e^x is nearly the smallest normal number, and infinite
LOG2_E = 1.44269504088896341
LN_2_HIGH, LN_2_LOW = 0.693359375, -2.12194440e-4  # the first has few bits, so that n times it is exact
ROUNDS = 12582912.0  # 1.5 * 2^23: adding and subtracting it rounds to a whole number
EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
LOG = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
TANH = (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
TANH_SMALL = 0.625  # below it tanh is a polynomial, above it a quotient of exponentials
GELU_SCALE = 2 * math.sqrt(2 / math.pi)
GELU_CUBIC = GELU_SCALE * 0.044715


def polynomial(x: Vector, coefficients: Sequence[float]) -> Vector:
    """Return the sum of coefficients times powers of x, the last one times 1 (Horner's scheme)."""
    first, second, *others = coefficients
    value = x.times_plus(first, second)
    for coefficient in others:
        value = value.times_plus(x, coefficient)
    return value


def nearest_whole(x: Vector) -> Vector:
    """Return the whole number nearest to |x| < 2^22."""
    return (x + ROUNDS) - ROUNDS


def nearest_power(x: Vector) -> Vector:
    """Return the whole number n for which x - n log 2 is smallest."""
    return x.times_plus(LOG2_E, ROUNDS) - ROUNDS


def without_power(x: Vector, n: Vector) -> Vector:
    """Return x - n log 2."""
    return n.times_plus(-LN_2_LOW, n.times_plus(-LN_2_HIGH, x))


def exp_rest(r: Vector) -> Vector:
    """Return exp(r) - 1 - r for |r| up to half of log 2."""
    return polynomial(r, EXP) * (r * r)


def exp(x: Vector) -> Vector:
    """Return e^x; below -87.3 nearly the smallest normal number."""
    x = splat(x, HIGHEST).at_most(splat(x, LOWEST).at_least(x))  # NaN stays NaN
    n = nearest_power(x)
    r = without_power(x, n)
    # In two factors, because 2^128 is no float. For x of 88.73 and more their product is infinite.
    half = nearest_whole(n * 0.5)
    return ((exp_rest(r) + r) + 1) * half.pow2() * (n - half).pow2()


def splat(like: Vector, number: float) -> Vector:
    """Return 16 times a number."""
    return Vector(like.builder, constant(float(np.float32(number))))


def expm1(x: Vector) -> Vector:
    """Return e^x - 1 for x <= 0."""
    x = splat(x, LOWEST).at_least(x)
    n = nearest_power(x)
    r, power = without_power(x, n), n.pow2()
    # 2^n (e^r - 1) + (2^n - 1): the last term is exact for n > -25, and nearly -1 for smaller n.
    return power.times_plus(exp_rest(r) + r, power - 1)


def log(x: Vector) -> Vector:
    """Return the natural logarithm of positive normal numbers; infinity and NaN do not change."""
    n, m = x.exponent(), x.mantissa() - 1
    square = m * m
    rest = n.times_plus(LN_2_LOW, (square * m) * polynomial(m, LOG))
    rest = square.times_plus(-0.5, rest)
    return x.or_where(x, math.inf, n.times_plus(LN_2_HIGH, rest + m))


def softplus(x: Vector) -> Vector:
    """Return log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)."""
    e = exp(0 - x.at_least(0 - x))
    # For small e, 1 + e is rounded, so log(1 + e) is e log(u) / (u - 1) with u = e + 1 (Goldberg 1991, theorem 4).
    u = e + 1
    rounded = u - 1
    by_log = (log(u) * e) / rounded.at_least(1e-30)
    return splat(x, 0).at_least(x) + e.or_where(0, rounded, by_log)


def tanh(x: Vector) -> Vector:
    """Return the hyperbolic tangent."""
    size, square = x.at_least(0 - x), x * x
    small = (polynomial(square, TANH) * square).times_plus(x, x)
    large = 1 - 2 / (exp(size + size) + 1)
    large = large.or_where(x, 0, 0 - large)
    return large.or_where(size, TANH_SMALL, small)


def sigmoid(x: Vector) -> Vector:
    """Return 1 / (1 + e^-x)."""
    return 1 / (exp(0 - x) + 1)


def gelu_share(z: Vector) -> Vector:
    """Return GELU's share s of z: sigmoid(2 sqrt(2 / pi) (z + 0.044715 z^3)) (Hendrycks and Gimpel 2016, tanh form)."""
    return sigmoid(z * (z * z).times_plus(GELU_CUBIC, GELU_SCALE))


def gelu_slope(z: Vector, s: Vector) -> Vector:
    """Return the slope of z s, s = `gelu_share(z)`: s + z s (1 - s) g', g' = 2 sqrt(2 / pi) (1 + 3 * 0.044715 z^2)."""
    inner = (z * z).times_plus(3 * GELU_CUBIC, GELU_SCALE)
    return ((z * s) * (1 - s)).times_plus(inner, s)


def silu_slope(z: Vector, s: Vector) -> Vector:
    """Return the slope of z s, s = sigmoid(z) (Elfwing et al. 2018): s + z s (1 - s)."""
    return (z * s).times_plus(1 - s, s)


def elu(z: Vector) -> Vector:
    """Return z where z > 0, else e^z - 1 (Clevert et al. 2016, alpha = 1)."""
    return expm1(splat(z, 0).at_most(z)).or_where(0, z, z)


def elu_slope(a: Vector) -> Vector:
    """Return 1 where a > 0, else a + 1."""
    return splat(a, 0).at_most(a) + 1
