"""Losses of single images, one after the other, with their gradients, as `nn.losses` defines them.

For the images in some rows they give the loss, the predicted class, and in `d` the gradient with respect to the
outputs, times `factor`. Loss and gradient of each image are multiplied by the image's weight.
"""

from __future__ import annotations

import numpy as np
from numba import types

from barenet.engine.compiled.kernels.compiling import FLOATS, SIZE, SIZES, helper, kernel
from barenet.engine.compiled.kernels.functions import exp, log
from barenet.engine.compiled.kernels.layers import row_maximum
from barenet.engine.compiled.kernels.memory import load, store
from barenet.engine.compiled.kernels.vectors import (
    LANES,
    add,
    at_least,
    divide,
    first_of,
    is_among_first,
    is_below,
    multiply,
    splat,
    subtract,
    total,
    where,
)

__all__ = ["LOSS_CODES", "losses_of"]

f32 = np.float32
ZERO, ONE, TWO = f32(0), f32(1), f32(2)

CROSS_ENTROPY, MSE, HINGE = range(3)
LOSS_CODES = {"cross_entropy": CROSS_ENTROPY, "mse": MSE, "hinge": HINGE}


@kernel(
    types.void, SIZE, FLOATS, FLOATS, *[SIZE] * 4, SIZES, types.boolean, FLOATS, FLOATS, types.float32, types.float32,
    FLOATS, SIZES,
)  # fmt: skip
def losses_of(
    code, outputs, d, first, stop, width, padded, classes, is_soft, soft_labels, weights, smoothing, factor, losses,
    predicted,
):  # fmt: skip
    """Write losses, predictions and gradients of the images in the rows from `first` to before `stop`.

    classes, weights: of each row. soft_labels: rows of the length of outputs, which replace the classes if `is_soft`.
    factor: the gradient of an image's loss is multiplied by it, such as 1 / batch size. losses (float32) and
    predicted: of each row.
    """
    for row in range(first, stop):
        start, label = row * padded, classes[row]
        predicted[row] = position_of_largest(outputs, start, width)
        weighted = factor * weights[row]
        if is_soft:
            loss = soft_cross_entropy(outputs, d, start, width, padded, soft_labels, smoothing, weighted)
        elif code == CROSS_ENTROPY:
            loss = cross_entropy(outputs, d, start, width, padded, label, smoothing, weighted)
        elif code == MSE:
            loss = mean_squared_error(outputs, d, start, width, padded, label, weighted)
        else:
            loss = hinge(outputs, d, start, width, padded, label, weighted)
        losses[row] = loss * weights[row]


@helper
def position_of_largest(values, start, width):
    """Return the position of the largest of the first `width` numbers of a row, the first of equal ones."""
    best = 0
    for j in range(1, width):
        if values[start + j] > values[start + best]:
            best = j
    return best


@helper
def cross_entropy(z, d, start, width, padded, label, smoothing, factor):
    """Return -sum_c q_c log p_c, and write factor (p - q); p = softmax(z), q the smoothed one-hot label."""
    top = splat(row_maximum(z, start, width, padded))
    sums, shifts = splat(ZERO), splat(ZERO)
    for j in range(0, padded, LANES):
        inside = is_among_first(width - j)
        shifted = where(inside, subtract(load(z, start + j), top), splat(ZERO))
        e = where(inside, exp(shifted), splat(ZERO))
        store(d, start + j, e)
        sums, shifts = add(sums, e), add(shifts, shifted)
    whole = total(sums)
    target = z[start + label] - first_of(top)
    each = ZERO
    if smoothing > ZERO:
        target = (ONE - smoothing) * target + smoothing * (total(shifts) / f32(width))
        each = smoothing / f32(width)
    for j in range(0, padded, LANES):
        share = subtract(divide(load(d, start + j), splat(whole)), splat(each))
        share = where(is_among_first(width - j), share, splat(ZERO))
        store(d, start + j, multiply(share, splat(factor)))
    d[start + label] -= (ONE - smoothing) * factor
    return first_of(log(splat(whole))) - target


@helper
def soft_cross_entropy(z, d, start, width, padded, labels, smoothing, factor):
    """Return -sum_c q_c log p_c, and write factor (w p - q); q is a smoothed soft label with sum w."""
    top = splat(row_maximum(z, start, width, padded))
    sums, weights = splat(ZERO), splat(ZERO)
    for j in range(0, padded, LANES):
        inside = is_among_first(width - j)
        e = where(inside, exp(where(inside, subtract(load(z, start + j), top), splat(ZERO))), splat(ZERO))
        store(d, start + j, e)
        sums = add(sums, e)
        weights = add(weights, where(inside, load(labels, start + j), splat(ZERO)))
    whole, weight, along = splat(total(sums)), total(weights), splat(ZERO)
    kept, each = splat(ONE - smoothing), splat(smoothing / f32(width) * weight)
    for j in range(0, padded, LANES):
        inside = is_among_first(width - j)
        q = add(multiply(kept, load(labels, start + j)), each)
        along = add(along, where(inside, multiply(q, subtract(load(z, start + j), top)), splat(ZERO)))
        share = subtract(divide(multiply(load(d, start + j), splat(weight)), whole), q)
        store(d, start + j, where(inside, multiply(share, splat(factor)), splat(ZERO)))
    return weight * first_of(log(whole)) - total(along)


@helper
def mean_squared_error(z, d, start, width, padded, label, factor):
    """Return the mean of (z - one_hot)^2 over the classes, and write its gradient times factor."""
    sums = splat(ZERO)
    scale = TWO * factor / f32(width)
    at_label = z[start + label]
    z[start + label] = at_label - ONE
    for j in range(0, padded, LANES):
        difference = where(is_among_first(width - j), load(z, start + j), splat(ZERO))
        sums = add(sums, multiply(difference, difference))
        store(d, start + j, multiply(difference, splat(scale)))
    z[start + label] = at_label
    return total(sums) / f32(width)


@helper
def hinge(z, d, start, width, padded, label, factor):
    """Return sum_{c != y} max(0, 1 + z_c - z_y), and write its gradient times factor."""
    at_label, sums, n_inside = z[start + label], splat(ZERO), splat(ZERO)
    for j in range(0, padded, LANES):
        margin = subtract(load(z, start + j), splat(at_label - ONE))
        margin = where(is_among_first(width - j), at_least(splat(ZERO), margin), splat(ZERO))
        store(d, start + j, margin)
    d[start + label] = ZERO
    for j in range(0, padded, LANES):
        margin = load(d, start + j)
        inside = where(is_below(splat(ZERO), margin), splat(ONE), splat(ZERO))
        sums, n_inside = add(sums, margin), add(n_inside, inside)
        store(d, start + j, multiply(inside, splat(factor)))
    d[start + label] = -total(n_inside) * factor
    return total(sums)
