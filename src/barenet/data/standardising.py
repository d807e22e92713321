"""Bring features of different units to mean 0 and standard deviation 1, by statistics of the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Standardiser"]

ROWS = 4_096  # rows that are worked on at once, so that no float64 copy of all of them is made


@dataclass(frozen=True, eq=False)
class Standardiser:
    """x -> (x - mean) / deviation; `mean` and `deviation` are float64 (D,), one of each for a feature."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, features: NDArray[np.floating]) -> Standardiser:
        """Measure features (n, D); one that is the same in all rows has deviation 1, so it becomes 0."""
        mean: NDArray[np.float64] = np.asarray(np.mean(features, axis=0, dtype=np.float64))
        squares = np.zeros(features.shape[1])
        for start in range(0, len(features), ROWS):
            squares += np.sum((features[start : start + ROWS] - mean) ** 2, axis=0)
        deviation = np.sqrt(squares / len(features))
        # Rounding leaves a constant column a hair of deviation, which would blow its rounding errors up.
        is_constant = deviation <= 1e-7 * np.abs(mean)
        return cls(mean, np.where(is_constant, 1.0, deviation))

    def __call__(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Return features (n, D) standardised, as a new array."""
        out = np.empty(features.shape, np.float32)
        for start in range(0, len(features), ROWS):
            out[start : start + ROWS] = (features[start : start + ROWS] - self.mean) / self.deviation
        return out
