"""Run a network over many inputs, fast: arrays are allocated once for each thread and used again.

`python benchmarks/predict.py` measures it against the matrix products alone.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.batches import to_float
from barenet.nn.workspace import Workspace
from barenet.run_folders.checkpoint import SavedModel
from barenet.training.preprocessing import read_standardiser

__all__ = ["Inference"]

# Images that are run at once: enough for BLAS to be at its best, few enough for their activations to stay in the cache.
BATCH = 500


class Inference:
    """Probabilities from one network; may be called from several threads at once, as a server does."""

    def __init__(self, model: SavedModel) -> None:
        self.model, self.mlp = model, model.mlp
        self.standardise = read_standardiser(model.info.preprocessing)
        self.ends_in_logits = not model.gives_probabilities
        self._own = threading.local()

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the model, and not the arrays of any thread."""
        return type(self), (self.model,)

    def __call__(self, inputs: NDArray[Any], scale: float) -> NDArray[np.floating]:
        """Return the probability of each class (n, C) for inputs (n, D) of any dtype, multiplied by `scale` first."""
        if self.standardise is not None:
            inputs = self.standardise(inputs)
        workspace, buffer = self._arrays()
        outputs = np.empty((len(inputs), self.mlp.n_classes), self.mlp.dtype)
        for start in range(0, len(inputs), BATCH):
            batch = inputs[start : start + BATCH]
            if len(batch) not in (1, BATCH):
                # A workspace keeps arrays for each size it has seen; of the many sizes that may come none is kept.
                workspace = Workspace(self.mlp, len(batch))
            floats = to_float(batch, scale, out=buffer[: len(batch)])
            outputs[start : start + BATCH] = self.mlp.forward(floats, workspace)
        if self.ends_in_logits:
            softmax_in_place(outputs)
        return outputs

    def _arrays(self) -> tuple[Workspace, NDArray[np.floating]]:
        """Return this thread's workspace, and its buffer (BATCH, D) for inputs as floats."""
        if not hasattr(self._own, "arrays"):
            buffer = np.empty((BATCH, self.mlp.n_inputs), self.mlp.dtype)
            self._own.arrays = Workspace(self.mlp, BATCH), buffer
        arrays: tuple[Workspace, NDArray[np.floating]] = self._own.arrays
        return arrays


def softmax_in_place(logits: NDArray[np.floating]) -> None:
    """Replace logits (n, C) by probabilities."""
    logits -= logits.max(axis=-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=-1, keepdims=True)
