"""A model takes images of the scale in training; others are scaled to it, give a warning, or are refused."""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from told import listen

import barenet
from barenet.analysis.images import find_test
from barenet.data.datasets import from_arrays
from barenet.deploy.export_numpy import build_source
from barenet.deploy.exported import describe_networks
from barenet.deploy.predictor import Predictor
from barenet.errors import DataError, InputWarning, ShapeError
from barenet.pages.playground.images import frame_of
from barenet.run_folders.scores import score_model
from barenet.training.inputs.input_range import measure_range

CENTRE, SPREAD = 0.286, 0.353


def make_bytes(n, seed):
    """Return pictures of bytes, a bright bar at the left or at the right of each, dark below it, and which it is."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    images = rng.integers(0, 60, (n, 6, 6))
    images[:, 0, 0] = 0
    images[np.arange(n), :, 5 * labels] = rng.integers(180, 256, (n, 6))
    return images.astype(np.uint8), labels


SCALES = {
    "bytes": lambda x: x,
    "unit": lambda x: (x / 255).astype(np.float32),
    "standardised": lambda x: ((x / 255 - CENTRE) / SPREAD).astype(np.float32),
    "signed": lambda x: (x / 127.5 - 1).astype(np.float32),
}
X, Y = make_bytes(160, 0)
X_TEST, Y_TEST = make_bytes(60, 1)


@pytest.fixture(scope="module")
def models():
    settings = {"n_valid": 40, "hidden_sizes": 6, "epochs": 30, "batch_size": 20, "output": None, "verbose": False}
    settings |= {"learning_rate": 0.02}
    return {kind: barenet.train(scale(X), Y, **settings).model for kind, scale in SCALES.items()}


def answer(model, images):
    """Return the accuracy, the probabilities and the warnings of a fresh predictor."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        shares = Predictor([model]).predict_proba(images)
    return np.mean(shares.argmax(axis=-1) == Y_TEST[: len(images)]), shares, [str(own.message) for own in caught]


@pytest.mark.parametrize("kind", SCALES)
def test_images_scaled_as_in_training_are_taken_without_a_word(models, kind):
    accuracy, _, told = answer(models[kind], SCALES[kind](X_TEST))
    assert accuracy > 0.95
    assert told == []
    for image in SCALES[kind](X_TEST):
        assert answer(models[kind], image[None])[2] == []


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint16, np.float32, np.float64])
def test_bytes_for_a_model_of_0_to_1_are_divided_by_255_with_one_note(models, dtype):
    predictor = Predictor([models["unit"]])
    with pytest.warns(InputWarning, match="are divided by 255: the model was trained on floats from 0 to 1") as caught:
        found = predictor.predict_proba(X_TEST.astype(dtype))
    assert caught[0].filename == __file__
    np.testing.assert_allclose(found, predictor.predict_proba(SCALES["unit"](X_TEST)), atol=1e-6)
    predictor.predict(X_TEST.astype(dtype))  # a second warning would be an error


@pytest.mark.parametrize(
    ("dtype", "words"), [(np.int64, None), (np.int16, None), (np.float32, "whole floats up to 255")]
)
def test_whole_numbers_up_to_255_are_bytes_for_a_model_of_bytes(models, dtype, words):
    expected = Predictor([models["bytes"]]).predict_proba(X_TEST)
    _, found, told = answer(models["bytes"], X_TEST.astype(dtype))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert len(told) == (words is not None)
    assert words is None or words in told[0]


def test_floats_of_0_to_1_are_scaled_already_for_a_model_of_bytes(models):
    _, found, told = answer(models["bytes"], X_TEST / 255)
    np.testing.assert_allclose(found, Predictor([models["bytes"]]).predict_proba(X_TEST), atol=1e-6)
    assert told == []


@pytest.mark.parametrize("kind", ["bytes", "unit"])
def test_booleans_are_0_and_1(models, kind):
    mask = X_TEST > 127
    _, found, _ = answer(models[kind], mask)
    np.testing.assert_array_equal(found, answer(models[kind], mask.astype(np.float32))[1])
    if kind == "unit":
        np.testing.assert_array_equal(found, answer(models[kind], mask.astype(int))[1])


