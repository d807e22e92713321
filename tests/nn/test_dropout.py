"""Dropout: how much it drops, that it is off in evaluation, its gradient, and its bits in a stack."""

from __future__ import annotations

import numpy as np
import pytest

from barenet.errors import ConfigError
from barenet.gradcheck.network import check_gradients
from barenet.nn import MLP, Workspace
from barenet.nn.layers import Dropout


def forward_pair(mlp, x):
    """Return one dropout layer's input and output in training."""
    workspace = Workspace(mlp, len(x))
    mlp.forward(x, workspace, training=True)
    (pair,) = [(s.x, s.y) for layer, s in zip(mlp.layers, workspace.current, strict=True) if isinstance(layer, Dropout)]
    return pair


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_kept_units_are_scaled_and_the_share_of_dropped_ones_is_the_rate(rate):
    mlp = MLP(20, (400,), 3, activation="sigmoid", dropout=rate)
    before, after = forward_pair(mlp, np.random.default_rng(0).random((200, 20), np.float32))
    dropped = after == 0
    n = dropped.size
    # Four standard deviations of a binomial share.
    assert abs(dropped.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / n)
    np.testing.assert_allclose(after[~dropped], before[~dropped] / (1 - rate), rtol=1e-6)


def test_evaluation_drops_nothing_and_shares_weights_with_training():
    plain, dropping = MLP(20, (30, 10), 3, seed=4), MLP(20, (30, 10), 3, seed=4, dropout=0.5, input_dropout=0.3)
    x = np.random.default_rng(0).random((8, 20), np.float32)
    np.testing.assert_array_equal(dropping.forward(x), plain.forward(x))
    workspace = Workspace(dropping, 8)
    assert not np.array_equal(dropping.forward(x, workspace, training=True), plain.forward(x))
    np.testing.assert_array_equal(dropping.forward(x, workspace), plain.forward(x))


def test_each_batch_drops_other_units_and_the_same_noise_the_same():
    mlp = MLP(20, (30,), 3, dropout=0.5)
    x = np.ones((8, 20), np.float32)
    workspace = Workspace(mlp, 8)
    mlp.renew_noise([7])
    first = mlp.forward(x, workspace, training=True).copy()
    assert not np.array_equal(mlp.forward(x, workspace, training=True), first)
    mlp.renew_noise([7])
    np.testing.assert_array_equal(mlp.forward(x, workspace, training=True), first)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("n_networks", [None, 2])
def test_gradients_pass_the_check_with_units_dropped(activation, n_networks):
    mlp = MLP(
        7, (9, 6), 4, activation=activation, n_networks=n_networks, dropout=0.4, input_dropout=0.2, dtype=np.float64
    )
    rng = np.random.default_rng(1)
    mlp.parameters.values[...] = rng.normal(scale=0.5, size=mlp.parameters.values.shape)
    report = check_gradients(mlp, rng.normal(size=(6, 7)), rng.integers(0, 4, 6), l2=0.1)
    assert report.passed, report


def test_a_wrong_factor_is_caught_by_the_check(monkeypatch):
    monkeypatch.setattr(Dropout, "backward", lambda self, slot, dy: np.copyto(slot.dx, dy))
    mlp = MLP(7, (9,), 4, activation="tanh", dropout=0.4, dtype=np.float64)
    rng = np.random.default_rng(1)
    assert not check_gradients(mlp, rng.normal(size=(6, 7)), rng.integers(0, 4, 6)).passed


@pytest.mark.parametrize("shared", [True, False])
def test_a_network_in_a_stack_drops_what_it_drops_alone_whatever_the_others_do(shared):
    rates, input_rates = np.array([[0.5], [0.0], [0.2], [0.0]]), np.array([[0.0], [0.3], [0.1], [0.0]])
    stack = MLP(20, (16, 8), 3, seed=[0, 1, 2, 3], n_networks=4, dropout=rates, input_dropout=input_rates)
    stack.renew_noise([10, 11, 12, 13])
    rng = np.random.default_rng(0)
    x = rng.random((6, 20) if shared else (4, 6, 20), np.float32)
    workspace = Workspace(stack, 6)
    logits = stack.forward(x, workspace, training=True)
    workspace.dlogits[...] = 1
    stack.backward(workspace)
    for i, (rate, input_rate) in enumerate(zip(rates[:, 0], input_rates[:, 0], strict=True)):
        alone = MLP(20, (16, 8), 3, seed=i, dropout=rate, input_dropout=input_rate)
        alone.renew_noise([10 + i] if rate or input_rate else [])
        own = Workspace(alone, 6)
        np.testing.assert_array_equal(alone.forward(x if shared else x[i], own, training=True), logits[i])
        own.dlogits[...] = 1
        alone.backward(own)
        np.testing.assert_array_equal(alone.parameters.grads, stack.parameters.grads[i])


def test_without_dropout_there_is_no_layer_for_it():
    assert not any(isinstance(layer, Dropout) for layer in MLP(20, (16, 8), 3).layers)
    assert MLP(20, (16, 8), 3).noise == []


@pytest.mark.parametrize("rate", [1.0, -0.1, float("nan")])
def test_a_rate_outside_zero_to_one_is_refused(rate):
    with pytest.raises(ConfigError, match="from 0 to below 1"):
        MLP(20, (16,), 3, dropout=rate)
