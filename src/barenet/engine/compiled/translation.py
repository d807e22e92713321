"""From settings, states, plans and images to the arguments of the compiled functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.augmentation import Mixture
from barenet.data.batches import TrainingImages
from barenet.engine.compiled.kernels.losses import LOSS_CODES
from barenet.engine.compiled.kernels.updates import (
    ADAM,
    BETA_1,
    BETA_2,
    DOWNHILL,
    EPSILON,
    FACTORS,
    KEEP,
    L2,
    MOMENTUM,
    NESTEROV,
    PLAIN,
    RATE,
    REST,
    STATISTICS_REST,
)
from barenet.engine.compiled.layout import Layout
from barenet.engine.compiled.tables import DROPPED, N_IN, N_OUT, Chosen, Images, Network
from barenet.engine.protocol import EpochPlan
from barenet.engine.stacks import is_plain_sgd, make_rule, statistics_rest
from barenet.engine.state import TrainingState
from barenet.nn import Loss, WeightAverage
from barenet.nn.layers.folding import fold
from barenet.nn.noise import keys_of_steps, position_table
from barenet.nn.optimizers import DECAY

__all__ = ["choose", "forward_only", "images_of", "network_of", "plain_images", "tables_of"]

f32 = np.float32


RULES = {"adam": ADAM, "adamw": ADAM}  # sgd has several; a new learning rule needs a kernel


def rule_of(config: Config) -> int:
    """Return the code of the learning rule in the settings."""
    settings = config.optimizer
    if settings.name != "sgd":
        return RULES[settings.name]
    if is_plain_sgd(config):
        return PLAIN
    if not settings.momentum:
        return DOWNHILL
    return NESTEROV if settings.nesterov else MOMENTUM


def images_of(images: TrainingImages, loss: Loss) -> Images:
    """Return the training images; numbers that are neither bytes nor float32 are copied as float32."""
    weights, classes = loss.weights, loss.classes
    return plain_images(images.images, images.labels, images.scale)._replace(
        sources=sources_of(images),
        has_classes=classes is not None,
        classes=np.zeros(0, np.int64) if classes is None else np.asarray(classes, np.int64),
        has_weights=weights is not None,
        weights=np.zeros(0, f32) if weights is None else np.asarray(weights, f32),
        has_soft_labels=images.soft_labels is not None,
        soft_labels=np.zeros(0, f32) if images.soft_labels is None else np.array(images.soft_labels, f32).reshape(-1),
    )


def plain_images(images: NDArray[Any], labels: NDArray[np.integer], scale: float) -> Images:
    """Return images (n, D) without changes and weights."""
    flat = np.ascontiguousarray(images).reshape(-1)
    is_bytes = flat.dtype == np.uint8
    return Images(
        are_bytes=is_bytes,
        bytes_=as_writable(flat) if is_bytes else np.zeros(0, np.uint8),
        floats=np.zeros(0, f32) if is_bytes else as_writable(flat.astype(f32, copy=False)),
        n_inputs=images.shape[-1],
        scale=f32(scale),
        sources=np.zeros(0, np.int32),
        labels=np.array(labels, np.int64),
        has_classes=False,
        classes=np.zeros(0, np.int64),
        has_weights=False,
        weights=np.zeros(0, f32),
        has_soft_labels=False,
        soft_labels=np.zeros(0, f32),
    )


def as_writable(array: NDArray[Any]) -> NDArray[Any]:
    """Return the same memory as a writable array; nothing writes to it, but for Numba the two kinds differ."""
    if array.flags.writeable:
        return array
    about = {**array.__array_interface__, "data": (array.ctypes.data, False)}
    return np.asarray(type("Memory", (), {"__array_interface__": about, "owner": array})())


def sources_of(images: TrainingImages) -> NDArray[np.int32]:
    """Return for each change of an image which pixel each pixel comes from: all moves, then moves of the mirrored."""
    if len(images.image_shape) < 2:
        return np.zeros(0, np.int32)
    pixels = np.arange(images.n_inputs).reshape(images.image_shape)
    mirrored = pixels[:, ::-1].reshape(-1)
    moves = images.sources if images.sources is not None else pixels.reshape(1, -1)
    return np.concatenate([moves, mirrored[moves]]).astype(np.int32).reshape(-1)


def changes_of(plan: EpochPlan | Mixture, n_moves: int) -> NDArray[np.int64]:
    """Return how each image in the order of a network is changed; an empty array if no image is changed."""
    if plan.mirrored is None and plan.moves is None:
        return np.zeros(0, np.int64)
    moves = np.full(plan.order.shape, 0 if n_moves == 1 else n_moves // 2) if plan.moves is None else plan.moves
    mirrored = np.zeros(plan.order.shape, np.bool_) if plan.mirrored is None else plan.mirrored
    # The move in the middle of the list changes nothing.
    return np.where(~mirrored & (moves == n_moves // 2), -1, moves + n_moves * mirrored).astype(np.int64)


def network_of(config: Config, layout: Layout, loss: Loss, state: TrainingState) -> Network:
    """Return a network with the parameters of a state of one network."""
    slots = [layout.pack(slot[0]) for slot in state.slots.values()] + [np.zeros(0, f32)] * 2
    values = layout.pack(state.values[0])
    keep = 1 - np.array([config.model.input_dropout, config.model.dropout])
    clip_norm = config.optimizer.clip_norm
    return Network(
        layers=layout.layers,
        n_parameters=layout.size,
        has_averages=state.average is not None,
        values=values,
        slot_1=slots[0],
        slot_2=slots[1],
        averages=np.zeros(0, f32) if state.average is None else layout.pack(state.average[0]),
        gradients=np.zeros(layout.size, f32),
        transposed=layout.transpose(values),
        rule=rule_of(config),
        loss=LOSS_CODES[loss.name],
        smoothing=f32(loss.label_smoothing),
        clip_norm=f32(np.inf if clip_norm is None else clip_norm),
        input_factors=layout.input_factors,
        last_kept=np.maximum(np.rint(keep * 2**32) - 1, 0).astype(np.uint32),
        scales=(1 / keep).astype(f32),
        statistics=state.statistics[0].astype(f32),
        has_ghosts=layout.architecture.n_statistics > 0,
    )


def evaluated_values(network: Network, layout: Layout) -> NDArray[np.float32]:
    """Return the parameters (P,) of a network for evaluation: see `TrainingState.evaluated`."""
    values = layout.unpack(network.averages if network.averages.size else network.values)
    return np.asarray(fold(layout.architecture, values, network.statistics), f32)


def as_evaluated(network: Network, layout: Layout, wanted: Layout, loss: Loss) -> Network:
    """Return a network for evaluation with a loss, in the layout `wanted`, which has the same places of weights."""
    values = network.averages if network.averages.size else network.values
    if layout.architecture.n_statistics:
        values = layout.pack(evaluated_values(network, layout))
    code, smoothing = LOSS_CODES[loss.name], f32(loss.label_smoothing)
    return network._replace(layers=wanted.layers, values=values, loss=code, smoothing=smoothing, input_factors=-1)


def choose(
    config: Config,
    plan: EpochPlan,
    row: int,
    layout: Layout,
    n_moves: int,
    losses: NDArray[np.float64],
    predicted: NDArray[np.int64],
) -> Chosen:
    """Return the arguments of an epoch's steps for the network in a row of the plan."""
    own = plan.of(slice(row, row + 1))
    steps = plan.first_step + np.arange(plan.n_steps)
    drops = layout.input_factors >= 0 or bool((layout.layers[:, DROPPED] >= 0).any())
    numbers = range(len(layout.layers) if drops else 0)
    changes, mixture = changes_of(own, n_moves), own.mixture
    keys = [keys_of_steps(config.trainer.seed, number, steps) for number in numbers]
    return Chosen(
        batch_size=config.data.batch_size,
        n_images=own.order.size,
        order=np.ascontiguousarray(own.order, np.int64),
        has_changes=bool(changes.size),
        changes=changes,
        is_mixed=mixture is not None,
        second_order=np.zeros(0, np.int64) if mixture is None else np.ascontiguousarray(mixture.order, np.int64),
        second_changes=np.zeros(0, np.int64) if mixture is None else changes_of(mixture, n_moves),
        shares=np.zeros(0, f32) if mixture is None else np.ascontiguousarray(mixture.shares),
        factors=factors_of(config, plan.rates[:, row], steps + 1),
        keys=np.stack(keys, axis=1) if keys else np.zeros((plan.n_steps, 0, 2), np.uint32),
        trains=True,
        losses=losses,
        image_losses=np.zeros(0, f32),
        norm=np.zeros(1),
        predicted=predicted,
    )


