"""A reference for a person's network: the same forward pass, and back-propagation with chosen mistakes.

The code of the checked function is not examined. If its parameters look like the weights and biases of a multi-layer
perceptron, `recognise` tries activations and losses until one network gives the same loss at several points. Then
`Reference` can compute the gradient that a certain mistake would give, to compare it with the returned one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ShapeError
from barenet.nn.activations import ACTIVATIONS

Array = NDArray[np.float64]

__all__ = ["Layout", "Reference", "Variation", "find_layouts", "recognise"]

HIDDEN = ("relu", "sigmoid", "tanh", "leaky_relu", "elu", "gelu", "silu", "softplus", "identity")


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

    `output` names a further factor of dlogits. `slopes` says for some layers where the activation's derivative is taken
    instead: ("z", m) or ("a", m), before or after the activation of layer m (m = 0: the inputs), or None for no
    derivative. In the layers `untransposed` the error is multiplied by W instead of its transpose.
    """

    output: str = ""
    slopes: dict[int, tuple[str, int] | None] = field(default_factory=dict)
    untransposed: frozenset[int] = frozenset()


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

    def gradients(self, values: Sequence[Array], x: Array, targets: Array, how: Variation) -> list[Array]:
        """Return the gradients without L2 terms in the order of the parameters; ShapeError if `how` does not fit."""
        weights, biases = self.layout.read(values)
        z, a = forward(weights, biases, self.activations, x)
        dz = self.scale * LOSSES[self.loss](z[-1], targets)[1]
        if how.output:
            dz = OUTPUTS[how.output](dz, z[-1])
        gradients = {}
        for layer in range(len(weights), 0, -1):
            if layer < len(weights) or layer in how.slopes:
                place = how.slopes.get(layer, ("z", layer))
                if place is not None:
                    kind, m = place
                    point = a[m] if kind == "a" or m == 0 else z[m]
                    name = self.activations[min(layer, len(weights) - 1) - 1] if len(weights) > 1 else "identity"
                    if point.shape != dz.shape:
                        raise ShapeError(f"no derivative at {point.shape} for an error {dz.shape}")
                    dz = dz * slope(name, point)
            dw = a[layer - 1].T @ dz
            gradients[self.layout.weights[layer - 1]] = dw.T if self.layout.flipped else dw
            if self.layout.biases:
                position = self.layout.biases[layer - 1]
                gradients[position] = dz.sum(axis=0).reshape(values[position].shape)
            w = weights[layer - 1]
            if layer in how.untransposed and w.shape[0] != w.shape[1]:
                raise ShapeError(f"weights {w.shape} go one way only")
            dz = dz @ (w if layer in how.untransposed else w.T)
        return [gradients[i] for i in range(len(values))]


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


def slope(name: str, z: Array) -> Array:
    """Return the derivative of an activation at z."""
    a, dz = np.empty_like(z), np.empty_like(z)
    ACTIVATIONS[name].forward(z, out=a)
    ACTIVATIONS[name].backward(np.ones_like(z), z.copy(), a, out=dz)
    return dz


