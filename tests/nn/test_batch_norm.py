"""Batch normalisation against the papers' formulas in float64, against differences, in a stack, and in weights."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from families import slow_except

from barenet.config.sources import build_config
from barenet.errors import ConfigError
from barenet.gradcheck.network import check_gradients
from barenet.nn import ACTIVATIONS, MLP, Architecture
from barenet.nn.layers import BatchNorm
from barenet.nn.layers.batch_norm import GHOST, ghosts
from barenet.nn.layers.folding import fold, follow, running_views, start_statistics
from barenet.training.preparation import architecture_of

ROWS = [
    {"input_dim": 6, "output_dim": 5, "activation": "gelu", "normalization": "batch"},
    {"input_dim": 5, "output_dim": 4, "activation": "tanh", "normalization": "layer"},
    {"input_dim": 4, "output_dim": 3, "activation": "softmax"},
]


def by_hand(column):
    """Normalise one unit over some images, number by number (Ioffe and Szegedy 2015, algorithm 1, epsilon 1e-5)."""
    mean = sum(column) / len(column)
    variance = sum((value - mean) ** 2 for value in column) / len(column)
    return [(value - mean) / math.sqrt(variance + 1e-5) for value in column]


def expected_of(x, bias, parts):
    """Normalise each unit of x (B, H) over each part of the images, and add the bias (H,)."""
    columns = [np.array([by_hand(column) for column in x[part].T.tolist()]).T for part in parts]
    return np.concatenate(columns) + bias


def forward(x, bias):
    layer = BatchNorm(bias.reshape(1, -1), np.empty((1, bias.size)))
    slot = layer.make_slot(x, needs_dx=True)
    layer.forward(slot, training=True)
    return layer, slot


def test_ghost_batches_are_of_32_images_and_the_rest_belongs_to_the_last():
    for n, sizes in {1: [1], 63: [63], 64: [32, 32], 95: [32, 63], 96: [32] * 3, 128: [32] * 4}.items():
        assert [part.stop - part.start for part in ghosts(n)] == sizes
        assert ghosts(n)[0].start == 0


@pytest.mark.parametrize("n_images", [2, 40, 70])
def test_each_unit_is_normalised_over_the_images_of_its_ghost_batch(n_images):
    rng = np.random.default_rng(0)
    x, bias = rng.normal(3, 2, (n_images, 4)), rng.normal(size=4)
    before, parts = x.copy(), [slice(0, n_images)] if n_images < 64 else [slice(0, 32), slice(32, n_images)]
    _, slot = forward(x, bias)
    np.testing.assert_allclose(slot.y, expected_of(x, bias, parts), rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_allclose(slot.mean, [x[part].mean(axis=0) for part in parts], rtol=1e-12)
    np.testing.assert_allclose(slot.variance, [x[part].var(axis=0) for part in parts], rtol=1e-12)


def test_in_evaluation_the_bias_alone_is_added():
    x, bias = np.ones((3, 2)), np.array([1.0, -2.0])
    layer, slot = forward(x, bias)
    layer.forward(slot, training=False)
    np.testing.assert_array_equal(slot.y, [[2, -1]] * 3)


def test_its_gradients_agree_with_differences():
    rng = np.random.default_rng(1)
    x, bias, dy = rng.normal(size=(67, 3)), rng.normal(size=3), rng.normal(size=(67, 3))
    layer, slot = forward(x, bias)
    slot.y[...] = np.nan  # an activation writes over it
    before = dy.copy()
    layer.backward(slot, dy)
    np.testing.assert_array_equal(dy, before)
    step, expected = 1e-6, np.empty_like(x)
    parts = [slice(0, 32), slice(32, 67)]
    for place in np.ndindex(x.shape):
        high, low = x.copy(), x.copy()
        high[place] += step
        low[place] -= step
        up, down = (np.vdot(expected_of(own, bias, parts), dy) for own in (high, low))
        expected[place] = (up - down) / (2 * step)
    np.testing.assert_allclose(slot.dx, expected, atol=1e-8)
    np.testing.assert_allclose(layer.db[0], [sum(column) for column in dy.T], rtol=1e-12)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("activation", slow_except(ACTIVATIONS, "relu", "gelu"))
def test_gradients_of_a_network_agree_with_differences(activation, residual):
    options = {"activation": activation, "normalization": "batch", "residual": residual, "dropout": 0.3}
    mlp = MLP(6, (7, 7), 3, n_networks=2, seed=[1, 2], dtype=np.float64, **options)
    rng = np.random.default_rng(5)
    mlp.parameters.values[...] += rng.normal(0, 0.1, mlp.parameters.values.shape)  # a bias of 0 is at relu's kink
    report = check_gradients(mlp, rng.normal(size=(70, 6)), rng.integers(0, 3, 70), l2=0.01)
    assert report.passed, report


@pytest.mark.parametrize("width", [1, 16])
def test_a_stack_gives_each_network_the_bits_that_it_has_alone(width):
    x = np.random.default_rng(2).normal(size=(70, 20)).astype(np.float32)
    labels = np.arange(70) % 4
    options = {"activation": "gelu", "normalization": "batch"}
    stack = MLP(20, (width, 8), 4, n_networks=3, seed=[0, 1, 2], **options)
    _, together = stack.loss_and_gradients(x, labels)
    for n in range(3):
        _, alone = MLP(20, (width, 8), 4, seed=n, **options).loss_and_gradients(x, labels)
        for name in alone:
            np.testing.assert_array_equal(together[name][n], alone[name])


def test_parts_that_cut_no_ghost_batch_give_the_bits_of_the_whole():
    rng = np.random.default_rng(3)
    x, bias = rng.normal(size=(150, 20)).astype(np.float32), rng.normal(size=20).astype(np.float32)
    layer, whole = forward(x, bias)
    dy = rng.normal(size=x.shape).astype(np.float32)
    layer.input_gradient(whole, dy)
    parts = layer.make_slot(x, needs_dx=True)
    for rows in (slice(64, 150), slice(0, 64)):
        own = parts.rows(rows)
        layer.forward(own, training=True)
        layer.input_gradient(own, dy[rows])
    for name in ("y", "dx", "mean", "variance", "inverse"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_running_statistics_follow_those_of_ghost_batches():
    architecture = Architecture.from_rows(ROWS)
    statistics = start_statistics(architecture, 1, np.float64)
    assert architecture.statistics == {"mean1": (1, 5), "variance1": (1, 5)}
    np.testing.assert_array_equal(statistics, [[0] * 5 + [1] * 5])
    x = np.random.default_rng(4).normal(2, 3, (70, 5))
    _, slot = forward(x, np.zeros(5))
    follow(running_views(architecture, statistics[0]), [slot], np.array(0.25))
    parts = [x[:32], x[32:]]
    mean = 0.25 * np.mean([part.mean(axis=0) for part in parts], axis=0)
    # ddof 1: the estimate from n images (algorithm 2, n / (n - 1) times the variance)
    variance = 0.75 + 0.25 * np.mean([part.var(axis=0, ddof=1) for part in parts], axis=0)
    np.testing.assert_allclose(statistics[0], np.concatenate([mean, variance]), rtol=1e-12)


def test_weights_with_running_statistics_in_them_do_what_the_paper_says():
    mlp, rng = MLP.from_architecture(ROWS, dtype=np.float64), np.random.default_rng(5)
    mean, variance = rng.normal(size=5), rng.uniform(0.5, 3, 5)
    views = mlp.parameters.views
    views["b1"][...] = rng.normal(size=5)
    x = rng.normal(size=(4, 6))
    expected = (x @ views["W1"] - mean) / np.sqrt(variance + 1e-5) + views["b1"][0]
    before = mlp.parameters.values.copy()
    folded = fold(mlp.architecture, before, np.concatenate([mean, variance]))
    np.testing.assert_array_equal(before, mlp.parameters.values)
    mlp.parameters.values[...] = folded
    z, a = mlp.trace(x)[0]
    np.testing.assert_allclose(z, expected, rtol=1e-12)
    gelu = np.empty_like(z)
    ACTIVATIONS["gelu"].forward(z.copy(), out=gelu)
    np.testing.assert_allclose(a, gelu, rtol=1e-12)
    np.testing.assert_allclose(mlp.trace(x)[-1][1], mlp.forward(x), rtol=1e-12)
    np.testing.assert_array_equal(folded[before.size - 7 :], before[before.size - 7 :])  # other layers are left alone


def test_weights_of_a_diverged_network_are_infinite_or_nan_without_a_warning():
    architecture = Architecture.from_rows(ROWS)
    values = np.full((1, 74), np.inf, np.float32)
    folded = fold(architecture, values, np.full((1, 10), np.inf, np.float32))
    assert not np.isfinite(folded).any()


def test_without_batch_normalisation_the_parameters_are_those_that_are_evaluated():
    architecture = Architecture.from_sizes([6, 5, 3], ["relu", "softmax"])
    values = np.ones((2, 53), np.float32)
    assert fold(architecture, values, np.zeros((2, 0), np.float32)) is values


def test_a_row_says_that_it_is_normalised_over_images():
    architecture = Architecture.from_rows(ROWS)
    assert architecture.as_dicts() == ROWS
    assert architecture.rows[0].functions == "batch norm, gelu"
    assert str(architecture) == "6-5-4-3, gelu, tanh, batch normalization, layer normalization"
    assert [layer.kind for layer in MLP.from_architecture(ROWS).layers] == [
        *("dense", "batch_norm", "activation"),
        *("dense", "layer_norm", "activation"),
        "dense",
    ]
    assert Architecture.from_sizes([6, 1, 3], ["relu", "softmax"], normalization="batch").n_statistics == 2


@pytest.mark.parametrize(("n_images", "batch_size"), [(401, 401), (401, 399), (400, 100), (2, 2), (402, 100)])
def test_batches_of_two_images_or_more_are_taken(n_images, batch_size):
    Architecture.from_rows(ROWS).check_batches(n_images, batch_size)


def test_a_batch_of_one_image_is_refused():
    architecture = Architecture.from_rows(ROWS)
    for n_images, size, better in ((401, 100, 101), (401, 200, 201), (7, 2, 4)):  # 7 images are 3 and 3 and 1, too
        message = (
            f"batch normalization needs two images or more in a batch: with data.batch_size = {size} the last of an "
            f"epoch has one alone, the rest of {n_images}; take another size, such as {better}"
        )
        with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
            architecture.check_batches(n_images, size)
        architecture.check_batches(n_images, better)
    with pytest.raises(ConfigError, match=r"two images or more in a batch, got data\.batch_size = 1"):
        architecture.check_batches(401, 1)
    Architecture.from_sizes([6, 5, 3], ["relu", "softmax"]).check_batches(401, 100)


def test_the_setting_is_of_all_hidden_layers():
    config = build_config("quick", flags={"model.normalization": "batch"})
    assert [row.normalization for row in architecture_of(config, 64, 10).rows] == ["batch", "batch", "none"]


def test_ghost_batches_are_whole_vectors_of_the_compiled_engine():
    assert GHOST % 16 == 0
