"""A steady-state step allocates no array of the size of a batch: memory is measured between steps."""

from __future__ import annotations

import gc
import itertools
import tracemalloc

import numpy as np
import pytest
from families import full, full_except, slow, slow_except

from barenet.config.sources import build_config
from barenet.data.augmentation import Mixture
from barenet.data.batches import TrainingImages
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.protocol import EpochPlan
from barenet.engine.state import TrainingState
from barenet.nn import ACTIVATIONS, MLP, OPTIMIZERS, SGD, WeightAverage, Workspace
from barenet.nn.losses import LOSSES, make_loss

B, D, H, C = 1024, 16, 256, 10
BATCH_SIZED = B * H * 4  # bytes of the smallest array of hidden units: 1 MiB
# Numbers an image (labels, their positions, row sums) are fine, a few kB each; so are the 8192 elements that NumPy
# itself may buffer inside an operation.
ALLOWED = BATCH_SIZED // 10


def peak_bytes(step, warm_up=3):
    """Return the most bytes that `step` holds beyond what was held before it, once warm."""
    for _ in range(warm_up):
        step()
    gc.collect()
    tracemalloc.start()
    try:
        step()  # tracemalloc's own first records
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        step()
        _, peak = tracemalloc.get_traced_memory()
        return peak - before
    finally:
        tracemalloc.stop()


def make_step(activation="relu", loss="cross_entropy", make_optimizer=SGD, n_networks=None, classes=C, **options):
    """Return a whole training step: forward, loss, backward, optimizer, average."""
    rng = np.random.default_rng(0)
    mlp = MLP(D, (H, H), classes, activation=activation, n_networks=n_networks, loss=loss, **options)
    parameters, workspace = mlp.parameters, Workspace(mlp, B)
    optimizer = make_optimizer(parameters.values, parameters.n_decayed)
    average = WeightAverage(parameters.values, 0.99)
    loss_of = loss if callable(loss) else make_loss(loss)
    lead = () if n_networks is None else (n_networks,)
    x, labels = rng.random((*lead, B, D), np.float32), rng.integers(0, classes, (*lead, B))

    def step():
        logits = mlp.forward(x, workspace, training=True)
        loss_of(logits, labels, dlogits=workspace.dlogits)
        mlp.backward(workspace)
        optimizer.step(parameters.grads, 1e-3)
        average.update(optimizer.n_steps)

    return step


def test_the_measurement_sees_a_batch_sized_array():
    # Without this the tests below could pass because the measurement sees nothing.
    plain = make_step()

    def wasteful():
        plain()
        np.empty((B, H), np.float32)

    assert peak_bytes(wasteful) >= BATCH_SIZED


@pytest.mark.slow
def test_the_measurement_sees_an_array_that_lives_only_inside_an_expression():
    a, b = np.ones((B, H), np.float32), np.ones((B, H), np.float32)

    def wasteful():
        np.add(a, a * b, out=b)

    assert peak_bytes(wasteful) >= BATCH_SIZED


@pytest.mark.parametrize("name", [slow("gelu"), *map(full, sorted({*ACTIVATIONS} - {"gelu"}))])
def test_no_activation_allocates_a_batch(name):
    assert peak_bytes(make_step(name)) < ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize("name", full_except(sorted(ACTIVATIONS), "gelu"))
def test_no_activation_on_the_last_layer_allocates_a_batch(name):
    step = make_step(loss="mse", output_activation=name, classes=H)
    assert peak_bytes(step) < ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize("loss", slow_except([*LOSSES, "smoothed"], "smoothed"))
def test_no_loss_allocates_a_batch(loss):
    # As many classes as hidden units, so that logits are as large as activations.
    loss_of = make_loss("cross_entropy", 0.1) if loss == "smoothed" else loss
    assert peak_bytes(make_step(loss=loss_of, classes=H)) < ALLOWED


HYPERS = {
    "plain": {},
    "l2": {"l2": 1e-3},
    "clipped": {"clip_norm": 1.0},
    "l2 and clipped": {"l2": 1e-3, "clip_norm": 1.0},
}
EXTRA = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.9, "nesterov": True},
    "adam": {},
    "adamw": {"weight_decay": 0.1},
}


