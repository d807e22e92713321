"""Activation functions f(z) with their derivatives, element by element; softmax works along the last axis.

`forward(z, out=a)` writes a = f(z). `backward(da, z, a, out=dz)` writes dz = da * f'(z), where da is the gradient of
the loss with respect to a. It is the last use of da and z in a step, so `backward` may overwrite both with intermediate
results, and needs no new arrays. It does not change a, because a is the input of the next dense layer, whose dW may be
computed later. `out` is never one of the three.

An activation with `in_place` may get z as `out`: then its layer uses one array for z and a, `backward` finds a in both,
and must not change z either. The others get a separate array.
An activation whose two passes share costly work also has `with_slope(z, out=a, scratch=...)`: it writes a, and f'(z)
over z, so that the backward pass is one product.
`kinks` are the points where the derivative jumps; the gradient check avoids them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError, nearest
from barenet.nn.gated import (
    gelu_backward,
    gelu_forward,
    gelu_with_slope,
    sigmoid_backward,
    sigmoid_forward,
    silu_backward,
    silu_forward,
    silu_with_slope,
)

__all__ = ["ACTIVATIONS", "ALIASES", "CUSTOM", "Activation", "find_activation"]

Array = NDArray[np.floating]

CUSTOM = "custom:"
LEAKY_SLOPE = 0.01


@dataclass(frozen=True)
class Activation:
    """A named pair of functions; the module's docstring says what they get and may overwrite."""

    name: str
    forward: Callable[..., None]
    backward: Callable[..., None]
    in_place: bool = False
    kinks: tuple[float, ...] = ()
    with_slope: Callable[..., None] | None = None

    @property
    def is_custom(self) -> bool:
        """Whether a person wrote the functions."""
        return self.name.startswith(CUSTOM)

    @staticmethod
    def custom(
        name: str,
        forward: Callable[[Array], Array],
        backward: Callable[[Array, Array, Array], Array],
        kinks: tuple[float, ...] = (),
    ) -> Activation:
        """Make a custom activation from `a = forward(z)` and `dz = backward(da, z, a)`.

        Both get arrays (..., B, H) and return new ones of the same shape. Give the result to `barenet.train`, which
        first checks its gradient, and again to `barenet.load`; or to `MLP`, which checks nothing: call
        `barenet.check_custom` before. Files store it as `custom:name`.
        """

        def write_forward(z: Array, out: Array) -> None:
            out[...] = forward(z)

        def write_backward(da: Array, z: Array, a: Array, out: Array) -> None:
            out[...] = backward(da, z, a)

        return Activation(f"{CUSTOM}{name}", write_forward, write_backward, kinks=kinks)


def relu_forward(z: Array, out: Array) -> None:
    """a = max(z, 0)."""
    np.maximum(z, 0, out=out)


def relu_backward(da: Array, z: Array, a: Array, out: Array) -> None:
    """dz = da where a > 0, else 0."""
    np.greater(a, 0, out=out)
    np.multiply(da, out, out=out)


def leaky_relu_forward(z: Array, out: Array) -> None:
    """a = max(z, 0.01 z)."""
    np.multiply(z, LEAKY_SLOPE, out=out)
    np.maximum(z, out, out=out)


def leaky_relu_backward(da: Array, z: Array, a: Array, out: Array) -> None:
    """dz = da where a > 0, else 0.01 da."""
    np.greater(a, 0, out=out)
    np.maximum(out, LEAKY_SLOPE, out=out)
    np.multiply(da, out, out=out)


def tanh_forward(z: Array, out: Array) -> None:
    """a = tanh(z)."""
    np.tanh(z, out=out)


def tanh_backward(da: Array, z: Array, a: Array, out: Array) -> None:
    """dz = da (1 - a^2)."""
    np.multiply(a, a, out=out)
    np.subtract(1, out, out=out)
    np.multiply(out, da, out=out)


def elu_forward(z: Array, out: Array) -> None:
    """a = z where z > 0, else e^z - 1 (Clevert et al. 2016, alpha = 1)."""
    np.minimum(z, 0, out=out)  # so that e^z cannot overflow
    np.expm1(out, out=out)
    np.maximum(z, out, out=out)  # e^z - 1 >= z where z <= 0, and out is 0 where z > 0


def elu_backward(da: Array, z: Array, a: Array, out: Array) -> None:
    """dz = da where a > 0, else da (a + 1)."""
    np.minimum(a, 0, out=out)
    np.add(out, 1, out=out)
    np.multiply(out, da, out=out)


def softplus_forward(z: Array, out: Array) -> None:
    """a = log(1 + e^z), without overflow."""
    np.logaddexp(z, 0, out=out)


def softplus_backward(da: Array, z: Array, a: Array, out: Array) -> None:
    """dz = da sigmoid(z) = da (1 - e^-a)."""
    np.negative(a, out=out)
    np.expm1(out, out=out)
    np.negative(out, out=out)
    np.multiply(out, da, out=out)


def identity_forward(z: Array, out: Array) -> None:
    """a = z."""
    if out is not z:
        np.copyto(out, z)


def identity_backward(da: Array, z: Array, a: Array, out: Array) -> None:
    """dz = da."""
    np.copyto(out, da)


def softmax_forward(z: Array, out: Array) -> None:
    """a = e^z / sum(e^z) along the last axis, shifted by the largest z so that nothing overflows."""
    np.subtract(z, np.max(z, axis=-1, keepdims=True), out=out)
    np.exp(out, out=out)
    np.divide(out, np.sum(out, axis=-1, keepdims=True), out=out)


def softmax_backward(da: Array, z: Array, a: Array, out: Array) -> None:
    """dz = a (da - sum(da a)) along the last axis."""
    np.multiply(da, a, out=out)
    np.subtract(da, np.sum(out, axis=-1, keepdims=True), out=out)
    np.multiply(out, a, out=out)


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation("relu", relu_forward, relu_backward, in_place=True, kinks=(0.0,)),
    "leaky_relu": Activation("leaky_relu", leaky_relu_forward, leaky_relu_backward, kinks=(0.0,)),
    "sigmoid": Activation("sigmoid", sigmoid_forward, sigmoid_backward, in_place=True),
    "tanh": Activation("tanh", tanh_forward, tanh_backward, in_place=True),
    "elu": Activation("elu", elu_forward, elu_backward),
    "gelu": Activation("gelu", gelu_forward, gelu_backward, with_slope=gelu_with_slope),
    "silu": Activation("silu", silu_forward, silu_backward, with_slope=silu_with_slope),
    "softplus": Activation("softplus", softplus_forward, softplus_backward, in_place=True),
    "identity": Activation("identity", identity_forward, identity_backward, in_place=True),
    "softmax": Activation("softmax", softmax_forward, softmax_backward, in_place=True),
}

ALIASES = {"leakyrelu": "leaky_relu", "linear": "identity", "swish": "silu", "none": "identity"}


def find_activation(activation: str | Activation, custom: Iterable[Activation] = ()) -> Activation:
    """Return the activation with a name, first from `custom`; an `Activation` is returned as it is."""
    if isinstance(activation, Activation):
        return activation
    by_name = ACTIVATIONS | {function.name: function for function in custom}
    name = ALIASES.get(str(activation), str(activation))
    if name not in by_name:
        raise ConfigError(f"unknown activation {activation!r}; {nearest(name, ACTIVATIONS)}")
    return by_name[name]
