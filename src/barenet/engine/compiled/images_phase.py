"""The first phase of a step: for some images of the batch, all the way forward, and back to the first layer."""

from __future__ import annotations

import numpy as np

from barenet.engine.compiled.kernels.compiling import helper
from barenet.engine.compiled.kernels.inputs import gather, mix
from barenet.engine.compiled.kernels.layers import (
    IDENTITY,
    SOFTMAX,
    activate,
    add_to,
    copy_of,
    drop,
    multiply_by,
    softmax_backward,
)
from barenet.engine.compiled.kernels.losses import losses_of
from barenet.engine.compiled.kernels.memory import at
from barenet.engine.compiled.kernels.normalization.over_images import (
    ghost_end,
    normalize_images,
    normalize_images_backward,
)
from barenet.engine.compiled.kernels.normalization.over_units import normalize, normalize_backward
from barenet.engine.compiled.kernels.products import into_panels, product
from barenet.engine.compiled.kernels.updates import PLAIN, RATE
from barenet.engine.compiled.kernels.vectors import LANES
from barenet.engine.compiled.tables import (
    ACTIVATION,
    BIAS,
    DROPPED,
    DZ,
    INVERSE,
    MEAN,
    N_IN,
    N_OUT,
    NORMALIZED,
    OUT,
    PANELS,
    ROW_IN,
    ROW_OUT,
    STATISTICS,
    SUM,
    TOTALS,
    TRANSPOSED,
    VARIANCE,
    WEIGHTS,
    WIDE_IN,
    WIDE_OUT,
    A,
    D,
    X,
    Z,
)
from barenet.nn.layers.batch_norm import GHOST

__all__ = ["images_part"]

f32 = np.float32
ZERO, ONE = f32(0), f32(1)


@helper
def images_part(network, images, chosen, memory, step, rows, first, stop):
    """Take the images in the rows of a batch from `first` to before `stop` all the way forward, and back to train."""
    bring_images(network, images, chosen, memory, step, first, stop)
    for layer in range(len(network.layers)):
        forward(network, memory, layer, rows, first, stop)
        drop_units(network, chosen, memory, step, layer, first, stop)
    find_losses(network, images, chosen, memory, step, rows, first, stop)
    for layer in range(len(network.layers) - 1 if chosen.trains else -1, -1, -1):
        backward(network, memory, layer, rows, first, stop)


@helper
def bring_images(network, images, chosen, memory, step, first, stop):
    """Write some images of a batch, their classes and their weights to where the step finds them."""
    begin, layers = step * chosen.batch_size, network.layers
    x, row_in = at(memory.work, layers[0, X]), layers[0, ROW_IN]
    for row in range(first, stop):
        image = chosen.order[begin + row]
        label = images.labels[image]
        memory.classes[row] = images.classes[label] if images.has_classes else label
        # The sum of a soft label is the weight of its image.
        memory.weights[row] = images.weights[label] if images.has_weights and not images.has_soft_labels else ONE
        change = chosen.changes[begin + row] if chosen.has_changes else -1
        gather(
            memory.kernels, x, row, row_in, images.are_bytes, images.bytes_, images.floats, image, images.n_inputs,
            images.sources, change, images.scale,
        )  # fmt: skip
        if images.has_soft_labels:
            bring_soft_label(network, images, chosen, memory, begin + row, row)
    if network.input_factors >= 0:
        keys, factors = chosen.keys[step, 0], at(memory.work, network.input_factors)
        drop(
            memory.kernels, x, x, factors, first, stop, images.n_inputs, row_in, memory.tables, keys[0], keys[1],
            network.last_kept[0], network.scales[0],
        )  # fmt: skip


@helper
def bring_soft_label(network, images, chosen, memory, place, row):
    """Write the soft label of the image at a place of the order; where images are mixed, mix it and its label."""
    last, row_in = network.layers[len(network.layers) - 1], network.layers[0, ROW_IN]
    n_classes, start = last[N_OUT], row * last[ROW_OUT]
    for j in range(n_classes):
        memory.soft_labels[start + j] = images.soft_labels[chosen.order[place] * n_classes + j]
    if not chosen.is_mixed:
        return
    other, share = chosen.second_order[place], chosen.shares[place]
    change = chosen.second_changes[place] if chosen.has_changes else -1
    gather(
        memory.kernels, memory.second_image, 0, row_in, images.are_bytes, images.bytes_, images.floats, other,
        images.n_inputs, images.sources, change, images.scale,
    )  # fmt: skip
    x = at(memory.work, network.layers[0, X])
    mix(memory.kernels, x, row * row_in, memory.second_image, 0, images.n_inputs, share)
    mix(memory.kernels, memory.soft_labels, start, images.soft_labels, other * n_classes, n_classes, share)


