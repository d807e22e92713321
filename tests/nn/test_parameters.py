"""Parameters: one buffer, many names, no copies."""

from __future__ import annotations

import numpy as np
import pytest

from barenet.nn.parameters import Parameters

WEIGHTS = {"W1": (3, 4), "W2": (4, 2)}
BIASES = {"b1": (1, 4), "b2": (1, 2)}


@pytest.fixture(params=[None, 1, 3], ids=["alone", "stack of one", "stack of three"])
def n_networks(request):
    return request.param


def test_buffers_are_flat_zero_and_of_the_dtype_asked_for(n_networks):
    parameters = Parameters(WEIGHTS, BIASES, n_networks, np.float64)
    lead = () if n_networks is None else (n_networks,)
    for buffer in (parameters.values, parameters.grads):
        assert buffer.shape == (*lead, 26)  # 12 + 8 weights, 4 + 2 biases
        assert buffer.dtype == np.float64
        assert not buffer.any()
    assert (parameters.size, parameters.n_decayed, parameters.lead) == (26, 20, lead)
    assert Parameters(WEIGHTS, BIASES).values.dtype == np.float32


def test_weights_come_first_then_biases_each_where_it_is_expected(n_networks):
    parameters = Parameters(WEIGHTS, BIASES, n_networks)
    parameters.values[...] = np.arange(26)
    at = (..., 0, 0)
    first = {name: np.unique(view[at]).tolist() for name, view in parameters.views.items()}
    assert first == {"W1": [0], "W2": [12], "b1": [20], "b2": [24]}
    last = {name: np.unique(view[..., -1, -1]).tolist() for name, view in parameters.views.items()}
    assert last == {"W1": [11], "W2": [19], "b1": [23], "b2": [25]}
    assert list(parameters.views) == list(parameters.grad_views) == ["W1", "W2", "b1", "b2"]
    # Row by row: element (i, j) of W1 is number 4 i + j.
    assert np.unique(parameters.views["W1"][..., 2, 1]).tolist() == [9]


def test_views_have_the_shapes_of_matrices_and_share_memory_with_the_buffers(n_networks):
    parameters = Parameters(WEIGHTS, BIASES, n_networks)
    for views, buffer in ((parameters.views, parameters.values), (parameters.grad_views, parameters.grads)):
        for name, shape in {**WEIGHTS, **BIASES}.items():
            assert views[name].shape == (*parameters.lead, *shape)
            assert np.shares_memory(views[name], buffer)
    parameters.views["b1"][...] = 7
    assert (parameters.values[..., 20:24] == 7).all()
    assert parameters.values.sum() == 7 * parameters.views["b1"].size
    assert not parameters.grads.any()


def test_views_of_all_names_cover_the_buffer_exactly_once(n_networks):
    parameters = Parameters(WEIGHTS, BIASES, n_networks)
    for view in parameters.views.values():
        view[...] += 1
    assert (parameters.values == 1).all()


def test_another_buffer_can_be_seen_under_the_same_names(n_networks):
    parameters = Parameters(WEIGHTS, BIASES, n_networks)
    other = np.zeros(parameters.values.shape)
    parameters.named(other)["W2"][...] = 1
    assert (other[..., 12:20] == 1).all()
    assert other.sum() == other[..., 12:20].size
