"""The second phase of a step: for some rows of a weight matrix, their gradient over the batch and their update."""

from __future__ import annotations

import numpy as np

from barenet.engine.compiled.kernels.compiling import helper
from barenet.engine.compiled.kernels.memory import load, store
from barenet.engine.compiled.kernels.normalization.over_images import n_ghosts
from barenet.engine.compiled.kernels.products import product, transpose
from barenet.engine.compiled.kernels.updates import KEEP, L2, PLAIN, REST, add_l2, average, move, scale_by, squares
from barenet.engine.compiled.kernels.vectors import LANES, add
from barenet.engine.compiled.tables import (
    BIAS,
    PANELS,
    ROW_IN,
    ROW_OUT,
    STATISTICS,
    TOTALS,
    TRANSPOSED,
    WEIGHTS,
    WIDE_IN,
    WIDE_OUT,
    X,
)

__all__ = ["CHUNK", "KEEP_GRADIENTS", "MOVE", "MOVE_BY_KEPT", "bias_part", "clip", "gradient_norm", "weights_part"]

f32 = np.float32
ZERO, ONE = f32(0), f32(1)
BLOCK = 1024  # gradients whose squares are added up in float32
CHUNK = 64  # rows of a panel whose gradient is in the cache while they are updated
# Actions: compute and keep the gradients of weights; compute the gradients and update; update by kept gradients.
# Python's integers would be constants for Numba, which compiles a function once for each constant argument.
KEEP_GRADIENTS, MOVE, MOVE_BY_KEPT = map(np.int64, range(3))
FIRST = np.int64(0)


@helper
def weights_part(network, chosen, memory, step, layer, rows, first, stop, action):
    """Do an action, see `MOVE`, with up to `CHUNK` rows of a layer's weights, from `first` to before `stop`.

    `first` and `stop` are multiples of 16.
    """
    spec, factors = network.layers[layer], chosen.factors[step]
    panels, size, n_rows = spec[WIDE_OUT] // LANES, (stop - first) * LANES, stop - first
    if action == MOVE and network.rule == PLAIN:
        move_downhill(network, memory, layer, rows, first, n_rows, factors[KEEP])
    for panel in range(panels):
        place = spec[WEIGHTS] + (panel * spec[WIDE_IN] + first) * LANES
        if action == KEEP_GRADIENTS:
            gradient_of_panel(memory, spec, rows, first, n_rows, panel, network.gradients, place)
        elif action == MOVE_BY_KEPT:
            move(
                memory.kernels, network.rule, factors, factors[KEEP], network.values, place, size, network.gradients,
                place, network.slot_1, network.slot_2,
            )  # fmt: skip
        elif network.rule != PLAIN:
            gradient_of_panel(memory, spec, rows, first, n_rows, panel, memory.chunk, FIRST)
            if factors[L2] != ZERO:
                add_l2(memory.kernels, factors[L2], network.values, place, size, memory.chunk, 0)
            move(
                memory.kernels, network.rule, factors, factors[KEEP], network.values, place, size, memory.chunk, 0,
                network.slot_1, network.slot_2,
            )  # fmt: skip
        if network.has_averages and action != KEEP_GRADIENTS:
            average(memory.kernels, factors[REST], network.values, network.averages, place, size)
    if spec[TRANSPOSED] >= 0 and action != KEEP_GRADIENTS:
        transpose(
            memory.kernels, first, stop, spec[WIDE_IN], panels, network.values, spec[WEIGHTS], network.transposed,
            spec[TRANSPOSED],
        )  # fmt: skip


@helper
def move_downhill(network, memory, layer, rows, row, n_rows, keep):
    """Write W = keep W + x^T dy for n_rows rows of the weights; dy is already multiplied by minus the learning rate."""
    spec, work, values = network.layers[layer], memory.work, network.values
    place, panel = spec[WEIGHTS] + row * LANES, spec[WIDE_IN] * LANES
    product(
        memory.kernels, n_rows, spec[WIDE_OUT] // LANES, rows,
        work, spec[X] + row, 1, spec[ROW_IN], work, spec[PANELS], LANES, rows * LANES,
        values, place, LANES, panel, values, place, LANES, panel, keep,
    )  # fmt: skip


@helper
def gradient_of_panel(memory, spec, rows, row, n_rows, panel, gradients, place):
    """Write the gradient of n_rows rows of a panel of a layer's weights to a place in `gradients`."""
    product(
        memory.kernels, n_rows, 1, rows,
        memory.work, spec[X] + row, 1, spec[ROW_IN], memory.work, spec[PANELS] + panel * rows * LANES, LANES, 0,
        gradients, place, LANES, 0, memory.zeros, 0, 0, 0, ZERO,
    )  # fmt: skip


@helper
def bias_part(network, chosen, memory, step, layer, rows, action):
    """Do an action with a layer's biases, which have no L2 and no weight decay."""
    spec, factors = network.layers[layer], chosen.factors[step]
    for panel in range(spec[WIDE_OUT] // LANES):
        place = spec[BIAS] + panel * LANES
        if action != MOVE_BY_KEPT:
            if spec[STATISTICS] >= 0:  # the bias comes after the normalisation
                sums = sum_of_rows(memory.work, spec[TOTALS] + panel * LANES, n_ghosts(rows), spec[ROW_OUT])
            else:
                sums = sum_of_rows(memory.work, spec[PANELS] + panel * rows * LANES, rows, LANES)
            store(network.gradients, place, sums)
        if action != KEEP_GRADIENTS:
            move(
                memory.kernels, network.rule, factors, ONE, network.values, place, LANES, network.gradients, place,
                network.slot_1, network.slot_2,
            )  # fmt: skip
    if network.has_averages and action != KEEP_GRADIENTS:
        average(memory.kernels, factors[REST], network.values, network.averages, spec[BIAS], spec[WIDE_OUT])


@helper
def sum_of_rows(panel, start, rows, stride):
    """Return the sum of the rows of a panel, one after the other; they are `stride` numbers apart."""
    sums = load(panel, start)
    for row in range(1, rows):
        sums = add(sums, load(panel, start + row * stride))
    return sums


@helper
def gradient_norm(network, memory):
    """Return the Euclidean norm of the gradients."""
    whole = 0.0
    for first in range(0, network.n_parameters, BLOCK):
        n = min(BLOCK, network.n_parameters - first)
        whole += np.float64(squares(memory.kernels, network.gradients, first, n))
    return np.sqrt(whole)


@helper
def clip(network, memory, factors):
    """Add L2 to the gradients, and scale them down to the largest norm."""
    gradients = network.gradients
    if factors[L2] != ZERO:
        for layer in range(len(network.layers)):
            spec = network.layers[layer]
            n = spec[WIDE_IN] * spec[WIDE_OUT]
            add_l2(memory.kernels, factors[L2], network.values, spec[WEIGHTS], n, gradients, spec[WEIGHTS])
    scale = f32(np.float64(network.clip_norm) / gradient_norm(network, memory))
    if scale < ONE:
        scale_by(memory.kernels, scale, gradients, 0, network.n_parameters)
