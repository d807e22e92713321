"""Run a trained network, or a stack, over many images in large batches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.data.batches import to_float
from barenet.nn import LOSSES, MLP, Loss, Workspace
from barenet.training.metrics import accuracy

__all__ = ["compute_outputs", "evaluate", "mean_loss", "plain"]

EVALUATION_BATCH = 1000


def compute_outputs(mlp: MLP, images: NDArray[np.generic], scale: float) -> NDArray[np.floating]:
    """Return the network's outputs (..., n, C) for images (n, D) of any dtype, multiplied by `scale` first."""
    lead = () if mlp.n_networks is None else (mlp.n_networks,)
    outputs = np.empty((*lead, len(images), mlp.n_classes), mlp.dtype)
    workspace = Workspace(mlp, EVALUATION_BATCH)
    for start in range(0, len(images), EVALUATION_BATCH):
        batch = to_float(images[start : start + EVALUATION_BATCH], scale, dtype=mlp.dtype)
        outputs[..., start : start + len(batch), :] = mlp.forward(batch, workspace)
    return outputs


def evaluate(
    mlp: MLP, loss: Loss, images: NDArray[np.generic], labels: NDArray[np.integer], scale: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean loss and accuracy, one a network, shape (...), float64."""
    outputs = compute_outputs(mlp, images, scale)
    return mean_loss(loss, outputs, labels), accuracy(np.argmax(outputs, axis=-1), labels)


def plain(loss: Loss) -> Loss:
    """Return the loss that settings are compared by: without label smoothing, as it leaves out L2."""
    return LOSSES.get(loss.name, loss)


def mean_loss(loss: Loss, outputs: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the mean loss of outputs (..., n, C), computed in float64."""
    return np.asarray(loss(outputs.astype(np.float64), labels), np.float64)
