"""Training steps of one network, each in two phases.

    images    for some images of the batch: gather them, the whole forward pass, and back to the first layer
    weights   for some rows of a weight matrix: their gradient over the whole batch, and their update

Several threads may compute parts of a phase: each image and each weight is computed in the same way with any number of
threads.
"""

from __future__ import annotations

import numpy as np

from barenet.engine.compiled.images_phase import images_part
from barenet.engine.compiled.kernels.compiling import compiled, helper
from barenet.engine.compiled.kernels.meeting import meet
from barenet.engine.compiled.kernels.normalization.over_images import ghost_end, n_ghosts
from barenet.engine.compiled.kernels.updates import STATISTICS_REST
from barenet.engine.compiled.kernels.vectors import LANES
from barenet.engine.compiled.references import reference_to
from barenet.engine.compiled.tables import MEAN, N_OUT, ROW_OUT, STATISTICS, VARIANCE, WIDE_IN
from barenet.engine.compiled.weights_phase import (
    CHUNK,
    KEEP_GRADIENTS,
    MOVE,
    MOVE_BY_KEPT,
    bias_part,
    clip,
    gradient_norm,
    weights_part,
)
from barenet.nn.layers.batch_norm import GHOST

__all__ = ["take_steps"]

f32 = np.float32


@compiled
def take_steps(network, images, chosen, memory, team, first, stop, is_measured):
    """Take the steps from number `first` of the epoch to before `stop`; measure the last one's gradient, if asked.

    All threads of a team call it at once; each computes its parts of each phase. Steps that do not train have only a
    forward pass.
    """
    network, images, chosen = reference_to(network), reference_to(images), reference_to(chosen)
    memory, team = reference_to(memory), reference_to(team)
    for step in range(first, stop):
        rows = min(chosen.batch_size, chosen.n_images - step * chosen.batch_size)
        start, end = share_of(team, rows, network.has_ghosts)
        images_part(network, images, chosen, memory, step, rows, start, end)
        meet(team.counter, team.n_threads)
        if team.number == 0:
            write_losses(chosen, memory, step, rows)
            if network.has_ghosts and chosen.trains:
                follow_statistics(network, chosen, memory, step, rows)
        if not chosen.trains:
            continue
        clips = network.clip_norm < f32(np.inf)
        if clips or (is_measured and step == stop - 1):
            take_weights(network, chosen, memory, team, step, rows, KEEP_GRADIENTS)
            meet(team.counter, team.n_threads)
            if team.number == 0:
                chosen.norm[0] = gradient_norm(network, memory)
                if clips:
                    clip(network, memory, chosen.factors[step])
            meet(team.counter, team.n_threads)
        take_weights(network, chosen, memory, team, step, rows, MOVE_BY_KEPT if clips else MOVE)
        meet(team.counter, team.n_threads)


@helper
def share_of(team, rows, has_ghosts):
    """Return start and end of a thread's share of a batch: whole groups of 16 images, or whole ghost batches."""
    unit = GHOST if has_ghosts else LANES
    n_units = n_ghosts(rows) if has_ghosts else -(-rows // LANES)
    most = -(-n_units // team.n_threads)
    first = min(n_units, team.number * most)
    last = min(n_units, first + most)
    return rows if first == n_units else first * unit, rows if last == n_units else last * unit


@helper
def follow_statistics(network, chosen, memory, step, rows):
    """Move running statistics towards those of a batch, as `nn.layers.folding` says."""
    share, n, work, running = chosen.factors[step, STATISTICS_REST], n_ghosts(rows), memory.work, network.statistics
    for layer in range(len(network.layers)):
        spec = network.layers[layer]
        if spec[STATISTICS] < 0:
            continue
        for unit in range(spec[N_OUT]):
            mean, variance = f32(0), f32(0)
            for ghost in range(n):
                images = ghost_end(ghost * GHOST, rows) - ghost * GHOST
                mean += work[spec[MEAN] + ghost * spec[ROW_OUT] + unit]
                found = work[spec[VARIANCE] + ghost * spec[ROW_OUT] + unit]
                variance += found * (f32(images) / f32(max(1, images - 1)))
            place = spec[STATISTICS] + unit
            running[place] += share * (mean / f32(n) - running[place])
            running[place + spec[N_OUT]] += share * (variance / f32(n) - running[place + spec[N_OUT]])


@helper
def write_losses(chosen, memory, step, rows):
    """Write the mean loss of a batch, added one image after the other; without training also the loss of each image."""
    loss = 0.0
    for row in range(rows):
        loss += np.float64(memory.losses[row])
        if not chosen.trains:
            chosen.image_losses[step * chosen.batch_size + row] = memory.losses[row]
    chosen.losses[step] = loss / rows


@helper
def take_weights(network, chosen, memory, team, step, rows, action):
    """Do a thread's share of an action with the weights and biases, see `MOVE`."""
    number = 0
    for layer in range(len(network.layers)):
        wide_in = network.layers[layer, WIDE_IN]
        for first in range(0, wide_in, CHUNK):
            if number % team.n_threads == team.number:
                weights_part(network, chosen, memory, step, layer, rows, first, min(first + CHUNK, wide_in), action)
            number += 1
        if number % team.n_threads == team.number:
            bias_part(network, chosen, memory, step, layer, rows, action)