@pytest.mark.parametrize(
    ("kind", "images", "message"),
    [
        ("bytes", X_TEST.astype(int) + 60, "whole numbers must lie in 0 to 255, as in training; got 60 to 315"),
        ("bytes", X_TEST.astype(int) - 100, "whole numbers must lie in 0 to 255, as in training; got -100 to 155"),
        ("bytes", X_TEST * 1.01, "must lie in 0 to 1, as in training; got 0 to .* pass uint8, or divide by 255"),
        ("unit", X_TEST * 1.01, "must lie in 0 to 1, as in training; got 0 to .* scale them as in training"),
        ("unit", X_TEST.astype(int) * 257, "must lie in 0 to 1, as in training; got 0 to 65535"),
        ("standardised", X_TEST, r"trained on floats from -0\.81.* to 2\.0.*, but these images are bytes"),
        ("standardised", X_TEST.astype(int), r"must lie in -0\.81.* to 2\.0.*, as in training; got 0 to 255"),
        ("signed", X_TEST, r"trained on floats from -1 to 1, but these images are bytes"),
        ("signed", X_TEST.astype(float), "must lie in -1 to 1, as in training; got 0 to 255"),
    ],
)
def test_images_of_clearly_another_scale_are_refused(models, kind, images, message):
    with pytest.raises(ShapeError, match=message):
        Predictor([models[kind]]).predict(images)


@pytest.mark.parametrize(
    ("kind", "came"),
    [
        *(("standardised", "unit"), ("signed", "unit"), ("standardised", "signed"), ("signed", "standardised")),
        *(("unit", "signed"), ("unit", "standardised"), ("bytes", "signed"), ("bytes", "standardised")),
    ],
)
@pytest.mark.parametrize("n", [1, 60])
def test_a_nearby_scale_gives_a_warning_or_an_error(models, kind, came, n):
    try:
        _, _, told = answer(models[kind], SCALES[came](X_TEST[:n]))
    except ShapeError as error:
        told = [str(error)]
    assert len(told) == 1
    assert "as in training" in told[0] or "they may have another scale" in told[0]


@pytest.mark.parametrize("kind", ["unit", "standardised", "signed"])
def test_scaled_twice_or_lost_in_bytes_is_told(models, kind):
    assert "may have another scale" in answer(models[kind], SCALES[kind](X_TEST) * 0 + X_TEST / 255 / 255)[2][0]
    if kind == "unit":
        told = answer(models[kind], (X_TEST > 127).astype(np.uint8))[2]
        assert [("divided by 255" in note, "another scale" in note) for note in told] == [(True, False), (False, True)]


@pytest.mark.parametrize("kind", ["unit", "standardised", "signed"])
@pytest.mark.parametrize("noise", [0.05, 0.2, 0.5])
def test_noisy_images_are_not_refused(models, kind, noise):
    images = SCALES[kind](X_TEST)
    noisy = images + np.random.default_rng(0).normal(0, noise * (images.max() - images.min()), images.shape)
    accuracy, _, told = answer(models[kind], noisy)
    assert accuracy > 0.6
    assert noise > 0.1 or told == []


def test_images_of_one_value_are_taken_without_a_word(models):
    for kind, model in models.items():
        assert answer(model, SCALES[kind](np.full((1, 6, 6), 90, np.uint8)))[2] == []


def test_floats_from_0_to_255_take_bytes_as_they_are():
    x = X + np.float32(0.25)
    model = barenet.train(x, Y, n_valid=40, hidden_sizes=6, epochs=2, batch_size=20, output=None, verbose=False).model
    _, expected, told = answer(model, X_TEST.astype(np.float32) + np.float32(0))
    np.testing.assert_array_equal(answer(model, X_TEST)[1], expected)
    assert told == []


def test_a_model_that_remembers_no_values_takes_floats_as_they_are(models):
    model = models["signed"]
    old = replace(model, info=replace(model.info, preprocessing={}))
    assert answer(old, X_TEST)[2] == []
    np.testing.assert_array_equal(answer(old, SCALES["signed"](X_TEST))[1], answer(model, SCALES["signed"](X_TEST))[1])


def test_what_is_remembered_of_training_images():
    images = np.array([[0, 4, 8], [1, 5, 6], [7, 7, 7], [2, 100, 3]], np.float32)
    found = measure_range(images, np.array([0, 1, 2]))
    assert found["values"] == [0, 8]
    np.testing.assert_allclose(found["minima"], [0.01, 0.99])  # of 0 and 1, without the image of a single value
    np.testing.assert_allclose(found["maxima"], [6.02, 7.98])
    blank = measure_range(np.full((3, 4), 5, np.uint8), np.arange(3))
    assert blank == {"values": [5, 5], "minima": [5, 5], "maxima": [5, 5]}


# ------------------------------------------------------------------------------------ all functions that take images


