"""Batch normalisation: each unit gets mean 0 and variance 1 over the images of a ghost batch, plus its bias."""

from __future__ import annotations

import numpy as np
from numba import types

from barenet.engine.compiled.kernels.compiling import FLOATS, SIZE, helper, kernel
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
    where,
)
from barenet.nn.layers.batch_norm import GHOST
from barenet.nn.layers.normalization import EPSILON

__all__ = ["ghost_end", "n_ghosts", "normalize_images", "normalize_images_backward"]

f32 = np.float32
ZERO, ONE, NORM_EPSILON = f32(0), f32(1), f32(EPSILON)


@helper
def n_ghosts(rows):
    """Return how many ghost batches a batch of `rows` images has, see `nn.layers.batch_norm`."""
    return max(1, rows // GHOST)


@helper
def ghost_end(first, rows):
    """Return the end, as the number of an image, of the ghost batch that begins with image `first`."""
    return rows if rows - first < 2 * GHOST else first + GHOST


@kernel(types.void, *[FLOATS] * 6, *[SIZE] * 6)
def normalize_images(z, normalized, mean, variance, inverse, bias, first, stop, ghost, width, wide, padded):
    """Write (z - mean) / sqrt(variance + epsilon) to `normalized`, and plus the bias over z.

    Rows from `first` to before `stop` are one ghost batch. Its mean, variance and 1 / sqrt(variance + epsilon) are
    written to row `ghost` of `mean`, `variance` and `inverse`. wide: `width` rounded up to a multiple of 16; from there
    to the end of a row 0 is written.
    """
    n = splat(f32(stop - first))
    for j in range(0, wide, LANES):
        sums, squares = splat(ZERO), splat(ZERO)
        for row in range(first, stop):
            sums = add(sums, load(z, row * padded + j))
        centre = divide(sums, n)
        for row in range(first, stop):
            centred = subtract(load(z, row * padded + j), centre)
            squares = fma(centred, centred, squares)
        spread = divide(squares, n)
        scale = divide(splat(ONE), sqrt(add(spread, splat(NORM_EPSILON))))
        store(mean, ghost * padded + j, centre)
        store(variance, ghost * padded + j, spread)
        store(inverse, ghost * padded + j, scale)
        for row in range(first, stop):
            scaled = multiply(subtract(load(z, row * padded + j), centre), scale)
            scaled = where(is_among_first(width - j), scaled, splat(ZERO))
            store(normalized, row * padded + j, scaled)
            store(z, row * padded + j, add(scaled, load(bias, j)))
    for row in range(first, stop):
        for j in range(wide, padded, LANES):  # slopes of the step before may be there
            store(normalized, row * padded + j, splat(ZERO))
            store(z, row * padded + j, splat(ZERO))


@kernel(types.void, *[FLOATS] * 4, *[SIZE] * 5)
def normalize_images_backward(dy, normalized, inverse, totals, first, stop, ghost, wide, padded):
    """Write dz = (dy - mean(dy) - normalized mean(dy normalized)) / deviation over dy.

    Row `ghost` of `totals` gets the sum of dy over the ghost batch, a part of the bias's gradient.
    """
    n = splat(f32(stop - first))
    for j in range(0, wide, LANES):
        sums, products = splat(ZERO), splat(ZERO)
        for row in range(first, stop):
            gradient = load(dy, row * padded + j)
            sums = add(sums, gradient)
            products = fma(gradient, load(normalized, row * padded + j), products)
        mean, along, scale = divide(sums, n), divide(products, n), load(inverse, ghost * padded + j)
        store(totals, ghost * padded + j, sums)
        for row in range(first, stop):
            rest = subtract(load(dy, row * padded + j), mean)
            rest = subtract(rest, multiply(load(normalized, row * padded + j), along))
            store(dy, row * padded + j, multiply(rest, scale))