@pytest.mark.slow
@pytest.mark.parametrize("hypers", full_except(HYPERS, "l2 and clipped"))
@pytest.mark.parametrize("rule", full_except(EXTRA, "nesterov", "adamw"))
def test_no_optimizer_allocates_anything_large(rule, hypers):
    kind = OPTIMIZERS[rule if rule in OPTIMIZERS else "sgd"]
    step = make_step(make_optimizer=lambda values, n: kind(values, n, **EXTRA[rule], **HYPERS[hypers]))
    assert peak_bytes(step) < ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize("name", full_except(["relu", "gelu", "softmax"], "gelu"))
def test_a_stack_allocates_no_batch_either(name):
    assert peak_bytes(make_step(name, n_networks=3)) < 3 * ALLOWED


@pytest.mark.slow
def test_a_shorter_last_batch_allocates_only_the_first_time():
    mlp = MLP(D, (H,), C)
    workspace = Workspace(mlp, B)
    x = np.random.default_rng(0).random((B, D), np.float32)

    def two_batches():
        for n in (B, B // 3):
            mlp.forward(x[:n], workspace, training=True)
            workspace.dlogits[...] = 1
            mlp.backward(workspace)

    assert peak_bytes(two_batches) < ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize(
    "rates",
    slow_except([{"dropout": 0.3}, {"dropout": 0.3, "input_dropout": 0.1}], {"dropout": 0.3, "input_dropout": 0.1}),
)
def test_dropout_allocates_no_batch(rates):
    assert peak_bytes(make_step(**rates)) < ALLOWED


@pytest.mark.parametrize("dropout", full_except([0.0, 0.3], 0.3))
@pytest.mark.parametrize(
    "optimizer",
    [full(name) if name in ("sgd", "adam") else slow(name) for name in OPTIMIZERS if name != "adamw"]
    + ["adamw", slow("momentum")],
)
@pytest.mark.parametrize("is_mixed", [False, True])
def test_a_step_of_the_engine_allocates_no_batch(optimizer, dropout, is_mixed):
    flags = {
        "model.dropout": dropout,
        "model.input_dropout": dropout / 3,
        "model.hidden_sizes": (H, H),
        "data.batch_size": B,
        "optimizer.name": "sgd" if optimizer == "momentum" else optimizer,
        "optimizer.momentum": 0.9 if optimizer == "momentum" else 0.0,
        "optimizer.weight_decay": 0.1 if optimizer == "adamw" else 0.0,
        "optimizer.l2": 1e-4,
        "optimizer.clip_norm": 1.0,
        "optimizer.average_decay": 0.99,
    }
    config = build_config(flags=flags)
    start = MLP(D, (H, H), C, seed=[0], n_networks=1)
    slot_names = {"sgd": [], "momentum": ["velocity"]}.get(optimizer, ["first_moment", "second_moment"])
    state = TrainingState.start(start.parameters.values, slot_names, has_average=True, keep_best=1)
    rng = np.random.default_rng(0)
    images = TrainingImages(
        rng.integers(0, 256, (8 * B, D)).astype(np.uint8),
        rng.integers(0, C, 8 * B),
        scale=1 / 255,
        image_shape=(4, 4),
        most_shift=1,
        soft_labels=np.eye(C, dtype=np.float32)[rng.integers(0, C, 8 * B)] if is_mixed else None,
    )
    engine = NumpyEngine([config], start.architecture, make_loss("cross_entropy"), state, images, batch_size=B)
    order = rng.permutation(8 * B)
    mirrored, moves = rng.random(8 * B) < 0.5, rng.integers(0, 9, 8 * B)
    mixture = Mixture(order[::-1], mirrored, moves, np.full(8 * B, 0.7, np.float32)) if is_mixed else None
    engine.begin(EpochPlan(0, np.full((8, 1), 1e-3), order, mirrored, moves, is_measured=False, mixture=mixture))
    steps = itertools.count()

    def step():
        number = next(steps)
        engine.train(number, number + 1)

    assert peak_bytes(step) < ALLOWED
