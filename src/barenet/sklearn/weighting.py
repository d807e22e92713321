"""A cross-entropy with a weight for every row: sum(w_i loss_i) / sum(w_i) over all rows, batch by batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.nn.losses import Loss, make_loss
from barenet.sklearn.rows import Rows

__all__ = ["labels_and_loss", "losses_of"]


def losses_of(loss: Loss, logits: NDArray[np.floating], codes: NDArray[np.integer]) -> NDArray[np.floating]:
    """Return the loss of every row of logits (..., B, C), shape (..., B): each row is a batch of one."""
    return loss(logits[..., None, :], codes[..., None])


def labels_and_loss(rows: Rows, label_smoothing: float) -> tuple[NDArray[np.int64], Loss]:
    """Return the labels (n,) for training on the rows, and the loss for these labels.

    If weights differ, the labels are row numbers, with which the loss finds class and weight.
    """
    plain = make_loss("cross_entropy", label_smoothing)
    if np.all(rows.weights == rows.weights[0]):
        return rows.codes, plain
    weights = (rows.weights / rows.weights.mean()).astype(np.float32)
    return np.arange(len(rows)), plain.weighted(weights, rows.codes)
