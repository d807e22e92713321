"""Find where a network diverged: train its epoch once more, alone, and look at each layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.data.batches import TrainingImages
from barenet.engine.numpy_engine.feed import Feed
from barenet.engine.protocol import Engine, EpochPlan
from barenet.engine.state import TrainingState
from barenet.nn import MLP, Workspace
from barenet.nn.layers import Dense

__all__ = ["batch_of", "describe_divergence"]


def describe_divergence(
    engine: Engine, plan: EpochPlan, step: int, *, before: TrainingState, mlp: MLP, batch: NDArray[np.floating]
) -> str:
    """Return "diverged in epoch ..., step ..., layer ..., at learning rate ...".

    The training loop does not look for NaN. A network alone trains to the same bits as in a stack, so `engine` can
    repeat its epoch up to the `step` whose loss was not finite. With the weights of that step, `mlp` runs on its batch.
    """
    engine.begin(plan)
    if step > before.n_begun:
        engine.train(before.n_begun, step)
    state = engine.capture(before)
    mlp.parameters.values[...] = state.values[0]
    mlp.noise.step = plan.first_step + step
    layer = first_bad_layer(mlp, batch)
    epoch, number = int(before.epoch[0]) + 1, plan.first_step + step + 1
    return f"diverged in epoch {epoch}, step {number}, {layer}, at learning rate {plan.rates[step, 0]:g}"


def batch_of(images: TrainingImages, plan: EpochPlan, step: int, batch_size: int) -> NDArray[np.floating]:
    """Return the images (B, D) of one step of a network."""
    feed = Feed(images, batch_size)
    feed.begin(plan)
    feed.prepare(step, slice(0, batch_size))
    return feed.batch(step)


def first_bad_layer(mlp: MLP, batch: NDArray[np.floating]) -> str:
    """Return the first layer, counted from the input, whose weights or outputs are NaN or infinite."""
    workspace = Workspace(mlp, len(batch))
    with np.errstate(all="ignore"):
        mlp.forward(batch, workspace, training=True)
    dense = 0
    for layer, slot in zip(mlp.layers, workspace.current, strict=True):
        dense += isinstance(layer, Dense)
        if isinstance(layer, Dense) and not (np.isfinite(layer.W).all() and np.isfinite(layer.b).all()):
            return f"weights of layer {dense}"
        if not np.isfinite(slot.y).all():
            return f"outputs of layer {dense}"
    return "validation loss or last update"
