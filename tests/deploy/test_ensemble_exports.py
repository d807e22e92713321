"""Exported ensembles: with members of different layers and outputs, the average is that of barenet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import barenet
from barenet.data.datasets import from_arrays
from barenet.deploy.export import export_model
from barenet.deploy.export_numpy import build_source
from barenet.deploy.exported import describe_networks
from barenet.deploy.predictor import Predictor
from barenet.nn import LOSSES, MLP, make_loss
from barenet.nn.activations import ACTIVATIONS
from barenet.nn.architecture import LayerSpec

SMALL = {"n_valid": 100, "batch_size": 48, "epochs": 2, "output": None, "verbose": False}


@pytest.fixture(scope="module")
def models(arrays):
    """Three networks of different depths, widths and functions."""
    kinds = (
        {"hidden_sizes": (16, 8), "activation": "gelu", "normalization": "layer"},
        {"hidden_sizes": 24, "activation": "relu", "dropout": 0.2},
        {"hidden_sizes": (), "seed": 4},
    )
    return [barenet.train(**arrays, **SMALL, **settings).model for settings in kinds]


def ending_in_softmax(model):
    """Return a network whose outputs are probabilities, such as one with the loss mse and a softmax layer."""
    rows = [LayerSpec(64, 10, ACTIVATIONS["tanh"]), LayerSpec(10, 4, ACTIVATIONS["softmax"])]
    mlp = MLP.from_architecture(rows, seed=1, loss="mse")
    return replace(model, mlp=mlp, loss=LOSSES["mse"])


def textbook(model, images):
    """Return the probabilities of a network in float64."""
    outputs = model.mlp.copy(np.float64).forward(images.reshape(len(images), -1) / 255)
    if model.gives_probabilities:
        return outputs
    shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.slow
@pytest.mark.parametrize("mixed", [False, True], ids=["logits", "logits and probabilities"])
@pytest.mark.parametrize("to", ["numpy", pytest.param("onnx", marks=pytest.mark.extra)])
def test_an_ensemble_of_different_networks_is_exported_within_the_limits_of_one(to, mixed, models, arrays, tmp_path):
    if to == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    members = [models[0], ending_in_softmax(models[0]), models[1]] if mixed else models
    expected = np.mean([textbook(model, arrays["x_test"]) for model in members], axis=0)
    np.testing.assert_allclose(Predictor(members).predict_proba(arrays["x_test"]), expected, atol=1e-5)
    target = tmp_path / ("model.py" if to == "numpy" else "model.onnx")
    result = export_model(members, to, target, dataset=from_arrays(**arrays))
    for agreement in result.agreements:  # it would not be written otherwise
        assert agreement.largest_difference <= 1e-6
        assert agreement.n_same == 120


def test_each_network_gets_a_softmax_layer_only_where_some_networks_lack_one(models):
    about = {"barenet_version": "test"}
    assert "return softmax(a)" in build_source(describe_networks(models, about), "model")
    mixed = build_source(describe_networks([models[0], ending_in_softmax(models[0])], about), "model")
    assert "return softmax(a)" not in mixed
    assert mixed.count("            softmax,\n") == 2
    assert make_loss("mse", 0.0).output == "identity"  # so a softmax on the last layer is really applied
