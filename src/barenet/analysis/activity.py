"""How the neurons of a network react to images: their activations, which are dead, and the effect of each.

This module only calculates; `plots.neurons` draws. Layers are counted from 1 and neurons from 0: neuron 2:17 is number
17 of the second hidden layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.data.batches import to_float
from barenet.errors import ConfigError
from barenet.nn.mlp import MLP
from barenet.printing.shown import Shown
from barenet.run_folders.checkpoint import SavedModel
from barenet.training.learning.activity import is_flat, trace
from barenet.training.metrics import accuracy

__all__ = [
    "LayerActivity",
    "NeuronPortrait",
    "measure_activity",
    "most_useful_neuron",
    "portray",
    "read_neuron",
]

Array = NDArray[np.floating]

MOSTLY = 0.95  # a neuron is saturated if it is flat for this share of the images
BOUNDED = ("sigmoid", "tanh")  # functions that saturate; the others grow without limit
HISTOGRAM_BINS = 60
BATCH = 1000


@dataclass(frozen=True, repr=False)
class LayerActivity(Shown):
    """The activations of one hidden layer.

    edges, counts: a histogram of all activations. dead: neurons whose activation function is flat for every image, so
    that they do not learn; for ReLU, those whose output is always 0. saturated: for sigmoid and tanh, neurons that are
    flat for 95 % of the images or more, but not dead; None for functions without a limit.
    """

    layer: int
    activation: str
    n_units: int
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    share_zero: float
    dead: list[int]
    saturated: list[int] | None


@dataclass(frozen=True, repr=False)
class NeuronPortrait(Shown):
    """One neuron of a hidden layer: the images with its highest and lowest activations, and its effect on the outputs.

    activations: (n,), one for each image. most, least: the images with the highest and the lowest activations; no image
    is in both. push: (C,), the mean fall of each class's output without the neuron, relative to the mean of all
    classes; it is positive for classes that the neuron supports. lost: the accuracy lost without it, a fraction.
    n_changed: how many images get another class without it. is_dead: its activation function is flat for every image.
    """

    layer: int
    unit: int
    weights: NDArray[np.floating]
    activations: NDArray[np.floating]
    most: NDArray[np.int64]
    least: NDArray[np.int64]
    push: NDArray[np.float64]
    by_class: NDArray[np.float64]
    accuracy: float
    lost: float
    n_changed: int
    is_dead: bool


def measure_activity(model: SavedModel, pixels: NDArray[np.generic]) -> list[LayerActivity]:
    """Return the activations of each hidden layer for images (n, D)."""
    mlp = model.mlp
    hidden = mlp.architecture.hidden
    kept: list[list[Array]] = [[] for _ in hidden]
    always: list[Array] = [np.zeros(row.output_dim) for row in hidden]
    for batch in batches(model, pixels):
        for layer, (z, a) in enumerate(trace(mlp, batch)[:-1]):
            kept[layer].append(a)
            always[layer] += np.sum(is_flat(mlp, layer, z), axis=0)
    found = []
    for layer, row in enumerate(hidden):
        # A network that diverges may have infinite activations, which a histogram cannot hold.
        values, flat = np.concatenate(kept[layer]), always[layer] / len(pixels)
        values = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
        name = row.activation.name
        low, high = float(values.min()), float(values.max())
        counts, edges = np.histogram(values, HISTOGRAM_BINS, (low, high if high > low else low + 1))
        mostly = np.flatnonzero((flat >= MOSTLY) & (flat < 1)).tolist()
        found.append(
            LayerActivity(
                layer=layer + 1,
                activation=name,
                n_units=row.output_dim,
                edges=edges,
                counts=counts,
                share_zero=float(np.mean(values == 0)),
                dead=np.flatnonzero(flat == 1).tolist(),
                saturated=mostly if name in BOUNDED else None,
            )
        )
    return found


def batches(model: SavedModel, pixels: NDArray[np.generic]) -> Iterator[Array]:
    """Yield images (n, D) as the network takes them, a thousand at a time."""
    for start in range(0, len(pixels), BATCH):
        yield to_float(pixels[start : start + BATCH], model.info.scale, dtype=model.mlp.dtype)


def read_neuron(mlp: MLP, text: str) -> tuple[int, int]:
    """Return layer (from 1) and number (from 0) of the neuron that "2:17" names; "17" means the first layer.

    Raises ConfigError for a neuron that the network does not have.
    """
    layer_text, _, unit_text = text.rpartition(":")
    sizes = [row.output_dim for row in mlp.architecture.hidden]
    if not sizes:
        raise ConfigError("this network has no hidden layer, so no neuron to choose; leave out --neuron")
    known = ", ".join(f"{i}:0 to {i}:{size - 1}" for i, size in enumerate(sizes, start=1))
    try:
        layer, unit = int(layer_text or 1), int(unit_text)
        if not (1 <= layer <= len(sizes) and 0 <= unit < sizes[layer - 1]):
            raise ValueError
    except ValueError:
        raise ConfigError(f"--neuron must be a layer and a number, {known}; got {text!r}") from None
    return layer, unit


def portray(
    model: SavedModel,
    pixels: NDArray[np.generic],
    labels: NDArray[np.integer],
    layer: int,
    unit: int,
    *,
    n_shown: int = 10,
) -> NeuronPortrait:
    """Return how one neuron reacts to images (n, D) with these labels, and how the network changes without it."""
    mlp = model.mlp
    activations, outputs, without, flat = [], [], [], []
    for batch in batches(model, pixels):
        passed = trace(mlp, batch)
        z, a = passed[layer - 1]
        flat.append(is_flat(mlp, layer - 1, z)[:, unit])
        activations.append(a[:, unit].copy())
        outputs.append(passed[-1][1])
        a[:, unit] = 0
        without.append(trace(mlp, a, layer)[-1][1])
    values, full, cut = np.concatenate(activations), np.concatenate(outputs), np.concatenate(without)
    with np.errstate(all="ignore"):
        push = np.nan_to_num(np.mean(full - cut, axis=0, dtype=np.float64))
    order = np.argsort(values, kind="stable")
    n_most = min(n_shown, (len(order) + 1) // 2)  # so that no image is in both lists
    counts = np.bincount(labels, minlength=mlp.n_classes)
    predicted = [np.argmax(result, axis=-1) for result in (full, cut)]
    right = [float(accuracy(classes, labels)) for classes in predicted]
    return NeuronPortrait(
        layer=layer,
        unit=unit,
        weights=mlp.parameters.views[f"W{layer}"][:, unit],
        activations=values,
        most=order[::-1][:n_most],
        least=order[: min(n_shown, len(order) - n_most)],
        push=push - np.mean(push),
        by_class=np.bincount(labels, values, mlp.n_classes) / np.maximum(counts, 1),
        accuracy=right[0],
        lost=right[0] - right[1],
        n_changed=int(np.count_nonzero(predicted[0] != predicted[1])),
        is_dead=bool(np.concatenate(flat).all()),
    )


def most_useful_neuron(model: SavedModel) -> tuple[int, int]:
    """Return the neuron of the first layer with the largest product of the norms of its weights, |w_in| |w_out|.

    w_in are its incoming weights, and w_out its outgoing ones.
    """
    views = model.mlp.parameters.views
    reach = np.linalg.norm(views["W1"], axis=0) * np.linalg.norm(views["W2"], axis=1)
    return 1, int(np.argmax(reach))
