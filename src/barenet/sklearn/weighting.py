"""A cross-entropy that weighs every row: sum(w_i loss_i) / sum(w_i) over all rows, batch by batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.nn.losses import Loss, make_loss
from barenet.sklearn.rows import Rows

__all__ = ["labels_and_loss", "losses_of"]


def losses_of(loss: Loss, logits: NDArray[np.floating], codes: NDArray[np.integer]) -> NDArray[np.floating]:
    """Return the loss of every row of logits (..., B, C), shape (..., B): a loss of one image is its own mean."""
    return loss(logits[..., None, :], codes[..., None])


def labels_and_loss(rows: Rows, label_smoothing: float) -> tuple[NDArray[np.int64], Loss]:
    """Return the labels (n,) to train the rows on, and the loss that goes with them.

    Where weights differ the labels are row numbers, by which the loss looks up class and weight.
    """
    plain = make_loss("cross_entropy", label_smoothing)
    if np.all(rows.weights == rows.weights[0]):
        return rows.codes, plain
    weights = (rows.weights / rows.weights.mean()).astype(np.float32)
    return np.arange(len(rows)), plain.weighted(weights, rows.codes)
