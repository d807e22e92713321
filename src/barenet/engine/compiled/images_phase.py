"""The first phase of a step: for some images of the batch, all the way forward, and back to the first layer."""

from __future__ import annotations

import numpy as np

from barenet.engine.compiled.kernels.compiling import compiled
from barenet.engine.compiled.kernels.inputs import gather
from barenet.engine.compiled.kernels.layers import IDENTITY, SOFTMAX, activate, drop, multiply_by, softmax_backward
from barenet.engine.compiled.kernels.losses import losses_of
from barenet.engine.compiled.kernels.products import into_panels, product
from barenet.engine.compiled.kernels.updates import PLAIN, RATE
from barenet.engine.compiled.kernels.vectors import LANES
from barenet.engine.compiled.tables import (
    ACTIVATION,
    BIAS,
    DROPPED,
    N_IN,
    N_OUT,
    OUT,
    PANELS,
    TRANSPOSED,
    WEIGHTS,
    WIDE_IN,
    WIDE_OUT,
    A,
    D,
    X,
    Z,
)

__all__ = ["images_part"]

f32 = np.float32
ZERO, ONE = f32(0), f32(1)


@compiled
def images_part(network, images, chosen, memory, step, rows, first, stop):
    """Take the images in the rows of a batch from `first` to before `stop` all the way forward, and back."""
    layers, work = network.layers, memory.work
    bring_images(network, images, chosen, memory, step, first, stop)
    for layer in range(len(layers)):
        forward(network, chosen, memory, step, layer, first, stop)
    last = len(layers) - 1
    begin = step * chosen.batch_size
    factor = ONE / f32(rows)
    if network.rule == PLAIN:
        factor = -chosen.factors[step, RATE] * factor
    losses_of(
        memory.kernels, network.loss, work[layers[last, A] :], work[layers[last, D] :], first, stop, layers[last,
        N_OUT],
        layers[last, WIDE_OUT], memory.classes, memory.weights, network.smoothing, factor, memory.losses,
        chosen.predicted[begin:],
    )  # fmt: skip
    for layer in range(last, -1, -1):
        backward(network, memory, layer, rows, first, stop)


@compiled
def bring_images(network, images, chosen, memory, step, first, stop):
    """Write some images of a batch, their classes and their weights to where the step finds them."""
    begin, layers = step * chosen.batch_size, network.layers
    x, padded = memory.work[layers[0, X] :], layers[0, WIDE_IN]
    for row in range(first, stop):
        image = chosen.order[begin + row]
        label = images.labels[image]
        memory.classes[row] = images.classes[label] if images.classes.size else label
        memory.weights[row] = images.weights[label] if images.weights.size else ONE
        change = chosen.changes[begin + row] if chosen.changes.size else -1
        gather(
            memory.kernels,
            x,
            row,
            padded,
            images.bytes_,
            images.floats,
            image,
            images.n_inputs,
            images.sources,
            change,
            images.scale,
        )
    if network.input_factors >= 0:
        keys = chosen.keys[step, 0]
        drop(
        memory.kernels, x, x, memory.work[network.input_factors :], first, stop, images.n_inputs, padded, memory.tables,
            keys[0], keys[1], network.last_kept[0], network.scales[0],
        )  # fmt: skip


@compiled
def forward(network, chosen, memory, step, layer, first, stop):
    """Write z = x W + b, a = f(z) and what the next layer takes, for some rows."""
    own, work, values = network.layers[layer], memory.work, network.values
    wide_in, wide_out = own[WIDE_IN], own[WIDE_OUT]
    product(
        memory.kernels, stop - first, wide_out // LANES, own[N_IN], work, own[X] + first * wide_in, wide_in, 1,
        values, own[WEIGHTS], LANES, LANES * wide_in, work, own[Z] + first * wide_out, wide_out, LANES,
        values, own[BIAS], 0, LANES, ONE,
    )  # fmt: skip
    if own[ACTIVATION] != IDENTITY:
        activate(memory.kernels, own[ACTIVATION], work[own[Z] :], work[own[A] :], first, stop, own[N_OUT], wide_out)
    if own[DROPPED] >= 0:
        keys = chosen.keys[step, layer + 1]
        drop(
        memory.kernels, work[own[A] :], work[own[OUT] :], work[own[DROPPED] :], first, stop, own[N_OUT], wide_out,
            memory.tables[memory.table_starts[layer + 1] :], keys[0], keys[1], network.last_kept[1], network.scales[1],
        )  # fmt: skip


@compiled
def backward(network, memory, layer, rows, first, stop):
    """From the gradient with respect to a layer's output to that of its z, and to that of the output before."""
    own, work = network.layers[layer], memory.work
    wide_in, wide_out = own[WIDE_IN], own[WIDE_OUT]
    if own[ACTIVATION] == SOFTMAX:
        softmax_backward(memory.kernels, work[own[A] :], work[own[D] :], first, stop, wide_out)
    elif own[ACTIVATION] != IDENTITY:
        multiply_by(memory.kernels, work[own[D] :], work[own[Z] :], first * wide_out, stop * wide_out)
    into_panels(memory.kernels, first, stop, rows, wide_out // LANES, work, own[D], work, own[PANELS])
    if layer == 0:
        return
    before = network.layers[layer - 1]
    product(
        memory.kernels, stop - first, wide_in // LANES, own[N_OUT], work, own[D] + first * wide_out, wide_out, 1,
        network.transposed, own[TRANSPOSED], LANES, LANES * wide_out, work, before[D] + first * wide_in, wide_in, LANES,
        memory.zeros, 0, 0, 0, ZERO,
    )  # fmt: skip
    if before[DROPPED] >= 0:
        multiply_by(memory.kernels, work[before[D] :], work[before[DROPPED] :], first * wide_in, stop * wide_in)
