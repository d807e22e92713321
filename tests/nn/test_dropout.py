"""Dropout: the share of dropped units, none in evaluation, the gradient, and the same bits in a stack."""

from __future__ import annotations

import numpy as np
import pytest

from barenet.errors import ConfigError
from barenet.gradcheck.network import check_gradients
from barenet.nn import MLP, Workspace
from barenet.nn.layers import Dropout
from barenet.nn.noise import Noise


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


def test_each_step_and_seed_drops_other_units_and_the_same_step_the_same():
    mlp = MLP(20, (30,), 3, dropout=0.5)
    x = np.ones((8, 20), np.float32)
    workspace = Workspace(mlp, 8)

    def logits(seed, step):
        mlp.noise.seeds[:] = [seed]
        mlp.noise.step = step
        return mlp.forward(x, workspace, training=True).copy()

    first = logits(7, 0)
    assert not np.array_equal(logits(7, 1), first)
    assert not np.array_equal(logits(8, 0), first)
    np.testing.assert_array_equal(logits(7, 0), first)


def dropped_units(mlp, x):
    """Return what each dropout layer of a network keeps, by the layer's number."""
    workspace = Workspace(mlp, len(x))
    mlp.forward(x, workspace, training=True)
    pairs = zip(mlp.layers, workspace.current, strict=True)
    return {layer.number: slot.factors != 0 for layer, slot in pairs if isinstance(layer, Dropout)}


def test_dropping_inputs_does_not_change_which_hidden_units_are_dropped():
    x = np.ones((8, 20), np.float32)
    both = dropped_units(MLP(20, (30, 30), 3, dropout=0.5, input_dropout=0.5), x)
    hidden, inputs = (dropped_units(MLP(20, (30, 30), 3, **{name: 0.5}), x) for name in ("dropout", "input_dropout"))
    assert set(both) == {0, 1, 2}
    assert set(hidden) == {1, 2}
    for number, own in (hidden | inputs).items():
        np.testing.assert_array_equal(own, both[number])
    assert not np.array_equal(both[1], both[2])


def test_networks_in_float32_and_float64_drop_the_same_units():
    x = np.ones((8, 20))
    narrow = dropped_units(MLP(20, (30,), 3, dropout=0.3), x.astype(np.float32))
    wide = dropped_units(MLP(20, (30,), 3, dropout=0.3, dtype=np.float64), x)
    np.testing.assert_array_equal(narrow[1], wide[1])


@pytest.mark.parametrize("n_networks", [None, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_part_of_a_batch_gets_the_bits_that_it_has_in_the_whole(n_networks, dtype):
    lead = () if n_networks is None else (n_networks,)
    layer = Dropout(0.4, lead, 11, Noise(range(n_networks or 1)), 1)
    layer.noise.step = 5
    x = np.random.default_rng(0).random((*lead, 9, 11)).astype(dtype)
    dy = np.random.default_rng(1).random(x.shape).astype(dtype)
    whole, parts = layer.make_slot(x, needs_dx=True), layer.make_slot(x, needs_dx=True)
    layer.forward(whole, training=True)
    layer.input_gradient(whole, dy)
    for rows in (slice(0, 4), slice(4, 9)):
        part = parts.rows(rows)
        layer.forward(part, training=True)
        layer.input_gradient(part, dy[..., rows, :])
        assert part.y.tobytes() == whole.y[..., rows, :].tobytes()
    assert parts.y.tobytes() == whole.y.tobytes()  # written through
    assert parts.dx.tobytes() == whole.dx.tobytes()


def test_a_network_of_a_stack_that_drops_nothing_has_factors_of_exactly_one():
    layer = Dropout(np.array([[0.5], [0.0]]), (2,), 500, Noise([0, 1]), 1)
    slot = layer.make_slot(np.ones((200, 500), np.float32), needs_dx=False)
    layer.forward(slot, training=True)
    assert (slot.factors[1] == 1).all()
    assert set(np.unique(slot.factors[0])) == {0, 2}


def test_the_largest_number_is_kept_without_dropout_and_dropped_at_the_smallest_rate():
    largest = np.uint32(2**32 - 1)
    assert Dropout(0.0, (), 1, Noise([0]), 1).last_kept == largest
    assert Dropout(2.0**-32, (), 1, Noise([0]), 1).last_kept == largest - 1


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
    monkeypatch.setattr(Dropout, "input_gradient", lambda self, slot, dy: np.copyto(slot.dx, dy))
    mlp = MLP(7, (9,), 4, activation="tanh", dropout=0.4, dtype=np.float64)
    rng = np.random.default_rng(1)
    assert not check_gradients(mlp, rng.normal(size=(6, 7)), rng.integers(0, 4, 6)).passed


@pytest.mark.parametrize("shared", [True, False])
def test_a_network_in_a_stack_drops_what_it_drops_alone_whatever_the_others_do(shared):
    rates, input_rates = np.array([[0.5], [0.0], [0.2], [0.0]]), np.array([[0.0], [0.3], [0.1], [0.0]])
    stack = MLP(20, (16, 8), 3, seed=[0, 1, 2, 3], n_networks=4, dropout=rates, input_dropout=input_rates)
    stack.noise.seeds[:] = [10, 11, 12, 13]
    stack.noise.step = 4
    rng = np.random.default_rng(0)
    x = rng.random((6, 20) if shared else (4, 6, 20), np.float32)
    workspace = Workspace(stack, 6)
    logits = stack.forward(x, workspace, training=True)
    workspace.dlogits[...] = 1
    stack.backward(workspace)
    for i, (rate, input_rate) in enumerate(zip(rates[:, 0], input_rates[:, 0], strict=True)):
        alone = MLP(20, (16, 8), 3, seed=i, dropout=rate, input_dropout=input_rate)
        alone.noise.seeds[:] = [10 + i]
        alone.noise.step = 4
        own = Workspace(alone, 6)
        np.testing.assert_array_equal(alone.forward(x if shared else x[i], own, training=True), logits[i])
        own.dlogits[...] = 1
        alone.backward(own)
        np.testing.assert_array_equal(alone.parameters.grads, stack.parameters.grads[i])


def test_without_dropout_there_is_no_layer_for_it():
    assert not any(isinstance(layer, Dropout) for layer in MLP(20, (16, 8), 3).layers)


@pytest.mark.parametrize("rate", [1.0, -0.1, float("nan")])
def test_a_rate_outside_zero_to_one_is_refused(rate):
    with pytest.raises(ConfigError, match="from 0 to below 1"):
        MLP(20, (16,), 3, dropout=rate)
