"""An export is written only if it agrees with the model, and never over an existing file."""

from __future__ import annotations

import json
import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest
from told import listen

import barenet
from barenet.data.datasets import from_arrays
from barenet.deploy.export import export_model, load_for_export
from barenet.deploy.exported import (
    TOLERANCE,
    compare,
    describe_networks,
    exact_probabilities,
    measure_rounding,
    reorder,
)
from barenet.deploy.predictor import Predictor
from barenet.deploy.targets import default_name
from barenet.errors import CheckpointError, ConfigError, DataError, MachineError, RunError
from barenet.nn.activations import ACTIVATIONS
from barenet.nn.layers import ActivationLayer
from barenet.pages.playground.page import build_page

SETTINGS = {
    "activation": "relu",
    "n_valid": 100,
    "hidden_sizes": "16,8",
    "batch_size": 48,
    "epochs": 2,
    "verbose": False,
}


@pytest.fixture(scope="module")
def run(arrays, tmp_path_factory):
    return barenet.train(**arrays, **SETTINGS, output=tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def models(run):
    return load_for_export(run.folder)


def test_exact_probabilities_are_those_of_a_naive_forward_pass(models, arrays):
    parameters = {n: v.astype(np.float64) for n, v in models[0].mlp.parameters.views.items()}
    a = arrays["x_test"].reshape(120, -1) / 255
    for i in (1, 2):
        z = a @ parameters[f"W{i}"] + parameters[f"b{i}"]
        a = np.maximum(z, 0)
    z = a @ parameters["W3"] + parameters["b3"]
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    found = exact_probabilities(describe_networks(models, {}), arrays["x_test"])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_comparison_counts_and_measures():
    expected = np.array([[0.7, 0.3], [0.4, 0.6], [0.5 + 1e-7, 0.5 - 1e-7]])
    found = expected + np.array([[0.0, 0.0], [5e-7, -5e-7], [-2e-7, 2e-7]])
    agreement = compare("a runtime", expected, found, np.array([0, 1, 1]))
    assert agreement.largest_difference == pytest.approx(5e-7)
    assert (agreement.n_images, agreement.n_same, agreement.n_near_ties) == (3, 2, 1)
    assert agreement.limit == TOLERANCE


@pytest.mark.parametrize(
    ("shift", "classes", "message"),
    [
        (2e-6, [0, 1], r"differ by up to 2\.0e-06"),
        (np.nan, [0, 1], "differ by up to nan"),
        (0.0, [0, 0], "1 of 2 classes differ"),
    ],
)
def test_a_file_that_disagrees_is_refused(shift, classes, message):
    expected = np.array([[0.7, 0.3], [0.4, 0.6]])
    with pytest.raises(CheckpointError, match=message):
        compare("a runtime", expected, expected + shift, np.array(classes))
    with pytest.raises(CheckpointError, match="of shape"):
        compare("a runtime", expected, expected[:, :1], np.array([0, 1]))


def test_the_rounding_of_a_model_widens_the_limit_by_four_times_that_and_a_tolerance_may_be_given():
    expected = np.array([[0.7, 0.3]])
    agreement = compare("r", expected, expected + 6e-6, np.array([0]), rounding=1.5e-6)
    assert agreement.limit == pytest.approx(7e-6)
    assert agreement.rounding == 1.5e-6
    with pytest.raises(CheckpointError, match=r"at most 7\.0e-06 .* the model is within 1\.5e-06 .* by --tolerance"):
        compare("r", expected, expected + 8e-6, np.array([0]), rounding=1.5e-6)
    assert compare("r", expected, expected + 8e-6, np.array([0]), tolerance=1e-5).limit == 1e-5
    with pytest.raises(CheckpointError, match=r"at most 1\.0e-07"):
        compare("r", expected, expected + 8e-6, np.array([0]), rounding=1.0, tolerance=1e-7)


@pytest.mark.parametrize("tolerance", [0, -1e-3, 1, np.nan])
def test_a_tolerance_outside_of_0_to_1_is_refused(tolerance, models, tmp_path):
    with pytest.raises(ConfigError, match="tolerance must be between 0 and 1, a difference of probabilities, got"):
        export_model(models, "numpy", tmp_path / "m.py", tolerance=tolerance)


def test_a_reordered_network_computes_the_same(models, arrays):
    x = arrays["x_test"].reshape(120, 64) / 255
    exact = models[0].mlp.copy(np.float64)
    other, columns = reorder(exact, np.random.default_rng(0))
    assert not np.array_equal(other.parameters.views["W2"], exact.parameters.views["W2"])
    np.testing.assert_allclose(other.forward(x[:, columns]), exact.forward(x), rtol=1e-12)


def test_the_rounding_of_a_model_is_the_largest_of_several_orders_of_its_sums(models, arrays):
    exported = describe_networks(models, {})
    exact = exact_probabilities(exported, arrays["x_test"])
    rounding = measure_rounding(exported, arrays["x_test"], exact)  # so the usual order has no error
    assert 0 < rounding < 1e-6
    assert measure_rounding(exported, arrays["x_test"], exact + 1e-3) == pytest.approx(1e-3)


def test_a_file_that_disagrees_does_not_replace_the_old_one(models, arrays, tmp_path, monkeypatch):
    from barenet.deploy import numpy_template

    monkeypatch.setitem(
        numpy_template.FUNCTION_SOURCES,
        models[0].info.architecture[0]["activation"],
        "\nrelu = np.abs\nleaky_relu = np.abs\n",
    )
    target = tmp_path / "m.py"
    target.write_text("mine", "utf-8")
    with pytest.raises(CheckpointError, match="the export is not written: run by python"):
        export_model(models, "numpy", target, dataset=from_arrays(**arrays), force=True)
    assert target.read_text("utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [target]


def test_an_existing_file_is_overwritten_only_with_force(models, arrays, tmp_path):
    target = tmp_path / "m.py"
    target.write_text("mine", "utf-8")
    with pytest.raises(RunError, match=r"m\.py exists already; overwrite it by --force, or choose another --output"):
        export_model(models, "numpy", target, dataset=from_arrays(**arrays))
    assert target.read_text("utf-8") == "mine"
    export_model(models, "numpy", target, dataset=from_arrays(**arrays), force=True)
    assert "needs only NumPy" in target.read_text("utf-8")


@pytest.mark.parametrize(
    ("target", "message"), [("", "is a folder; name a file"), ("no/m.py", r"there is no folder .*no for m\.py")]
)
def test_an_impossible_target_is_refused(target, message, models, tmp_path):
    with pytest.raises(RunError, match=message):
        export_model(models, "numpy", tmp_path / target, force=True)


def test_an_unknown_format_is_refused(models, tmp_path):
    with pytest.raises(ConfigError, match=r"unknown format 'onxx'; did you mean 'onnx'\?"):
        export_model(models, "onxx", tmp_path / "m")


def test_without_test_images_random_ones_are_used(models, tmp_path):
    notes = listen()
    result = export_model(models, "numpy", tmp_path / "m.py")
    assert result.images == "1,000 random images"
    assert notes == ["no test images: the export is compared with the model on 1,000 random images"]
    assert result.test_accuracy is None
    assert result.agreements[0].n_same == 1000


def test_test_images_of_another_size_or_kind_are_refused(models, arrays, tmp_path):
    other = from_arrays(arrays["x"][:, :7], arrays["y"], arrays["x_test"][:, :7], arrays["y_test"])
    with pytest.raises(CheckpointError, match="takes images of 64 values, but arrays has 56"):
        export_model(models, "numpy", tmp_path / "m.py", dataset=other)
    floats = from_arrays(arrays["x"] / 255, arrays["y"], arrays["x_test"] / 255, arrays["y_test"])
    with pytest.raises(CheckpointError, match=r"was trained on bytes \(uint8\), but the test images are float32"):
        export_model(models, "numpy", tmp_path / "m.py", dataset=floats)


def test_the_file_does_not_hold_the_accuracy_on_other_data(models, arrays, tmp_path):
    other = from_arrays(arrays["x"], arrays["y"], arrays["x_test"][:50], arrays["y_test"][:50])
    result = export_model(models, "numpy", tmp_path / "m.py", dataset=other)
    assert result.test_accuracy is None
    assert "test_accuracy" not in result.exported.about


@pytest.mark.slow
def test_a_custom_function_is_refused_with_the_reason(arrays, tmp_path):
    square = barenet.Activation.custom("square", lambda z: z * z, lambda da, z, a: 2 * da * z)
    result = barenet.train(**arrays, **SETTINGS | {"activation": square}, output=tmp_path)
    with pytest.raises(
        CheckpointError, match=r"cannot be exported: it was trained with 'custom:square', a custom Python func"
    ):
        load_for_export(result.folder)
    with pytest.raises(ConfigError, match="its activation 'custom:square' is a custom Python function"):
        export_model([result.model], "numpy", tmp_path / "m.py")


def test_other_errors_of_loading_are_passed_on(tmp_path):
    with pytest.raises(CheckpointError, match="no model file"):
        load_for_export(tmp_path / "missing.safetensors")


@pytest.mark.parametrize("package", ["onnx", pytest.param("onnxruntime", marks=pytest.mark.extra)])
def test_a_missing_package_names_the_command_that_installs_it(package, models, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    if package == "onnxruntime":
        pytest.importorskip("onnx")
    with pytest.raises(MachineError, match=r'which is not installed: pip install "barenet\[onnx\]"'):
        export_model(models, "onnx", tmp_path / "m.onnx")


@pytest.mark.parametrize("to", [pytest.param("onnx", marks=pytest.mark.extra), "numpy"])
def test_a_model_of_the_course_is_exported_in_float64_or_float32(to, tmp_path):
    if to == "onnx":
        pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(4)
    weights = {"layer_0_W": rng.normal(size=(49, 9)), "layer_0_b": rng.normal(size=(1, 9))}
    weights |= {"layer_2_W": rng.normal(size=(9, 3)) / 3, "layer_2_b": rng.normal(size=(1, 3))}
    rows = [
        {"input_dim": 49, "output_dim": 9, "activation": "tanh"},
        {"input_dim": 9, "output_dim": 3, "activation": "softmax"},
    ]
    path = tmp_path / "model_epoch_30.pkl"
    path.write_bytes(pickle.dumps(weights, 4))
    path.with_suffix(".json").write_text(json.dumps(rows), "utf-8")
    models = load_for_export(path)
    result = export_model(models, to, tmp_path / "m")
    assert all(agreement.largest_difference <= (1e-6 if to == "onnx" else 1e-15) for agreement in result.agreements)
    assert Predictor(models).predict_proba(np.zeros(49)).dtype == np.float64


class Bias(ActivationLayer):
    """A kind of layer that exports do not know."""

    kind = "bias"


@pytest.mark.parametrize("to", ["onnx", "numpy"])
def test_a_kind_of_layer_that_an_export_does_not_know_is_named_and_nothing_is_written(to, models, arrays, tmp_path):
    if to == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    model = replace(models[0], mlp=models[0].mlp.copy())
    model.mlp.layers.insert(1, Bias(ACTIVATIONS["relu"], model.mlp.architecture.rows[0].output_dim))
    known = "residual_start, dense, layer_norm, batch_norm, activation, residual_sum, dropout"
    with pytest.raises(ConfigError, match=f"knows no layer of kind 'bias', only {known}"):
        export_model([model], to, tmp_path / "m", dataset=from_arrays(**arrays))
    assert list(tmp_path.iterdir()) == []


def test_a_kind_of_layer_that_the_playground_does_not_know_is_named(models):
    model = replace(models[0], mlp=models[0].mlp.copy())
    model.mlp.layers.insert(1, Bias(ACTIVATIONS["relu"], model.mlp.architecture.rows[0].output_dim))
    with pytest.raises(ConfigError, match="the playground knows no layer of kind 'bias'"):
        build_page(model, name="run")


def test_the_function_exports_a_run_by_its_path_in_the_format_of_the_file_name(run, arrays, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = from_arrays(**arrays)
    result = barenet.export(run.folder, dataset=data, output="model.py")
    assert (result.format, result.images) == ("numpy", "120 test images of arrays")
    assert (tmp_path / "model.py").exists()
    named = barenet.export(str(run.folder / "best.safetensors"), to="numpy", dataset=data)
    assert named.path.name == "quick_1.py"  # the name of the run; the best weights add nothing to it
    assert named.path.read_text("utf-8").replace("quick_1", "model") == (tmp_path / "model.py").read_text("utf-8")
    with pytest.raises(RunError, match=r"quick_1\.py exists already"):
        barenet.export(run.folder, to="numpy", dataset=data)
    with pytest.raises(ConfigError, match="export needs --to onnx or --to numpy"):
        barenet.export(run.folder)


@pytest.mark.slow
def test_data_that_cannot_be_read_are_a_note_if_they_are_the_runs_and_an_error_if_they_were_given(run, tmp_path):
    notes = listen()
    result = barenet.export(run.folder, output=tmp_path / "model.py")
    assert result.images == "1,000 random images"  # the run was trained on arrays, and the carried images do not fit
    with pytest.raises(DataError, match="missing does not exist"):
        barenet.export(run.folder, output=tmp_path / "other.py", dataset=tmp_path / "missing")
    assert any("random images" in sentence for sentence in notes)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("studies/course-search-1/best", "course-search-1.onnx"),
        ("studies/course-search-1/best/best.safetensors", "course-search-1.onnx"),
        ("studies/course-search-1/best/epoch-3.safetensors", "course-search-1-epoch-3.onnx"),
        ("studies/course-search-1/retrained", "course-search-1-retrained.onnx"),
        ("runs/quick-1", "quick-1.onnx"),
        ("runs/quick-1/best.safetensors", "quick-1.onnx"),
        ("runs/quick-1/last.safetensors", "quick-1-last.onnx"),
        ("runs/quick-2/seed-1", "quick-2-seed-1.onnx"),
        ("runs/quick-2/seed-1/best.safetensors", "quick-2-seed-1.onnx"),
        ("model_epoch_100.pkl", "model_epoch_100.onnx"),
        ("best.safetensors", "best.onnx"),
        ("best", "best.onnx"),
    ],
)
def test_a_file_is_named_after_the_run_or_the_study(path, name, tmp_path):
    for folder in ("studies/course-search-1/best", "studies/course-search-1/retrained", "runs/quick-1", "best",
                   "runs/quick-2", "runs/quick-2/seed-1"):  # fmt: skip
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "config.toml").touch()
    (tmp_path / "studies" / "course-search-1" / "study.json").touch()
    assert default_name(tmp_path / path, "onnx") == name
