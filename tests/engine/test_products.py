"""Products in parts: the parts cover the whole, and have sizes for which BLAS uses its kernels for small matrices."""

from __future__ import annotations

import numpy as np
import pytest
from families import slow_except
from hypothesis import given
from hypothesis import strategies as st

from barenet.engine.network import FastMLP
from barenet.engine.products import Parts, columns, cut, rows
from barenet.nn import MLP, Workspace


def test_columns_and_rows_are_views_of_the_matrix_in_parts():
    matrix = np.arange(24).reshape(4, 6)
    np.testing.assert_array_equal(columns(matrix, 2), [matrix[:, :3], matrix[:, 3:]])
    np.testing.assert_array_equal(rows(matrix, 2), [matrix[:2], matrix[2:]])
    assert np.shares_memory(columns(matrix, 3), matrix)
    assert np.shares_memory(rows(matrix, 4), matrix)


def test_the_layers_of_the_course_network_are_cut_in_two():
    # 16 x 784 x 128 is 1.6 million multiply-adds: halves are below a million.
    assert cut(16, 784, 128) == Parts(forward=2, dW=2, dx=14)
    assert cut(16, 128, 32) == Parts(forward=1, dW=1, dx=2)
    assert cut(16, 32, 10) == Parts()


@given(st.integers(0, 200), st.integers(1, 1200), st.integers(1, 1200))
def test_parts_are_equal_wide_enough_and_small_enough(batch, n_inputs, n_outputs):
    parts = cut(batch, n_inputs, n_outputs)
    for n, width in ((parts.forward, n_outputs), (parts.dW, n_inputs), (parts.dx, n_inputs)):
        assert width % n == 0
        if n > 1:
            assert width // n >= 32
            assert batch * n_inputs * n_outputs // n <= 1_000_000
            assert batch <= 32


@pytest.mark.parametrize("network", [MLP, FastMLP])
@pytest.mark.parametrize("batch", slow_except([1, 5, 16, 32, 33], 1, 32, 33))
@pytest.mark.parametrize("sizes", [(784, 128, 32, 10), (784, 512, 256, 10), (61, 127, 10), (1024, 640, 10)])
def test_a_network_in_parts_computes_what_whole_products_do(sizes, batch, network):
    rng = np.random.default_rng(0)
    mlp = network(sizes[0], sizes[1:-1], sizes[-1], activation="identity", dtype=np.float64)
    workspace = Workspace(mlp, batch)
    x = rng.normal(size=(batch, sizes[0]))
    y = mlp.forward(x, workspace, training=True)
    inputs = [x]
    for i in range(1, len(sizes)):
        inputs.append(np.dot(inputs[-1], mlp.parameters.views[f"W{i}"]))
    np.testing.assert_allclose(y, inputs[-1], rtol=1e-11, atol=1e-11)
    dy = rng.normal(size=y.shape)
    workspace.dlogits[...] = dy
    mlp.backward(workspace)
    for i in range(len(sizes) - 1, 0, -1):
        np.testing.assert_allclose(
            mlp.parameters.grad_views[f"W{i}"], np.dot(inputs[i - 1].T, dy), rtol=1e-10, atol=1e-10
        )
        dy = np.dot(dy, mlp.parameters.views[f"W{i}"].T)
