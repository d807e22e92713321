"""An ONNX file gives the same results as the model, in two runtimes, for every activation and any batch."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from families import slow_except

import barenet
from barenet.data.datasets import from_arrays
from barenet.data.loading import load_dataset
from barenet.deploy.export import export_model, load_for_export
from barenet.deploy.exported import describe_networks
from barenet.deploy.predictor import Predictor
from barenet.nn.activations import ACTIVATIONS

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.extra

from barenet.deploy.export_onnx import build_onnx, run_onnxruntime, run_reference  # noqa: E402

SETTINGS = {"n_valid": 100, "hidden_sizes": "16,8", "batch_size": 48, "epochs": 2, "output": None, "verbose": False}


def train(arrays, **values):
    return [network.model for network in barenet.train(**arrays, **{**SETTINGS, **values}).networks]


@pytest.fixture(scope="module")
def models(arrays):
    return train(arrays)


def content(models, *, preprocessing=True):
    return build_onnx(describe_networks(models, {}, preprocessing=preprocessing)).SerializeToString()


@pytest.mark.parametrize("activation", slow_except(ACTIVATIONS, "relu", "gelu", "softmax"))
@pytest.mark.parametrize("run", slow_except([run_onnxruntime, run_reference], run_onnxruntime))
def test_every_activation_gives_the_model_s_probabilities(run, activation, arrays):
    models = train(arrays, activation=activation)
    expected = Predictor(models).predict_proba(arrays["x_test"])
    found, classes = run(content(models), arrays["x_test"])
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= 1e-6
    np.testing.assert_array_equal(classes, expected.argmax(axis=1))


@pytest.mark.parametrize("normalization", ["layer", "batch"])
@pytest.mark.parametrize("run", slow_except([run_onnxruntime, run_reference], run_onnxruntime))
def test_a_normalised_network_gives_the_model_s_probabilities(run, normalization, arrays):
    models = train(arrays, activation="gelu", normalization=normalization)
    found, _ = run(content(models), arrays["x_test"])
    assert np.abs(found - Predictor(models).predict_proba(arrays["x_test"])).max() <= 1e-6


@pytest.mark.parametrize("run", slow_except([run_onnxruntime, run_reference], run_onnxruntime))
def test_residual_connections_give_the_model_s_probabilities(run, arrays):
    models = train(arrays, activation="tanh", normalization="layer", residual=True, hidden_sizes="64,64,64", n_seeds=2)
    found, _ = run(content(models), arrays["x_test"])
    assert np.abs(found - Predictor(models).predict_proba(arrays["x_test"])).max() <= 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("run", slow_except([run_onnxruntime, run_reference], run_onnxruntime))
def test_large_values_neither_overflow_nor_warn(run, activation, arrays):
    models = train(arrays, activation=activation, epochs=1)
    models[0].mlp.parameters.views["W1"][...] *= 300  # sums of hundreds, for which e^z overflows in float32
    found, _ = run(content(models), arrays["x_test"])
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, Predictor(models).predict_proba(arrays["x_test"]), atol=1e-4)


def test_a_batch_may_have_any_size(models, arrays):
    session = onnxruntime.InferenceSession(content(models), providers=["CPUExecutionProvider"])
    expected = Predictor(models).predict_proba(arrays["x_test"])
    for n in (1, 2, 7, 120):
        probabilities, classes = session.run(None, {"images": arrays["x_test"][:n]})
        assert probabilities.shape == (n, 4)
        assert classes.shape == (n,)
        np.testing.assert_allclose(probabilities, expected[:n], atol=1e-6)


def test_without_preprocessing_the_file_takes_floats(models, arrays):
    scaled = arrays["x_test"].astype(np.float32) / np.float32(255)
    for run in (run_onnxruntime, run_reference):
        found, _ = run(content(models, preprocessing=False), scaled)
        np.testing.assert_allclose(found, Predictor(models).predict_proba(arrays["x_test"]), atol=1e-6)


def test_several_seeds_are_averaged_in_the_file(arrays):
    models = train(arrays, n_seeds=3)
    expected = sum(Predictor([model]).predict_proba(arrays["x_test"]) for model in models) / 3
    for run in (run_onnxruntime, run_reference):
        np.testing.assert_allclose(run(content(models), arrays["x_test"])[0], expected, atol=1e-6)


@pytest.mark.parametrize("loss", ["mse", "hinge"])
@pytest.mark.parametrize("last", ["softmax", "identity"])
def test_softmax_is_taken_once_for_every_loss(last, loss, arrays):
    rows = [(64, 8, "relu"), (8, 4, last)]
    layers = [dict(zip(("input_dim", "output_dim", "activation"), row, strict=True)) for row in rows]
    result = barenet.train(
        **arrays,
        **{name: value for name, value in SETTINGS.items() if name != "hidden_sizes"},
        settings={"model": {"layers": layers, "loss": loss, "label_smoothing": 0.0}},
    )
    models = [result.model]
    found, _ = run_onnxruntime(content(models), arrays["x_test"])
    np.testing.assert_allclose(found, Predictor(models).predict_proba(arrays["x_test"]), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_features_are_standardised_in_the_file(tmp_path):
    rng = np.random.default_rng(0)
    features = rng.normal([1e4, 0, -3], [5, 1e-3, 1], (300, 3)).astype(np.float32)
    labels = (features[:, 0] > 1e4).astype(int)
    mean, deviation = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    values = SETTINGS | {"epochs": 30, "label_smoothing": 0}
    trained = barenet.train(features, labels, **values).networks[0].model
    info = replace(trained.info, preprocessing={"mean": mean.tolist(), "deviation": deviation.tolist()})
    models = [replace(trained, info=info)]
    outputs = trained.mlp.copy(np.float64).forward((features - mean) / deviation)
    expected = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    assert np.mean(expected.argmax(axis=1) == labels) > 0.8
    for run in (run_onnxruntime, run_reference):
        np.testing.assert_allclose(run(content(models), features)[0], expected, atol=1e-6)
    dataset = from_arrays(features, labels, features, labels)
    for to, name in (("onnx", "m.onnx"), ("numpy", "m.py")):
        for preprocessing in (True, False):
            target = tmp_path / name
            done = export_model(models, to, target, dataset=dataset, preprocessing=preprocessing, force=True)
            assert all(agreement.n_same == 300 for agreement in done.agreements)


def test_the_file_can_be_read_by_runtimes_of_2022_and_says_what_it_is(tmp_path, arrays):
    models = load_for_export(barenet.train(**arrays, **SETTINGS | {"output": tmp_path}).folder)
    result = export_model(models, "onnx", tmp_path / "m.onnx", dataset=from_arrays(**arrays))
    model = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 8
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    assert (model.producer_name, model.producer_version) == ("barenet", barenet.__version__)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(facts["class_names"]) == ["0", "1", "2", "3"]
    assert json.loads(facts["image_shape"]) == [8, 8]
    assert facts["barenet_version"] == barenet.__version__
    right = np.mean(Predictor(models).predict(arrays["x_test"]) == arrays["y_test"])
    assert float(facts["test_accuracy"]) == right == result.test_accuracy
    assert 0 < float(facts["validation_accuracy"]) <= 1
    shape = [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape == ["batch", 8, 8]


@pytest.mark.full
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_all_10_000_test_images_have_the_same_class_in_both_runtimes(activation, tmp_path):
    dataset = load_dataset()
    images, labels = dataset.train_images.reshape(-1, 28, 28), dataset.train_labels
    result = barenet.train(
        *(images[:20_000], labels[:20_000]), activation=activation, epochs=3, output=None, verbose=False
    )
    for to, name in (("onnx", "m.onnx"), ("numpy", "m.py")):
        done = export_model([result.model], to, tmp_path / name, dataset=dataset)
        for agreement in done.agreements:
            print(activation, agreement)
            assert agreement.n_images == agreement.n_same == 10_000
            assert agreement.largest_difference <= 1e-6
