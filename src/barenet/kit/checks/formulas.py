"""What a network computes, by the textbook's formulas, with the usual mistakes as options. No code of barenet.nn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.kit.checks.numbers import Array

__all__ = [
    "accuracy",
    "architecture",
    "cross_entropy",
    "draw_parameters",
    "gradients",
    "over_all",
    "probabilities",
    "softmax",
]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "": lambda z: z,
}
# From the value a of an activation to its slope.
SLOPES: dict[str, Callable[[Array], Array]] = {
    "relu": lambda a: np.asarray(a > 0, np.float64),
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a**2,
}


def architecture(sizes: Sequence[int], activations: Sequence[str]) -> list[dict[str, Any]]:
    """Return the nn_architecture of a network with `sizes` (inputs, hidden units, classes) and hidden `activations`."""
    return [
        {"input_dim": sizes[i], "output_dim": sizes[i + 1], "activation": activation}
        for i, activation in enumerate([*activations, "softmax"])
    ]


def probabilities(
    parameters: Mapping[str, Any],
    x: Array,
    activations: Sequence[str],
    *,
    with_biases: bool = True,
    last: str = "",
    softmax_axis: int | None = 1,
) -> Array:
    """Return the probabilities (B, C) of x (B, D). Without `with_biases`, with a `last` activation before the softmax,
    with another axis of the softmax, or with the logits (None) it computes what a mistake would give.
    """
    a = np.asarray(x, np.float64)
    for i, activation in enumerate([*activations, last], start=1):
        z = a @ np.asarray(parameters[f"W{i}"], np.float64)
        a = ACTIVATIONS[activation](z + np.asarray(parameters[f"b{i}"]) if with_biases else z)
    if softmax_axis is None:
        return a
    e = np.exp(a - a.max(axis=softmax_axis, keepdims=True))
    return np.asarray(e / e.sum(axis=softmax_axis, keepdims=True))


def over_all(logits: Array) -> Array:
    """Return the exponentials of logits divided by the sum of all of them."""
    e = np.exp(logits)
    return np.asarray(e / e.sum())


def softmax(z: Array) -> Array:
    """Return the softmax of each row."""
    return np.asarray(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))


def gradients(
    parameters: Mapping[str, Any], x: Array, labels: NDArray[Any], activations: Sequence[str]
) -> dict[str, Array]:
    """Return the gradients of the mean cross-entropy of x (B, D) and labels (B,), by the names of the parameters."""
    inputs = [np.asarray(x, np.float64)]
    for i, activation in enumerate(activations, start=1):
        inputs.append(ACTIVATIONS[activation](inputs[-1] @ parameters[f"W{i}"] + parameters[f"b{i}"]))
    p = probabilities(parameters, x, activations)
    dz = (p - np.eye(p.shape[1])[labels.astype(int)]) / len(p)
    found = {}
    for i in range(len(inputs), 0, -1):
        found[f"W{i}"], found[f"b{i}"] = inputs[i - 1].T @ dz, dz.sum(axis=0, keepdims=True)
        if i > 1:
            dz = dz @ np.asarray(parameters[f"W{i}"]).T * SLOPES[activations[i - 2]](inputs[i - 1])
    return found


def draw_parameters(sizes: Sequence[int], rng: np.random.Generator) -> dict[str, Array]:
    """Return random parameters of a network with these sizes."""
    parameters = {}
    for i in range(len(sizes) - 1):
        parameters[f"W{i + 1}"] = rng.normal(size=(sizes[i], sizes[i + 1]))
        parameters[f"b{i + 1}"] = rng.normal(size=(1, sizes[i + 1]))
    return parameters


def cross_entropy(probabilities: Array, labels: NDArray[Any]) -> float:
    """Return the mean of -log(probability of the right class). The arguments have the names of the kit's function."""
    return float(-np.mean(np.log(probabilities[np.arange(len(labels)), labels.astype(int)])))


def accuracy(p: Array, labels: NDArray[Any]) -> float:
    """Return the fraction of rows whose largest probability is that of the label."""
    return float(np.mean(p.argmax(axis=1) == labels))
