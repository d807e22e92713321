"""PyTorch as in its tutorials: TensorDataset and DataLoader."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from peers import torch_eager


class Network(torch_eager.Network):
    """The network of `torch_eager`, with batches from a DataLoader, in the given order."""

    def batches(self, order: np.ndarray) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield images and labels."""
        yield from DataLoader(TensorDataset(self.x, self.y), batch_size=self.batch, sampler=order.tolist())


class Peer(torch_eager.Peer):
    """Networks one after another."""

    network = Network
