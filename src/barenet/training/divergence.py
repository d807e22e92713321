"""Where did a network get lost? Replay its epoch alone and look."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from barenet.engine.numpy_engine import Engine
from barenet.engine.state import TrainingState
from barenet.nn.layers import Dense

__all__ = ["describe_divergence"]


def describe_divergence(
    engine: Engine,
    batches: Iterator[tuple[NDArray[np.floating], NDArray[np.integer]]],
    rates: NDArray[np.float64],
    step_losses: NDArray[np.float64],
    before: TrainingState,
) -> str:
    """Return "diverged in epoch ..., step ..., layer ..., at learning rate ...".

    The hot loop does not look for NaN. A network trains to the same bits alone as in a stack, so the epoch can be
    taken again, up to the first step whose loss was not finite, and looked at layer by layer.
    """
    bad = np.flatnonzero(~np.isfinite(step_losses))
    last = int(bad[0]) if len(bad) else len(step_losses) - 1
    for step, (images, labels) in enumerate(batches):
        if step == last:
            engine.mlp.forward(images, engine.workspace, training=True)
            layer = first_bad_layer(engine)
            break
        engine.step(images, labels, rates[step, :, None])
    return (
        f"diverged in epoch {int(before.epoch[0]) + 1}, step {int(before.n_steps[0]) + last + 1}, {layer}, "
        f"at learning rate {rates[last, 0]:g}"
    )


def first_bad_layer(engine: Engine) -> str:
    """Return the first layer, from the images on, whose weights or outputs are NaN or infinite."""
    dense = 0
    for layer, slot in zip(engine.mlp.layers, engine.workspace.current, strict=True):
        dense += isinstance(layer, Dense)
        if isinstance(layer, Dense) and not (np.isfinite(layer.W).all() and np.isfinite(layer.b).all()):
            return f"weights of layer {dense}"
        if not np.isfinite(slot.y).all():
            return f"outputs of layer {dense}"
    return "validation loss or last update"
