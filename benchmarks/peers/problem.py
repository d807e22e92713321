"""The same problem for every peer: the recipe, the images, the initial weights, the order of each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

N_IMAGES = 58_000


@dataclass(frozen=True)
class Recipe:
    """The settings of a step.

    l2: strength of (l2 / 2) sum(W**2) in the objective. weight_decay: decoupled, for adamw. Both do not change biases.
    average_decay: that of a running average of all parameters, which is used for evaluation; 0 for none.
    """

    activation: str
    optimizer: str
    learning_rate: float
    l2: float = 0.0
    weight_decay: float = 0.0
    average_decay: float = 0.0
    label_smoothing: float = 0.0

    def average_rest(self, step: int) -> float:
        """Return the weight of the parameters in the average after step number `step`, counted from 1."""
        return 1 - min(self.average_decay, (1 + step) / (10 + step))


BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
GELU_SCALE, GELU_CUBIC = np.sqrt(2 / np.pi), 0.044715
RECIPES = {
    "course": Recipe("relu", "sgd", 0.05, l2=0.001),
    # like barenet's recipe `quick`, without normalisation and mirrored images, and with a constant rate
    "default": Recipe("gelu", "adamw", 0.003, weight_decay=0.05, average_decay=0.998, label_smoothing=0.1),
}


@cache
def fashion_mnist() -> Any:
    """Return the data set that comes with barenet, read once."""
    import barenet

    return barenet.load_dataset()


@dataclass(frozen=True)
class Problem:
    """The networks that one process of one peer trains, and the settings.

    networks: numbers of the networks, which decide their weights and orders. threads: None lets barenet choose. vmap:
    train all networks together with JAX's `vmap`, not one after another.
    """

    batch: int
    hidden: tuple[int, ...]
    networks: tuple[int, ...] = (0,)
    recipe_name: str = "course"
    n_images: int = N_IMAGES
    threads: int | None = 1
    vmap: bool = False

    @property
    def recipe(self) -> Recipe:
        """The settings of a step."""
        return RECIPES[self.recipe_name]

    @property
    def n_steps(self) -> int:
        """Steps in an epoch: whole batches only."""
        return self.n_images // self.batch

    @property
    def pixels(self) -> np.ndarray:
        """Images to train on (n, 784), one byte for each pixel."""
        return fashion_mnist().train_images[: self.n_images]

    @cached_property
    def images(self) -> np.ndarray:
        """Images to train on (n, 784), float32 in 0-1."""
        return self.pixels.astype(np.float32) / 255

    @property
    def labels(self) -> np.ndarray:
        """Labels to train on (n,), int64."""
        return fashion_mnist().train_labels[: self.n_images]

    @cached_property
    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """Test images (10000, 784), float32 in 0-1, and labels (10000,)."""
        data = fashion_mnist()
        assert data.test_images is not None
        assert data.test_labels is not None
        return data.test_images.astype(np.float32) / 255, data.test_labels

    @property
    def widths(self) -> list[int]:
        """Widths from the images to the classes."""
        return [784, *self.hidden, 10]

    def weights(self, network: int = 0) -> list[np.ndarray]:
        """Return the initial weights (D, H) of a network, float32; biases start at zero."""
        rng = np.random.default_rng(network)
        pairs = zip(self.widths[:-1], self.widths[1:], strict=True)
        return [rng.normal(0, np.sqrt(2 / n_in), (n_in, n_out)).astype(np.float32) for n_in, n_out in pairs]

    def orders(self, epoch: int) -> np.ndarray:
        """Return the images of an epoch in each network's order (N, n), whole batches only."""
        n = self.n_steps * self.batch
        return np.stack([np.random.default_rng((epoch, i)).permutation(self.n_images)[:n] for i in self.networks])
