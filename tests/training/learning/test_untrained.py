"""A network with batch normalisation, compared with what it was before training."""

from __future__ import annotations

import numpy as np
import pytest

from barenet.nn import MLP
from barenet.nn.architecture import Architecture
from barenet.nn.layers.folding import fold
from barenet.training.evaluation import compute_outputs
from barenet.training.learning.untrained import change_of_weights, with_own_statistics


@pytest.fixture
def network():
    rows = [(6, 5, "relu"), (5, 4, "tanh"), (4, 3, "softmax")]
    architecture = Architecture.from_rows(
        [
            {"input_dim": a, "output_dim": b, "activation": f, "normalization": "batch" if f != "softmax" else "none"}
            for a, b, f in rows
        ]
    )
    mlp = MLP.from_architecture(architecture, seed=1)
    mlp.parameters.values[...] = np.random.default_rng(2).normal(size=mlp.parameters.values.shape)
    return mlp


def test_statistics_before_training_are_those_of_the_untrained_units(network):
    images = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    found = compute_outputs(with_own_statistics(network, images, 2.0), images, 2.0)
    views, x = network.parameters.views, 2.0 * images.astype(np.float64)
    for i, activation in ((1, lambda z: np.maximum(z, 0)), (2, np.tanh)):
        z = x @ views[f"W{i}"]
        x = activation((z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5) + views[f"b{i}"])
    np.testing.assert_allclose(found, x @ views["W3"] + views["b3"], rtol=1e-4, atol=1e-4)


def test_statistics_in_the_weights_do_not_count_as_a_change_and_other_weights_do(network):
    statistics = np.random.default_rng(3).uniform(0.5, 4, (1, network.architecture.n_statistics)).astype(np.float32)
    trained = network.copy()
    trained.parameters.values[...] = fold(network.architecture, network.parameters.values[None], statistics)[0]
    assert not np.allclose(trained.parameters.values, network.parameters.values, rtol=0.1)
    assert change_of_weights(trained, network) < 1e-6
    trained.parameters.views["W1"][:, 0] *= -1
    norm = np.linalg.norm(network.parameters.values)
    expected = 2 * np.linalg.norm(network.parameters.views["W1"][:, 0]) / norm
    assert change_of_weights(trained, network) == pytest.approx(expected, rel=1e-5)


def test_without_batch_normalisation_nothing_is_measured_again():
    mlp = MLP(6, (5,), 3, seed=1)
    assert with_own_statistics(mlp, np.zeros((3, 6), np.float32), 1.0) is mlp
    other = mlp.copy()
    other.parameters.values[...] *= 1.5
    assert change_of_weights(other, mlp) == pytest.approx(0.5)
