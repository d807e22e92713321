"""Cross-entropy, squared error and hinge loss of the logits, each with its gradient, as the package describes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.nn.losses.logits import label_positions, largest, ones

__all__ = ["cross_entropy", "hinge", "mean_squared_error", "soft_cross_entropy"]

Array = NDArray[np.floating]
Labels = NDArray[np.integer]


def cross_entropy(
    logits: Array, labels: Labels, dlogits: Array, weights: Array | None = None, *, label_smoothing: float = 0.0
) -> Array:
    """Mean of -sum_c q_c log p_c, with p = softmax(logits) and q the one-hot label.

    Softmax and logarithm are fused: log p_c = (z_c - max z) - log(sum e^(z - max z)), so nothing overflows, and the
    gradient is (p - q) / B. Label smoothing (Szegedy et al. 2016, section 7) takes q = (1 - s) one_hot + s / C.
    """
    n_images, n_classes = logits.shape[-2:]
    at_label = label_positions(labels, logits.shape)
    flat = dlogits.reshape(-1)
    shifted = np.subtract(logits, largest(logits), out=dlogits)
    target = flat[at_label]
    if label_smoothing:
        target = (1 - label_smoothing) * target + label_smoothing * np.mean(shifted, axis=-1)
    exponentials = np.exp(shifted, out=dlogits)
    # A product with a column of ones: for few classes several times faster than np.sum.
    sums = np.matmul(exponentials, ones(n_classes, logits.dtype).T)
    loss = weighted_sum(np.log(sums[..., 0]) - target, weights) / n_images
    dlogits /= sums * n_images
    if label_smoothing:
        dlogits -= label_smoothing / (n_classes * n_images)
    flat[at_label] -= (1 - label_smoothing) / n_images
    weigh(dlogits, weights)
    return np.asarray(loss)


def soft_cross_entropy(logits: Array, labels: Array, dlogits: Array, *, label_smoothing: float = 0.0) -> Array:
    """Mean of -sum_c q_c log p_c with p = softmax(logits), for soft labels q, each row with the sum w.

    The gradient is (w p - q) / B. Label smoothing takes (1 - s) q + s w / C for q.
    """
    n_images, n_classes = logits.shape[-2:]
    weights = np.add.reduce(labels, axis=-1)
    if label_smoothing:
        labels = (1 - label_smoothing) * labels + (label_smoothing / n_classes) * weights[..., None]
    shifted = np.subtract(logits, largest(logits), out=dlogits)
    along = np.vecdot(shifted, labels)
    exponentials = np.exp(shifted, out=dlogits)
    sums = np.matmul(exponentials, ones(n_classes, logits.dtype).T)
    loss = np.add.reduce(weights * np.log(sums[..., 0]) - along, axis=-1) / n_images
    dlogits *= weights[..., None] / (sums * n_images)
    dlogits -= labels / n_images
    return np.asarray(loss)


def mean_squared_error(logits: Array, labels: Labels, dlogits: Array, weights: Array | None = None) -> Array:
    """Mean over images and classes of (z - one_hot)^2; its gradient is 2 (z - one_hot) / (B C)."""
    n_images, n_classes = logits.shape[-2:]
    np.copyto(dlogits, logits)
    dlogits.reshape(-1)[label_positions(labels, logits.shape)] -= 1
    loss = weighted_sum(np.vecdot(dlogits, dlogits), weights) / (n_images * n_classes)
    dlogits *= 2 / (n_images * n_classes)
    weigh(dlogits, weights)
    return np.asarray(loss)


def hinge(logits: Array, labels: Labels, dlogits: Array, weights: Array | None = None) -> Array:
    """Mean over images of sum_{c != y} max(0, 1 + z_c - z_y) (Weston and Watkins 1999).

    The gradient is 1 / B at each class inside the margin, and minus their sum at the label.
    """
    n_images = logits.shape[-2]
    at_label = label_positions(labels, logits.shape)
    flat = dlogits.reshape(-1)
    np.copyto(dlogits, logits)
    margins = np.subtract(dlogits, flat[at_label][..., None] - 1, out=dlogits)
    flat[at_label] = 0
    np.maximum(margins, 0, out=margins)
    loss = weighted_sum(np.add.reduce(margins, axis=-1), weights) / n_images
    np.greater(margins, 0, out=dlogits)
    flat[at_label] = -np.add.reduce(dlogits, axis=-1)
    dlogits /= n_images
    weigh(dlogits, weights)
    return np.asarray(loss)


def weighted_sum(losses: Array, weights: Array | None) -> Array:
    """Return the sum over a batch of the losses of its images (..., B), shape (...)."""
    return np.asarray(np.add.reduce(losses if weights is None else losses * weights, axis=-1))


def weigh(dlogits: Array, weights: Array | None) -> None:
    """Multiply the gradient (..., B, C) of each image by its weight, in place."""
    if weights is not None:
        dlogits *= weights[..., None]
