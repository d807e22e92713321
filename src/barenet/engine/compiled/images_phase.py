"""The first phase of a step: for some images of the batch, the whole forward pass, and back to the first layer."""

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
    """Compute the forward pass of the rows of a batch from `first` to before `stop`, and in training the way back."""
    bring_images(network, images, chosen, memory, step, first, stop)
    for layer in range(len(network.layers)):
        forward(network, memory, layer, rows, first, stop)
        drop_units(network, chosen, memory, step, layer, first, stop)
    find_losses(network, images, chosen, memory, step, rows, first, stop)
    for layer in range(len(network.layers) - 1 if chosen.trains else -1, -1, -1):
        backward(network, memory, layer, rows, first, stop)


@helper
def bring_images(network, images, chosen, memory, step, first, stop):
    """Write some images of a batch, their classes and their weights into the step's memory."""
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
    """Write the soft label of the image at a place of the order; if images are mixed, mix image and label."""
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
    """Write z = x W + b, normalised if the layer asks for it, a = f(z), and a + x if it is residual, for some rows."""
    spec, work, values = network.layers[layer], memory.work, network.values
    row_in, row_out = spec[ROW_IN], spec[ROW_OUT]
    over_images = spec[STATISTICS] >= 0
    product(
        memory.kernels, stop - first, spec[WIDE_OUT] // LANES, spec[N_IN],
        work, spec[X] + first * row_in, row_in, 1, values, spec[WEIGHTS], LANES, LANES * spec[WIDE_IN],
        work, spec[Z] + first * row_out, row_out, LANES, values, spec[BIAS], 0, LANES, ZERO if over_images else ONE,
    )  # fmt: skip
    if over_images:
        normalize_ghosts(memory, spec, values, rows, first, stop)
    elif spec[NORMALIZED] >= 0:
        normalize(
            memory.kernels, at(work, spec[Z]), at(work, spec[NORMALIZED]), at(work, spec[INVERSE]), first, stop,
            spec[N_OUT], row_out,
        )  # fmt: skip
    if spec[ACTIVATION] != IDENTITY:
        activate(
            memory.kernels, spec[ACTIVATION], at(work, spec[Z]), at(work, spec[A]), first, stop, spec[N_OUT], row_out
        )
    if spec[SUM] != spec[A]:
        copy_of(memory.kernels, at(work, spec[A]), at(work, spec[SUM]), first * row_out, stop * row_out)
        add_to(memory.kernels, at(work, spec[SUM]), at(work, spec[X]), first * row_out, stop * row_out)


@helper
def normalize_ghosts(memory, spec, values, rows, first, stop):
    """Normalise z over the images of each ghost batch among some rows, and add the bias."""
    work, begin = memory.work, first
    while begin < stop:
        end = ghost_end(begin, rows)
        normalize_images(
            memory.kernels, at(work, spec[Z]), at(work, spec[NORMALIZED]), at(work, spec[MEAN]),
            at(work, spec[VARIANCE]), at(work, spec[INVERSE]), at(values, spec[BIAS]), begin, end, begin // GHOST,
            spec[N_OUT], spec[WIDE_OUT], spec[ROW_OUT],
        )  # fmt: skip
        begin = end


@helper
def normalize_ghosts_backward(memory, spec, d, rows, first, stop):
    """Write the gradient with respect to z over `d`, the gradient with respect to the normalised values plus bias."""
    work, begin = memory.work, first
    while begin < stop:
        end = ghost_end(begin, rows)
        normalize_images_backward(
            memory.kernels, d, at(work, spec[NORMALIZED]), at(work, spec[INVERSE]), at(work, spec[TOTALS]), begin, end,
            begin // GHOST, spec[WIDE_OUT], spec[ROW_OUT],
        )  # fmt: skip
        begin = end


@helper
def drop_units(network, chosen, memory, step, layer, first, stop):
    """Write the input of the next layer, if there is dropout."""
    spec, work = network.layers[layer], memory.work
    if spec[DROPPED] >= 0:
        keys, table = chosen.keys[step, layer + 1], at(memory.tables, memory.table_starts[layer + 1])
        drop(
            memory.kernels, at(work, spec[SUM]), at(work, spec[OUT]), at(work, spec[DROPPED]), first, stop, spec[N_OUT],
            spec[ROW_OUT], table, keys[0], keys[1], network.last_kept[1], network.scales[1],
        )  # fmt: skip


@helper
def find_losses(network, images, chosen, memory, step, rows, first, stop):
    """Write losses and predicted classes of some rows, and the gradient with respect to the outputs."""
    spec, work = network.layers[len(network.layers) - 1], memory.work
    is_soft = images.has_soft_labels
    factor = ONE / f32(rows)
    if network.rule == PLAIN:
        factor = -chosen.factors[step, RATE] * factor
    losses_of(
        memory.kernels, network.loss, at(work, spec[A]), at(work, spec[D]), first, stop, spec[N_OUT], spec[ROW_OUT],
        memory.classes, is_soft, memory.soft_labels, memory.weights, network.smoothing, factor, memory.losses,
        at(chosen.predicted, step * chosen.batch_size),
    )  # fmt: skip


@helper
def backward(network, memory, layer, rows, first, stop):
    """Write the gradients with respect to a layer's z and its input, from that with respect to its output."""
    spec, work, row_out = network.layers[layer], memory.work, network.layers[layer, ROW_OUT]
    d = at(work, spec[DZ])
    if spec[DZ] != spec[D]:
        copy_of(memory.kernels, at(work, spec[D]), d, first * row_out, stop * row_out)
    if spec[ACTIVATION] == SOFTMAX:
        softmax_backward(memory.kernels, at(work, spec[A]), d, first, stop, row_out)
    elif spec[ACTIVATION] != IDENTITY:
        multiply_by(memory.kernels, d, at(work, spec[Z]), first * row_out, stop * row_out)
    if spec[STATISTICS] >= 0:
        normalize_ghosts_backward(memory, spec, d, rows, first, stop)
    elif spec[NORMALIZED] >= 0:
        normalize_backward(
            memory.kernels, d, at(work, spec[NORMALIZED]), at(work, spec[INVERSE]), first, stop, spec[N_OUT], row_out
        )
    into_panels(memory.kernels, first, stop, rows, spec[WIDE_OUT] // LANES, work, spec[DZ], row_out, work, spec[PANELS])
    if layer == 0:
        return
    before, row_in = network.layers[layer - 1], spec[ROW_IN]
    product(
        memory.kernels, stop - first, spec[WIDE_IN] // LANES, spec[N_OUT],
        work, spec[DZ] + first * row_out, row_out, 1,
        network.transposed, spec[TRANSPOSED], LANES, LANES * spec[WIDE_OUT],
        work, before[D] + first * row_in, row_in, LANES, memory.zeros, 0, 0, 0, ZERO,
    )  # fmt: skip
    if spec[DZ] != spec[D]:
        add_to(memory.kernels, at(work, before[D]), at(work, spec[D]), first * row_in, stop * row_in)
    if before[DROPPED] >= 0:
        multiply_by(memory.kernels, at(work, before[D]), at(work, before[DROPPED]), first * row_in, stop * row_in)
