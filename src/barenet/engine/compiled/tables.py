"""The arguments of the compiled functions: arrays of a network, of the images, of an epoch, and working memory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAYER_COLUMNS", "Chosen", "Images", "Memory", "Network", "Share"]

# Columns of `Network.layers`; -1 means that there is no such array:
#   N_IN, N_OUT, WIDE_IN, WIDE_OUT   inputs and outputs; both rounded up to multiples of 16
#   ROW_IN, ROW_OUT                  the distance between rows of the input, and of the output
#   WEIGHTS, BIAS                    where weights and biases begin among the parameters
#   ACTIVATION                       the code of the activation
#   X, Z, A, OUT, DROPPED, D, PANELS   where x, z, a, the next layer's input, the factors of dropout, the gradient and
#                                      its panels begin in the work memory of a batch
#   TRANSPOSED                       where the transposed weights begin, -1 for the first layer
#   NORMALIZED, INVERSE              where normalised values, and 1 / deviation of each row, begin
#   SUM, DZ                          where a + x and the gradient of z begin: without a residual connection as A and D
#   STATISTICS                       where the running statistics of batch normalisation begin among all of them
#   MEAN, VARIANCE, TOTALS           where mean, variance and the sum of the gradient of each ghost batch begin
(N_IN, N_OUT, WIDE_IN, WIDE_OUT, ROW_IN, ROW_OUT, WEIGHTS, BIAS, ACTIVATION) = range(9)
(X, Z, A, OUT, DROPPED, D, PANELS, TRANSPOSED, NORMALIZED, INVERSE, SUM, DZ) = range(9, 21)
(STATISTICS, MEAN, VARIANCE, TOTALS) = range(21, 25)
LAYER_COLUMNS = 25


class Network(NamedTuple):
    """A network's parameters and the arrays of their shape, flat float32, and a table of its layers.

    slot_1, slot_2, averages: of length 0 if they are not needed.
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

    soft_labels: for each image a weight for each class, flat; if there are any, they are used instead of the other
    three.
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
    """The inputs and results of the steps of an epoch, for one network.

    order, changes: (n,) images, and how each is changed. second_order, second_changes: the image that each is mixed
    with, and how that one is changed; shares: (n,) the share of the first image. factors: (steps, FACTORS). keys:
    (steps, dropout layers, 2). trains: False for a forward pass alone. losses: (steps,); image_losses: (n,) without
    training, else (0,); predicted: (n,); norm: (1,) of the gradient of the last step, if it is measured.
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
    """The memory of a step: kernels, activations and their gradients, a chunk of gradients, arrays for each image.

    chunk, second_image: separate for each thread. The threads of a network share the others.
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
    tables: NDArray[np.uint32]  # of `nn.noise`, one for each dropout layer, one after the other
    table_starts: NDArray[np.int64]


class Share(NamedTuple):
    """A thread's number among those that share a network's steps, their number, and the counter (1,) of `meet`."""

    number: int
    n_threads: int
    counter: NDArray[np.int64]
