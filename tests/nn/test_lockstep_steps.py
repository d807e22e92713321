"""Networks in lockstep: each ends with the bits that it would have had alone, also if their settings differ."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from families import full_except, slow_except

from barenet.nn import MLP, OPTIMIZERS, WeightAverage, Workspace
from barenet.nn.losses import make_loss

SEEDS = [0, 7, 1, 42, 3]
N = len(SEEDS)
COLUMNS = {
    "learning_rate": [0.1, 0.02, 0.3, 0.05, 0.004],
    "l2": [0.0, 1e-3, 1e-2, 0.0, 0.1],
    "momentum": [0.9, 0.5, 0.99, 0.8, 0.1],
    "beta1": [0.9, 0.8, 0.95, 0.0, 0.5],
    "beta2": [0.999, 0.99, 0.9999, 0.9, 0.95],
    "weight_decay": [0.0, 0.1, 0.01, 0.3, 0.0],
    "clip_norm": [0.5, 1.0, 0.1, 5.0, 1e6],
    "average_decay": [0.99, 0.9, 0.999, 0.5, 0.95],
}
RULES = {
    "sgd": ("sgd", (), {}),
    "momentum": ("sgd", ("momentum",), {}),
    "nesterov": ("sgd", ("momentum",), {"nesterov": True}),
    "adam": ("adam", ("beta1", "beta2"), {}),
    "adamw": ("adamw", ("beta1", "beta2", "weight_decay"), {}),
}
N_IMAGES = 100  # batches of 16, and a last one of 4


def train(rows, rule, *, sizes, activation, clip, average, shared, loss="cross_entropy", steps=60):
    """Train networks `rows`, a list for a stack or one number for one alone; return all their final values."""
    stacked = isinstance(rows, list)

    def hyper(name):
        chosen = np.array(COLUMNS[name])[rows]
        return chosen[:, None] if stacked else float(chosen)

    data = np.random.default_rng(5)
    images = data.normal(size=(N_IMAGES, sizes[0])).astype(np.float32)
    labels = data.integers(0, sizes[-1], N_IMAGES)
    seeds = [SEEDS[row] for row in rows] if stacked else SEEDS[rows]
    mlp = MLP(
        sizes[0], sizes[1:-1], sizes[-1], activation=activation, seed=seeds, n_networks=len(rows) if stacked else None
    )
    kind, names, fixed = RULES[rule]
    hypers = {name: hyper(name) for name in (*names, "l2", *(["clip_norm"] if clip else []))}
    optimizer = OPTIMIZERS[kind](mlp.parameters.values, mlp.parameters.n_decayed, **hypers, **fixed)
    averaged = WeightAverage(mlp.parameters.values, hyper("average_decay")) if average else None
    workspace, loss_of = Workspace(mlp, 16), make_loss(loss)
    losses = []
    while len(losses) < steps:
        # Each network has an order drawn from its seed and the epoch, or all have that of seed 0.
        owners = [0] if shared else (seeds if stacked else [seeds])
        orders = [np.random.default_rng([owner, len(losses)]).permutation(N_IMAGES) for owner in owners]
        order = np.stack(orders) if stacked and not shared else orders[0]
        for start in range(0, N_IMAGES, 16):
            batch = order[..., start : start + 16]
            logits = mlp.forward(images[batch], workspace, training=True)
            losses.append(loss_of(logits, labels[batch], dlogits=workspace.dlogits))
            mlp.backward(workspace)
            optimizer.step(mlp.parameters.grads, hyper("learning_rate") / (1 + len(losses) / 50))
            if averaged is not None:
                averaged.update(optimizer.n_steps)
    results = {"values": mlp.parameters.values, "losses": np.stack(losses, axis=-1), **optimizer.slots}
    if averaged is not None:
        results["average"] = averaged.average
    assert all(np.isfinite(array).all() for array in results.values())
    return {name: [row.tobytes() for row in np.atleast_2d(array)] for name, array in results.items()}


def assert_lockstep(rule, **setting):
    together = train(list(range(N)), rule, **setting)
    assert len(set(together["values"])) == N  # five networks, not one five times
    for network in range(N):
        alone = train(network, rule, **setting)
        assert together.keys() == alone.keys()
        for name, rows in together.items():
            assert rows[network] == alone[name][0], f"{name} of network {network}"


@pytest.mark.parametrize(
    ("clip", "average"), slow_except(product((False, True), repeat=2), (False, False), (True, True))
)
@pytest.mark.parametrize("activation", full_except(["relu", "tanh", "gelu"], "gelu"))
@pytest.mark.parametrize("rule", slow_except(RULES, "momentum", "adamw"))
def test_networks_of_a_stack_end_bit_identical_to_training_alone(rule, activation, clip, average):
    assert_lockstep(rule, sizes=(20, 24, 12, 6), activation=activation, clip=clip, average=average, shared=False)


@pytest.mark.parametrize("rule", slow_except(RULES, "nesterov", "adamw"))
def test_networks_with_the_same_images_in_the_same_order_end_bit_identical(rule):
    assert_lockstep(rule, sizes=(20, 24, 12, 6), activation="relu", clip=True, average=True, shared=True)


@pytest.mark.parametrize("loss", ["mse", "hinge"])
def test_networks_with_other_losses_end_bit_identical(loss):
    assert_lockstep(
        "momentum", sizes=(20, 24, 12, 6), activation="relu", clip=True, average=False, shared=False, loss=loss
    )


@pytest.mark.parametrize("sizes", [(20, 1, 2), (1, 5, 3), (7, 3), (33, 31, 29, 17, 5)])
def test_networks_of_odd_shapes_end_bit_identical(sizes):
    assert_lockstep("adam", sizes=sizes, activation="tanh", clip=True, average=True, shared=False)


@pytest.mark.parametrize("rule", slow_except(["sgd", "adamw"], "adamw"))
def test_networks_of_the_usual_size_end_bit_identical(rule):
    clip = rule == "adamw"
    setting = {"sizes": (784, 128, 32, 10), "activation": "relu", "shared": False}
    assert_lockstep(rule, clip=clip, average=clip, steps=20, **setting)


@pytest.mark.parametrize("rows", [[0], [3, 1], [4, 4, 0]])
def test_bits_do_not_depend_on_the_other_networks(rows):
    setting = {"sizes": (20, 24, 12, 6), "activation": "relu", "clip": True, "average": True, "shared": False}
    together = train(rows, "adamw", **setting)
    everyone = train(list(range(N)), "adamw", **setting)
    for name, bits in together.items():
        assert bits == [everyone[name][row] for row in rows]
