"""A reference for a person's network: the same forward pass, and back-propagation with chosen mistakes.

`Reference` computes the gradient that a certain mistake would give, to compare it with the returned one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ShapeError
from barenet.gradcheck.mistakes.losses import GUARDS, LOSSES, formula_at_z, slope
from barenet.nn.activations import ACTIVATIONS

Array = NDArray[np.float64]

__all__ = ["Layout", "Reference", "Variation", "forward"]


@dataclass(frozen=True)
class Layout:
    """Which parameters are the weights and the biases of each layer; weights are (out, in) if `flipped`."""

    weights: tuple[int, ...]
    biases: tuple[int, ...]
    flipped: bool

    def read(self, values: Sequence[Array]) -> tuple[list[Array], list[Array]]:
        """Return weights (in, out) and biases (out,); without biases they are zero."""
        weights = [values[i].T if self.flipped else values[i] for i in self.weights]
        biases = [values[i].reshape(-1) for i in self.biases] or [np.zeros(w.shape[1]) for w in weights]
        return weights, biases


@dataclass(frozen=True)
class Variation:
    """The differences from the right back-propagation. Layers count from 1, the output layer is the last.

    `dz` replaces the derivative of the loss with respect to the logits. `slopes` says for some layers where the
    activation's derivative is taken instead: ("z", m) or ("a", m), before or after the activation of layer m (m = 0:
    the inputs), ("formula", m), the formula for a with z of layer m in its place, or None for no derivative. In the
    layers `untransposed` the error is multiplied by W instead of its transpose, and in those of `weights` by other
    weights. From the layers `errors` the error goes back as it is before the derivative of their activation; `da` is
    that of the output layer. The weights' gradients of the layers `inputs_z` have z of the layer below in the place of
    a. With `biases_over_units`, a bias's gradient is summed over the units where that fits the shape.
    """

    dz: Array | None = None
    slopes: Mapping[int, tuple[str, int] | None] = field(default_factory=dict)
    untransposed: frozenset[int] = frozenset()
    weights: Mapping[int, Array] = field(default_factory=dict)
    errors: frozenset[int] = frozenset()
    da: Array | None = None
    inputs_z: frozenset[int] = frozenset()
    biases_over_units: bool = False


@dataclass(frozen=True)
class Reference:
    """A recognised network: J = scale * loss summed over the batch + (l2 / 2) sum(W**2) + (l2_biases / 2) sum(b**2)."""

    layout: Layout
    activations: tuple[str, ...]
    loss: str
    scale: float
    l2: float = 0.0
    l2_biases: float = 0.0

    @property
    def is_guarded(self) -> bool:
        """Whether the loss has a small number that prevents log(0); the gradient may leave it out."""
        return self.loss in GUARDS

    @property
    def has_softmax(self) -> bool:
        """Whether the loss is a cross-entropy of softmax."""
        return self.loss == "cross-entropy" or self.is_guarded

    def describe(self, values: Sequence[Array]) -> str:
        """Return a short description of the network: 8-7-6-5, relu, cross-entropy."""
        weights, _ = self.layout.read(values)
        sizes = "-".join(str(n) for n in (weights[0].shape[0], *(w.shape[1] for w in weights)))
        return ", ".join([sizes, *dict.fromkeys(self.activations), self.loss])

    def l2_of(self, values: Sequence[Array]) -> list[float]:
        """Return for each parameter the factor of its value in the gradient of the L2 term."""
        return [self.l2 if i in self.layout.weights else self.l2_biases for i in range(len(values))]

    def logits(self, values: Sequence[Array], x: Array) -> Array:
        """Return the logits (B, C)."""
        return forward(*self.layout.read(values), self.activations, x)[0][-1]

    def gradients(self, values: Sequence[Array], x: Array, targets: Array, how: Variation) -> list[Array]:
        """Return the gradients without L2 terms in the order of the parameters; ShapeError if `how` does not fit."""
        weights, biases = self.layout.read(values)
        z, a = forward(weights, biases, self.activations, x)
        dz = self.scale * LOSSES[self.loss](z[-1], targets)[1] if how.dz is None else how.dz
        gradients = {}
        for layer in range(len(weights), 0, -1):
            da = dz if layer < len(weights) or how.da is None else how.da
            if layer < len(weights) or layer in how.slopes:
                dz = self.through_activation(dz, how.slopes.get(layer, ("z", layer)), layer, z, a)
            below = z[layer - 1] if layer in how.inputs_z else a[layer - 1]
            dw = below.T @ dz
            gradients[self.layout.weights[layer - 1]] = dw.T if self.layout.flipped else dw
            if self.layout.biases:
                position = self.layout.biases[layer - 1]
                axis = int(how.biases_over_units and dz.shape[0] == dz.shape[1])
                gradients[position] = dz.sum(axis=axis).reshape(values[position].shape)
            w = how.weights.get(layer, weights[layer - 1])
            if layer in how.untransposed and w.shape[0] != w.shape[1]:
                raise ShapeError(f"weights {w.shape} go one way only")
            dz = (da if layer in how.errors else dz) @ (w if layer in how.untransposed else w.T)
        return [gradients[i] for i in range(len(values))]

    def through_activation(
        self, da: Array, place: tuple[str, int] | None, layer: int, z: list[Array], a: list[Array]
    ) -> Array:
        """Return da times the activation's derivative, taken at a place as in `Variation.slopes`."""
        if place is None:
            return da
        kind, m = place
        point = a[m] if kind == "a" or m == 0 else z[m]
        n_hidden = len(self.activations)
        name = self.activations[min(layer, n_hidden) - 1] if n_hidden else "identity"
        if point.shape != da.shape:
            raise ShapeError(f"no derivative at {point.shape} for an error {da.shape}")
        derivative = formula_at_z(name, point) if kind == "formula" else slope(name, point)
        if derivative is None:
            raise ShapeError(f"the derivative of {name} has no usual formula in terms of its output")
        return da * derivative


def forward(
    weights: list[Array], biases: list[Array], activations: Sequence[str], x: Array
) -> tuple[list[Array], list[Array]]:
    """Return z and a of every layer, indexed from 1; a[0] and z[0] are the inputs, z[-1] the logits."""
    z, a = [x], [x]
    for w, b, name in zip(weights, biases, (*activations, "identity"), strict=True):
        z.append(a[-1] @ w + b)
        a.append(np.empty_like(z[-1]))
        ACTIVATIONS[name].forward(z[-1], out=a[-1])
    return z, a
