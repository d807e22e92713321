"""Layer normalisation against the paper's formula in float64, against differences, and in a stack."""

from __future__ import annotations

import math

import numpy as np
import pytest

from barenet.config.sources import build_config
from barenet.errors import ConfigError
from barenet.nn import MLP
from barenet.nn.activations import ACTIVATIONS
from barenet.nn.architecture import Architecture, LayerSpec
from barenet.nn.layers import LayerNorm
from barenet.training.preparation import architecture_of

ROWS = [
    {"input_dim": 6, "output_dim": 5, "activation": "gelu", "normalization": "layer"},
    {"input_dim": 5, "output_dim": 4, "activation": "tanh"},
    {"input_dim": 4, "output_dim": 3, "activation": "softmax"},
]


def by_hand(row):
    """Normalise one image's units, number by number (Ba et al. 2016, equation 3, with epsilon 1e-5)."""
    mean = sum(row) / len(row)
    variance = sum((value - mean) ** 2 for value in row) / len(row)
    return [(value - mean) / math.sqrt(variance + 1e-5) for value in row]


def forward(x):
    layer = LayerNorm(x.shape[-1])
    slot = layer.make_slot(x, needs_dx=True)
    layer.forward(slot, training=True)
    return layer, slot


def test_each_image_is_normalised_over_its_units():
    x = np.random.default_rng(0).normal(3, 2, (4, 7))
    before = x.copy()
    _, slot = forward(x)
    np.testing.assert_allclose(slot.y, [by_hand(row) for row in x], rtol=1e-12)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_allclose(slot.y.mean(axis=1), 0, atol=1e-12)


def test_equal_units_become_zero():
    _, slot = forward(np.full((2, 5), 3.0))
    np.testing.assert_array_equal(slot.y, np.zeros((2, 5)))
    _, slot = forward(np.full((2, 1), 3.0))  # a layer of one unit
    np.testing.assert_array_equal(slot.y, [[0.0], [0.0]])


def test_its_gradient_agrees_with_differences():
    rng = np.random.default_rng(1)
    x, dy = rng.normal(size=(3, 6)), rng.normal(size=(3, 6))
    layer, slot = forward(x)
    slot.y[...] = np.nan  # an activation writes over it
    layer.backward(slot, dy.copy())
    step, expected = 1e-6, np.empty_like(x)
    for place in np.ndindex(x.shape):
        high, low = x.copy(), x.copy()
        high[place] += step
        low[place] -= step
        up, down = (sum(np.dot(by_hand(row), own) for row, own in zip(x, dy, strict=True)) for x in (high, low))
        expected[place] = (up - down) / (2 * step)
    np.testing.assert_allclose(slot.dx, expected, atol=1e-8)


def test_a_stack_gives_each_network_the_bits_that_it_has_alone():
    x = np.random.default_rng(2).normal(size=(9, 20)).astype(np.float32)
    labels = np.arange(9) % 4
    options = {"activation": "gelu", "normalization": "layer"}
    _, together = MLP(20, (16, 8), 4, n_networks=3, seed=[0, 1, 2], **options).loss_and_gradients(x, labels)
    for n in range(3):
        _, alone = MLP(20, (16, 8), 4, seed=n, **options).loss_and_gradients(x, labels)
        for name in alone:
            np.testing.assert_array_equal(together[name][n], alone[name])


def test_parts_of_a_batch_give_the_bits_of_the_whole():
    x = np.random.default_rng(3).normal(size=(40, 130)).astype(np.float32)
    _, whole = forward(x)
    for rows in (slice(0, 13), slice(13, 40)):
        _, part = forward(x[rows])
        np.testing.assert_array_equal(part.y, whole.y[rows])


def test_a_row_says_that_it_is_normalised_and_other_rows_are_as_before():
    architecture = Architecture.from_rows(ROWS)
    assert architecture.as_dicts() == ROWS
    assert architecture.rows[0].functions == "layer norm, gelu"
    assert [layer.kind for layer in MLP.from_architecture(ROWS).layers] == [
        *("dense", "layer_norm", "activation"),
        *("dense", "activation"),
        "dense",
    ]
    assert str(architecture) == "6-5-4-3, gelu, tanh, layer normalization"


@pytest.mark.parametrize(
    ("number", "kind", "message"),
    [
        (0, "batch norm", "layer 1: normalization must be none, layer or batch, got 'batch norm'"),
        (1, None, "layer 2: normalization must be none, layer or batch, got None"),
        (2, "layer", "layer 3: the last layer takes no normalization, got 'layer'"),
    ],
)
def test_an_impossible_normalisation_is_refused(number, kind, message):
    rows = [{**row, "normalization": kind} if i == number else row for i, row in enumerate(ROWS)]
    with pytest.raises(ConfigError, match=message):
        Architecture.from_rows(rows)


def test_one_unit_cannot_be_normalised():
    rows = [{**ROWS[0], "output_dim": 1}, {**ROWS[1], "input_dim": 1}, ROWS[2]]
    with pytest.raises(ConfigError, match="layer 1: layer normalization over one unit gives 0 for every image"):
        Architecture.from_rows(rows)


def test_a_trace_shows_the_input_of_the_activation():
    mlp = MLP.from_architecture(ROWS, dtype=np.float64)
    x = np.random.default_rng(4).normal(size=(5, 6))
    z, a = mlp.trace(x)[0]
    views = mlp.parameters.views
    np.testing.assert_allclose(z, [by_hand(row) for row in x @ views["W1"] + views["b1"]], rtol=1e-10)
    gelu = np.empty_like(z)
    ACTIVATIONS["gelu"].forward(z.copy(), out=gelu)
    np.testing.assert_allclose(a, gelu, rtol=1e-12)
    np.testing.assert_allclose(mlp.trace(x)[-1][1], mlp.forward(x), rtol=1e-12)


def test_a_layer_spec_has_none_by_default():
    assert LayerSpec(6, 5, ACTIVATIONS["relu"]).normalization == "none"


def test_rows_with_a_normalisation_refuse_the_setting():
    rows = [{"input_dim": 64, "output_dim": 8, "activation": "relu", "normalization": "layer"}]
    rows.append({"input_dim": 8, "output_dim": 10, "activation": "softmax"})
    config = build_config("quick", flags={"model.layers": rows})
    assert [row.normalization for row in architecture_of(config, 64, 10).rows] == ["layer", "none"]
    both = build_config("quick", flags={"model.layers": rows, "model.normalization": "layer"})
    with pytest.raises(ConfigError, match=r"leave model\.normalization out"):
        architecture_of(both, 64, 10)
    short = build_config("quick", flags={"model.normalization": "layer"})
    assert [row.normalization for row in architecture_of(short, 64, 10).rows] == ["layer", "layer", "none"]


def test_a_search_may_try_none():
    assert build_config("quick", flags={"model.normalization": None}).model.normalization == "none"
