"""Training steps of one network, each in two phases.

    images    for some images of the batch: gathered, all the way forward, and back to the first layer
    weights   for some rows of a weight matrix: their gradient over the whole batch, and their move

The phases of a step may be done in parts, by several threads: each image and each weight is computed in the same way,
whoever else computes beside it.
"""

from __future__ import annotations

import numpy as np

from barenet.engine.compiled.images_phase import forward, images_part
from barenet.engine.compiled.kernels.compiling import compiled
from barenet.engine.compiled.kernels.inputs import gather
from barenet.engine.compiled.kernels.losses import losses_of
from barenet.engine.compiled.kernels.meeting import meet
from barenet.engine.compiled.kernels.vectors import LANES
from barenet.engine.compiled.tables import N_OUT, ROW_IN, ROW_OUT, WIDE_IN, A, D, X
from barenet.engine.compiled.weights_phase import (
    CHUNK,
    bias_part,
    clip,
    gradient_norm,
    keep_gradients,
    weights_part,
)

__all__ = ["evaluate", "train"]

f32 = np.float32


@compiled
def train(network, images, chosen, memory, team, first, stop, is_measured):
    """Take the steps from number `first` of the epoch to before `stop`; measure the last one's gradient, if asked.

    All threads of a team call it at once; each does its own parts of each phase.
    """
    for step in range(first, stop):
        rows = min(chosen.batch_size, chosen.order.size - step * chosen.batch_size)
        own = -(-rows // (team.n_threads * LANES)) * LANES
        start = min(rows, team.number * own)
        images_part(network, images, chosen, memory, step, rows, start, min(rows, start + own))
        meet(team.counter, team.n_threads)
        if team.number == 0:
            chosen.losses[step] = mean_loss(memory, rows)
        clips = network.clip_norm < f32(np.inf)
        if clips or (is_measured and step == stop - 1):
            keep_all_gradients(network, memory, team, rows)
            meet(team.counter, team.n_threads)
            if team.number == 0:
                chosen.norm[0] = gradient_norm(network, memory)
                if clips:
                    clip(network, memory, chosen.factors[step])
            meet(team.counter, team.n_threads)
        move_all_weights(network, chosen, memory, team, step, rows, clips)
        meet(team.counter, team.n_threads)


@compiled
def mean_loss(memory, rows):
    """Return the mean loss of a batch, added up one image after the other."""
    loss = 0.0
    for row in range(rows):
        loss += np.float64(memory.losses[row])
    return loss / rows


@compiled
def keep_all_gradients(network, memory, team, rows):
    """Write a thread's share of the gradients."""
    number = 0
    for layer in range(len(network.layers)):
        wide_in = network.layers[layer, WIDE_IN]
        for row in range(0, wide_in, CHUNK):
            if number % team.n_threads == team.number:
                keep_gradients(network, memory, layer, rows, row, min(row + CHUNK, wide_in))
            number += 1


@compiled
def move_all_weights(network, chosen, memory, team, step, rows, is_clipped):
    """Move a thread's share of the weights and biases."""
    number = 0
    for layer in range(len(network.layers)):
        wide_in = network.layers[layer, WIDE_IN]
        for row in range(0, wide_in, CHUNK):
            if number % team.n_threads == team.number:
                weights_part(network, chosen, memory, step, layer, rows, row, min(row + CHUNK, wide_in), is_clipped)
            number += 1
        if number % team.n_threads == team.number:
            bias_part(network, chosen, memory, step, layer, rows, is_clipped)


@compiled
def evaluate(network, images, memory, batch_size, first, stop, losses, predicted):
    """Write losses and predicted classes of the images from `first` to before `stop`, without changes and dropout."""
    own, last = network.layers[0], network.layers[len(network.layers) - 1]
    for begin in range(first, stop, batch_size):
        rows = min(batch_size, stop - begin)
        for row in range(rows):
            memory.classes[row], memory.weights[row] = images.labels[begin + row], f32(1)
            gather(
                memory.kernels, memory.work[own[X] :], row, own[ROW_IN], images.bytes_, images.floats, begin + row,
                images.n_inputs, images.sources, -1, images.scale,
            )  # fmt: skip
        for layer in range(len(network.layers)):
            forward(network, memory, layer, 0, rows)
        losses_of(
            memory.kernels, network.loss, memory.work[last[A] :], memory.work[last[D] :], 0, rows, last[N_OUT],
            last[ROW_OUT], memory.classes, memory.weights, network.smoothing, f32(0), losses[begin:],
            predicted[begin:],
        )  # fmt: skip
