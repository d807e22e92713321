"""Give features of different units mean 0 and standard deviation 1, by statistics of the training rows.

It is computed in float64 and rounded once, at the end: float32 would make different times in seconds since 1970 equal.
The order of the rows in memory and the processor make no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.augmentation import mirror_images

__all__ = ["Standardiser", "count_merged"]

ROWS = 4_096  # rows that are computed at once, so that no float64 copy of all of them is made
SAMPLED = 2_000_000  # values, of rows spread evenly, in which `count_merged` counts


@dataclass(frozen=True, eq=False)
class Standardiser:
    """x -> (x - mean) / deviation; `mean` and `deviation` are float64 (D,), one of each for a feature.

    `fill` (D,) first replaces missing numbers, which are NaN; None if none may be missing.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    fill: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls,
        features: NDArray[np.floating],
        *,
        may_be_missing: bool = False,
        stay: NDArray[np.bool_] | None = None,
    ) -> Standardiser:
        """Compute mean and deviation of features (n, D); a constant feature has deviation 1, so it becomes 0.

        With `may_be_missing`, `fill` is the median of each feature. Features where `stay` (D,) is true, which are
        always 0 or 1, are left unchanged.
        """
        fill = medians(features) if may_be_missing else None
        if fill is not None and np.isnan(features).any():
            features = np.where(np.isnan(features), fill, features)
        # NumPy adds rows that are contiguous in memory one after another; for others the order of the sum depends on
        # NumPy's version.
        features = np.ascontiguousarray(features)
        mean: NDArray[np.float64] = np.asarray(np.mean(features, axis=0, dtype=np.float64))
        squares = np.zeros(features.shape[1])
        for start in range(0, len(features), ROWS):
            squares += np.sum((features[start : start + ROWS] - mean) ** 2, axis=0)
        deviation = np.sqrt(squares / len(features))
        # Rounding can give a constant column a tiny deviation; dividing by it would enlarge the rounding errors.
        is_constant = deviation <= tiny(features.dtype) * np.abs(mean)
        deviation = np.where(is_constant, 1.0, deviation)
        if stay is not None:
            mean, deviation = np.where(stay, 0.0, mean), np.where(stay, 1.0, deviation)
        return cls(mean, deviation, fill)

    @classmethod
    def nothing(cls, features: NDArray[np.floating], *, may_be_missing: bool = False) -> Standardiser:
        """Return a standardiser that changes nothing in features (n, D) except missing numbers."""
        n = features.shape[1]
        return cls(np.zeros(n), np.ones(n), medians(features) if may_be_missing else None)

    def mirrored(self, image_shape: tuple[int, ...]) -> Standardiser:
        """Return a standardiser whose mean, deviation and fill are mirrored, for images (n, D) of `image_shape`.

        Mirroring its result gives, bit for bit, what this standardiser gives for the mirror images.
        """
        arrays = [self.mean, self.deviation] if self.fill is None else [self.mean, self.deviation, self.fill]
        return Standardiser(*(mirror_images(values, image_shape) for values in arrays))

    def __call__(self, features: NDArray[Any], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return standardised features (n, D), in `out` or as a new array."""
        out = np.empty(features.shape, np.float32) if out is None else out
        for start in range(0, len(features), ROWS):
            rows = features[start : start + ROWS]
            if self.fill is not None and rows.dtype.kind == "f":
                rows = np.where(np.isnan(rows), self.fill, rows)
            out[start : start + ROWS] = (rows - self.mean) / self.deviation
        return out


def medians(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the median (D,) of the numbers that are not missing, 0 for a feature without any."""
    has_missing = np.isnan(features).any(axis=0)
    found = np.asarray(np.median(features, axis=0), np.float64)
    for column in np.flatnonzero(has_missing):
        given = features[~np.isnan(features[:, column]), column]
        found[column] = np.median(given) if len(given) else 0.0
    return found


def tiny(dtype: np.dtype[Any]) -> float:
    """Return the largest deviation, as a share of the mean, that rounding alone gives to a constant feature."""
    return 1e-7 if dtype == np.float32 else 1e-14


def count_merged(features: NDArray[Any], standardised: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return how many different values (D,) of each feature become equal to another value by standardising."""
    step = max(1, features.size // SAMPLED)
    before, after = (np.sort(values[::step], axis=0) for values in (features, standardised))
    n_before, n_after = (np.count_nonzero(np.diff(values, axis=0) > 0, axis=0) for values in (before, after))
    return np.asarray(n_before - n_after, np.int64)
