"""The tasks of a step for one size of batches, cut as `parts` says, with their memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.engine.network import FastMLP
from barenet.engine.numpy_engine.images_phase import BatchMemory, ImagesPart
from barenet.engine.numpy_engine.weights_phase import BiasProduct, Learning, Piece, WeightProduct
from barenet.engine.parts import image_parts, is_small_layer, split, weight_pieces
from barenet.engine.products import cut
from barenet.nn import Architecture, Loss
from barenet.nn.layers import BatchNorm, Dense
from barenet.nn.layers.batch_norm import ghosts

__all__ = ["BatchTasks", "needs_whole_batch"]

Array = NDArray[np.floating]


class BatchTasks:
    """The parts of both phases for batches shaped like `x`.

    rows: the rows of the batch in each part. shares: the share of the batch's images in each part. parts: of the first
    phase. pieces: of the second.
    """

    def __init__(self, mlp: FastMLP, loss: Loss, learning: Learning, x: Array) -> None:
        n_images = x.shape[-2]
        is_whole = needs_whole_batch(mlp.architecture, loss)
        n_parts = 1 if is_whole else image_parts(n_images, mlp.architecture.n_weights)
        self.memory = BatchMemory.allocate(mlp, x)
        self.rows = split_images(mlp.architecture, n_images, n_parts)
        self.shares = [np.float64(rows.stop - rows.start) / n_images for rows in self.rows]
        self.parts = [
            ImagesPart(mlp, loss, self.memory if n_parts == 1 else self.memory.rows(rows)) for rows in self.rows
        ]
        self.pieces = cut_parameters(mlp, learning, self.memory, n_images)


def needs_whole_batch(architecture: Architecture, loss: Loss) -> bool:
    """Whether one of the functions is custom: it gets the whole batch."""
    return loss.is_custom or any(row.activation.is_custom for row in architecture.rows)


def split_images(architecture: Architecture, n_images: int, n_parts: int) -> list[slice]:
    """Return the rows of a batch in parts, none of which cuts a ghost batch."""
    if not architecture.n_statistics:
        return split(n_images, n_parts)
    whole = ghosts(n_images)
    parts = [whole[part] for part in split(len(whole), min(n_parts, len(whole)))]
    return [slice(part[0].start, part[-1].stop) for part in parts]


def cut_parameters(mlp: FastMLP, learning: Learning, memory: BatchMemory, n_images: int) -> list[Piece]:
    """Return pieces that cover all parameters of a network or a stack.

    Small consecutive layers are one piece: for few weights the calls cost more than they save.
    """
    every: tuple[slice, ...] = () if mlp.n_networks is None else (slice(None),)
    pieces: list[Piece] = []
    small: list[WeightProduct] = []  # their common piece, which ends at `start`, is not made yet
    dys = []
    start = 0

    def end_small() -> None:
        if small:
            where = slice(start - sum(product.size for product in small), start)
            pieces.append(Piece(learning, (*every, where), small.copy(), is_weights=True))
            small.clear()

    for number, (layer, slot) in enumerate(zip(mlp.layers, memory.slots, strict=True)):
        if not isinstance(layer, Dense | BatchNorm):
            continue
        dy = memory.output_gradient(number)
        assert dy is not None  # a layer with weights has one
        if isinstance(layer, BatchNorm) or layer.adds_bias:
            dys.append(dy)
        if isinstance(layer, BatchNorm):
            continue
        n_inputs, n_outputs = layer.W.shape[-2:]
        n_pieces = weight_pieces(n_images, n_inputs, n_outputs)
        n_cut = cut(n_images, n_inputs, n_outputs).dW if n_pieces == 1 else 1
        if n_pieces == 1 and is_small_layer(n_inputs, n_outputs):
            small.append(WeightProduct(slot, dy, None, slice(0, n_inputs), n_cut))
        else:
            end_small()
            for network in [None] if mlp.n_networks is None else range(mlp.n_networks):
                for inputs in split(n_inputs, n_pieces):
                    flat = slice(start + inputs.start * n_outputs, start + inputs.stop * n_outputs)
                    where = (flat,) if network is None else (network, flat)
                    product = WeightProduct(slot, dy, network, inputs, n_cut)
                    pieces.append(Piece(learning, where, [product], is_weights=True))
        start += n_inputs * n_outputs
    end_small()
    biases = Piece(learning, (*every, slice(start, None)), [BiasProduct(dy) for dy in dys], is_weights=False)
    return [*pieces, biases]
