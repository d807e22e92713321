"""The second phase of a step: for some rows of a weight matrix, their gradient over the whole batch, and their move."""

from __future__ import annotations

import numpy as np

from barenet.engine.compiled.kernels.compiling import compiled
from barenet.engine.compiled.kernels.memory import load, store
from barenet.engine.compiled.kernels.products import product, transpose
from barenet.engine.compiled.kernels.updates import KEEP, L2, PLAIN, REST, add_l2, average, move, scale_by, squares
from barenet.engine.compiled.kernels.vectors import LANES, add
from barenet.engine.compiled.tables import BIAS, PANELS, ROW_IN, TRANSPOSED, WEIGHTS, WIDE_IN, WIDE_OUT, X

__all__ = ["CHUNK", "bias_part", "clip", "gradient_norm", "keep_gradients", "weights_part"]

f32 = np.float32
ZERO, ONE = f32(0), f32(1)
BLOCK = 1024  # gradients whose squares are added up in float32
CHUNK = 64  # rows of a panel whose gradient is in the cache while they move


@compiled
def weights_part(network, chosen, memory, step, layer, rows, first, stop, is_clipped):
    """Move up to `CHUNK` rows of a layer's weights, from `first` to before `stop`, multiples of 16."""
    own, factors = network.layers[layer], chosen.factors[step]
    panels, size = own[WIDE_OUT] // LANES, (stop - first) * LANES
    if network.rule == PLAIN:
        move_downhill(network, memory, layer, rows, first, stop - first, factors[KEEP])
    for panel in range(panels):
        place = own[WEIGHTS] + (panel * own[WIDE_IN] + first) * LANES
        if is_clipped:
            move(
                memory.kernels, network.rule, factors, factors[KEEP], network.values, place, size, network.gradients,
                place, network.slot_1, network.slot_2,
            )  # fmt: skip
        elif network.rule != PLAIN:
            gradient_of_panel(network, memory, layer, rows, first, stop - first, panel)
            if factors[L2] != ZERO:
                add_l2(memory.kernels, factors[L2], network.values, place, size, memory.chunk, 0)
            move(
                memory.kernels, network.rule, factors, factors[KEEP], network.values, place, size, memory.chunk, 0,
                network.slot_1, network.slot_2,
            )  # fmt: skip
        if network.averages.size:
            average(memory.kernels, factors[REST], network.values, network.averages, place, size)
    if own[TRANSPOSED] >= 0:
        transpose(
            memory.kernels, first, stop, own[WIDE_IN], panels, network.values, own[WEIGHTS], network.transposed,
            own[TRANSPOSED],
        )  # fmt: skip


@compiled
def move_downhill(network, memory, layer, rows, row, n_rows, keep):
    """Write W = keep W + x^T dy for n_rows rows of the weights; dy is multiplied by minus the learning rate already."""
    own, work, values = network.layers[layer], memory.work, network.values
    place, panel = own[WEIGHTS] + row * LANES, own[WIDE_IN] * LANES
    product(
        memory.kernels, n_rows, own[WIDE_OUT] // LANES, rows,
        work, own[X] + row, 1, own[ROW_IN], work, own[PANELS], LANES, rows * LANES,
        values, place, LANES, panel, values, place, LANES, panel, keep,
    )  # fmt: skip


@compiled
def gradient_of_panel(network, memory, layer, rows, row, n_rows, panel):
    """Write the gradient of n_rows rows of a panel of the weights into memory that stays in the cache."""
    own, work = network.layers[layer], memory.work
    product(
        memory.kernels, n_rows, 1, rows,
        work, own[X] + row, 1, own[ROW_IN], work, own[PANELS] + panel * rows * LANES, LANES, 0,
        memory.chunk, 0, LANES, 0, memory.zeros, 0, 0, 0, ZERO,
    )  # fmt: skip


@compiled
def bias_part(network, chosen, memory, step, layer, rows, is_clipped):
    """Move a layer's biases, which no L2 and no weight decay concern."""
    own, factors = network.layers[layer], chosen.factors[step]
    for panel in range(own[WIDE_OUT] // LANES):
        place = own[BIAS] + panel * LANES
        if is_clipped:
            store(memory.chunk, 0, load(network.gradients, place))
        else:
            store(memory.chunk, 0, sum_of_rows(memory.work, own[PANELS] + panel * rows * LANES, rows))
        move(
            memory.kernels, network.rule, factors, ONE, network.values, place, LANES, memory.chunk, 0, network.slot_1,
            network.slot_2,
        )  # fmt: skip
    if network.averages.size:
        average(memory.kernels, factors[REST], network.values, network.averages, own[BIAS], own[WIDE_OUT])


@compiled
def sum_of_rows(panel, start, rows):
    """Return the sum of the rows of a panel, one after the other."""
    sums = load(panel, start)
    for row in range(1, rows):
        sums = add(sums, load(panel, start + row * LANES))
    return sums


@compiled
def keep_gradients(network, memory, layer, rows, first, stop):
    """Write the gradients of some rows of a layer's weights, and with the first of them those of its biases."""
    own, work = network.layers[layer], memory.work
    panels = own[WIDE_OUT] // LANES
    product(
        memory.kernels, stop - first, panels, rows,
        work, own[X] + first, 1, own[ROW_IN], work, own[PANELS], LANES, rows * LANES,
        network.gradients, own[WEIGHTS] + first * LANES, LANES, own[WIDE_IN] * LANES, memory.zeros, 0, 0, 0, ZERO,
    )  # fmt: skip
    if first == 0:
        for panel in range(panels):
            sums = sum_of_rows(work, own[PANELS] + panel * rows * LANES, rows)
            store(network.gradients, own[BIAS] + panel * LANES, sums)


@compiled
def gradient_norm(network, memory):
    """Return the Euclidean norm of the gradients."""
    whole = 0.0
    for first in range(0, network.gradients.size, BLOCK):
        n = min(BLOCK, network.gradients.size - first)
        whole += np.float64(squares(memory.kernels, network.gradients, first, n))
    return np.sqrt(whole)


@compiled
def clip(network, memory, factors):
    """Add L2 to the gradients, and scale them down to the largest norm."""
    gradients = network.gradients
    if factors[L2] != ZERO:
        for layer in range(len(network.layers)):
            own = network.layers[layer]
            n = own[WIDE_IN] * own[WIDE_OUT]
            add_l2(memory.kernels, factors[L2], network.values, own[WEIGHTS], n, gradients, own[WEIGHTS])
    scale = f32(np.float64(network.clip_norm) / gradient_norm(network, memory))
    if scale < ONE:
        scale_by(memory.kernels, scale, gradients, 0, gradients.size)
