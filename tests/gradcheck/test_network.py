"""The gradient check: right gradients pass, wrong ones fail, and coordinates at kinks are left out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from families import slow_except

from barenet.errors import ShapeError
from barenet.gradcheck.network import check_gradients
from barenet.nn import ACTIVATIONS, MLP, Activation, Loss
from barenet.nn.losses import LOSSES, make_loss

LOSS_CASES = {**LOSSES, "smoothed": make_loss("cross_entropy", 0.1)}


def batch(*shape, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape), rng.integers(0, n_classes, shape[:-1])


def network(activation="tanh", sizes=(6, (7, 5), 4), seed=0, **options):
    mlp = MLP(*sizes, activation=activation, seed=seed, dtype=np.float64, **options)
    biases = mlp.parameters.values[..., mlp.parameters.n_decayed :]
    biases[...] = np.random.default_rng(9).normal(scale=0.3, size=biases.shape)
    return mlp


# What is right


@pytest.mark.parametrize("l2", slow_except([0.0, 0.05], 0.05))
@pytest.mark.parametrize(
    ("activation", "loss"),
    slow_except(
        product(sorted(ACTIVATIONS), LOSS_CASES),
        *product(sorted(ACTIVATIONS), list(LOSS_CASES)[:1]),
        *product(["tanh"], LOSS_CASES),
    ),
)
def test_every_activation_with_every_loss_is_within_a_millionth(activation, loss, l2):
    report = check_gradients(network(activation), *batch(8, 6), LOSS_CASES[loss], l2=l2)
    assert report.relative_error <= 1e-6
    assert report.passed
    checked = {row.name: row.n_checked + row.n_skipped for row in report.parameters}
    assert checked == {"W1": 42, "W2": 35, "W3": 20, "b1": 7, "b2": 5, "b3": 4}


@pytest.mark.parametrize("loss", ["mse", "hinge"])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_on_the_last_layer_is_within_a_millionth(activation, loss):
    mlp = network("tanh", output_activation=activation, loss="mse")
    assert check_gradients(mlp, *batch(8, 6), loss).passed


@pytest.mark.parametrize("activation", slow_except(["relu", "gelu"], "relu"))
def test_a_network_of_the_usual_size_is_within_a_millionth(activation):
    rng = np.random.default_rng(2)
    mlp = network(activation, (784, (128, 32), 10))
    report = check_gradients(
        mlp, rng.random((16, 784)), rng.integers(0, 10, 16), make_loss("cross_entropy", 0.1), l2=1e-3,
        max_coordinates=100, seed=1,
    )  # fmt: skip
    assert report.relative_error <= 1e-6
    assert report.passed
    rows = {row.name: row.n_checked + row.n_skipped for row in report.parameters}
    assert rows == {"W1": 100, "W2": 100, "W3": 100, "b1": 100, "b2": 32, "b3": 10}


@pytest.mark.parametrize("shared", [True, False], ids=["shared inputs", "own inputs"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_stack_is_checked_at_once(activation, shared):
    mlp = network(activation, seed=[0, 1, 2], n_networks=3)
    x, labels = batch(8, 6) if shared else batch(3, 8, 6)
    report = check_gradients(mlp, x, labels, l2=0.01)
    assert report.passed
    assert report.relative_error <= 1e-6


def test_a_right_custom_activation_passes():
    softsign = Activation.custom("softsign", lambda z: z / (1 + abs(z)), lambda da, z, a: da / (1 + abs(z)) ** 2)
    assert check_gradients(network(softsign), *batch(8, 6)).passed


def huber(logits, labels):
    return np.mean(np.sum(np.sqrt(1 + (logits - one_hot(logits, labels)) ** 2), axis=-1), axis=-1)


def huber_gradient(logits, labels):
    error = logits - one_hot(logits, labels)
    return error / np.sqrt(1 + error**2) / logits.shape[-2]


def one_hot(logits, labels):
    return np.eye(logits.shape[-1])[labels]


@pytest.mark.parametrize("n_networks", [None, 2])
def test_a_right_custom_loss_passes(n_networks):
    mlp = network(seed=0 if n_networks is None else [0, 1], n_networks=n_networks)
    assert check_gradients(mlp, *batch(8, 6), Loss.custom("smooth", huber, huber_gradient)).passed


# What is wrong


@pytest.mark.parametrize(
    "backward",
    [
        lambda da, z, a: da * (1 - a),
        lambda da, z, a: da,
        lambda da, z, a: da * (1 - a * a) * 1.0001,
        lambda da, z, a: -da * (1 - a * a),
        lambda da, z, a: 0 * da,
        lambda da, z, a: da * (1 - a * a) + 1e-4,
    ],
    ids=["1 - a", "straight through", "a ten-thousandth too long", "wrong sign", "zero", "a constant too much"],
)
def test_a_wrong_activation_is_caught(backward):
    report = check_gradients(network(Activation.custom("wrong", np.tanh, backward)), *batch(8, 6))
    assert not report.passed
    assert report.relative_error > 1e-5
    # Gradients of the layers after the last activation are right nevertheless.
    errors = {row.name: row.relative_error for row in report.parameters}
    assert errors["W3"] < 1e-6
    assert errors["b3"] < 1e-6
    assert errors["W2"] > 1e-5  # W1 is before two of them: two wrong signs cancel


def test_the_course_projects_gradient_of_cross_entropy_is_caught():
    def gradient(logits, labels):
        p = np.exp(logits) / np.sum(np.exp(logits), axis=-1, keepdims=True)
        return (p - one_hot(logits, labels)) / logits.shape[-2] * p * (1 - p)

    def value(logits, labels):
        return np.mean(np.log(np.sum(np.exp(logits), axis=-1)) - np.sum(logits * one_hot(logits, labels), -1), axis=-1)

    report = check_gradients(network(), *batch(8, 6), Loss.custom("course", value, gradient))
    assert not report.passed
    assert report.relative_error > 0.1


def test_a_loss_that_forgets_the_mean_is_caught():
    forgotten = Loss.custom("sum", huber, lambda logits, labels: 8 * huber_gradient(logits, labels))
    report = check_gradients(network(), *batch(8, 6), forgotten)
    assert report.relative_error == pytest.approx(7 / 8)  # |8 g - g| over the larger of the two


def test_a_wrong_gradient_in_one_network_of_a_stack_is_caught():
    def gradient(logits, labels):
        own = huber_gradient(logits, labels)
        own[1] *= 1.01
        return own

    mlp = network(seed=[0, 1, 2], n_networks=3)
    assert not check_gradients(mlp, *batch(8, 6), Loss.custom("one wrong", huber, gradient)).passed


@pytest.mark.parametrize("spoil", [lambda db: db * 0.5, lambda db: db * 0, lambda db: db * np.nan, lambda db: db + 1])
def test_a_wrong_gradient_of_a_single_bias_vector_is_caught(spoil, monkeypatch):
    mlp = network()
    layer = mlp.layers[2]  # the second dense layer
    right = layer.backward

    def wrong(slot, dy):
        right(slot, dy)
        layer.db[...] = spoil(layer.db)

    monkeypatch.setattr(layer, "backward", wrong)
    report = check_gradients(mlp, *batch(8, 6))
    assert not report.passed
    assert not report.relative_error <= 1e-6  # also when it is NaN
    assert [row.name for row in report.parameters if not row.relative_error <= 1e-6] == ["b2"]


# Kinks


def test_a_coordinate_at_a_kink_is_skipped_and_counted():
    # An image of zeros sees only the biases; the first unit's is 0, so that alone b1[0] moves it across the kink.
    mlp = network("relu", (20, (10,), 4))
    x, labels = batch(8, 20)
    x[0] = 0
    mlp.parameters.views["b1"][0, 0] = 0
    report = check_gradients(mlp, x, labels)
    assert {row.name: row.n_skipped for row in report.parameters} == {"W1": 0, "W2": 0, "b1": 1, "b2": 0}
    assert report.skipped_fraction == pytest.approx(1 / (200 + 40 + 10 + 4))
    assert report.passed


def test_without_knowing_the_kink_the_same_coordinate_looks_wrong():
    relu = Activation.custom("unmarked relu", lambda z: np.maximum(z, 0), lambda da, z, a: da * (z > 0))
    mlp = network(relu, (20, (10,), 4))
    x, labels = batch(8, 20)
    x[0] = 0
    mlp.parameters.views["b1"][0, 0] = 0
    assert not check_gradients(mlp, x, labels).passed


def test_kinks_of_a_custom_activation_are_where_it_says():
    clipped = Activation.custom("clip", lambda z: np.clip(z, -1, 1), lambda da, z, a: da * (abs(z) < 1), (-1.0, 1.0))
    mlp = network(clipped, (20, (10,), 4))
    x, labels = batch(8, 20)
    x[0] = 0
    mlp.parameters.views["b1"][0, :2] = [1, -1]
    report = check_gradients(mlp, x, labels)
    assert {row.name: row.n_skipped for row in report.parameters} == {"W1": 0, "W2": 0, "b1": 2, "b2": 0}
    assert report.passed


def test_more_than_one_coordinate_in_a_hundred_skipped_is_a_failure():
    mlp = network("relu", (20, (10,), 4))
    x, labels = batch(8, 20)
    x[0] = 0
    mlp.parameters.views["b1"][0, :3] = 0  # 3 of 254
    report = check_gradients(mlp, x, labels)
    assert report.relative_error <= 1e-6
    assert report.skipped_fraction == pytest.approx(3 / 254)
    assert not report.passed


def test_a_network_that_sits_on_its_kinks_does_not_pass():
    mlp = MLP(6, (7,), 4, initializer=None, dtype=np.float64)
    report = check_gradients(mlp, *batch(8, 6))
    skipped = {row.name: (row.n_checked, row.n_skipped) for row in report.parameters}
    assert skipped["W1"][1] + skipped["b1"][1] > 0
    assert not report.passed


def test_hinge_is_skipped_where_a_margin_is_exactly_met():
    # No weights: every image has logits (0, -1), and 1 + z_1 - z_0 is 0 where the label is 0.
    mlp = MLP(2, (), 2, initializer=None, dtype=np.float64)
    mlp.parameters.views["b1"][...] = [[0, -1]]
    x = np.zeros((3, 2))
    met = check_gradients(mlp, x, np.array([0, 0, 1]), "hinge")
    assert {row.name: row.n_skipped for row in met.parameters} == {"W1": 0, "b1": 2}
    clear = check_gradients(mlp, x, np.array([1, 1, 1]), "hinge")
    assert clear.passed
    assert clear.skipped_fraction == 0


# How it behaves


@pytest.mark.parametrize("n_networks", [None, 2])
def test_parameters_are_left_as_they_were_to_the_bit(n_networks):
    mlp = network("relu", seed=0 if n_networks is None else [0, 1], n_networks=n_networks)
    before = mlp.parameters.values.copy()
    x, labels = batch(8, 6)
    x_before = x.copy()
    check_gradients(mlp, x, labels, "hinge", l2=0.1)
    assert mlp.parameters.values.tobytes() == before.tobytes()
    assert x.tobytes() == x_before.tobytes()


def test_float32_networks_are_refused():
    with pytest.raises(ShapeError, match="checked in float64, got a network in float32"):
        check_gradients(MLP(6, (7,), 4), *batch(8, 6))


def test_the_seed_chooses_which_coordinates_are_checked():
    # Only W1[0, 0] is wrong: the check sees it exactly when it is among the chosen.
    mlp = network()
    layer = mlp.layers[0]
    right = layer.backward

    def wrong(slot, dy):
        right(slot, dy)
        layer.dW[0, 0] += 1

    layer.backward = wrong
    verdicts = [check_gradients(mlp, *batch(8, 6), max_coordinates=10, seed=seed).passed for seed in range(12)]
    again = [check_gradients(mlp, *batch(8, 6), max_coordinates=10, seed=seed).passed for seed in range(12)]
    assert set(verdicts) == {True, False}
    assert verdicts == again
    assert not check_gradients(mlp, *batch(8, 6)).passed


def test_an_l2_gradient_that_is_left_out_shows_in_the_weights_and_nowhere_else(monkeypatch):
    monkeypatch.setattr("barenet.gradcheck.network.add_l2", lambda grads, weights, l2: None)
    report = check_gradients(network(), *batch(8, 6), l2=0.5)
    assert {row.name for row in report.parameters if row.relative_error > 1e-6} == {"W1", "W2", "W3"}
