"""A network with fast layers: products in parts that BLAS multiplies faster than the whole."""

from __future__ import annotations

from barenet.engine.layers import DenseInParts
from barenet.nn import MLP

__all__ = ["FastMLP"]


class FastMLP(MLP):
    """An `MLP` with the dense layers of this package; its results differ by rounding only."""

    dense = DenseInParts
