"""Loss functions of the logits: how wrong they are, and the gradient with respect to them.

`loss(logits, labels, dlogits=None)` takes logits (..., B, C) and integer labels (B,) or (..., B), and returns the mean
over the B images, one number a network, shape (...). Into `dlogits`, a C-contiguous array shaped like the logits, it
writes the gradient of that mean with respect to the logits. The logits themselves are left as they are.

With weights w (B,) or (..., B) the mean becomes sum_i w_i loss_i / B, and so does its gradient.

Cross-entropy also takes soft labels (B, C) or (..., B, C), which are floats: how much each class counts for an image.
The sum of a row is the weight of the image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError, ShapeError, nearest
from barenet.nn.activations import CUSTOM
from barenet.nn.logits import label_positions, largest, ones

__all__ = ["LOSSES", "Loss", "check_labels", "make_loss"]

Array = NDArray[np.floating]
Labels = NDArray[np.integer]


@dataclass(frozen=True)
class Loss:
    """A named loss; calling it computes the mean over the batch and, if asked, the gradient.

    `output` is the last activation that the loss expects to stand for: cross-entropy means softmax, fused with it.
    `has_kinks` says that the gradient jumps somewhere, which the gradient check steps around. `label_smoothing`,
    `weights` and `classes`, see `weighted`, tell another engine than NumPy's what the function does. `of_soft_labels`
    is the function for soft labels, None where a loss takes classes only.
    """

    name: str
    function: Callable[..., Array]  # of logits, labels, dlogits and, unless a person wrote it, weights
    output: str = "identity"
    has_kinks: bool = False
    label_smoothing: float = 0.0
    weights: Array | None = field(default=None, compare=False)
    classes: Labels | None = field(default=None, compare=False)
    of_soft_labels: Callable[..., Array] | None = field(default=None, compare=False)

    @property
    def is_custom(self) -> bool:
        """Whether a person handed in the functions."""
        return self.name.startswith(CUSTOM)

    def __call__(self, logits: Array, labels: Labels | Array, dlogits: Array | None = None) -> Array:
        """Return the mean loss, shape (...), and write its gradient into `dlogits` (..., B, C)."""
        if dlogits is None:
            dlogits = np.empty(logits.shape, logits.dtype)
        if labels.dtype.kind == "f":
            assert self.of_soft_labels is not None  # who makes soft labels asks for it
            return self.of_soft_labels(logits, labels, dlogits)
        return self.function(logits, labels, dlogits)

    def soften(
        self, labels: Labels, n_classes: int, teacher: NDArray[np.float32] | None = None, share: float = 0.0
    ) -> NDArray[np.float32]:
        """Return labels (n,) as soft labels (n, C): one-hot, times the weight of each image.

        With the probabilities (n, C) of a teacher, a share of each label is theirs (Hinton et al. 2015, equation 1 and
        section 2, at temperature 1).
        """
        soft = np.zeros((len(labels), n_classes), np.float32)
        classes = labels if self.classes is None else self.classes[labels]
        soft[np.arange(len(labels)), classes] = 1
        if teacher is not None:
            soft = np.float32(1 - share) * soft + np.float32(share) * teacher
        if self.weights is not None:
            soft *= self.weights[labels][:, None]
        return soft

    def weighted(self, weights: Array, classes: Labels | None = None) -> Loss:
        """Return this loss with a weight for every image: `weights[label]`, where `classes[label]` is its class.

        Without `classes` labels are classes. Raises ConfigError for a custom loss, which has no loss of a single image.
        """
        if self.is_custom:
            raise ConfigError(
                f"the loss {self.name!r} takes no class_weight: leave that out, and let its functions weigh images by "
                f"their labels"
            )

        def function(logits: Array, labels: Labels, dlogits: Array) -> Array:
            return self.function(logits, labels if classes is None else classes[labels], dlogits, weights[labels])

        return replace(self, function=function, weights=weights, classes=classes)

    @staticmethod
    def custom(
        name: str,
        loss: Callable[[Array, Labels], Array],
        gradient: Callable[[Array, Labels], Array],
        output: str = "identity",
        has_kinks: bool = False,
    ) -> Loss:
        """Make a loss of your own from two functions of logits (..., B, C) and labels (..., B).

        `loss` returns the mean over B, shape (...); `gradient` its gradient with respect to the logits. Files know it
        as `custom:name`.
        """

        def function(logits: Array, labels: Labels, dlogits: Array) -> Array:
            labels = np.broadcast_to(labels, logits.shape[:-1])
            dlogits[...] = gradient(logits, labels)
            return np.asarray(loss(logits, labels))

        return Loss(f"{CUSTOM}{name}", function, output, has_kinks)


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
    # A product with a column of ones: the sum over few classes, several times faster than np.sum.
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


LOSSES: dict[str, Loss] = {
    "cross_entropy": Loss("cross_entropy", cross_entropy, output="softmax", of_soft_labels=soft_cross_entropy),
    "mse": Loss("mse", mean_squared_error),
    "hinge": Loss("hinge", hinge, has_kinks=True),
}


def make_loss(name: str, label_smoothing: float = 0.0) -> Loss:
    """Return the loss called `name`; label smoothing belongs to cross-entropy alone."""
    if name not in LOSSES:
        raise ConfigError(f"unknown loss {name!r}; {nearest(name, LOSSES)}")
    if not label_smoothing:
        return LOSSES[name]
    if name != "cross_entropy":
        raise ConfigError(f"label_smoothing = {label_smoothing} works with cross_entropy only, not {name}")

    def smoothed(logits: Array, labels: Labels, dlogits: Array, weights: Array | None = None) -> Array:
        return cross_entropy(logits, labels, dlogits, weights, label_smoothing=label_smoothing)

    def smoothed_soft(logits: Array, labels: Array, dlogits: Array) -> Array:
        return soft_cross_entropy(logits, labels, dlogits, label_smoothing=label_smoothing)

    return Loss(name, smoothed, output="softmax", label_smoothing=label_smoothing, of_soft_labels=smoothed_soft)


def check_labels(labels: Labels, n_classes: int) -> None:
    """Raise ShapeError unless all labels are classes; inside the hot loop nobody asks again."""
    if np.size(labels) and not 0 <= np.min(labels) <= np.max(labels) < n_classes:
        raise ShapeError(f"labels must be from 0 to {n_classes - 1}, got {np.min(labels)} to {np.max(labels)}")
