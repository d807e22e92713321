"""The average of each image and its mirror image, compared with a float64 forward pass over images flipped by NumPy."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import barenet
from barenet.data.datasets import from_arrays
from barenet.deploy.predictor import Predictor
from barenet.errors import CheckpointError
from barenet.run_folders.scores import score_model
from barenet.training.evaluation import EVALUATION_BATCH

SMALL = {"n_valid": 60, "hidden_sizes": 12, "activation": "tanh", "batch_size": 40, "epochs": 2, "verbose": False}


def train(arrays, **values):
    return barenet.train(arrays["x"], arrays["y"], **(SMALL | {"output": None} | values)).model


def textbook(model, images):
    """Return probabilities (n, C) of raw images, in float64, standardised by the model's statistics."""
    x = np.asarray(images, np.float64).reshape(len(images), -1)
    remembered = model.info.preprocessing
    x = (x - remembered["mean"]) / remembered["deviation"] if "mean" in remembered else x * model.info.scale
    weights = {name: view.astype(np.float64) for name, view in model.mlp.parameters.views.items()}
    z = np.tanh(x @ weights["W1"] + weights["b1"]) @ weights["W2"] + weights["b2"]
    shares = np.exp(z - z.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def flipped(images):
    return np.stack([np.fliplr(image) for image in images])


def colour(images):
    """Return grey images (n, height, width) as colours (n, height, width, 3) that differ."""
    return np.stack([images, 255 - images, images // 2], axis=-1)


@pytest.mark.parametrize(
    ("change", "values"),
    [
        (lambda images: images, {}),
        (lambda images: (images / 255).astype(np.float32), {}),
        (colour, {}),
        (lambda images: images, {"standardize": True}),
    ],
    ids=["bytes", "floats", "colour", "standardised"],
)
def test_probabilities_are_the_mean_of_an_image_and_its_mirror_image(change, values, arrays):
    x, x_test = change(arrays["x"]), change(arrays["x_test"])
    model = train({"x": x, "y": arrays["y"]}, **values)
    plain, mirrored = Predictor([model]), Predictor([model], mirror=True)
    expected = (textbook(model, x_test) + textbook(model, flipped(x_test))) / 2
    found = mirrored.predict_proba(x_test)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(mirrored.predict_proba(flipped(x_test)), expected, atol=1e-5)
    np.testing.assert_allclose(mirrored.predict_proba(x_test[7]), expected[7], atol=1e-5)
    assert np.abs(plain.predict_proba(x_test) - expected).max() > 0.01
    assert repr(mirrored).count("mirrored too") == 1
    assert "mirrored" not in repr(plain)


def test_more_images_than_a_batch_holds_are_mirrored_batch_by_batch(arrays):
    images = np.random.default_rng(0).integers(0, 256, (EVALUATION_BATCH + 7, 8, 8), np.uint8)
    before = images.copy()
    model = train(arrays)
    expected = (textbook(model, images) + textbook(model, flipped(images))) / 2
    np.testing.assert_allclose(Predictor([model], mirror=True).predict_proba(images), expected, atol=1e-5)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("values", [{}, {"standardize": True}], ids=["bytes", "standardised"])
def test_mirror_images_take_no_copy_of_all_images(values, arrays):
    model = train({"x": np.kron(arrays["x"], np.ones((3, 3), np.uint8)), "y": arrays["y"]}, **values, epochs=1)
    images = np.random.default_rng(0).integers(0, 256, (20 * EVALUATION_BATCH, 24, 24), np.uint8)

    def peak(mirror: bool) -> int:
        predictor = Predictor([model], mirror=mirror)
        tracemalloc.start()
        predictor.predict_proba(images)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert (
        peak(True) - peak(False) < images.nbytes / 2
    )  # batches, and the answers; standardised, a copy has 4 times that


def test_the_scores_are_accuracy_and_log_loss_of_the_mean(arrays):
    model = train(arrays)
    labels = arrays["y_test"]
    shares = (textbook(model, arrays["x_test"]) + textbook(model, flipped(arrays["x_test"]))) / 2
    scores = score_model(model, from_arrays(**arrays), mirror=True)
    np.testing.assert_allclose(scores.probabilities, shares, atol=1e-5)
    assert scores.accuracy == np.mean(shares.argmax(axis=1) == labels)
    assert scores.loss == pytest.approx(-np.log(shares[np.arange(len(labels)), labels]).mean(), rel=1e-4)


def test_the_networks_of_several_seeds_are_mirrored_and_then_averaged(arrays):
    result = barenet.train(arrays["x"], arrays["y"], **SMALL, n_seeds=3, output=None)
    models = [network.model for network in result.networks]
    both = [textbook(model, images) for model in models for images in (arrays["x_test"], flipped(arrays["x_test"]))]
    found = Predictor(models, mirror=True).predict_proba(arrays["x_test"])
    np.testing.assert_allclose(found, np.mean(both, axis=0), atol=1e-5)


@pytest.mark.parametrize("shape", [(64,), (4,)])
def test_rows_that_are_not_images_have_no_mirror_image(shape):
    rng = np.random.default_rng(1)
    rows, labels = rng.normal(size=(200, *shape)).astype(np.float32), np.arange(200) % 3
    model = train({"x": rows, "y": labels})
    words = rf"takes rows of {shape[0]} numbers, not images of known height and width.*leave out --mirror"
    with pytest.raises(CheckpointError, match=words) as caught:
        Predictor([model], mirror=True)
    assert str(caught.value).isprintable()
    with pytest.raises(CheckpointError, match=words):
        score_model(model, from_arrays(rows, labels, x_test=rows, y_test=labels), mirror=True)


@pytest.mark.parametrize(("n_inputs", "is_known"), [(4, False), (784, True)])
def test_weights_without_a_description_are_mirrored_only_in_the_size_of_the_carried_images(
    n_inputs, is_known, tmp_path
):
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(n_inputs, 10), scale=0.1)
    np.savez(tmp_path / "own.npz", W1=weights, b1=np.zeros(10))
    with pytest.warns(barenet.errors.InputWarning):
        predictor = barenet.load(tmp_path / "own.npz")
    if not is_known:  # 2 x 2 pixels would be a guess
        with pytest.raises(CheckpointError, match="not images of known height and width"):
            Predictor(predictor.models, mirror=True)
        return
    images = rng.integers(0, 256, (5, 28, 28), np.uint8)
    found = Predictor(predictor.models, mirror=True).predict_proba(images)
    z = [x.reshape(5, -1) / 255 @ weights for x in (images, flipped(images))]
    shares = [np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) for logits in z]
    np.testing.assert_allclose(found, np.mean(shares, axis=0), rtol=1e-10)
