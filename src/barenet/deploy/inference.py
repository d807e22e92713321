"""Run a network over many inputs, fast: each thread allocates its arrays once and uses them again.

`python benchmarks/predict.py` measures it against the matrix products alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.run_folders.checkpoint import Inputs, SavedModel
from barenet.training.evaluation import Memory, compute_outputs

__all__ = ["Inference"]


class Inference:
    """Probabilities from one network; several threads may call it at once, for example in a server."""

    def __init__(self, model: SavedModel) -> None:
        self.model, self.mlp = model, model.mlp
        self.ends_in_logits = not model.gives_probabilities
        self.memory = Memory(model.mlp)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the model without the arrays in its memory."""
        return type(self), (self.model,)

    def __call__(self, inputs: Inputs) -> NDArray[np.floating]:
        """Return the probability of each class (n, C) for inputs (n, D) of `SavedModel.inputs`."""
        outputs = compute_outputs(self.mlp, inputs.values, inputs.scale, mirrored=inputs.mirrored, memory=self.memory)
        if self.ends_in_logits:
            softmax_in_place(outputs)
        return outputs


def softmax_in_place(logits: NDArray[np.floating]) -> None:
    """Replace logits (n, C) by probabilities."""
    logits -= logits.max(axis=-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=-1, keepdims=True)
