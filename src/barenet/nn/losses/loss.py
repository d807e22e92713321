"""Losses by name, with label smoothing and weights of images, and losses that a person wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError, ShapeError, nearest
from barenet.nn.activations import CUSTOM
from barenet.nn.losses.functions import cross_entropy, hinge, mean_squared_error, soft_cross_entropy

__all__ = ["LOSSES", "Loss", "check_labels", "make_loss"]

Array = NDArray[np.floating]
Labels = NDArray[np.integer]


@dataclass(frozen=True)
class Loss:
    """A named loss; calling it computes the mean over the batch and its gradient.

    `output` is the last activation that the loss includes: "softmax" for cross-entropy, "identity" for none.
    `has_kinks` says that the gradient jumps somewhere; the gradient check avoids these points. `label_smoothing`,
    `weights` and `classes`, see `weighted`, tell the compiled engine what the function does. `of_soft_labels`
    is the function for soft labels, None if a loss takes only classes.
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
        """Whether a person wrote the functions."""
        return self.name.startswith(CUSTOM)

    def __call__(self, logits: Array, labels: Labels | Array, dlogits: Array | None = None) -> Array:
        """Return the mean loss, shape (...), and write its gradient into `dlogits` (..., B, C)."""
        if dlogits is None:
            dlogits = np.empty(logits.shape, logits.dtype)
        if labels.dtype.kind == "f":
            assert self.of_soft_labels is not None  # checked where soft labels are made
            return self.of_soft_labels(logits, labels, dlogits)
        return self.function(logits, labels, dlogits)

    def soften(
        self, labels: Labels, n_classes: int, teacher: NDArray[np.float32] | None = None, share: float = 0.0
    ) -> NDArray[np.float32]:
        """Return labels (n,) as soft labels (n, C): one-hot, times the weight of each image.

        With the probabilities (n, C) of a teacher, these make up a share of each label (Hinton et al. 2015, equation 1
        and section 2, at temperature 1).
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
        """Return this loss with a weight for every image, `weights[label]`; its class is `classes[label]`.

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
        """Make a custom loss from two functions of logits (..., B, C) and labels (..., B).

        `loss` returns the mean over B, shape (...); `gradient` its gradient with respect to the logits. Files store it
        as `custom:name`.
        """

        def function(logits: Array, labels: Labels, dlogits: Array) -> Array:
            labels = np.broadcast_to(labels, logits.shape[:-1])
            dlogits[...] = gradient(logits, labels)
            return np.asarray(loss(logits, labels))

        return Loss(f"{CUSTOM}{name}", function, output, has_kinks)


LOSSES: dict[str, Loss] = {
    "cross_entropy": Loss("cross_entropy", cross_entropy, output="softmax", of_soft_labels=soft_cross_entropy),
    "mse": Loss("mse", mean_squared_error),
    "hinge": Loss("hinge", hinge, has_kinks=True),
}


def make_loss(name: str, label_smoothing: float = 0.0) -> Loss:
    """Return the loss called `name`; only cross-entropy takes label smoothing."""
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
    """Raise ShapeError unless all labels are classes; the training loop does not check this again."""
    if np.size(labels) and not 0 <= np.min(labels) <= np.max(labels) < n_classes:
        raise ShapeError(f"labels must be from 0 to {n_classes - 1}, got {np.min(labels)} to {np.max(labels)}")
