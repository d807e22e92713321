"""Layer normalisation: each image gets mean 0 and variance 1 over its units."""

from __future__ import annotations

import numpy as np
from numba import types

from barenet.engine.compiled.kernels.compiling import FLOATS, SIZE, kernel
from barenet.engine.compiled.kernels.memory import load, store
from barenet.engine.compiled.kernels.vectors import (
    LANES,
    add,
    divide,
    fma,
    is_among_first,
    multiply,
    splat,
    sqrt,
    subtract,
    total,
    where,
)
from barenet.nn.layers.normalization import EPSILON

__all__ = ["normalize", "normalize_backward"]

f32 = np.float32
ZERO, ONE, NORM_EPSILON = f32(0), f32(1), f32(EPSILON)


@kernel(types.void, FLOATS, FLOATS, FLOATS, *[SIZE] * 4)
def normalize(z, normalized, inverse, first, stop, width, padded):
    """Write (z - mean) / sqrt(variance + epsilon) over z and to `normalized`, of rows from `first` to before `stop`.

    inverse: 1 / sqrt(variance + epsilon) of each row, 16 numbers apart.
    """
    for row in range(first, stop):
        start, sums, squares = row * padded, splat(ZERO), splat(ZERO)
        for j in range(0, padded, LANES):  # after the row's units, slopes of the step before may be there
            sums = add(sums, where(is_among_first(width - j), load(z, start + j), splat(ZERO)))
        mean = splat(total(sums) / f32(width))
        for j in range(0, padded, LANES):
            centred = where(is_among_first(width - j), subtract(load(z, start + j), mean), splat(ZERO))
            store(normalized, start + j, centred)
            squares = fma(centred, centred, squares)
        scale = divide(splat(ONE), sqrt(splat(total(squares) / f32(width) + NORM_EPSILON)))
        store(inverse, row * LANES, scale)
        for j in range(start, start + padded, LANES):
            scaled = multiply(load(normalized, j), scale)
            store(normalized, j, scaled)
            store(z, j, scaled)


@kernel(types.void, FLOATS, FLOATS, FLOATS, *[SIZE] * 4)
def normalize_backward(dy, normalized, inverse, first, stop, width, padded):
    """Write dz = (dy - mean(dy) - normalized mean(dy normalized)) / deviation over dy, row after row."""
    for row in range(first, stop):
        start, sums, products = row * padded, splat(ZERO), splat(ZERO)
        for j in range(start, start + padded, LANES):
            sums = add(sums, load(dy, j))
            products = fma(load(dy, j), load(normalized, j), products)
        mean, along = splat(total(sums) / f32(width)), splat(total(products) / f32(width))
        scale = load(inverse, row * LANES)
        for j in range(0, padded, LANES):
            rest = subtract(load(dy, start + j), mean)
            rest = subtract(rest, multiply(load(normalized, start + j), along))
            store(dy, start + j, where(is_among_first(width - j), multiply(rest, scale), splat(ZERO)))
