"""How much a network's outputs say about the labels, compared with answers that need no training.

Accuracy alone is not enough: where one class is frequent, a network may learn much and still never predict the others;
with class weights its accuracy may even fall. So a second figure counts, the link between outputs and labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from barenet.nn import Loss
from barenet.training.evaluation import mean_loss
from barenet.training.metrics import confusion_matrix, probabilities

__all__ = [
    "LEAST_GAIN",
    "Measurement",
    "is_beyond_chance",
    "measure",
    "measure_counts",
    "measure_figures",
    "noise_of",
    "standard_error",
]

CHANCE = 0.001  # probability that a network which learned nothing counts as one that did, over all its validations
LEAST_LINK = 0.001  # a smaller link says nothing, since the outputs hardly differ between images
LEAST_GAIN = 0.03  # share of the loss of one answer for all images; untrained weights may gain less by chance


@dataclass(frozen=True)
class Measurement:
    """The results of a network on n labelled images of `n_classes` different classes; what is not known is None.

    accuracy: fraction 0-1. most_frequent: share (0-1) of the class with most images. link: how much higher the
    probability of a class is on its images than on all images; 1 for a network that is right and sure, 0 for outputs
    that do not depend on the image. link_error: its standard error where labels do not depend on the images. loss: the
    mean. constant_loss: that of the best answer that is the same for all images. predicted (C,): how many images are
    predicted as each class.
    """

    n: int
    n_classes: int
    accuracy: float
    most_frequent: float
    link: float | None = None
    link_error: float = 0.0
    loss: float | None = None
    constant_loss: float | None = None
    predicted: NDArray[np.int64] | None = None

    @property
    def can_tell(self) -> bool:
        """Whether at least two classes have images."""
        return self.n_classes > 1

    @property
    def is_enough(self) -> bool:
        """Whether there are enough images to say that a network learned nothing: half of the possible gain shows."""
        return self.can_tell and noise_of(self.most_frequent, self.n) < (1 - self.most_frequent) / 2


def measure(outputs: NDArray[np.floating], labels: NDArray[np.int64], loss: Loss) -> Measurement:
    """Return how much outputs (n, C) say about labels (n,); `loss` as validation computes it."""
    outputs = np.asarray(outputs, np.float64)
    confusion = confusion_matrix(np.argmax(outputs, axis=-1), labels, outputs.shape[-1])
    with np.errstate(all="ignore"):  # weights of a diverged network may overflow
        shares = np.nan_to_num(probabilities(outputs, are_probabilities=False))
        found = measure_counts(confusion, float(mean_loss(loss, outputs, labels)), loss)
    link, error = measure_link(shares, labels)
    return replace(found, link=link, link_error=error)


def measure_link(shares: NDArray[np.floating], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Return the link between probabilities (n, C) and labels (n,), and its standard error.

    sum_c cov(p_c, [y = c]) / (1 - sum_c s_c^2), with s_c the share of class c; for two classes this is the coefficient
    of discrimination (Tjur 2009). The error is that over all orders of the labels, for which the variance of such a sum
    is known exactly (Hoeffding 1951).
    """
    n, n_classes = shares.shape
    of_class = np.bincount(labels, minlength=n_classes) / n
    most = 1 - float(of_class @ of_class)
    if n < 2 or most <= 0:
        return 0.0, 0.0
    centred = shares - shares.mean(axis=0)
    link = float(np.mean(centred[np.arange(n), labels]))
    centred = centred - (centred @ of_class)[:, None]
    error = math.sqrt(float(np.sum(centred**2 @ of_class)) / (n - 1) / n)
    return link / most, error / most


def measure_counts(
    confusion: NDArray[np.int64], loss: float | None = None, function: Loss | None = None
) -> Measurement:
    """Return what a confusion matrix (C, C), with a row for each true class, and the mean loss, if known, say."""
    n = max(1, int(confusion.sum()))
    found = measure_figures(float(np.trace(confusion) / n), confusion.sum(axis=1), loss, function)
    return replace(found, predicted=confusion.sum(axis=0))


def measure_figures(
    accuracy: float, counts: NDArray[np.int64], loss: float | None = None, function: Loss | None = None
) -> Measurement:
    """Return what accuracy and mean loss say, with the number of images of each class, `counts` (C,)."""
    n = max(1, int(counts.sum()))
    is_known = loss is not None and function is not None
    return Measurement(
        n=n,
        n_classes=int(np.count_nonzero(counts)),
        accuracy=accuracy,
        most_frequent=float(counts.max() / n),
        loss=loss if is_known else None,
        constant_loss=constant_loss(function, counts / n) if function is not None and is_known else None,
    )


def constant_loss(loss: Loss, shares: NDArray[np.float64]) -> float:
    """Return the lowest mean loss of a few answers that are the same for all images, by the class shares (C,).

    For cross-entropy the logarithms of the shares are best; the loss is then the entropy of the shares, ln C where all
    are equal. For the mean squared error the shares are best. Zeros and the most frequent class are tried for other
    losses.
    """
    n_classes = len(shares)
    answers = [np.log(np.maximum(shares, 1e-12)), shares, np.zeros(n_classes), np.eye(n_classes)[np.argmax(shares)]]
    present = [c for c in range(n_classes) if shares[c] > 0]
    return min(
        math.fsum(shares[c] * float(loss(answer[None].copy(), np.array([c]))) for c in present) for answer in answers
    )


def standard_error(share: float, n: int) -> float:
    """Return the standard error of a share p of n independent images, sqrt(p (1 - p) / n) (binomial distribution)."""
    return math.sqrt(share * (1 - share) / n)


def noise_of(share: float, n: int, n_looks: int = 1) -> float:
    """Return how far above `share` the accuracy on n images may be by chance, in the best of `n_looks` validations."""
    return quantile(n_looks) * standard_error(share, n)


def quantile(n_looks: int) -> float:
    """Return how many standard errors the best of `n_looks` validations exceeds with the probability `CHANCE`.

    The normal distribution approximates the binomial one. Each validation gets an equal part of the probability
    (Bonferroni): 3.1 for one, 4.3 for a hundred.
    """
    return NormalDist().inv_cdf(1 - CHANCE / max(1, n_looks))


def is_beyond_chance(now: Measurement, untrained: Measurement | None = None, n_looks: int = 1) -> bool:
    """Whether a network is better than answers that need no training: its first weights', and one for all images.

    One figure is enough: the accuracy or the link, or the loss where the link is not known. n_looks: `now` is the best
    of so many validations.
    """
    share = max(now.most_frequent, untrained.accuracy if untrained else 0.0)
    if now.accuracy > share + noise_of(share, now.n, n_looks):
        return True
    if now.link is not None:
        before = max(0.0, untrained.link or 0.0) if untrained else 0.0
        return now.link > before + LEAST_LINK and now.link > quantile(n_looks) * now.link_error
    if now.loss is None or now.constant_loss is None:
        return False
    return now.loss < now.constant_loss - LEAST_GAIN * abs(now.constant_loss)