def test_pictures_shown_to_a_model_of_floats(models, tmp_path):
    for i in range(4):
        Image.fromarray(X_TEST[i]).save(tmp_path / f"{i}.png")
    with pytest.warns(InputWarning, match="of bytes are divided by 255: the model was trained on floats from 0 to 1"):
        found = barenet.recognise(Predictor([models["unit"]]), [tmp_path])
    expected = Predictor([models["unit"]]).predict(SCALES["unit"](X_TEST[:4]))
    assert [own.labels[0] for own in found] == expected.tolist()
    with pytest.raises(ShapeError, match=r"trained on floats from -1 to 1, but these images are bytes"):
        barenet.recognise(Predictor([models["signed"]]), [tmp_path])


def test_a_model_of_0_to_1_is_tested_inspected_and_drawn_on_bytes(models):
    other, own = from_arrays(X, Y, X_TEST, Y_TEST), from_arrays(*(SCALES["unit"](X), Y, SCALES["unit"](X_TEST), Y_TEST))
    notes = listen()
    expected = score_model(models["unit"], own)
    assert notes == []
    found = score_model(models["unit"], other)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)
    assert len(notes) == 1
    assert "divided by 255" in notes[0]
    np.testing.assert_allclose(
        find_test(models["unit"], other).pixels, find_test(models["unit"], own).pixels, atol=1e-6
    )
    frame = frame_of(models["unit"], other)
    assert (frame.low, frame.high) == (0, 1)
    assert len(notes) == 2


def test_a_model_of_bytes_is_tested_and_inspected_on_floats(models):
    other = from_arrays(SCALES["unit"](X), Y, SCALES["unit"](X_TEST), Y_TEST)
    own = from_arrays(X, Y, X_TEST, Y_TEST)
    found, expected = (score_model(models["bytes"], data).probabilities for data in (other, own))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    pixels = find_test(models["bytes"], other).pixels
    np.testing.assert_allclose(pixels, X_TEST.reshape(60, 36), atol=1e-3)  # from 0 to 1, on the scale of the model


def test_what_is_of_another_scale_is_refused_wherever_it_comes(models):
    other = from_arrays(X, Y, X_TEST, Y_TEST)
    for use in (lambda m: score_model(m, other), lambda m: find_test(m, other), lambda m: frame_of(m, other)):
        with pytest.raises(ShapeError, match="trained on floats from -1 to 1, but these images are bytes"):
            use(models["signed"])


def test_the_playground_without_images_draws_in_the_range_of_training(models):
    frame = frame_of(models["signed"], None)
    assert (frame.low, frame.high) == (-1, 1)


def test_validation_and_test_images_of_another_scale_are_refused_before_training():
    x, x_test = SCALES["unit"](X), X_TEST + np.float32(0.5)
    settings = {"n_valid": 40, "hidden_sizes": 4, "epochs": 1, "batch_size": 20, "output": None, "verbose": False}
    with pytest.raises(DataError, match=r"the test images do not match the training images: .*got 0\.5 to 255\.5"):
        barenet.train(x, Y, x_test=x_test, y_test=Y_TEST, **settings)


# ------------------------------------------------------------------------------------------------ the exported file


def load_module(model, folder, **options):
    path = folder / "exported.py"
    path.write_text(build_source(describe_networks([model], {}, **options), "exported"), "utf-8")
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def refusal_of(use, images):
    """Return what a function gives for images, or None, and the message of its error, or ""."""
    try:
        return use(images), ""
    except ValueError as error:
        return None, str(error)


@pytest.mark.parametrize("kind", SCALES)
def test_an_exported_file_answers_warns_and_refuses_as_the_model_does(models, kind, tmp_path):
    module = load_module(models[kind], tmp_path)
    forms = {
        **{name: scale(X_TEST) for name, scale in SCALES.items()},
        **{"whole floats": X_TEST * 1.0, "whole": X_TEST.astype(int), "mask": X_TEST > 127, "far": X_TEST * 1.01},
    }
    for name, images in forms.items():
        module.WARNED.clear()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found, refused = refusal_of(module.predict_proba, images)
            refusal_of(module.predict, images)
        expected, refused_by_model = refusal_of(lambda images: answer(models[kind], images)[1:], images)
        assert refused == refused_by_model, name
        if refused:
            continue
        shares, told = expected
        np.testing.assert_array_equal(found, shares, err_msg=name)
        assert [str(own.message) for own in caught] == told, name


def test_an_exported_file_without_preprocessing_takes_floats_and_says_so_of_bytes(models, tmp_path):
    module = load_module(models["bytes"], tmp_path, preprocessing=False)
    expected = Predictor([models["bytes"]]).predict_proba(X_TEST)
    np.testing.assert_allclose(module.predict_proba(SCALES["unit"](X_TEST)), expected, atol=1e-6)
    with pytest.warns(UserWarning, match="divided by 255"):
        np.testing.assert_allclose(module.predict_proba(X_TEST), expected, atol=1e-6)
