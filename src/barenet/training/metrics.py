"""Measures of predictions: accuracy, the confusion matrix, and precision and recall of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["accuracy", "confusion_matrix", "mean_probabilities", "per_class", "probabilities"]


def accuracy(predicted: NDArray[np.integer], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the fraction (0-1) of predictions (..., n) that equal the labels, shape (...)."""
    return np.asarray(np.mean(predicted == labels, axis=-1, dtype=np.float64))


def confusion_matrix(predicted: NDArray[np.integer], labels: NDArray[np.integer], n_classes: int) -> NDArray[np.int64]:
    """Return counts (C, C): row is the true class, column the predicted one."""
    counts = np.bincount(labels * n_classes + predicted, minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes).astype(np.int64)


def per_class(confusion: NDArray[np.int64], class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Return name, number of images, precision, recall and F1 of each class; None where the denominator is 0."""
    rows = []
    for c, name in enumerate(class_names):
        right, n_true, n_predicted = int(confusion[c, c]), int(confusion[c].sum()), int(confusion[:, c].sum())
        rows.append(
            {
                "class": name,
                "images": n_true,
                "precision": right / n_predicted if n_predicted else None,
                "recall": right / n_true if n_true else None,
                "f1": 2 * right / (n_true + n_predicted) if n_true + n_predicted else None,
            }
        )
    return rows


def probabilities(outputs: NDArray[np.floating], are_probabilities: bool) -> NDArray[np.floating]:
    """Return softmax of the outputs (..., C), or the outputs if they are probabilities already."""
    if are_probabilities:
        return outputs
    exponentials = np.exp(outputs - np.max(outputs, axis=-1, keepdims=True))
    return np.asarray(exponentials / np.sum(exponentials, axis=-1, keepdims=True))


def mean_probabilities(shares: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    """Return the mean (n, C), in float64, of probabilities (n, C): of several networks, or with mirror images."""
    return np.asarray(np.mean(shares, axis=0, dtype=np.float64))
