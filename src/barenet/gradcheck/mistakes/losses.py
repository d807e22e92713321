"""The losses of networks that are recognised, and wrong derivatives of them with respect to the logits z.

Symbols: q are the labels as rows (B, C) of zeros and ones, p and s the outputs of softmax and sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from barenet.nn.activations import ACTIVATIONS

Array = NDArray[np.float64]

__all__ = ["GUARDS", "LOSSES", "OUTPUT_OF", "WRONG_AXIS", "formula_at_z", "slope", "wrong_outputs"]


def value_of(name: str, z: Array) -> Array:
    """Return an activation at z."""
    a = np.empty_like(z)
    ACTIVATIONS[name].forward(z, out=a)
    return a


def slope(name: str, z: Array) -> Array:
    """Return the derivative of an activation at z."""
    dz = np.empty_like(z)
    ACTIVATIONS[name].backward(np.ones_like(z), z.copy(), value_of(name, z), out=dz)
    return dz


# The derivatives that are usually written with a, the output of the activation.
FORMULAS: dict[str, Callable[[Array], Array]] = {"sigmoid": lambda a: a * (1 - a), "tanh": lambda a: 1 - a**2}


def formula_at_z(name: str, z: Array) -> Array | None:
    """Return the formula for the derivative in terms of a, with z in the place of a; None for other activations."""
    return FORMULAS[name](z) if name in FORMULAS else None


def softmax(z: Array, axis: int = 1) -> Array:
    """Return e^z / sum(e^z) of each row."""
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def cross_entropy(z: Array, q: Array) -> tuple[float, Array]:
    """-sum(q log softmax(z))."""
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -float(np.sum(q * log_p)), softmax(z) * q.sum(axis=1, keepdims=True) - q


def binary_cross_entropy(z: Array, q: Array) -> tuple[float, Array]:
    """The sum of the cross-entropies of a sigmoid for each class."""
    return float(np.sum(np.logaddexp(z, 0) - q * z)), 0.5 * (1 + np.tanh(z / 2)) - q


def squared_error(z: Array, q: Array, *, output: str) -> tuple[float, Array]:
    """sum((f(z) - q)^2) for an output activation f."""
    a, dz = value_of(output, z), np.empty_like(z)
    ACTIVATIONS[output].backward(2 * (a - q), z.copy(), a, out=dz)
    return float(np.sum((a - q) ** 2)), dz


def hinge(z: Array, q: Array) -> tuple[float, Array]:
    """The sum over the wrong classes of max(0, z - z of the right class + 1)."""
    margins = np.where(q == 1, 0.0, np.maximum(z - np.sum(q * z, axis=1, keepdims=True) + 1, 0))
    above = (margins > 0).astype(np.float64)
    return float(margins.sum()), above - q * above.sum(axis=1, keepdims=True)


def guarded_cross_entropy(z: Array, q: Array, *, guard: float) -> tuple[float, Array]:
    """-sum(q log(p + guard)) with the intended gradient, p - q, which ignores the guard."""
    return -float(np.sum(q * np.log(softmax(z) + guard))), cross_entropy(z, q)[1]


def over_images(z: Array, q: Array, *, row_shift: bool) -> tuple[float, Array]:
    """-sum(q log p) of a softmax that wrongly sums over the images; with `row_shift`, of z - the largest z of a row."""
    shifted = z - z.max(axis=1, keepdims=True) if row_shift else z
    p = softmax(shifted, axis=0)
    dz = p * q.sum(axis=0, keepdims=True) - q
    if row_shift:
        dz = dz - (z == z.max(axis=1, keepdims=True)) * dz.sum(axis=1, keepdims=True)
    return -float(np.sum(q * np.log(p))), dz


# Each returns the loss summed over the batch, and its gradient with respect to the logits z.
LOSSES: dict[str, Callable[[Array, Array], tuple[float, Array]]] = {
    "cross-entropy": cross_entropy,
    "squared error": partial(squared_error, output="identity"),
    "squared error of softmax": partial(squared_error, output="softmax"),
    "squared error of sigmoid": partial(squared_error, output="sigmoid"),
    "squared error of tanh": partial(squared_error, output="tanh"),
    "binary cross-entropy": binary_cross_entropy,
    "hinge loss": hinge,
}
GUARDS = {f"cross-entropy with log(p + {10.0**-k:g})": 10.0**-k for k in (8, 7, 10, 9, 6, 5, 12)}
LOSSES |= {name: partial(guarded_cross_entropy, guard=guard) for name, guard in GUARDS.items()}
WRONG_AXIS = {"cross-entropy over the images": False, "cross-entropy over the images, shifted by rows": True}
LOSSES |= {name: partial(over_images, row_shift=row_shift) for name, row_shift in WRONG_AXIS.items()}
OUTPUT_OF = {f"squared error of {name}": name for name in ("softmax", "sigmoid", "tanh")} | {
    "binary cross-entropy": "sigmoid"
}


def wrong_outputs(loss: str, scale: float, z: Array, q: Array) -> Iterator[tuple[str, Array]]:
    """Yield mistakes at the output layer with the wrong dz of each; the loss is `scale` times that of LOSSES."""
    dz = scale * LOSSES[loss](z, q)[1]
    mean = 1 / len(z)
    if loss == "cross-entropy" or loss in GUARDS:
        p = softmax(z)
        yield "softmax_twice", dz * p * (1 - p)
        yield "softmax_twice", p * (dz - np.sum(p * dz, axis=1, keepdims=True))
        yield "softmax_left_out", -scale * q / (p + GUARDS.get(loss, 0.0))
        for shifted in (z, z - z.max(axis=1, keepdims=True)):
            yield "softmax_wrong_axis", scale * (softmax(shifted, axis=0) - q)
    elif loss in WRONG_AXIS:
        shifted = z - z.max(axis=1, keepdims=True) if WRONG_AXIS[loss] else z
        yield "softmax_wrong_axis", scale * (softmax(shifted, axis=0) - q)
    elif loss == "binary cross-entropy":
        yield "sigmoid_twice", dz * slope("sigmoid", z)
        yield "output_slope_missing", dz / slope("sigmoid", z)
    elif loss == "squared error":
        for output in ("softmax", "sigmoid"):
            yield "cross_entropy_gradient", mean * (value_of(output, z) - q)
    elif loss in OUTPUT_OF:
        yield from wrong_slopes_of_output(OUTPUT_OF[loss], scale, z, q)


def wrong_slopes_of_output(output: str, scale: float, z: Array, q: Array) -> Iterator[tuple[str, Array]]:
    """Yield mistakes in the derivative of an output activation under a squared error, with the wrong dz."""
    a = value_of(output, z)
    da = 2 * scale * (a - q)
    as_in_cross_entropy = "cross_entropy_gradient", (a - q) / len(z)
    if output == "softmax":
        yield as_in_cross_entropy
        yield "output_slope_missing", da
        yield "softmax_elementwise", da * a * (1 - a)
        return
    yield "output_slope_missing", da
    yield "output_slope_at_activation", da * slope(output, a)
    yield "output_formula_at_z", da * FORMULAS[output](z)
    if output == "sigmoid":
        yield as_in_cross_entropy
