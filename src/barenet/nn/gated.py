"""The sigmoid, and the functions a = z s with a share s = sigmoid(...): GELU, SiLU.

`activations` says what each function gets and may overwrite.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "gelu_backward",
    "gelu_forward",
    "gelu_with_slope",
    "sigmoid_backward",
    "sigmoid_forward",
    "silu_backward",
    "silu_forward",
    "silu_with_slope",
]

Array = NDArray[np.floating]

GELU_SCALE = math.sqrt(2 / math.pi)
GELU_CUBIC = 0.044715


def sigmoid_forward(z: Array, out: Array, sign: int = 1) -> None:
    """a = 1 / (1 + e^-z), as (1 + tanh(z / 2)) / 2, which cannot overflow; 1 - a if `sign` is -1."""
    np.multiply(z, sign * 0.5, out=out)
    np.tanh(out, out=out)
    np.multiply(out, 0.5, out=out)
    np.add(out, 0.5, out=out)


def sigmoid_backward(da: Array, z: Array, a: Array, out: Array) -> None:
    """dz = da a (1 - a)."""
    np.subtract(1, a, out=out)
    np.multiply(out, a, out=out)
    np.multiply(out, da, out=out)


def gelu_forward(z: Array, out: Array) -> None:
    """a = z s with s = sigmoid(2 sqrt(2/pi) (z + 0.044715 z^3)) (Hendrycks and Gimpel 2016, tanh form)."""
    gelu_gate(z, out)
    np.multiply(out, z, out=out)


def gelu_gate(z: Array, out: Array, sign: int = 1) -> None:
    """Write s, GELU's share of z; 1 - s if `sign` is -1."""
    np.multiply(z, z, out=out)
    np.multiply(out, 2 * GELU_SCALE * GELU_CUBIC, out=out)
    np.add(out, 2 * GELU_SCALE, out=out)
    np.multiply(out, z, out=out)
    sigmoid_forward(out, out, sign)


def gelu_backward(da: Array, z: Array, a: Array, out: Array) -> None:
    """dz = da (s + a (1 - s) g'), with g' = 2 sqrt(2/pi) (1 + 3 * 0.044715 z^2)."""
    gelu_gate(z, out, sign=-1)
    np.multiply(z, z, out=z)
    np.multiply(z, 6 * GELU_SCALE * GELU_CUBIC, out=z)
    np.add(z, 2 * GELU_SCALE, out=z)  # z holds g'
    np.multiply(z, a, out=z)
    np.subtract(z, 1, out=z)
    finish_gated_backward(da, z, out)


def gelu_with_slope(z: Array, out: Array, scratch: Array) -> None:
    """Write a = z s, and over z the slope s + a (1 - s) g' = 1 + (1 - s) (a g' - 1), with one tanh for both."""
    np.multiply(z, z, out=scratch)
    np.multiply(scratch, GELU_SCALE * GELU_CUBIC, out=scratch)
    np.add(scratch, GELU_SCALE, out=scratch)
    np.multiply(scratch, z, out=scratch)
    np.tanh(scratch, out=scratch)  # s = (1 + tanh) / 2
    np.multiply(scratch, 0.5, out=out)
    np.add(out, 0.5, out=out)
    np.multiply(out, z, out=out)  # a
    np.multiply(z, z, out=z)
    np.multiply(z, 6 * GELU_SCALE * GELU_CUBIC, out=z)
    np.add(z, 2 * GELU_SCALE, out=z)  # g'
    np.multiply(z, out, out=z)
    finish_slope(z, scratch)


def silu_forward(z: Array, out: Array) -> None:
    """a = z sigmoid(z) (Elfwing et al. 2018)."""
    sigmoid_forward(z, out=out)
    np.multiply(out, z, out=out)


def silu_backward(da: Array, z: Array, a: Array, out: Array) -> None:
    """dz = da (s + a (1 - s)), with s = sigmoid(z)."""
    sigmoid_forward(z, out, sign=-1)
    np.subtract(a, 1, out=z)
    finish_gated_backward(da, z, out)


def silu_with_slope(z: Array, out: Array, scratch: Array) -> None:
    """Write a = z s, and over z the slope s + a (1 - s) = 1 + (1 - s) (a - 1), with one tanh for both."""
    np.multiply(z, 0.5, out=scratch)
    np.tanh(scratch, out=scratch)
    np.multiply(scratch, 0.5, out=out)
    np.add(out, 0.5, out=out)
    np.multiply(out, z, out=out)
    np.copyto(z, out)
    finish_slope(z, scratch)


def finish_gated_backward(da: Array, w_minus_1: Array, out: Array) -> None:
    """Write da (s + w (1 - s)) where `out` holds 1 - s, as da (1 + (1 - s) (w - 1)).

    1 - s, not s, is given because for large z w is huge and 1 - s is exactly 0.
    """
    np.multiply(out, w_minus_1, out=out)
    np.add(out, 1, out=out)
    np.multiply(out, da, out=out)


def finish_slope(w: Array, tanh: Array) -> None:
    """Write 1 + (1 - s) (w - 1) over w, with 1 - s = (1 - tanh) / 2; `tanh` is overwritten."""
    np.multiply(tanh, -0.5, out=tanh)
    np.add(tanh, 0.5, out=tanh)
    np.subtract(w, 1, out=w)
    np.multiply(w, tanh, out=w)
    np.add(w, 1, out=w)
