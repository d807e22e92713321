"""The values in each row of a network, for inspection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from barenet.nn.layers.base import Layer
from barenet.nn.layers.batch_norm import BatchNorm
from barenet.nn.layers.dense import Dense
from barenet.nn.layers.normalization import LayerNorm
from barenet.nn.layers.residual import ResidualStart, ResidualSum

__all__ = ["trace"]

Array = NDArray[np.floating]


def trace(layers: Sequence[Layer], x: Array, start: int = 0) -> list[tuple[Array, Array]]:
    """Return (z, a) of each row from number `start` on, as `MLP.trace` says."""
    passed: list[tuple[Array, Array]] = []
    n_dense = 0
    taken = x
    for layer in layers:
        n_dense += isinstance(layer, Dense)
        if n_dense <= start or isinstance(layer, ResidualStart):  # of an earlier row, or one that changes nothing
            continue
        if isinstance(layer, ResidualSum):
            x = x + taken
            passed[-1] = (passed[-1][0], x)
            continue
        # An activation may work in place: it gets a copy, so that z does not change.
        slot = layer.make_slot(x if isinstance(layer, Dense) else x.copy(), needs_dx=False)
        layer.forward(slot, training=False)
        if isinstance(layer, Dense):
            taken = x
            passed.append((slot.y, slot.y))
        elif isinstance(layer, LayerNorm | BatchNorm):
            passed[-1] = (slot.y, slot.y)
        else:
            passed[-1] = (passed[-1][0], slot.y)
        x = slot.y
    return passed
