"""A trained model takes images in every form and gives the same answer."""

from __future__ import annotations

import json
import pickle
from itertools import pairwise

import numpy as np
import pytest

import barenet
from barenet.deploy.predictor import Predictor
from barenet.errors import CheckpointError, RunError, ShapeError


@pytest.fixture(scope="module")
def run(arrays, tmp_path_factory):
    settings = {"n_valid": 100, "hidden_sizes": "16,8", "activation": "relu", "batch_size": 48, "epochs": 4}
    return barenet.train(**arrays, **settings, output=tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def predictor(run):
    return barenet.load(run.folder)


def naive_probabilities(predictor, x):
    parameters = {n: v.astype(np.float64) for n, v in predictor.models[0].mlp.parameters.views.items()}
    a = np.asarray(x, np.float64).reshape(len(x), -1)
    for i in (1, 2):
        a = np.maximum(a @ parameters[f"W{i}"] + parameters[f"b{i}"], 0)
    z = a @ parameters["W3"] + parameters["b3"]
    shares = np.exp(z - z.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def test_probabilities_agree_with_a_naive_forward_pass(predictor, arrays):
    expected = naive_probabilities(predictor, arrays["x_test"] / 255)
    np.testing.assert_allclose(predictor.predict_proba(arrays["x_test"]), expected, atol=1e-5)
    np.testing.assert_array_equal(predictor.predict(arrays["x_test"]), expected.argmax(axis=1))
    assert (predictor.predict(arrays["x_test"]) == arrays["y_test"]).mean() > 0.5


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("flat", [False, True])
def test_every_form_of_many_images_gives_the_same(predictor, arrays, dtype, flat):
    images = arrays["x_test"]
    expected = predictor.predict_proba(images)
    images = images.astype(dtype) / dtype(255) if np.issubdtype(dtype, np.floating) else images.astype(dtype)
    images = images.reshape(120, 64) if flat else images
    np.testing.assert_allclose(predictor.predict_proba(images), expected, atol=1e-6)
    assert predictor.predict(images).shape == (120,)


@pytest.mark.parametrize("flat", [False, True])
def test_one_image_gives_one_answer(predictor, arrays, flat):
    image = arrays["x_test"][7].reshape((64,) if flat else (8, 8))
    shares = predictor.predict_proba(image)
    assert shares.shape == (4,)
    np.testing.assert_allclose(shares, predictor.predict_proba(arrays["x_test"])[7], atol=1e-6)
    assert predictor.predict(image).shape == ()
    assert int(predictor.predict(image)) == shares.argmax()
    assert predictor.predict_proba(image[None]).shape == (1, 4)


def test_lists_and_no_images_at_all_are_understood(predictor, arrays):
    np.testing.assert_array_equal(
        predictor.predict(arrays["x_test"][:3].tolist()), predictor.predict(arrays["x_test"][:3])
    )
    assert predictor.predict_proba(arrays["x_test"][:0]).shape == (0, 4)
    assert predictor.predict(arrays["x_test"][:0]).shape == (0,)


def test_predicting_does_not_change_the_images(predictor, arrays):
    images = (arrays["x_test"] / 255).astype(np.float32)
    before = images.copy()
    predictor.predict(images)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("shape", [(7, 7), (3, 7, 8), (65,), (2, 65), (), (1, 1, 8, 8), (8, 8, 1)])
def test_images_of_another_shape_are_refused(predictor, shape):
    with pytest.raises(ShapeError, match=r"images must have shape \(8, 8\) or \(64,\), one or many, got") as caught:
        predictor.predict(np.zeros(shape))
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.full((8, 8), 254.5), r"images must lie in 0 to 1, as in training; got .* pass uint8, or divide by 255"),
        (np.full((8, 8), 256), "images of whole numbers must lie in 0 to 255, as in training; got 256 to 256"),
        (np.full((8, 8), -1), "images of whole numbers must lie in 0 to 255, as in training; got -1 to -1"),
        (np.full((8, 8), np.nan), "images must be finite, got NaN or infinity"),
        (np.full((8, 8), -np.inf), "images must be finite, got NaN or infinity"),
        (np.full((8, 8), "a"), "images must be numbers, got"),
        (np.full((8, 8), None), "images must be numbers, got object"),
        (np.zeros((8, 8), complex), "images must be numbers, got complex128"),
    ],
)
def test_impossible_pixels_are_refused(predictor, images, message):
    with pytest.raises(ShapeError, match=message) as caught:
        predictor.predict(images)
    assert str(caught.value).isprintable()


