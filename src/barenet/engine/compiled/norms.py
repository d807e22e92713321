"""Norms of an epoch's last step: of the gradient, of the change, and of the parameters before it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from barenet.engine.protocol import StepNorms

__all__ = ["norms_of"]


def norms_of(
    gradient: float,
    factor: float,
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    places: Mapping[str, tuple[int, int]],
) -> StepNorms:
    """Return the norms of one network's step.

    gradient: the norm of the gradient, times `factor`. before, after: (P,) the parameters. places: the start and the
    size of each parameter.
    """
    change, ratios = after - before, {}
    for name, (start, size) in places.items():
        was, moved = norm(before[start : start + size]), norm(change[start : start + size])
        ratios[name] = np.array([moved / was if was > 0 else np.nan])
    update, weights = np.array([norm(change)]), np.array([norm(before)])
    return StepNorms(np.array([gradient / factor if factor else np.nan]), update, weights, ratios)


def norm(values: NDArray[np.float32]) -> float:
    """Return the Euclidean norm of some parameters."""
    return float(np.linalg.norm(values.astype(np.float64)))
