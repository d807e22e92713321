"""What every peer is given: the images, the initial weights, the order of each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

LEARNING_RATE = 0.05
L2 = 0.001
N_TRAIN = 58_000


@dataclass(frozen=True)
class Problem:
    """One cell of the table: batch, hidden sizes, networks, threads."""

    batch: int
    hidden: tuple[int, ...]
    n_networks: int
    threads: int

    @cached_property
    def images(self) -> dict[str, np.ndarray]:
        """Return x and y to train on, float32 in 0-1 and int64, and x_test, y_test."""
        import barenet

        data = barenet.load_dataset()
        assert data.test_images is not None
        return {
            "x_bytes": data.train_images[:N_TRAIN],
            "x": data.train_images[:N_TRAIN].astype(np.float32) / 255,
            "y": data.train_labels[:N_TRAIN],
            "x_test": data.test_images.astype(np.float32) / 255,
            "y_test": data.test_labels,
        }

    @property
    def widths(self) -> list[int]:
        """Return the widths from the images to the classes."""
        return [784, *self.hidden, 10]

    def weights(self, network: int = 0) -> list[np.ndarray]:
        """Return the initial weights (D, H), float32; biases start at zero."""
        rng = np.random.default_rng(network)
        pairs = zip(self.widths[:-1], self.widths[1:], strict=True)
        return [rng.normal(0, np.sqrt(2 / n_in), (n_in, n_out)).astype(np.float32) for n_in, n_out in pairs]

    def order(self, epoch: int) -> np.ndarray:
        """Return the images of an epoch, whole batches only."""
        n_steps = N_TRAIN // self.batch
        return np.random.default_rng(1000 + epoch).permutation(N_TRAIN)[: n_steps * self.batch]
