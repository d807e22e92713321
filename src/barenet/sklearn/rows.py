"""Rows of features with classes and weights: check and scale them, merge equal rows, weigh classes, hold some out.

A row of weight 2 has the same effect as the row twice, and a row of weight 0 has none. This is exact to the last bit,
because equal rows are merged first, and all rows are sorted by their digests.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from barenet.data.splits import stratified_split
from barenet.data.tables.pixels import are_pixels
from barenet.errors import ConfigError, DataError, InputWarning
from barenet.messages import count, few
from barenet.training.inputs.preprocessing import look_at_features
from barenet.training.labels import class_factors

__all__ = ["Rows", "check_labels", "hold_out", "make_rows", "merge_equal_rows", "scale"]

NEGATIVE = 0.05  # share of negative pixels; more of them are not noise
DIGEST_BYTES = 16  # two different rows of a billion share a digest with a probability of 1e-21


@dataclass(frozen=True, eq=False)
class Rows:
    """Features X (n, D), the number of each row's class (n,), and positive weights (n,) float64."""

    X: NDArray[np.floating]
    codes: NDArray[np.int64]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: NDArray[np.integer]) -> Rows:
        """Return some of the rows."""
        return Rows(self.X[rows], self.codes[rows], self.weights[rows])

    def scaled(self, scaler: Any) -> Rows:
        """Return the rows with scaled features."""
        return Rows(scale(scaler, self.X), self.codes, self.weights)


def make_rows(rows: Rows, classes: NDArray[Any], class_weight: Mapping[Any, float] | str | None) -> Rows:
    """Return the rows to train on, without repetitions, with weights multiplied by those of their classes.

    Raises:
        ConfigError: `class_weight` is wrong. DataError: no row has any weight.
    """
    totals = np.bincount(rows.codes, rows.weights, minlength=len(classes))
    factors = class_factors(class_weight, classes.tolist(), totals)
    merged = merge_equal_rows(Rows(rows.X, rows.codes, rows.weights * factors[rows.codes]))
    if not len(merged):
        raise DataError("there is no row of any class to train on: all weights are zero")
    return merged


def hold_out(rows: Rows, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Return rows to train on and rows to validate on, each class in proportion.

    Raises:
        ConfigError: the fraction is less than one row, or would leave a class without rows to train on.
    """
    n_rows, n_classes = len(rows), len(np.unique(rows.codes))
    n_held_out, most = int(fraction * n_rows + 0.5), n_rows - n_classes
    if not 1 <= n_held_out <= most:
        if most < 1:
            what, remedy = "each of which is the only one of its class", "set early_stopping=False"
        elif n_held_out < 1:
            what, remedy = "which is less than one row", "take a larger one"
        else:
            what = f"which is {n_held_out}, and each of {n_classes} classes keeps one to train on"
            remedy = "take a smaller one"
        raise ConfigError(
            f"validation_fraction is {fraction:g} of {count(n_rows, 'different row')}, {what}; {remedy}, or pass X_val "
            f"and y_val"
        )
    train, valid = stratified_split(rows.codes, n_held_out, seed)
    return rows.take(train), rows.take(valid)


def merge_equal_rows(rows: Rows) -> Rows:
    """Return each different row (features and class) once, with the sum of its weights, without rows of weight 0.

    The rows are sorted by their digests, so their first order does not matter.
    """
    kept = np.flatnonzero(rows.weights)
    digests = np.array([digest(rows.X[i], rows.codes[i]) for i in kept], dtype=f"V{DIGEST_BYTES}")
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    # Sums of whole numbers are exact, so a row given three times has a weight of exactly 3.
    weights: NDArray[np.float64] = np.asarray(np.bincount(inverse, rows.weights[kept], len(first)), np.float64)
    return Rows(rows.X[kept[first]], rows.codes[kept[first]], weights)


def digest(features: NDArray[np.floating], code: np.int64) -> bytes:
    """Return a digest of a row: the same bytes for equal numbers in float32 and float64."""
    numbers = features.astype(np.float64) + 0.0  # -0.0 + 0.0 is 0.0
    return hashlib.blake2b(numbers.tobytes(), digest_size=DIGEST_BYTES, salt=int(code).to_bytes(16, "little")).digest()


def check_labels(labels: NDArray[Any], classes: NDArray[Any], name: str) -> None:
    """Raise DataError if a label is not one of the classes."""
    unknown = np.setdiff1d(labels, classes)
    if len(unknown):
        names = few([str(label) for label in unknown])
        raise DataError(f"{name} has labels that are not classes of this classifier: {names}")


class PixelScaler:
    """Scales pixels to 0-1 in `scale`: bytes are divided by 255, numbers from 0 to 1 are not changed."""

    mean_ = 0.0

    def __init__(self, X: NDArray[np.floating]) -> None:
        self.scale_ = 255.0 if X.max() > 1 else 1.0

    def check(self, X: NDArray[np.floating]) -> None:
        """Raise DataError for pixels of another scale than in training."""
        highest = float(X.max(initial=0.0))
        if self.scale_ == 1 and highest > 2:
            remedy = "divide it by 255" if 128 <= highest <= 255 else "scale it as in training"
            raise DataError(f"X goes up to {highest:g}, the rows trained on go from 0 to 1: {remedy}")
        if self.scale_ > 1 and 0 < highest <= 1:
            raise DataError(f"X goes up to {highest:g}, the rows trained on up to 255: multiply it by 255")
        if X.size and np.mean(X < 0) > NEGATIVE:
            lowest = f"X has values down to {float(X.min()):.3g}, the rows trained on none below 0"
            warnings.warn(f"{lowest}: they may have another scale", InputWarning, stacklevel=2)


def make_scaler(standardize: Any, X: NDArray[np.floating]) -> Any:
    """Return the scaler for rows X (n, D): a `StandardScaler`, a `PixelScaler`, or None for no scaling.

    "auto" recognises pixels by the rule for files and arrays, `barenet.data.tables.pixels.are_pixels`. Raises
    ConfigError.
    """
    if not (isinstance(standardize, bool | np.bool_) or standardize == "auto"):
        raise ConfigError(f"standardize must be True, False or 'auto', got {standardize!r}")
    if standardize == "auto" and are_pixels(X):
        return PixelScaler(X)
    return StandardScaler() if standardize else None


def scale(scaler: Any, X: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return scaled features as float32: (x - mean) / deviation, computed in float64.

    Warns with `InputWarning` if standardised features look different from those in training.
    """
    if isinstance(scaler, PixelScaler):
        scaler.check(X)
    scaled = X if scaler is None else (X - scaler.mean_) / scaler.scale_
    with np.errstate(over="ignore"):  # numbers that overflow become infinite, and are found below
        floats = np.ascontiguousarray(scaled, np.float32)
    if not np.isfinite(floats).all():
        raise DataError("X has values that are too large for float32; scale the features first")
    if isinstance(scaler, StandardScaler):
        for sentence in look_at_features(floats, [f"feature {i + 1}" for i in range(X.shape[1])]).values():
            warnings.warn(f"X: {sentence}", InputWarning, stacklevel=2)
    return floats
