"""Choose which training images are held out for validation: seeded, stratified, and never the test images."""

from __future__ import annotations

import numbers

import numpy as np

from barenet.data.randomness import generator
from barenet.errors import ConfigError, DataError
from barenet.messages import count
from barenet.notes import logger

__all__ = ["resolve_n_valid", "stratified_split"]

# Of a small data set, a default count holds out at most one in so many images.
IMAGES_PER_HELD_OUT = 5


def stratified_split(labels: np.ndarray, n_valid: int | float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split images into training and validation, each class in proportion.

    `labels` (n,) are integers; `n_valid` is a count, or a fraction between 0 and 1 that is rounded to a count
    (halves up). Returns the indices (n - n_valid,) and (n_valid,), both int64 and ascending. Every class keeps
    a training image, so the only image of a class is never held out. The same labels, n_valid and seed give the
    same split. Raises ConfigError for an `n_valid` that is not possible, DataError for wrong labels.
    """
    labels = _checked_labels(labels)
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    shares = _shares(counts, _count(n_valid, len(labels), len(counts)))

    # Shuffle all images, sort them by class without disturbing that order, and take each class's first ones.
    shuffled = generator(seed, "split").permutation(len(labels))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    rank_in_class = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    held_out = rank_in_class < np.repeat(shares, counts)
    return np.sort(by_class[~held_out]).astype(np.int64), np.sort(by_class[held_out]).astype(np.int64)


def resolve_n_valid(labels: np.ndarray, n_valid: int | float, is_default: bool) -> int | float:
    """Return the `n_valid` to split with: a person's value is kept or is an error, a default is reduced to fit.

    A default of more than a fifth of the images becomes a fifth of them, rounded down, but at least one and
    never the last image of a class; a note tells. Raises ConfigError for a person's value that
    does not fit, and DataError if no image can be held out.
    """
    labels = _checked_labels(labels)
    n_classes = len(np.unique(labels))
    if not is_default:
        _count(n_valid, len(labels), n_classes)
        return n_valid
    n_spare = len(labels) - n_classes
    if n_spare < 1:
        raise DataError(
            f"{count(len(labels), 'image')} of {count(n_classes, 'class', 'classes')} leave none for validation: add "
            f"images"
        )
    n_wanted = n_valid if isinstance(n_valid, numbers.Integral) else int(n_valid * len(labels) + 0.5)
    n_fitting = max(1, min(len(labels) // IMAGES_PER_HELD_OUT, n_spare))
    if 1 <= n_wanted <= n_fitting:
        return n_valid
    logger.info(
        f"holding out {n_fitting} of {count(len(labels), 'image')} for validation, not the default of {n_valid}"
    )
    return n_fitting


def _checked_labels(labels: np.ndarray) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0 or labels.dtype.kind not in "iu":
        raise DataError(f"labels must be integers of shape (n,), n > 0, got {labels.dtype} of {labels.shape}")
    return labels


def _count(n_valid: int | float, n_images: int, n_classes: int) -> int:
    """Turn a count or a fraction into a count that leaves each class a training image."""
    expected = "expected a count of images, 1 or more, or a fraction between 0 and 1"
    if isinstance(n_valid, (bool, np.bool_)) or not isinstance(n_valid, numbers.Real):
        raise ConfigError(f"n_valid is {n_valid!r}: {expected}")
    if isinstance(n_valid, numbers.Integral):
        n_held_out = int(n_valid)
        if n_held_out < 1:
            raise ConfigError(f"n_valid is {n_held_out}: {expected}")
    else:
        fraction = float(n_valid)
        if not 0 < fraction < 1:  # false for NaN too
            raise ConfigError(f"n_valid is {fraction}: {expected}")
        n_held_out = int(fraction * n_images + 0.5)
        if n_held_out < 1:
            raise ConfigError(f"n_valid is {fraction}, which of {count(n_images, 'image')} is none: take a larger one")
    if n_held_out > n_images - n_classes:
        raise ConfigError(
            f"n_valid is {n_valid}, but {count(n_images, 'image')} of {count(n_classes, 'class', 'classes')} can "
            f"spare at most {n_images - n_classes}: each class keeps one image to train on"
        )
    return n_held_out


def _shares(counts: np.ndarray, n_valid: int) -> np.ndarray:
    """Share `n_valid` among classes of `counts` images by largest remainder, leaving one of each class.

    It computes in whole numbers, so that the result is the same everywhere; of equal remainders the first class wins.
    """
    shares, remainders = np.divmod(counts * n_valid, counts.sum())
    by_remainder = np.argsort(-remainders, kind="stable")
    while n_left := n_valid - int(shares.sum()):
        open_classes = by_remainder[shares[by_remainder] < counts[by_remainder] - 1]
        shares[open_classes[:n_left]] += 1
    return shares