def softmax(z: Array) -> Array:
    """Return e^z / sum(e^z) of each row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def cross_entropy(z: Array, q: Array) -> tuple[float, Array]:
    """-sum(q log softmax(z))."""
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -float(np.sum(q * log_p)), softmax(z) * q.sum(axis=1, keepdims=True) - q


def binary_cross_entropy(z: Array, q: Array) -> tuple[float, Array]:
    """The sum of the cross-entropies of a sigmoid for each class."""
    return float(np.sum(np.logaddexp(z, 0) - q * z)), 0.5 * (1 + np.tanh(z / 2)) - q


def squared_error(output: str) -> Callable[[Array, Array], tuple[float, Array]]:
    """Return sum((f(z) - q)^2) for an output activation f."""

    def function(z: Array, q: Array) -> tuple[float, Array]:
        a, dz = np.empty_like(z), np.empty_like(z)
        ACTIVATIONS[output].forward(z, out=a)
        loss = float(np.sum((a - q) ** 2))
        ACTIVATIONS[output].backward(2 * (a - q), z.copy(), a, out=dz)
        return loss, dz

    return function


def guarded_cross_entropy(guard: float) -> Callable[[Array, Array], tuple[float, Array]]:
    """Return -sum(q log(p + guard)) with the intended gradient, p - q, which ignores the guard."""

    def function(z: Array, q: Array) -> tuple[float, Array]:
        return -float(np.sum(q * np.log(softmax(z) + guard))), cross_entropy(z, q)[1]

    return function


# Each returns the loss summed over the batch, and its gradient with respect to the logits z.
LOSSES: dict[str, Callable[[Array, Array], tuple[float, Array]]] = {
    "cross-entropy": cross_entropy,
    "squared error": squared_error("identity"),
    "squared error of softmax": squared_error("softmax"),
    "squared error of sigmoid": squared_error("sigmoid"),
    "binary cross-entropy": binary_cross_entropy,
}
GUARDS = {f"cross-entropy with log(p + {10.0**-k:g})": guarded_cross_entropy(10.0**-k) for k in (8, 7, 10, 9, 6, 5, 12)}
LOSSES |= GUARDS


def times_jacobian(dz: Array, z: Array) -> Array:
    """Return dz multiplied by the derivative of softmax, as if it were dp."""
    p = softmax(z)
    return np.asarray(p * (dz - np.sum(p * dz, axis=1, keepdims=True)))


OUTPUTS: dict[str, Callable[[Array, Array], Array]] = {
    "p (1 - p)": lambda dz, z: dz * softmax(z) * (1 - softmax(z)),
    "softmax's Jacobian": times_jacobian,
    "s (1 - s)": lambda dz, z: dz * slope("sigmoid", z),
}


def find_layouts(shapes: Sequence[tuple[int, ...]], n_inputs: int) -> Iterator[Layout]:
    """Yield the layouts in which these shapes are the weights and biases of consecutive layers, in order."""
    weights = [i for i, shape in enumerate(shapes) if sum(n != 1 for n in shape) == 2 and len(shape) == 2]
    biases = [i for i in range(len(shapes)) if i not in weights]
    if not weights or len(biases) not in (0, len(weights)):
        return
    for flipped in (False, True):
        sizes = [shapes[i][::-1] if flipped else shapes[i] for i in weights]
        weights_fit = sizes[0][0] == n_inputs and all(left[1] == right[0] for left, right in pairwise(sizes))
        biases_fit = all(np.prod(shapes[b]) == size[1] for b, size in zip(biases, sizes, strict=False))
        if weights_fit and biases_fit:
            yield Layout(tuple(weights), tuple(biases), flipped)


def recognise(
    points: Sequence[Sequence[Array]],
    losses: Sequence[float],
    x: Array,
    targets: Callable[[int], Array | None],
    tolerance: float,
) -> Reference | None:
    """Return the network whose loss agrees at all points, up to a scale and L2 terms; None if there is none.

    `targets` returns the one-hot labels for a number of classes, or None if the labels do not fit it.
    """
    wanted = np.array(losses)
    for layout in find_layouts([value.shape for value in points[0]], x.shape[1]):
        networks = [layout.read(point) for point in points]
        q = targets(networks[0][0][-1].shape[1])
        if q is None:
            continue
        squares = [[sum(float(np.sum(v**2)) for v in arrays) for arrays in network] for network in networks]
        for activations in combinations(len(layout.weights) - 1):
            logits = [forward(*network, activations, x)[0][-1] for network in networks]
            for name, loss in LOSSES.items():
                # J = scale * loss + (l2 / 2) sum(W^2) + (l2_biases / 2) sum(b^2): three unknowns, many points.
                plain = [loss(z, q)[0] for z in logits]
                columns = np.array([[value, w / 2, b / 2] for value, (w, b) in zip(plain, squares, strict=True)])
                solution = np.linalg.lstsq(columns, wanted, rcond=None)[0]
                if np.abs(columns @ solution - wanted).max() <= tolerance * np.abs(wanted).max():
                    return Reference(layout, activations, name, *map(float, solution))
    return None


def combinations(n_hidden: int) -> Iterator[tuple[str, ...]]:
    """Yield activations for the hidden layers: the same everywhere first, then mixed ones if there are few layers."""
    yield from ((name,) * n_hidden for name in HIDDEN)
    if n_hidden == 2:
        yield from (names for names in product(HIDDEN, repeat=2) if len(set(names)) > 1)
