"""Statistics of test results: intervals for an accuracy, a test between two models, calibration, doubtful labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calibration", "McNemar", "calibrate", "label_doubts", "mcnemar", "wilson_interval"]

Z = 1.959963984540054  # the 97.5 % quantile of the standard normal distribution, for intervals of 95 %
BINS = 15


def wilson_interval(n_right: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval for a share of which `n_right` of `n` were observed (Wilson 1927).

    It is right for few images and near 0 and 1, where the usual p ± 1.96 sqrt(p (1 - p) / n) is not.
    """
    if n == 0:
        return 0.0, 1.0
    share = n_right / n
    centre = share + Z**2 / (2 * n)
    half = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    scale = 1 + Z**2 / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


@dataclass(frozen=True)
class McNemar:
    """How many images only the first or only the second model gets right, and the p-value of that difference."""

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> McNemar:
    """Compare two models on the same images, right or wrong (n,) each, by McNemar's exact test, two-sided.

    Images that both get right, or both wrong, say nothing about which model is better. If the models were equally good,
    each of the other images would be right for either model with probability 1/2 (McNemar 1947, with the exact binomial
    distribution in place of an approximation).
    """
    only_first = int(np.sum(first_right & ~second_right))
    only_second = int(np.sum(~first_right & second_right))
    n, k = only_first + only_second, min(only_first, only_second)
    # The tail of the binomial distribution is summed in whole numbers, since 2^n does not fit a float.
    ways, tail = 1, 0
    for i in range(k + 1):
        tail += ways
        ways = ways * (n - i) // (i + 1)
    return McNemar(only_first, only_second, min(1.0, 2 * tail / 2**n) if 2 * tail < 2**n else 1.0)


@dataclass(frozen=True)
class Calibration:
    """Confidence against accuracy in `BINS` bins of equal width; empty bins hold NaN.

    error: the expected calibration error, the mean over images of |accuracy - confidence| of their bin.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    error: float


def calibrate(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> Calibration:
    """Return how well the largest of the probabilities (n, C) agrees with the accuracy (Guo et al. 2017).

    "On Calibration of Modern Neural Networks", equation 3, with their 15 bins (m / 15, (m + 1) / 15].
    """
    confidences = np.max(probabilities, axis=-1).astype(np.float64)
    right = (np.argmax(probabilities, axis=-1) == labels).astype(np.float64)
    edges = np.linspace(0, 1, BINS + 1)
    rows = np.clip(np.ceil(confidences * BINS).astype(np.int64) - 1, 0, BINS - 1)
    counts = np.bincount(rows, minlength=BINS)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(rows, confidences, BINS) / counts
        accuracy = np.bincount(rows, right, BINS) / counts
    gaps = np.nan_to_num(np.abs(accuracy - confidence))
    return Calibration(edges, counts, confidence, accuracy, float(np.sum(gaps * counts) / len(labels)))


def label_doubts(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the images whose labels are probably wrong, the most doubtful first.

    A label is doubtful if another class is predicted with at least the usual confidence in that class: its mean
    probability over the images with that label. Images are sorted by the probability of the given label (Northcutt,
    Jiang and Chuang 2021, "Confident Learning").
    """
    rows = np.arange(len(labels))
    given = probabilities[rows, labels].astype(np.float64)
    predicted = np.argmax(probabilities, axis=-1)
    n_classes = probabilities.shape[-1]
    counts = np.bincount(labels, minlength=n_classes)
    usual = np.where(counts > 0, np.bincount(labels, given, n_classes) / np.maximum(counts, 1), 1.0)
    doubted = np.flatnonzero((predicted != labels) & (probabilities[rows, predicted] >= usual[predicted]))
    return doubted[np.argsort(given[doubted], kind="stable")]
