"""PyTorch as its tutorials do it: TensorDataset and DataLoader."""

from __future__ import annotations

import numpy as np
from torch.utils.data import DataLoader, TensorDataset

from peers import torch_eager


class Peer(torch_eager.Peer):
    """As `torch_eager`, with batches from a DataLoader, in the given order."""

    def epoch(self, order: np.ndarray) -> None:
        """Train one epoch."""
        loader = DataLoader(TensorDataset(self.x, self.y), batch_size=self.batch, sampler=order.tolist())
        for x, y in loader:
            self.step(x, y)