def forward_only(batch_size: int, n_images: int, losses: NDArray[np.float32], predicted: NDArray[np.int64]) -> Chosen:
    """Return the arguments of steps without training, over images in order; losses and predicted: of each image."""
    n_steps = -(-n_images // batch_size)
    return Chosen(
        batch_size=batch_size,
        n_images=n_images,
        order=np.arange(n_images),
        has_changes=False,
        changes=np.zeros(0, np.int64),
        is_mixed=False,
        second_order=np.zeros(0, np.int64),
        second_changes=np.zeros(0, np.int64),
        shares=np.zeros(0, f32),
        factors=np.zeros((n_steps, FACTORS), f32),
        keys=np.zeros((n_steps, 0, 2), np.uint32),
        trains=False,
        losses=np.zeros(n_steps),
        image_losses=losses,
        norm=np.zeros(1),
        predicted=predicted,
    )


def factors_of(config: Config, rates: NDArray[np.float64], steps: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the factors of each step of one network, (S, FACTORS); steps count from 1."""
    nothing = np.zeros(1, f32)
    rule = make_rule([config], nothing, 1)
    combined = rule.factors(rates, steps)
    factors = np.zeros((len(steps), FACTORS), f32)
    factors[:, RATE] = combined.get("rate", rates)
    factors[:, L2] = combined["l2"] if rule.has_l2 else 0
    factors[:, KEEP] = combined.get(DECAY, 1)
    factors[:, BETA_1] = combined.get("beta1", combined.get("momentum", 0))
    # An epsilon of 0 would give 0 / 0 in the padding.
    factors[:, BETA_2], factors[:, EPSILON] = combined.get("beta2", 0), combined.get("epsilon", 0)
    factors[:, EPSILON] = np.maximum(factors[:, EPSILON], np.finfo(f32).smallest_subnormal)
    factors[:, STATISTICS_REST] = statistics_rest([config], steps)
    if config.optimizer.average_decay > 0:
        factors[:, REST] = WeightAverage(nothing, config.optimizer.average_decay).rest(steps)
    return factors


def tables_of(layout: Layout, batch_size: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the tables of `nn.noise` for the images and for each layer, and where each begins."""
    widths = [int(layout.layers[0, N_IN]) if layout.input_factors >= 0 else 0]
    widths += [int(spec[N_OUT]) if spec[DROPPED] >= 0 else 0 for spec in layout.layers]
    tables = [position_table(batch_size, width).reshape(-1) if width else np.zeros(0, np.uint32) for width in widths]
    return np.concatenate(tables), np.cumsum([0, *map(len, tables)])[:-1]
