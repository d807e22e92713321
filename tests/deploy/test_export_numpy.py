"""The exported Python file: its results as a module and as a program, without barenet."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from families import slow_except

import barenet
from barenet.deploy.export_numpy import build_source, run_file
from barenet.deploy.exported import describe_networks
from barenet.deploy.predictor import Predictor
from barenet.errors import CheckpointError
from barenet.nn.activations import ACTIVATIONS

SETTINGS = {"n_valid": 100, "hidden_sizes": "16,8", "batch_size": 48, "epochs": 2, "output": None, "verbose": False}

GENERAL = {"predict", "predict_proba", "prepare", "run", "array", "main"}  # functions of every file
OF_IMAGES = {"fit_images", "check_numbers", "choose_factor", "is_unit_range", "usual_ends", "look_at_ends", "between"}


def train(arrays, **values):
    return [network.model for network in barenet.train(**arrays, **{**SETTINGS, **values}).networks]


def source(models, **options):
    return build_source(describe_networks(models, {}, **options), "model")


def load(text, folder):
    path = folder / "model.py"
    path.write_text(text, "utf-8")
    spec = importlib.util.spec_from_file_location("model", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def models(arrays):
    return train(arrays)


@pytest.mark.parametrize("activation", slow_except(ACTIVATIONS, "relu", "gelu", "softmax"))
def test_every_activation_gives_the_model_s_probabilities(activation, arrays, tmp_path):
    models = train(arrays, activation=activation)
    module = load(source(models), tmp_path)
    expected = Predictor(models).predict_proba(arrays["x_test"])
    found = module.predict_proba(arrays["x_test"])
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= 1e-6
    np.testing.assert_array_equal(module.predict(arrays["x_test"]), expected.argmax(axis=1))
    # Only the functions in use are in the file.
    defined = {node.name for node in ast.parse(source(models)).body if isinstance(node, ast.FunctionDef)}
    assert defined == {*GENERAL, *OF_IMAGES, "dense", activation, "softmax"} - {"identity"}


@pytest.mark.parametrize("normalization", ["layer", "batch"])
def test_a_normalised_network_gives_the_model_s_probabilities(normalization, arrays, tmp_path):
    models = train(arrays, activation="gelu", normalization=normalization)
    found = load(source(models), tmp_path).predict_proba(arrays["x_test"])
    assert np.abs(found - Predictor(models).predict_proba(arrays["x_test"])).max() <= 1e-6


def test_residual_connections_give_the_model_s_probabilities(arrays, tmp_path):
    models = train(arrays, activation="tanh", normalization="layer", residual=True, hidden_sizes="64,64,64", n_seeds=2)
    module = load(source(models), tmp_path)
    found = module.predict_proba(arrays["x_test"])
    assert np.abs(found - Predictor(models).predict_proba(arrays["x_test"])).max() <= 1e-6
    assert [layer[0].__name__ for layer in module.NETWORKS[0]] == ["residual"] * 3 + ["dense"]  # the images are 64 wide


def test_images_may_have_any_form(models, arrays, tmp_path):
    module = load(source(models), tmp_path)
    images = arrays["x_test"]
    expected = module.predict_proba(images)
    for form in (images.reshape(120, 64), images.astype(int), images / 255, (images / 255).astype(np.float32)):
        np.testing.assert_allclose(module.predict_proba(form), expected, atol=1e-6)
    assert module.predict_proba(images[0]).shape == (4,)
    assert module.predict(images[0]).shape == ()
    assert module.predict_proba(images[:0]).shape == (0, 4)
    with pytest.raises(ValueError, match=r"images must have shape \(8, 8\), flat or not, one or many, got \(7, 7\)"):
        module.predict(np.zeros((7, 7)))
    with pytest.raises(ValueError, match=r"images must be numbers, got complex128"):
        module.predict(np.zeros((8, 8), complex))


def test_the_file_needs_only_numpy_and_the_standard_library(models):
    imported = {
        alias.name
        for node in ast.walk(ast.parse(source(models)))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported == {"argparse", "base64", "numpy", "warnings"}


def test_as_a_program_it_prints_a_line_for_each_image(models, arrays, tmp_path):
    (tmp_path / "model.py").write_text(source(models), "utf-8")
    np.save(tmp_path / "images.npy", arrays["x_test"][:5])
    run = [sys.executable, "-I", "model.py"]
    done = subprocess.run([*run, "images.npy"], check=True, cwd=tmp_path, capture_output=True, encoding="utf-8")
    expected = Predictor(models).predict_proba(arrays["x_test"][:5])
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines] == [[str(i), str(row.argmax())] for i, row in enumerate(expected)]
    assert [float(line[2]) for line in lines] == pytest.approx(expected.max(axis=1), abs=1e-4)
    wrong = subprocess.run([*run, "nothing.npy"], check=False, cwd=tmp_path, capture_output=True, encoding="utf-8")
    assert wrong.returncode == 2
    assert "nothing.npy" in wrong.stderr


def test_several_seeds_and_no_preprocessing(arrays, tmp_path):
    models = train(arrays, n_seeds=2)
    module = load(source(models, preprocessing=False), tmp_path)
    scaled = arrays["x_test"].astype(np.float32) / np.float32(255)
    np.testing.assert_allclose(
        module.predict_proba(scaled), Predictor(models).predict_proba(arrays["x_test"]), atol=1e-6
    )
    assert (module.SCALE, module.TAKES_BYTES) == (1, False)


def test_names_of_classes_cannot_break_out_of_their_quotes(models, arrays, tmp_path):
    names = ['"""', "it's\\", "été 靴 😀", "\n__import__('os')"]
    models = [
        type(models[0])(m.mlp, m.info.__class__(**{**vars(m.info), "class_names": names}), m.loss, m.path)
        for m in models
    ]
    text = source(models)
    assert text.isascii()
    found = load(text, tmp_path).CLASS_NAMES
    assert found == names


def test_a_file_that_fails_is_not_exported(models, arrays):
    broken = source(models).replace("def predict_proba", "def other")
    with pytest.raises(CheckpointError, match="the export is not written: run as a program it failed: NameError"):
        run_file(broken, arrays["x_test"], "model")
