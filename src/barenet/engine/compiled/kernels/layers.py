"""The operations between two matrix products: activations with their slopes, softmax, sums, dropout.

The forward pass writes a = f(z), and the slope f'(z) over z; common parts of both are computed once. So the backward
pass is one multiplication for every activation. Rows are padded to a multiple of 16; the padding is kept at 0, and so
are the weights that it is multiplied with.
"""

from __future__ import annotations

import numpy as np
from numba import types

from barenet.engine.compiled.kernels import functions
from barenet.engine.compiled.kernels.compiling import FLOATS, SIZE, WORDS, helper, kernel
from barenet.engine.compiled.kernels.functions import exp
from barenet.engine.compiled.kernels.memory import load, store
from barenet.engine.compiled.kernels.vectors import (
    LANES,
    add,
    at_least,
    divide,
    is_among_first,
    is_below,
    largest,
    multiply,
    splat,
    subtract,
    total,
    where,
)

__all__ = ["ACTIVATION_CODES", "IDENTITY", "SOFTMAX", "activate", "add_to", "copy_of", "drop", "multiply_by",
           "softmax_backward"]  # fmt: skip

f32 = np.float32
ZERO, ONE, LEAKY_SLOPE, LOWEST = f32(0), f32(1), f32(0.01), f32(-3.0e38)

IDENTITY, RELU, LEAKY_RELU, SIGMOID, TANH, ELU, GELU, SILU, SOFTPLUS, SOFTMAX = range(10)
ACTIVATION_CODES = {
    "identity": IDENTITY,
    "relu": RELU,
    "leaky_relu": LEAKY_RELU,
    "sigmoid": SIGMOID,
    "tanh": TANH,
    "elu": ELU,
    "gelu": GELU,
    "silu": SILU,
    "softplus": SOFTPLUS,
    "softmax": SOFTMAX,
}


@kernel(types.void, SIZE, FLOATS, FLOATS, *[SIZE] * 4)
def activate(code, z, a, first, stop, width, padded):
    """Write a = f(z) for the rows from `first` to before `stop`, and the slope f'(z) over z, except for softmax."""
    if code == SOFTMAX:
        for row in range(first, stop):
            softmax(z, a, row * padded, width, padded)
        return
    begin, end = first * padded, stop * padded
    if code == RELU:
        for i in range(begin, end, LANES):
            v = load(z, i)
            store(a, i, at_least(splat(ZERO), v))
            store(z, i, where(is_below(splat(ZERO), v), splat(ONE), splat(ZERO)))
    elif code == LEAKY_RELU:
        for i in range(begin, end, LANES):
            v = load(z, i)
            store(a, i, at_least(multiply(v, splat(LEAKY_SLOPE)), v))
            store(z, i, where(is_below(splat(ZERO), v), splat(ONE), splat(LEAKY_SLOPE)))
    elif code == SIGMOID:
        for i in range(begin, end, LANES):
            s = functions.sigmoid(load(z, i))
            store(a, i, s)
            store(z, i, multiply(s, subtract(splat(ONE), s)))
    elif code == TANH:
        for i in range(begin, end, LANES):
            t = functions.tanh(load(z, i))
            store(a, i, t)
            store(z, i, subtract(splat(ONE), multiply(t, t)))
    elif code == ELU:
        for i in range(begin, end, LANES):
            e = functions.elu(load(z, i))
            store(a, i, e)
            store(z, i, functions.elu_slope(e))
    elif code == GELU:
        for i in range(begin, end, LANES):
            v = load(z, i)
            s = functions.gelu_share(v)
            store(a, i, multiply(v, s))
            store(z, i, functions.gelu_slope(v, s))
    elif code == SILU:
        for i in range(begin, end, LANES):
            v = load(z, i)
            s = functions.sigmoid(v)
            store(a, i, multiply(v, s))
            store(z, i, functions.silu_slope(v, s))
    else:
        for i in range(begin, end, LANES):
            v = load(z, i)
            store(a, i, functions.softplus(v))
            store(z, i, functions.sigmoid(v))
    if code in (SIGMOID, SOFTPLUS) and width < padded:
        for row in range(first, stop):
            for i in range(row * padded + width, (row + 1) * padded):
                a[i] = ZERO


@helper
def softmax(z, a, start, width, padded):
    """Write a = e^z / sum(e^z) for one row, shifted by the largest z so that nothing overflows."""
    top = row_maximum(z, start, width, padded)
    sums = splat(ZERO)
    for j in range(0, padded, LANES):
        e = exp(subtract(load(z, start + j), splat(top)))
        e = where(is_among_first(width - j), e, splat(ZERO))
        store(a, start + j, e)
        sums = add(sums, e)
    whole = splat(total(sums))
    for j in range(0, padded, LANES):
        store(a, start + j, divide(load(a, start + j), whole))


@helper
def row_maximum(z, start, width, padded):
    """Return the largest of the first `width` numbers of a row."""
    top = splat(LOWEST)
    for j in range(0, padded, LANES):
        top = at_least(top, where(is_among_first(width - j), load(z, start + j), splat(LOWEST)))
    return largest(top)


@kernel(types.void, FLOATS, FLOATS, *[SIZE] * 3)
def softmax_backward(a, da, first, stop, padded):
    """Write dz = a (da - sum(da a)) over da, row after row."""
    for row in range(first, stop):
        start, sums = row * padded, splat(ZERO)
        for j in range(start, start + padded, LANES):
            sums = add(sums, multiply(load(da, j), load(a, j)))
        whole = splat(total(sums))
        for j in range(start, start + padded, LANES):
            store(da, j, multiply(load(a, j), subtract(load(da, j), whole)))


@kernel(types.void, FLOATS, FLOATS, SIZE, SIZE)
def multiply_by(values, factors, begin, end):
    """Write values * factors over the values."""
    for i in range(begin, end, LANES):
        store(values, i, multiply(load(values, i), load(factors, i)))


@kernel(types.void, FLOATS, FLOATS, SIZE, SIZE)
def add_to(values, others, begin, end):
    """Write values + others over the values."""
    for i in range(begin, end, LANES):
        store(values, i, add(load(values, i), load(others, i)))


@kernel(types.void, FLOATS, FLOATS, SIZE, SIZE)
def copy_of(values, out, begin, end):
    """Copy the values to `out`."""
    for i in range(begin, end, LANES):
        store(out, i, load(values, i))


@kernel(types.void, FLOATS, FLOATS, FLOATS, *[SIZE] * 4, WORDS, *[types.uint32] * 3, types.float32)
def drop(values, out, factors, first, stop, width, padded, table, key_1, key_2, last_kept, scale):
    """Write dropped values as 0 and others times `scale`, and keep these factors for the backward pass.

    table: of `nn.noise`, (batch, width), flat. A number up to `last_kept` keeps its unit.
    """
    for row in range(first, stop):
        for j in range(width):
            number = table[row * width + j] ^ key_1
            number = np.uint32(number * np.uint32(0x7FEB352D))
            number ^= number >> np.uint32(15)
            number = np.uint32(number + key_2)
            number = np.uint32(number * np.uint32(0x846CA68B))
            factor = scale if number <= last_kept else ZERO
            factors[row * padded + j] = factor
            out[row * padded + j] = values[row * padded + j] * factor
        for j in range(width, padded):
            factors[row * padded + j] = ZERO
            out[row * padded + j] = ZERO
