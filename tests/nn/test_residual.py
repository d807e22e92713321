"""Residual connections against formulas in float64, against differences, in a stack, and errors for impossible ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from families import slow_except

from barenet.config.sources import build_config
from barenet.errors import ConfigError
from barenet.gradcheck.network import check_gradients
from barenet.nn import ACTIVATIONS, MLP
from barenet.nn.architecture import Architecture, LayerSpec
from barenet.nn.layers import ResidualStart, ResidualSum, connect
from barenet.training.learning.activity import is_flat, look_at_layers
from barenet.training.preparation import architecture_of

ROWS = [
    {"input_dim": 6, "output_dim": 5, "activation": "tanh"},
    {"input_dim": 5, "output_dim": 5, "activation": "tanh", "residual": True},
    {"input_dim": 5, "output_dim": 3, "activation": "softmax"},
]


def by_hand(mlp, image):
    """Compute the logits of one image, number by number."""
    views = {name: view.reshape(-1, view.shape[-1]).tolist() for name, view in mlp.parameters.views.items()}

    def dense(x, i):
        weights, bias = views[f"W{i}"], views[f"b{i}"][0]
        return [sum(x[k] * weights[k][j] for k in range(len(x))) + bias[j] for j in range(len(bias))]

    x = [math.tanh(z) for z in dense(image, 1)]
    y = [own + math.tanh(z) for own, z in zip(x, dense(x, 2), strict=True)]
    return dense(y, 3)


def make(rows=ROWS, **options):
    mlp = MLP.from_architecture(rows, dtype=np.float64, **options)
    mlp.parameters.values[...] += np.random.default_rng(9).normal(0, 0.1, mlp.parameters.values.shape)
    return mlp


def test_the_input_of_a_row_is_added_to_its_output():
    mlp, x = make(), np.random.default_rng(0).normal(size=(4, 6))
    np.testing.assert_allclose(mlp.forward(x), [by_hand(mlp, image) for image in x.tolist()], rtol=1e-12)
    assert [layer.kind for layer in mlp.layers] == [
        *("dense", "activation"),
        *("residual_start", "dense", "activation", "residual_sum"),
        "dense",
    ]


def test_the_gradient_arrives_on_both_ways():
    """With no weights in F, y = x + f(b): all of dy arrives at x, and nothing else does."""
    start, end = ResidualStart(3), ResidualSum(3)
    x, dy = np.ones((2, 3)), np.arange(6.0).reshape(2, 3)
    slots = [start.make_slot(x, needs_dx=True), end.make_slot(np.full((2, 3), 5.0), needs_dx=True)]
    connect(slots)
    start.forward(slots[0], training=True)
    end.forward(slots[1], training=True)
    np.testing.assert_array_equal(slots[1].y, np.full((2, 3), 6.0))
    before = dy.copy()
    end.backward(slots[1], dy)
    slots[1].dx[...] = np.nan  # an activation may overwrite it
    start.backward(slots[0], np.full((2, 3), 10.0))
    np.testing.assert_array_equal(slots[0].dx, before + 10)
    np.testing.assert_array_equal(dy, before)


@pytest.mark.parametrize("normalization", ["none", "layer"])
@pytest.mark.parametrize("activation", slow_except(ACTIVATIONS, "gelu", "relu"))
def test_gradients_agree_with_differences(activation, normalization):
    options = {"activation": activation, "normalization": normalization, "residual": True, "dtype": np.float64}
    rng = np.random.default_rng(1)
    for n_inputs in (4, 7):  # where the images are as wide as the layers, the first has a connection too
        mlp = MLP(n_inputs, (7, 7, 7), 3, n_networks=2, seed=[1, 2], dropout=0.3, input_dropout=0.2, **options)
        mlp.noise.seeds[:] = [3, 4]
        mlp.parameters.values[...] += rng.normal(0, 0.1, mlp.parameters.values.shape)  # a bias of 0 is at relu's kink
        assert [row.residual for row in mlp.architecture.rows] == [n_inputs == 7, True, True, False]
        report = check_gradients(mlp, rng.normal(size=(6, n_inputs)), rng.integers(0, 3, 6), l2=0.01)
        assert report.passed, report


def test_a_stack_gives_each_network_the_bits_that_it_has_alone():
    x = np.random.default_rng(2).normal(size=(9, 16)).astype(np.float32)
    labels, options = np.arange(9) % 4, {"activation": "gelu", "normalization": "layer", "residual": True}
    _, together = MLP(16, (16, 16), 4, n_networks=3, seed=[0, 1, 2], **options).loss_and_gradients(x, labels)
    for n in range(3):
        _, alone = MLP(16, (16, 16), 4, seed=n, **options).loss_and_gradients(x, labels)
        for name in alone:
            np.testing.assert_array_equal(together[name][n], alone[name])


def test_a_row_says_that_it_has_one_and_other_rows_are_as_before():
    architecture = Architecture.from_rows(ROWS)
    assert architecture.as_dicts() == ROWS
    assert str(architecture) == "6-5-5-3, tanh, residual"
    assert [row.functions for row in architecture.rows] == ["tanh", "tanh, residual", "softmax"]
    assert not LayerSpec(5, 5, ACTIVATIONS["relu"]).residual


@pytest.mark.parametrize(
    ("number", "value", "message"),
    [
        (0, True, "layer 1: residual needs input_dim and output_dim to be equal, got 6 and 5"),
        (1, "yes", "layer 2: residual must be true or false, got 'yes'"),
        (2, True, "layer 3: the last layer takes no residual connection"),
    ],
)
def test_an_impossible_connection_is_refused(number, value, message):
    rows = [{**row, "residual": value} if i == number else row for i, row in enumerate(ROWS)]
    with pytest.raises(ConfigError, match=message):
        Architecture.from_rows(rows)


@pytest.mark.parametrize(
    ("hidden", "message"),
    [
        ((512, 256), "residual connections between unequal widths: 512, 256; take one for all, such as 512,512"),
        ((9, 9, 4), "residual connections between unequal widths: 9, 9, 4; take one for all, such as 9,9,9"),
        ((64,), "residual needs two hidden layers or more, all of one width, such as 64,64; there is one of 64 units"),
        ((), "residual needs two hidden layers or more, all of one width, such as 128,128; there is none"),
    ],
)
def test_widths_between_which_there_can_be_no_connections_are_refused(hidden, message):
    config = build_config("quick", flags={"model.hidden_sizes": hidden, "model.residual": True})
    with pytest.raises(ConfigError, match=f"^{message}$"):
        architecture_of(config, 64, 10)


def test_rows_with_connections_refuse_the_setting():
    rows = [
        {"input_dim": 64, "output_dim": 8, "activation": "relu"},
        {"input_dim": 8, "output_dim": 8, "activation": "relu", "residual": True},
        {"input_dim": 8, "output_dim": 10, "activation": "softmax"},
    ]
    config = build_config("quick", flags={"model.layers": rows})
    assert [row.residual for row in architecture_of(config, 64, 10).rows] == [False, True, False]
    both = build_config("quick", flags={"model.layers": rows, "model.residual": True})
    with pytest.raises(ConfigError, match=r"leave model\.residual out"):
        architecture_of(both, 64, 10)
    short = build_config("quick", flags={"model.residual": True, "model.hidden_sizes": "64,64"})
    assert [row.residual for row in architecture_of(short, 64, 10).rows] == [True, True, False]
    assert [row.residual for row in architecture_of(short, 65, 10).rows] == [False, True, False]


def test_a_trace_shows_the_sum_and_the_input_of_its_activation():
    mlp, x = make(), np.random.default_rng(4).normal(size=(5, 6))
    passed, views = mlp.trace(x), mlp.parameters.views
    z, a = passed[1]
    np.testing.assert_allclose(z, passed[0][1] @ views["W2"] + views["b2"], rtol=1e-12)
    np.testing.assert_allclose(a, passed[0][1] + np.tanh(z), rtol=1e-12)
    np.testing.assert_allclose(passed[-1][1], mlp.forward(x), rtol=1e-12)
    for start in (1, 2):
        np.testing.assert_array_equal(mlp.trace(passed[start - 1][1], start)[-1][1], passed[-1][1])


def test_a_unit_is_flat_where_its_activation_is_also_with_a_connection():
    mlp = make()
    mlp.parameters.views["W2"][:, 3] = 0
    mlp.parameters.views["b2"][0, 3] = 20  # tanh(20) is 1, with a slope of 0
    x = np.random.default_rng(5).random((30, 6))
    (_, _), (z, _), _ = mlp.trace(x)
    np.testing.assert_array_equal(is_flat(mlp, 1, z)[:, 3], np.ones(30, np.bool_))
    assert not is_flat(mlp, 1, z)[:, :3].all()
    assert [layer.n_dead for layer in look_at_layers(mlp, x, 1.0)] == [0, 1]
