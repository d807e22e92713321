"""Learning rules for contiguous parameters, as `nn.optimizers` defines them, and averages of weights."""

from __future__ import annotations

import numpy as np
from numba import types

from barenet.engine.compiled.kernels.compiling import FLOATS, SIZE, kernel
from barenet.engine.compiled.kernels.memory import load, store
from barenet.engine.compiled.kernels.vectors import LANES, add, divide, fma, multiply, splat, sqrt, subtract, total

__all__ = ["FACTORS", "add_l2", "average", "move", "scale_by", "squares"]

f32 = np.float32
ZERO = f32(0)

PLAIN, DOWNHILL, MOMENTUM, NESTEROV, ADAM = range(5)

# The factors of a step, one in each column: the learning rate, L2, the factor of weight decay, momentum or beta 1, beta
# 2, epsilon, and the shares by which an average and running statistics move.
RATE, L2, KEEP, BETA_1, BETA_2, EPSILON, REST, STATISTICS_REST = range(8)
FACTORS = 8


@kernel(types.void, SIZE, FLOATS, types.float32, FLOATS, SIZE, SIZE, FLOATS, SIZE, FLOATS, FLOATS)
def move(rule, factors, keep, values, first, n, gradient, g0, slot_1, slot_2):
    """Move n parameters from number `first` on by their gradient, from number `g0` on; n is a multiple of 16.

    factors: (FACTORS,) of this step. keep: the factor of a parameter before it moves. slot_1, slot_2: the rule's
    arrays, shaped like `values`. The rule PLAIN gets a gradient that is already multiplied by minus the learning rate.
    """
    left, rate = splat(keep), splat(factors[RATE])
    if rule == PLAIN:
        for i in range(0, n, LANES):
            store(values, first + i, fma(left, load(values, first + i), load(gradient, g0 + i)))
    elif rule == DOWNHILL:
        for i in range(0, n, LANES):
            step = multiply(rate, load(gradient, g0 + i))
            store(values, first + i, subtract(multiply(left, load(values, first + i)), step))
    elif rule == ADAM:
        beta_1, beta_2, epsilon = splat(factors[BETA_1]), splat(factors[BETA_2]), splat(factors[EPSILON])
        for i in range(0, n, LANES):
            g = load(gradient, g0 + i)
            m = fma(beta_1, load(slot_1, first + i), g)
            v = fma(beta_2, load(slot_2, first + i), multiply(g, g))
            store(slot_1, first + i, m)
            store(slot_2, first + i, v)
            step = multiply(rate, divide(m, add(sqrt(v), epsilon)))
            store(values, first + i, subtract(multiply(left, load(values, first + i)), step))
    else:
        momentum = splat(factors[BETA_1])
        for i in range(0, n, LANES):
            g = load(gradient, g0 + i)
            v = fma(momentum, load(slot_1, first + i), g)
            store(slot_1, first + i, v)
            if rule == NESTEROV:
                v = fma(momentum, v, g)
            store(values, first + i, subtract(multiply(left, load(values, first + i)), multiply(rate, v)))


@kernel(types.void, types.float32, FLOATS, FLOATS, SIZE, SIZE)
def average(rest, values, averages, first, n):
    """Move averages by the share `rest` towards their values."""
    share = splat(rest)
    for i in range(first, first + n, LANES):
        old = load(averages, i)
        store(averages, i, fma(share, subtract(load(values, i), old), old))


@kernel(types.void, types.float32, FLOATS, SIZE, SIZE, FLOATS, SIZE)
def add_l2(l2, values, first, n, gradient, g0):
    """Add the gradient of (l2 / 2) * sum(W^2)."""
    strength = splat(l2)
    for i in range(0, n, LANES):
        store(gradient, g0 + i, fma(strength, load(values, first + i), load(gradient, g0 + i)))


@kernel(types.float32, FLOATS, SIZE, SIZE)
def squares(values, first, n):
    """Return the sum of the squares of n numbers, from number `first` on; n is a multiple of 16."""
    sums = splat(ZERO)
    for i in range(first, first + n, LANES):
        v = load(values, i)
        sums = fma(v, v, sums)
    return total(sums)


@kernel(types.void, types.float32, FLOATS, SIZE, SIZE)
def scale_by(factor, values, first, n):
    """Multiply n numbers by a factor."""
    scale = splat(factor)
    for i in range(first, first + n, LANES):
        store(values, i, multiply(scale, load(values, i)))