@helper
def forward(network, memory, layer, rows, first, stop):
    """Write z = x W + b, normalised where it is wanted, a = f(z), and a + x where that is wanted, for some rows."""
    own, work, values = network.layers[layer], memory.work, network.values
    row_in, row_out = own[ROW_IN], own[ROW_OUT]
    over_images = own[STATISTICS] >= 0
    product(
        memory.kernels, stop - first, own[WIDE_OUT] // LANES, own[N_IN],
        work, own[X] + first * row_in, row_in, 1, values, own[WEIGHTS], LANES, LANES * own[WIDE_IN],
        work, own[Z] + first * row_out, row_out, LANES, values, own[BIAS], 0, LANES, ZERO if over_images else ONE,
    )  # fmt: skip
    if over_images:
        normalize_ghosts(memory, own, values, rows, first, stop)
    elif own[NORMALIZED] >= 0:
        normalize(
            memory.kernels, at(work, own[Z]), at(work, own[NORMALIZED]), at(work, own[INVERSE]), first, stop,
            own[N_OUT], row_out,
        )  # fmt: skip
    if own[ACTIVATION] != IDENTITY:
        activate(memory.kernels, own[ACTIVATION], at(work, own[Z]), at(work, own[A]), first, stop, own[N_OUT], row_out)
    if own[SUM] != own[A]:
        copy_of(memory.kernels, at(work, own[A]), at(work, own[SUM]), first * row_out, stop * row_out)
        add_to(memory.kernels, at(work, own[SUM]), at(work, own[X]), first * row_out, stop * row_out)


@helper
def normalize_ghosts(memory, own, values, rows, first, stop):
    """Normalise z over the images of each ghost batch among some rows, and add the bias."""
    work, begin = memory.work, first
    while begin < stop:
        end = ghost_end(begin, rows)
        normalize_images(
            memory.kernels, at(work, own[Z]), at(work, own[NORMALIZED]), at(work, own[MEAN]), at(work, own[VARIANCE]),
            at(work, own[INVERSE]), at(values, own[BIAS]), begin, end, begin // GHOST, own[N_OUT], own[WIDE_OUT],
            own[ROW_OUT],
        )  # fmt: skip
        begin = end


@helper
def normalize_ghosts_backward(memory, own, d, rows, first, stop):
    """From the gradient with respect to what was normalised, with the bias, to that of z, over `d`."""
    work, begin = memory.work, first
    while begin < stop:
        end = ghost_end(begin, rows)
        normalize_images_backward(
            memory.kernels, d, at(work, own[NORMALIZED]), at(work, own[INVERSE]), at(work, own[TOTALS]), begin, end,
            begin // GHOST, own[WIDE_OUT], own[ROW_OUT],
        )  # fmt: skip
        begin = end


@helper
def drop_units(network, chosen, memory, step, layer, first, stop):
    """Write what the next layer takes of a layer's units, where there is dropout."""
    own, work = network.layers[layer], memory.work
    if own[DROPPED] >= 0:
        keys, table = chosen.keys[step, layer + 1], at(memory.tables, memory.table_starts[layer + 1])
        drop(
            memory.kernels, at(work, own[SUM]), at(work, own[OUT]), at(work, own[DROPPED]), first, stop, own[N_OUT],
            own[ROW_OUT], table, keys[0], keys[1], network.last_kept[1], network.scales[1],
        )  # fmt: skip


@helper
def find_losses(network, images, chosen, memory, step, rows, first, stop):
    """Write losses and predicted classes of some rows, and the gradient with respect to the outputs."""
    own, work = network.layers[len(network.layers) - 1], memory.work
    is_soft = images.has_soft_labels
    factor = ONE / f32(rows)
    if network.rule == PLAIN:
        factor = -chosen.factors[step, RATE] * factor
    losses_of(
        memory.kernels, network.loss, at(work, own[A]), at(work, own[D]), first, stop, own[N_OUT], own[ROW_OUT],
        memory.classes, is_soft, memory.soft_labels, memory.weights, network.smoothing, factor, memory.losses,
        at(chosen.predicted, step * chosen.batch_size),
    )  # fmt: skip


@helper
def backward(network, memory, layer, rows, first, stop):
    """From the gradient with respect to a layer's output to that of its z, and to that of the output before."""
    own, work, row_out = network.layers[layer], memory.work, network.layers[layer, ROW_OUT]
    d = at(work, own[DZ])
    if own[DZ] != own[D]:
        copy_of(memory.kernels, at(work, own[D]), d, first * row_out, stop * row_out)
    if own[ACTIVATION] == SOFTMAX:
        softmax_backward(memory.kernels, at(work, own[A]), d, first, stop, row_out)
    elif own[ACTIVATION] != IDENTITY:
        multiply_by(memory.kernels, d, at(work, own[Z]), first * row_out, stop * row_out)
    if own[STATISTICS] >= 0:
        normalize_ghosts_backward(memory, own, d, rows, first, stop)
    elif own[NORMALIZED] >= 0:
        normalize_backward(
            memory.kernels, d, at(work, own[NORMALIZED]), at(work, own[INVERSE]), first, stop, own[N_OUT], row_out
        )
    into_panels(memory.kernels, first, stop, rows, own[WIDE_OUT] // LANES, work, own[DZ], row_out, work, own[PANELS])
    if layer == 0:
        return
    before, row_in = network.layers[layer - 1], own[ROW_IN]
    product(
        memory.kernels, stop - first, own[WIDE_IN] // LANES, own[N_OUT],
        work, own[DZ] + first * row_out, row_out, 1, network.transposed, own[TRANSPOSED], LANES, LANES * own[WIDE_OUT],
        work, before[D] + first * row_in, row_in, LANES, memory.zeros, 0, 0, 0, ZERO,
    )  # fmt: skip
    if own[DZ] != own[D]:
        add_to(memory.kernels, at(work, before[D]), at(work, own[D]), first * row_in, stop * row_in)
    if before[DROPPED] >= 0:
        multiply_by(memory.kernels, at(work, before[D]), at(work, before[DROPPED]), first * row_in, stop * row_in)
