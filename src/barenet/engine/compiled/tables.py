"""What the compiled functions are given: arrays of a network, of the images, of an epoch, and memory to work in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAYER_COLUMNS", "Chosen", "Images", "Memory", "Network", "Share"]

# Columns of `Network.layers`: inputs and outputs; both padded to multiples of 16; how far rows of x, and of what the
# layer gives, are apart; where weights and biases begin among the parameters; the activation; where x, z, a, what the
# next layer takes, the factors of dropout, the gradient and its panels begin in the work memory of a batch, -1 for
# none; where the transposed weights begin, -1 for the first layer; where what normalisation gave, and the inverse
# deviation of each row, begin, -1 for none; where a + x, and the gradient of z, begin: those of a, and of the gradient,
# but where there is a residual connection; where the running statistics of batch normalisation begin among all, -1 for
# none; where mean, variance, and the sum of the gradient over its images, of each ghost batch begin in the work memory.
(N_IN, N_OUT, WIDE_IN, WIDE_OUT, ROW_IN, ROW_OUT, WEIGHTS, BIAS, ACTIVATION) = range(9)
(X, Z, A, OUT, DROPPED, D, PANELS, TRANSPOSED, NORMALIZED, INVERSE, SUM, DZ) = range(9, 21)
(STATISTICS, MEAN, VARIANCE, TOTALS) = range(21, 25)
LAYER_COLUMNS = 25


class Network(NamedTuple):
    """A network's parameters and what belongs to them, flat float32 arrays of one length, and how its layers lie in
    them.

    slot_1, slot_2, averages: of length 0 where they are not needed.
    """

    layers: NDArray[np.int64]
    n_parameters: int
    has_averages: bool
    values: NDArray[np.float32]
    slot_1: NDArray[np.float32]
    slot_2: NDArray[np.float32]
    averages: NDArray[np.float32]
    gradients: NDArray[np.float32]
    transposed: NDArray[np.float32]
    rule: int
    loss: int
    smoothing: np.float32
    clip_norm: np.float32  # infinite for no clipping
    input_factors: int  # where the factors of the images' dropout begin in the work memory, -1 for no such dropout
    last_kept: NDArray[np.uint32]  # (2,): of the images, of the hidden units
    scales: NDArray[np.float32]  # (2,): 1 / (1 - rate)
    statistics: NDArray[np.float32]  # (S,): running statistics of batch normalisation
    has_ghosts: bool  # whether threads must not cut ghost batches


class Images(NamedTuple):
    """The training images, see `inputs.gather`, their labels, and the class and the weight of each label.

    soft_labels: of each image a weight for each class, flat, which count in the place of the other three.
    """

    are_bytes: bool
    bytes_: NDArray[np.uint8]
    floats: NDArray[np.float32]
    n_inputs: int
    scale: np.float32
    sources: NDArray[np.int32]
    labels: NDArray[np.int64]
    has_classes: bool
    classes: NDArray[np.int64]
    has_weights: bool
    weights: NDArray[np.float32]
    has_soft_labels: bool
    soft_labels: NDArray[np.float32]


class Chosen(NamedTuple):
    """What the steps of an epoch take and give, for one network.

    order, changes: (n,) images, and how each is changed. second_order, second_changes: with which each is mixed, and
    how that one is changed; shares: (n,) how much of the first is kept. factors: (steps, FACTORS). keys: (steps,
    dropout layers, 2). trains: False to go forward alone. losses: (steps,); image_losses: (n,), where nothing is
    trained, else (0,); predicted: (n,); norm: (1,) of the gradient of the last step, where that is measured.
    """

    batch_size: int
    n_images: int
    order: NDArray[np.int64]
    has_changes: bool
    changes: NDArray[np.int64]
    is_mixed: bool
    second_order: NDArray[np.int64]
    second_changes: NDArray[np.int64]
    shares: NDArray[np.float32]
    factors: NDArray[np.float32]
    keys: NDArray[np.uint32]
    trains: bool
    losses: NDArray[np.float64]
    image_losses: NDArray[np.float32]
    norm: NDArray[np.float64]
    predicted: NDArray[np.int64]


class Memory(NamedTuple):
    """What a step works with: kernels, activations and their gradients, a chunk of gradients, facts of each image.

    chunk, second_image: of each thread. The others are shared by the threads of a network.
    """

    kernels: NDArray[np.int64]  # of `compiling.addresses`
    work: NDArray[np.float32]
    chunk: NDArray[np.float32]
    second_image: NDArray[np.float32]
    zeros: NDArray[np.float32]
    classes: NDArray[np.int64]
    weights: NDArray[np.float32]
    soft_labels: NDArray[np.float32]
    losses: NDArray[np.float32]
    tables: NDArray[np.uint32]  # of `nn.noise`, one of each dropout layer, one after the other
    table_starts: NDArray[np.int64]


class Share(NamedTuple):
    """Which of the threads that share a network's steps this is, of how many, and the counter where they meet, (1,)."""

    number: int
    n_threads: int
    counter: NDArray[np.int64]
