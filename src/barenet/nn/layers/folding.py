"""Running statistics of batch normalisation: how they follow those of batches, and how they are put into the weights.

In prediction each unit's mean m and deviation s are fixed. So (x W - m) / s + b is x W' + b' with W' = W / s and
b' = b - m / s: an ordinary dense layer. So files, exports and pages need no batch normalisation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

from barenet.nn.architecture import Architecture
from barenet.nn.layers.base import Slot
from barenet.nn.layers.batch_norm import BatchNormSlot, ghosts
from barenet.nn.layers.normalization import EPSILON
from barenet.nn.parameters import named

__all__ = ["fold", "follow", "running_views", "start_statistics"]

Array = NDArray[np.floating]


def start_statistics(architecture: Architecture, n_networks: int, dtype: DTypeLike) -> Array:
    """Return the running statistics (N, S) before the first step: mean 0 and variance 1 of each unit."""
    statistics = np.zeros((n_networks, architecture.n_statistics), dtype)
    for name, view in named(architecture.statistics, statistics).items():
        view[...] = name.startswith("variance")
    return statistics


def running_views(architecture: Architecture, statistics: Array) -> list[tuple[Array, Array]]:
    """Return views of running statistics (..., S): mean and variance (..., 1, H) of each layer that has them."""
    views = list(named(architecture.statistics, statistics).values())
    return list(zip(views[::2], views[1::2], strict=True))


def follow(views: Sequence[tuple[Array, Array]], slots: Sequence[Slot], rest: Array) -> None:
    """Move running statistics by the share `rest` towards those of a batch; `rest` broadcasts with (..., 1).

    views: see `running_views`. slots: of all layers, after a forward pass. The mean over ghost batches is summed in
    their order; a variance has the factor n / (n - 1), as an estimate from n images (Ioffe and Szegedy 2015,
    algorithm 2).
    """
    normalizing = [slot for slot in slots if isinstance(slot, BatchNormSlot)]
    for pair, slot in zip(views, normalizing, strict=True):
        sizes = [rows.stop - rows.start for rows in ghosts(slot.x.shape[-2])]
        factors = [1.0] * len(sizes), [n / max(1, n - 1) for n in sizes]
        for running, found, shares in zip(pair, (slot.mean, slot.variance), factors, strict=True):
            new = average(found, np.asarray(shares, found.dtype) / found.dtype.type(len(sizes)))
            np.add(running, (new - running) * rest[..., None], out=running)


def average(of_ghosts: Array, shares: Array) -> Array:
    """Return the sum (..., 1, H) of values (..., G, H), each times its share (G,), added in order."""
    total: Array = of_ghosts[..., :1, :] * shares[0]
    for i in range(1, len(shares)):
        total += of_ghosts[..., i : i + 1, :] * shares[i]
    return total


def fold(architecture: Architecture, values: Array, statistics: Array) -> Array:
    """Return parameters (..., P) for evaluation, with running statistics (..., S) in their weights and biases.

    Without batch normalisation these are the parameters themselves.
    """
    if not architecture.n_statistics:
        return values
    folded = values.copy()
    parameters = named({**architecture.weights, **architecture.biases}, folded)
    running = named(architecture.statistics, statistics)
    for i, row in enumerate(architecture.rows, start=1):
        if row.normalization == "batch":
            with np.errstate(all="ignore"):  # numbers of a diverged network may be infinite
                inverse = 1 / np.sqrt(running[f"variance{i}"].astype(np.float64) + EPSILON)
                parameters[f"W{i}"][...] *= inverse
                parameters[f"b{i}"][...] -= running[f"mean{i}"] * inverse
    return folded
