"""Recognise a person's network by its loss.

The code is not examined. If its parameters look like the weights and biases of a multi-layer perceptron,
activations and losses are tried until one network gives the same loss at several points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from barenet.gradcheck.mistakes.losses import LOSSES
from barenet.gradcheck.mistakes.reference import Layout, Reference, forward

Array = NDArray[np.float64]

__all__ = ["find_layouts", "recognise"]

HIDDEN = ("relu", "sigmoid", "tanh", "leaky_relu", "elu", "gelu", "silu", "softplus", "identity")


def find_layouts(shapes: Sequence[tuple[int, ...]], n_inputs: int) -> Iterator[Layout]:
    """Yield the layouts in which these shapes are the weights and biases of consecutive layers, in order."""
    for weights in possible_weights(shapes):
        biases = [i for i in range(len(shapes)) if i not in weights]
        if not weights or len(biases) not in (0, len(weights)) or any(len(shapes[i]) != 2 for i in weights):
            continue
        for flipped in (False, True):
            sizes = [shapes[i][::-1] if flipped else shapes[i] for i in weights]
            weights_fit = sizes[0][0] == n_inputs and all(left[1] == right[0] for left, right in pairwise(sizes))
            biases_fit = all(np.prod(shapes[b]) == size[1] for b, size in zip(biases, sizes, strict=False))
            if weights_fit and biases_fit:
                yield Layout(tuple(weights), tuple(biases), flipped)


def possible_weights(shapes: Sequence[tuple[int, ...]]) -> list[list[int]]:
    """Return which parameters may be weights: the matrices; every second one; the first half."""
    n = len(shapes)
    matrices = [i for i, shape in enumerate(shapes) if len(shape) == 2 and min(shape) > 1]
    ways = [matrices, list(range(0, n, 2)), list(range(n // 2)), list(range(n))]
    return [way for k, way in enumerate(ways) if way not in ways[:k]]


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
                if not np.all(np.isfinite(columns)):
                    continue  # a probability rounds to 0 there, and in the code it does not
                solution = np.linalg.lstsq(columns, wanted, rcond=None)[0]
                if np.abs(columns @ solution - wanted).max() <= tolerance * np.abs(wanted).max():
                    return Reference(layout, activations, name, *map(float, solution))
    return None


def combinations(n_hidden: int) -> Iterator[tuple[str, ...]]:
    """Yield activations for the hidden layers: the same everywhere first, then mixed ones if there are few layers."""
    yield from ((name,) * n_hidden for name in HIDDEN)
    if n_hidden == 2:
        yield from (names for names in product(HIDDEN, repeat=2) if len(set(names)) > 1)
