"""Models with inputs on any scale can be exported, and the files run in OpenCV too."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest

import barenet
from barenet.data.datasets import from_arrays
from barenet.deploy.export import data_to_try, export_model
from barenet.deploy.export_numpy import build_source
from barenet.deploy.exported import Exported, describe_networks, measure_rounding
from barenet.deploy.predictor import Predictor
from barenet.errors import CheckpointError
from barenet.nn import MLP

SETTINGS = {"n_valid": 40, "hidden_sizes": 6, "epochs": 2, "batch_size": 20, "output": None, "verbose": False}


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (160, 6, 5), np.uint8), rng.integers(0, 3, 160)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Return a table with a missing number in it, and features far from zero."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "t.csv"
    times = 1_700_000_000 + rng.permutation(99)
    rows = [
        f"{t},{'' if t % 99 == 7 else round(v, 2)},{'ab'[t % 2]}"
        for t, v in zip(times, rng.normal(size=99), strict=True)
    ]
    path.write_text("time,value,label\n" + "\n".join(rows) + "\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def table_model(table):
    return barenet.train(data=table, **SETTINGS | {"n_valid": 20}).model


def train(x, y, **values):
    return [network.model for network in barenet.train(x, y, **SETTINGS | values).networks]


# --------------------------------------------------------------------------------- differences of rounding


def large_network(dtype=np.float32):
    """Return a network for pixels from 0 to 255 whose sums are large compared with their differences."""
    mlp = MLP(400, (64,), 3, seed=2, activation="relu", dtype=np.float64)
    mlp.parameters.views["W1"][...] += 0.05
    W2 = mlp.parameters.views["W2"]
    W2[...] = (W2 - W2.mean(axis=0)) / 100
    return mlp.copy(dtype)


def test_the_limit_follows_from_how_far_the_network_itself_is_from_exact_arithmetic():
    x = np.random.default_rng(0).uniform(0, 255, (200, 400)).astype(np.float32)
    exact = large_network(np.float64)
    logits = exact.forward(x.astype(np.float64))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    exported = Exported([large_network()], (400,), "float32", 1.0, ["a", "b", "c"], about={"barenet_version": "0"})
    rounding = measure_rounding(exported, x, shares)
    # The terms added one after the other, as a simple runtime does.
    views = exported.networks[0].parameters.views
    hidden = np.zeros((200, 64), np.float32)
    for i in range(400):
        hidden += x[:, i : i + 1] * views["W1"][i]
    z = (np.maximum(hidden + views["b1"], 0) @ views["W2"] + views["b2"]).astype(np.float64)
    found = np.exp(z - z.max(axis=1, keepdims=True))
    found /= found.sum(axis=1, keepdims=True)
    assert rounding > 2e-6  # more than the tolerance of an ordinary network
    assert np.abs(found - shares).max() < 4 * rounding


@pytest.mark.extra
def test_a_sound_model_of_unscaled_pixels_is_exported_and_a_person_decides_how_near(tmp_path):
    pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 300)
    x = (rng.uniform(-255, 255, (300, 12, 12)) + 40 * y[:, None, None]).astype(np.float32)
    [model] = train(x, y, hidden_sizes=32, epochs=6, label_smoothing=0.0, learning_rate=0.01)
    # Earlier versions did not scale numbers with a sign, so that the network took them as they are.
    model = replace(model, info=replace(model.info, scale=1.0))
    data = from_arrays(x, y, x, y)
    done = export_model([model], "onnx", tmp_path / "m.onnx", dataset=data)
    for agreement in done.agreements:
        assert agreement.largest_difference <= agreement.limit == pytest.approx(1e-6 + 4 * agreement.rounding)
    exact = Predictor([model]).predict_proba(x)
    assert done.agreements[0].n_same >= np.sum(np.sort(exact)[:, -1] > 0.5)
    wide = export_model([model], "onnx", tmp_path / "m.onnx", dataset=data, tolerance=0.01, force=True)
    assert wide.agreements[0].limit == 0.01
    with pytest.raises(CheckpointError, match=r"at most 1\.0e-12 is allowed; the model is within .* --tolerance"):
        export_model([model], "onnx", tmp_path / "n.onnx", dataset=data, tolerance=1e-12)
    assert not (tmp_path / "n.onnx").exists()


def test_a_model_that_cannot_take_the_carried_images_is_not_tried_on_them(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 28, 28)).astype(np.float32), rng.integers(0, 3, 80)  # of the size of the carried ones
    [model] = train(x, y, n_valid=20, epochs=1)
    assert data_to_try(model, tmp_path / "m.safetensors", None) is None


# ------------------------------------------------------------------------------------------------- the ONNX graph


def graph_of(models, **options):
    pytest.importorskip("onnx")
    from barenet.deploy.export_onnx import build_onnx

    return build_onnx(describe_networks(models, {}, **options))


@pytest.mark.extra
def test_the_graph_says_which_values_it_takes(pictures):
    x, y = pictures
    for images, words in ((x, "uint8, bytes 0-255"), (x / 127.5 - 1, "float32, from -1 to 1, as in training")):
        graph = graph_of(train(images.astype(images.dtype if images.dtype == np.uint8 else np.float32), y))
        facts = {entry.key: json.loads(entry.value) for entry in graph.metadata_props if entry.key == "input_range"}
        assert words in graph.doc_string
        assert facts["input_range"] == ([0, 255] if images.dtype == np.uint8 else [-1, 1])


@pytest.mark.extra
@pytest.mark.parametrize("n_seeds", [1, 2])
def test_the_graph_has_no_operator_that_opencv_lacks(n_seeds, pictures):
    operators = {node.op_type for node in graph_of(train(*pictures, n_seeds=n_seeds)).graph.node}
    assert not operators & {"Mean", "Flatten", "Gemm"}


@pytest.mark.extra
@pytest.mark.parametrize("activation", ["relu", "gelu", "elu", "softplus"])
@pytest.mark.parametrize("preprocessing", [True, False])
def test_opencv_runs_the_graph(activation, preprocessing, pictures):
    cv2 = pytest.importorskip("cv2")
    x, y = pictures
    models = train(x, y, activation=activation, n_seeds=1 + (activation == "gelu"))
    expected = Predictor(models).predict_proba(x[:7])
    content = graph_of(models, preprocessing=preprocessing).SerializeToString()
    net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
    given = x[:7] if preprocessing else (x[:7] / 255).astype(np.float32)
    # One more axis: OpenCV 4 takes three of NumPy for rows, columns and channels.
    for form in (given[:, None], given.reshape(7, -1), given[:1, None]):
        net.setInput(form)
        found = net.forward("probabilities")
        np.testing.assert_allclose(found, expected[: len(form)], atol=1e-6)


@pytest.mark.extra
def test_opencv_runs_the_graph_of_features():
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(0)
    x = rng.normal([100, -3], [20, 0.5], (160, 2)).astype(np.float32)
    models = train(x, (x[:, 0] > 100).astype(int))
    net = cv2.dnn.readNetFromONNX(np.frombuffer(graph_of(models).SerializeToString(), np.uint8))
    net.setInput(x)
    np.testing.assert_allclose(net.forward("probabilities"), Predictor(models).predict_proba(x), atol=1e-6)


# --------------------------------------------------------------------------------- features far from 0, and missing


def independent(model, rows):
    """Return the probabilities of rows of a time and a value, which may be missing, by what the model stores."""
    known = {name: np.array(model.info.preprocessing[name]) for name in ("fill", "mean", "deviation")}
    features = np.column_stack([rows, np.isnan(rows[:, 1])])
    x = (np.where(np.isnan(features), known["fill"], features) - known["mean"]) / known["deviation"]
    logits = model.mlp.copy(np.float64).forward(x)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def rows_of_times():
    """Return rows (5, 2) whose times differ by seconds, and whose value is missing in one."""
    rows = np.zeros((5, 2))
    rows[:, 0], rows[:, 1] = 1_700_000_000 + np.arange(5) * 20, 0.5
    rows[2, 1] = np.nan
    return rows


def test_a_python_file_takes_times_and_missing_numbers(table_model, tmp_path):
    path = tmp_path / "exported.py"
    path.write_text(build_source(describe_networks([table_model], {}), "exported"), "utf-8")
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = rows_of_times()
    expected = independent(table_model, rows)
    assert np.ptp(expected[:, 0]) > 1e-4  # the times make a difference
    np.testing.assert_allclose(module.predict_proba(rows), expected, atol=1e-6)
    with pytest.raises(ValueError, match="row 1: 'time' is inf, too large"):
        module.predict_proba(np.full_like(rows, np.inf))


@pytest.mark.extra
def test_an_onnx_file_takes_times_and_missing_numbers(table_model):
    pytest.importorskip("onnxruntime")
    from barenet.deploy.export_onnx import run_onnxruntime, run_reference

    rows, graph = rows_of_times(), graph_of([table_model])
    assert describe_networks([table_model], {}).input_dtype == "float64"
    for run in (run_onnxruntime, run_reference):
        np.testing.assert_allclose(run(graph.SerializeToString(), rows)[0], independent(table_model, rows), atol=1e-6)
