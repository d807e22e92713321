"""Neurons: dead and saturated ones, one neuron switched off, and a network whose sums are not finite."""

from __future__ import annotations

import numpy as np
import pytest

from barenet.analysis.activity import measure_activity, portray
from barenet.nn.mlp import MLP
from barenet.run_folders.checkpoint import read_model


@pytest.mark.slow
def test_a_relu_that_is_never_on_is_dead_and_a_tanh_that_is_always_at_its_end_saturated(make_run):
    folder, dataset = make_run("16x16")
    model = read_model(folder / "best.safetensors")
    model.mlp.parameters.views["b1"][0, 3] = -1e4
    assert measure_activity(model, dataset.train_images)[0].dead.count(3) == 1
    folder, dataset = make_run("colour")
    model = read_model(folder / "best.safetensors")
    model.mlp.parameters.views["W1"][:, 2] = 0
    model.mlp.parameters.views["b1"][0, 2] = 5.0  # tanh' = 1 / cosh(5)^2 = 0.00018
    layer = measure_activity(model, dataset.train_images)[0]
    assert 2 in layer.dead
    model.mlp.parameters.views["W1"][0, 2] = -5.0 / (dataset.train_images[7, 0] / 255)  # but not for image 7
    rows = [7, *np.flatnonzero(dataset.train_images[:, 0] < dataset.train_images[7, 0] * 0.5)]
    layer = measure_activity(model, dataset.train_images[rows])[0]
    assert layer.saturated is not None
    assert 2 in layer.saturated
    assert 2 not in layer.dead


def test_a_neuron_switched_off_is_a_neuron_without_outgoing_weights(make_run):
    folder, dataset = make_run("plain")
    model = read_model(folder / "best.safetensors")
    portrait = portray(model, dataset.train_images, dataset.train_labels, 1, 4)
    x = (dataset.train_images / 255).astype(np.float32)
    full = model.mlp.forward(x).copy()
    model.mlp.parameters.views["W2"][4] = 0
    cut = model.mlp.forward(x)
    push = np.mean(full - cut, axis=0)
    assert portrait.push == pytest.approx(push - push.mean(), abs=1e-5)
    right = [np.mean(np.argmax(z, axis=1) == dataset.train_labels) for z in (full, cut)]
    assert portrait.lost == pytest.approx(right[0] - right[1])
    assert portrait.n_changed == np.count_nonzero(np.argmax(full, axis=1) != np.argmax(cut, axis=1))
    assert not portrait.is_dead
    assert portrait.activations[portrait.most[0]] == portrait.activations.max()
    assert portrait.activations[portrait.least[0]] == portrait.activations.min()


@pytest.mark.parametrize(
    ("n", "n_most", "n_least"), [(1, 1, 0), (4, 2, 2), (5, 3, 2), (19, 10, 9), (20, 10, 10), (50, 10, 10)]
)
def test_no_image_is_among_both_the_highest_and_the_lowest_activations(n, n_most, n_least, make_run):
    folder, dataset = make_run("plain")
    model = read_model(folder / "best.safetensors")
    portrait = portray(model, dataset.train_images[:n], dataset.train_labels[:n], 1, 4)
    assert (len(portrait.most), len(portrait.least)) == (n_most, n_least)
    assert len({*portrait.most.tolist(), *portrait.least.tolist()}) == n_most + n_least


def test_a_neuron_that_is_never_on_is_dead_and_changes_nothing(make_run):
    folder, dataset = make_run("16x16")  # of ReLU
    model = read_model(folder / "best.safetensors")
    model.mlp.parameters.views["b1"][0, 3] = -1e4
    portrait = portray(model, dataset.train_images, dataset.train_labels, 1, 3)
    assert portrait.is_dead
    assert (portrait.lost, portrait.n_changed) == (0, 0)


def test_a_network_without_finite_activations_is_still_shown(make_run):
    folder, dataset = make_run("plain")
    model = read_model(folder / "best.safetensors")
    model.mlp.parameters.values[...] = 1e30
    layers = measure_activity(model, dataset.train_images)
    assert len(layers) == 2
    assert isinstance(model.mlp, MLP)
