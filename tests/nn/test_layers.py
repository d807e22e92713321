"""Layers: a dense and an activation layer, forward and backward, against sums in a loop."""

from __future__ import annotations

import numpy as np
import pytest

from barenet.nn.activations import ACTIVATIONS
from barenet.nn.layers import ActivationLayer, Dense, Dropout
from barenet.nn.noise import Noise


def make_dense(*lead, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(*lead, 5, 3)).astype(dtype), rng.normal(size=(*lead, 1, 3)).astype(dtype)
    return Dense(W, b, np.full_like(W, np.nan), np.full_like(b, np.nan)), rng


def test_dense_forward_is_x_times_w_plus_b():
    layer = Dense(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[10.0, 20.0]]), np.empty((2, 2)), np.empty((1, 2)))
    slot = layer.make_slot(np.array([[1.0, 1.0], [2.0, -1.0]]), needs_dx=False)
    layer.forward(slot, training=True)
    # (1 + 3 + 10, 2 + 4 + 20), (2 - 3 + 10, 4 - 4 + 20)
    np.testing.assert_array_equal(slot.y, [[14, 26], [9, 20]])
    assert slot.dx is None


@pytest.mark.parametrize("shared", [True, False], ids=["shared inputs", "own inputs"])
def test_dense_backward_agrees_with_sums_over_the_batch(shared):
    layer, rng = make_dense(2)
    x, dy = rng.normal(size=(4, 5) if shared else (2, 4, 5)), rng.normal(size=(2, 4, 3))
    slot = layer.make_slot(x, needs_dx=True)
    layer.forward(slot, training=True)
    layer.backward(slot, dy)
    for n in range(2):
        own = x if shared else x[n]
        np.testing.assert_allclose(layer.dW[n], sum(np.outer(own[b], dy[n, b]) for b in range(4)), rtol=1e-13)
        np.testing.assert_allclose(layer.db[n, 0], sum(dy[n, b] for b in range(4)), rtol=1e-13)
        np.testing.assert_allclose(slot.dx[n], [layer.W[n] @ dy[n, b] for b in range(4)], rtol=1e-13)


def test_dense_backward_changes_neither_its_inputs_nor_its_parameters():
    layer, rng = make_dense()
    slot = layer.make_slot(rng.normal(size=(4, 5)), needs_dx=True)
    dy = rng.normal(size=(4, 3))
    layer.forward(slot, training=True)
    before = [array.copy() for array in (slot.x, slot.y, dy, layer.W, layer.b)]
    layer.backward(slot, dy)
    for old, new in zip(before, (slot.x, slot.y, dy, layer.W, layer.b), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_two_parts_of_dense_backward_each_write_only_their_gradients():
    layer, rng = make_dense()
    slot = layer.make_slot(rng.normal(size=(4, 5)), needs_dx=True)
    slot.dx[...] = np.nan
    dy = rng.normal(size=(4, 3))
    layer.parameter_gradients(slot, dy)
    np.testing.assert_allclose(layer.dW, np.einsum("bd,bh->dh", slot.x, dy), rtol=1e-13)
    np.testing.assert_allclose(layer.db, np.einsum("bh->h", dy)[None], rtol=1e-13)
    assert np.isnan(slot.dx).all()
    layer.dW[...] = layer.db[...] = np.nan
    layer.input_gradient(slot, dy)
    np.testing.assert_allclose(slot.dx, np.einsum("bh,dh->bd", dy, layer.W), rtol=1e-13)
    assert np.isnan(layer.dW).all()
    assert np.isnan(layer.db).all()


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_layer_uses_one_array_for_input_and_output_only_if_it_works_in_place(name):
    layer = ActivationLayer(ACTIVATIONS[name], 3)
    x = np.zeros((4, 3))
    slot = layer.make_slot(x, needs_dx=True)
    assert (slot.y is x) == ACTIVATIONS[name].in_place
    assert not np.shares_memory(slot.dx, x)
    assert not np.shares_memory(slot.dx, slot.y)
    assert slot.y.shape == slot.dx.shape == (4, 3)


@pytest.mark.parametrize("shared", [True, False], ids=["shared inputs", "own inputs"])
@pytest.mark.parametrize("needs_dx", [True, False])
@pytest.mark.parametrize("kind", ["dense", "activation", "in place", "dropout"])
def test_a_slot_of_some_rows_shares_the_memory(kind, needs_dx, shared):
    layer = {
        "dense": make_dense(2)[0],
        "activation": ActivationLayer(ACTIVATIONS["gelu"], 5),
        "in place": ActivationLayer(ACTIVATIONS["relu"], 5),
        "dropout": Dropout(0.5, (2,), 5, Noise([0, 1]), 1),
    }[kind]
    slot = layer.make_slot(np.zeros((4, 5) if shared else (2, 4, 5)), needs_dx)
    part = slot.rows(slice(1, 3))
    assert type(part) is type(slot)
    arrays = {name: array for name, array in vars(slot).items() if array is not None}
    assert ("dx" in arrays) == (needs_dx or isinstance(layer, ActivationLayer))
    for name, array in arrays.items():
        assert array.shape[-2] == 4
        expected = array[..., 1:3, :]
        found = getattr(part, name)
        assert found.shape == expected.shape
        assert found.__array_interface__ == expected.__array_interface__