def test_a_model_trained_on_floats_takes_them_at_any_scale(arrays):
    x = arrays["x"].astype(np.float32) / 16
    result = barenet.train(x, arrays["y"], n_valid=100, hidden_sizes=8, epochs=1, batch_size=48, output=None)
    predictor = Predictor([result.model])
    np.testing.assert_allclose(predictor.predict_proba(x).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.slow
def test_a_folder_of_seeds_averages_probabilities(arrays, tmp_path):
    settings = {"n_valid": 100, "hidden_sizes": 8, "batch_size": 48, "epochs": 1, "n_seeds": 3}
    run = barenet.train(arrays["x"], arrays["y"], **settings, output=tmp_path)
    whole = barenet.load(run.folder)
    alone = [barenet.load(run.folder / f"seed-{i}").predict_proba(arrays["x_test"]) for i in range(3)]
    assert len(whole.models) == 3
    np.testing.assert_allclose(whole.predict_proba(arrays["x_test"]), sum(alone) / 3, atol=1e-6)
    # A network that diverged before its first validation has no best weights.
    (run.folder / "seed-1" / "best.safetensors").unlink()
    remaining = barenet.load(run.folder).predict_proba(arrays["x_test"])
    np.testing.assert_allclose(remaining, (alone[0] + alone[2]) / 2, atol=1e-6)


def test_a_run_without_a_validation_yet_says_how_to_go_on(run, tmp_path):
    (tmp_path / "config.toml").touch()
    with pytest.raises(RunError, match=r"no validation is finished; go on with: barenet train --resume"):
        barenet.load(tmp_path)


@pytest.mark.parametrize("files", [[], ["photo.png"]])
def test_a_folder_that_is_not_a_run_is_refused(files, tmp_path):
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(RunError, match=f"is not a run folder: .* found {files[0] if files else 'nothing'}"):
        barenet.load(tmp_path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "model.h5").touch()
    with pytest.raises(CheckpointError, match="is not a model: expected a run folder"):
        barenet.load(tmp_path / "model.h5")
    with pytest.raises(CheckpointError, match="no model file"):
        barenet.load(tmp_path / "missing")


# ------------------------------------------------------------------------------------------- models of the course


@pytest.mark.parametrize("n_inputs", [49, 50])
def test_a_model_of_the_course_gives_the_same_probabilities_as_in_the_course(n_inputs, tmp_path):
    rng = np.random.default_rng(4)
    widths, names = [n_inputs, 9, 5, 3], ["relu", "tanh", "softmax"]
    weights = {}
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        weights[f"layer_{2 * i}_W"] = rng.normal(size=(n_in, n_out))
        weights[f"layer_{2 * i}_b"] = rng.normal(size=(1, n_out))
    rows = [
        {"input_dim": i, "output_dim": o, "activation": a} for i, o, a in zip(widths, widths[1:], names, strict=False)
    ]
    path = tmp_path / "model_epoch_30.pkl"
    path.write_bytes(pickle.dumps(weights, 4))
    path.with_suffix(".json").write_text(json.dumps(rows), "utf-8")
    images = rng.integers(0, 256, (20, n_inputs), np.uint8)

    z = np.maximum(images / 255 @ weights["layer_0_W"] + weights["layer_0_b"], 0)
    z = np.tanh(z @ weights["layer_2_W"] + weights["layer_2_b"])
    z = z @ weights["layer_4_W"] + weights["layer_4_b"]
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)

    predictor = barenet.load(path)
    np.testing.assert_allclose(predictor.predict_proba(images), expected, rtol=1e-11)
    np.testing.assert_allclose(predictor.predict_proba(images / 255), expected, rtol=1e-11)
    assert predictor.info.epoch == 30
    assert predictor.predict(images.reshape(20, 7, 7) if n_inputs == 49 else images).shape == (20,)


# ------------------------------------------------------------------------------------------ custom functions


def test_custom_functions_are_passed_again(arrays, tmp_path):
    square = barenet.Activation.custom("square", lambda z: z * z, lambda da, z, a: 2 * da * z)
    brier = barenet.Loss.custom(
        "brier",
        lambda logits, labels: np.mean(np.sum((logits - np.eye(4)[labels]) ** 2, axis=-1), axis=-1),
        lambda logits, labels: 2 * (logits - np.eye(4)[labels]) / logits.shape[-2],
    )
    result = barenet.train(
        *(arrays["x"], arrays["y"]),
        **{"n_valid": 100, "hidden_sizes": 8, "batch_size": 48, "epochs": 2, "output": tmp_path},
        activation=square,
        loss=brier,
    )
    with pytest.raises(CheckpointError, match="pass it again") as caught:
        barenet.load(result.folder)
    assert str(caught.value).isprintable()
    with pytest.raises(CheckpointError, match=r"custom:square.*pass custom activations again") as caught:
        barenet.load(result.folder, loss=brier)
    assert str(caught.value).isprintable()
    loaded = barenet.load(result.folder, activations=[square], loss=brier)
    in_memory = Predictor([result.model])
    np.testing.assert_array_equal(loaded.predict_proba(arrays["x_test"]), in_memory.predict_proba(arrays["x_test"]))
