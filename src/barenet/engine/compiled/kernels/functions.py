"""exp, log, tanh and what is made of them, on vectors of 16 float32 numbers.

Polynomials in a fixed order of exact operations: the same bits on every processor. Coefficients of exp, log and tanh
are those of the Cephes library (Stephen Moshier, single precision, netlib.org/cephes).
`tests/engine/compiled/test_functions.py` measures the largest errors against float64, in units in the last place (ulp).
"""

from __future__ import annotations

import math

import numpy as np

from barenet.engine.compiled.kernels.compiling import compiled
from barenet.engine.compiled.kernels.vectors import (
    add,
    at_least,
    at_most,
    divide,
    exponent,
    fma,
    is_below,
    mantissa,
    multiply,
    pow2,
    splat,
    subtract,
    where,
)

__all__ = ["elu", "elu_slope", "exp", "gelu_share", "gelu_slope", "log", "sigmoid", "silu_slope", "softplus", "tanh"]

f32 = np.float32

ZERO, HALF, ONE, TWO, INFINITE = f32(0), f32(0.5), f32(1), f32(2), f32(math.inf)
LOWEST, HIGHEST = f32(-87.3), f32(89)  # e^x is the smallest normal number nearly, and infinite
LOG2_E = f32(1.44269504088896341)
LN_2_HIGH, LN_2_LOW = f32(0.693359375), f32(-2.12194440e-4)  # the first has few bits, so that n times it is exact
ROUNDS = f32(12582912.0)  # 1.5 * 2^23: added and taken off again, it leaves a whole number
EXP = tuple(
    f32(c)
    for c in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
)
LOG = tuple(
    f32(c)
    for c in (
        *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
        *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
    )
)
TANH = tuple(
    f32(c) for c in (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
)
TANH_SMALL = f32(0.625)  # below it tanh is a polynomial, above it a quotient of exponentials
GELU_SCALE = f32(2 * math.sqrt(2 / math.pi))
GELU_CUBIC = f32(2 * math.sqrt(2 / math.pi) * 0.044715)
GELU_CUBIC_3 = f32(6 * math.sqrt(2 / math.pi) * 0.044715)


@compiled
def exp_rest(r):
    """Return exp(r) - 1 - r for |r| up to half of log 2."""
    p = splat(EXP[0])
    p = fma(p, r, splat(EXP[1]))
    p = fma(p, r, splat(EXP[2]))
    p = fma(p, r, splat(EXP[3]))
    p = fma(p, r, splat(EXP[4]))
    p = fma(p, r, splat(EXP[5]))
    return multiply(p, multiply(r, r))


@compiled
def nearest_power(x):
    """Return the whole number n, as a float, for which x - n log 2 is smallest."""
    return subtract(fma(x, splat(LOG2_E), splat(ROUNDS)), splat(ROUNDS))


@compiled
def without_power(x, n):
    """Return x - n log 2."""
    return fma(n, splat(-LN_2_LOW), fma(n, splat(-LN_2_HIGH), x))


@compiled
def exp(x):
    """Return e^x; from -87.3 down the smallest normal number nearly."""
    x = at_most(splat(HIGHEST), at_least(splat(LOWEST), x))  # NaN stays NaN
    n = nearest_power(x)
    r = without_power(x, n)
    # In two factors: 2^128 is no float. Of x from 88.73 up their product is infinite.
    half = nearest_whole(multiply(n, splat(HALF)))
    return multiply(multiply(add(add(exp_rest(r), r), splat(ONE)), pow2(half)), pow2(subtract(n, half)))


@compiled
def nearest_whole(x):
    """Return the whole number nearest to |x| < 2^22."""
    return subtract(add(x, splat(ROUNDS)), splat(ROUNDS))


@compiled
def expm1(x):
    """Return e^x - 1 for x <= 0."""
    rest = at_least(splat(LOWEST), x)
    n = nearest_power(rest)
    r = without_power(rest, n)
    power = pow2(n)
    # 2^n (e^r - 1) + (2^n - 1): the last is exact for n > -25, and is -1 nearly below.
    return fma(power, add(exp_rest(r), r), subtract(power, splat(ONE)))


@compiled
def log(x):
    """Return the natural logarithm of positive normal numbers; infinite and NaN stay as they are."""
    n, m = exponent(x), subtract(mantissa(x), splat(ONE))
    return where(is_below(x, splat(INFINITE)), log_of_parts(n, m), x)


@compiled
def log_of_parts(n, m):
    """Return log((1 + m) 2^n) for 1 + m from sqrt(1/2) to sqrt(2)."""
    p = splat(LOG[0])
    p = fma(p, m, splat(LOG[1]))
    p = fma(p, m, splat(LOG[2]))
    p = fma(p, m, splat(LOG[3]))
    p = fma(p, m, splat(LOG[4]))
    p = fma(p, m, splat(LOG[5]))
    p = fma(p, m, splat(LOG[6]))
    p = fma(p, m, splat(LOG[7]))
    p = fma(p, m, splat(LOG[8]))
    square = multiply(m, m)
    rest = fma(n, splat(LN_2_LOW), multiply(multiply(square, m), p))
    rest = fma(square, splat(-HALF), rest)
    return fma(n, splat(LN_2_HIGH), add(rest, m))


@compiled
def softplus(x):
    """Return log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)."""
    size = at_least(x, subtract(splat(ZERO), x))
    e = exp(subtract(splat(ZERO), size))
    # log(1 + e) of small e, where 1 + e is rounded: e log(u) / (u - 1) with u = 1 + e (Goldberg 1991, theorem 4).
    u = add(splat(ONE), e)
    rounded = subtract(u, splat(ONE))
    by_log = divide(multiply(log(u), e), at_least(rounded, splat(f32(1e-30))))
    return add(at_least(splat(ZERO), x), where(is_below(splat(ZERO), rounded), by_log, e))


@compiled
def tanh(x):
    """Return the hyperbolic tangent."""
    zero = splat(ZERO)
    size, square = at_least(x, subtract(zero, x)), multiply(x, x)
    p = splat(TANH[0])
    p = fma(p, square, splat(TANH[1]))
    p = fma(p, square, splat(TANH[2]))
    p = fma(p, square, splat(TANH[3]))
    p = fma(p, square, splat(TANH[4]))
    small = fma(multiply(p, square), x, x)
    quotient = divide(splat(TWO), add(exp(add(size, size)), splat(ONE)))
    large = subtract(splat(ONE), quotient)
    large = where(is_below(x, zero), subtract(zero, large), large)
    return where(is_below(size, splat(TANH_SMALL)), small, large)


@compiled
def sigmoid(x):
    """Return 1 / (1 + e^-x)."""
    return divide(splat(ONE), add(splat(ONE), exp(subtract(splat(ZERO), x))))


@compiled
def gelu_share(z):
    """Return the share s of z that GELU lets through: sigmoid(2 sqrt(2 / pi) (z + 0.044715 z^3))
    (Hendrycks and Gimpel 2016, tanh form).
    """
    return sigmoid(multiply(z, fma(multiply(z, z), splat(GELU_CUBIC), splat(GELU_SCALE))))


@compiled
def gelu_slope(z, s):
    """Return the slope of z s, s = `gelu_share(z)`: s + z s (1 - s) g', g' = 2 sqrt(2 / pi) (1 + 3 * 0.044715 z^2)."""
    inner = fma(multiply(z, z), splat(GELU_CUBIC_3), splat(GELU_SCALE))
    return fma(multiply(multiply(z, s), subtract(splat(ONE), s)), inner, s)


@compiled
def silu_slope(z, s):
    """Return the slope of z s, s = sigmoid(z) (Elfwing et al. 2018): s + z s (1 - s)."""
    return fma(multiply(z, s), subtract(splat(ONE), s), s)


@compiled
def elu(z):
    """Return z where z > 0, else e^z - 1 (Clevert et al. 2016, alpha = 1)."""
    return where(is_below(splat(ZERO), z), z, expm1(at_most(splat(ZERO), z)))


@compiled
def elu_slope(a):
    """Return 1 where a > 0, else a + 1."""
    return add(at_most(splat(ZERO), a), splat(ONE))
