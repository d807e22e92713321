"""Pictures in every form get the same class as the raw arrays."""

from __future__ import annotations

import copy
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from families import slow_except
from fashion_pictures import encode, fashion_model, fashion_predictor, first_test_images
from PIL import Image
from told import listen

import barenet
from barenet.data.formats.idx import write_idx
from barenet.deploy.framing import Steps
from barenet.deploy.inference import Inference
from barenet.deploy.predictor import Predictor
from barenet.deploy.recognition import recognise
from barenet.errors import CheckpointError, DataError
from barenet.nn import MLP
from barenet.run_folders.checkpoint import Inputs, SavedModel
from barenet.training.evaluation import EVALUATION_BATCH as BATCH
from barenet.training.metrics import probabilities


def turned(image, orientation):
    """Return a PNG with rotated pixels, as from a rotated camera, and with the EXIF entry for that."""
    inverse = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[274] = orientation
    return encode(np.asarray(Image.fromarray(image).transpose(inverse[orientation])), exif=exif)


FORMS = {
    "PNG": encode,
    "BMP": lambda image: encode(image, "BMP"),
    "WebP": lambda image: encode(image, "WEBP", lossless=True),
    "GIF": lambda image: encode(image, "GIF"),
    "inverted": lambda image: encode(255 - image),
    "RGB": lambda image: encode(np.repeat(image[..., None], 3, axis=-1)),
    "RGBA": lambda image: encode(np.dstack([image] * 3 + [np.full_like(image, 255)])),
    "rotated by EXIF, 3": lambda image: turned(image, 3),
    "rotated by EXIF, 6": lambda image: turned(image, 6),
    "rotated by EXIF, 8": lambda image: turned(image, 8),
    "padded": lambda image: encode(np.pad(image, 4)),
    "padded to a wide picture": lambda image: encode(np.pad(image, ((0, 0), (14, 14)))),
    "padded, inverted, RGB": lambda image: encode(255 - np.pad(image, 2)[..., None].repeat(3, axis=-1)),
}


def write_pictures(folder, form, suffix=".png"):
    for i, image in enumerate(first_test_images()):
        (folder / f"{i:03d}{suffix}").write_bytes(form(image))


@pytest.mark.parametrize("form", slow_except(FORMS, "padded, inverted, RGB"))
def test_each_form_of_a_test_image_gets_the_class_and_probability_of_the_array(form, tmp_path):
    write_pictures(tmp_path, FORMS[form])
    expected = fashion_predictor().predict_proba(first_test_images())
    notes = listen()
    found = recognise(fashion_predictor(), [tmp_path])
    assert [result.labels[0] for result in found] == expected.argmax(axis=1).tolist()
    np.testing.assert_allclose([result.probability for result in found], expected.max(axis=1), rtol=1e-6)
    counts = {
        step: sum(int(note.split(" ", 1)[0]) for note in notes if step in note) for step in ("inverted", "cropped")
    }
    assert counts == {"inverted": 200 * ("inverted" in form), "cropped": 200 * ("padded" in form)}


def test_jpeg_gets_the_class_of_the_array_nearly_always(tmp_path):
    write_pictures(tmp_path, lambda image: encode(image, "JPEG"), ".jpg")
    expected = fashion_predictor().predict(first_test_images())
    found = [result.labels[0] for result in recognise(fashion_predictor(), [tmp_path])]
    assert np.mean(found == expected) >= 0.95


def test_arrays_and_idx_files_are_taken_as_they_are(tmp_path):
    images = first_test_images()
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "flat.npy", images.reshape(200, -1))
    np.save(tmp_path / "floats.npy", (images / 255).astype(np.float32))
    np.save(tmp_path / "padded.npy", np.pad(images, ((0, 0), (2, 2), (2, 2))))
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", images)
    write_idx(tmp_path / "renamed", images)
    expected = fashion_predictor().predict_proba(images)
    for path in sorted(tmp_path.iterdir()):
        found = recognise(fashion_predictor(), [path], top=1)
        assert [result.labels for result in found] == [[label] for label in expected.argmax(axis=1)], path
        assert found[7].source == f"{path}[7]"
    np.save(tmp_path / "one.npy", images[3])
    (one,) = recognise(fashion_predictor(), [tmp_path / "one.npy"])
    assert one.labels == np.argsort(-expected[3], kind="stable")[:3].tolist()


@pytest.mark.parametrize("kind", ["picture", "array"])
def test_standard_input_is_a_picture_or_an_array(kind, monkeypatch):
    content = io.BytesIO()
    if kind == "picture":
        content.write(encode(first_test_images()[5]))
    else:
        np.save(content, first_test_images()[5])
    content.seek(0)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))
    (found,) = recognise(fashion_predictor(), ["-"])
    assert found.source == "-"
    assert found.labels[0] == fashion_predictor().predict(first_test_images()[5])


def test_the_classes_are_ranked_and_named(tmp_path):
    predictor = fashion_predictor()
    shares = predictor.predict_proba(first_test_images()[0])
    np.save(tmp_path / "one.npy", first_test_images()[0])
    (found,) = recognise(predictor, [tmp_path / "one.npy"], top=100)
    assert found.labels == np.argsort(-shares).tolist()
    assert found.class_names == [predictor.class_names[label] for label in found.labels]
    assert sum(found.probabilities) == pytest.approx(1, abs=1e-6)
    assert found.as_dict()["top"][1]["class"] == found.class_names[1]


# Features


@pytest.fixture(scope="module")
def feature_model():
    mlp = MLP(3, (5,), 2, seed=1)
    info = replace(
        fashion_model().info,
        architecture=mlp.architecture.as_dicts(),
        image_shape=[3],
        scale=1.0,
        input_dtype="float32",
        class_names=["no", "yes"],
        preprocessing={"mean": [1000.0, 0.0, -1.0], "deviation": [100.0, 1e-3, 1.0]},
    )
    return SavedModel(mlp, info, fashion_model().loss, fashion_model().path)


def test_features_are_standardised_as_in_training(feature_model, tmp_path):
    x = np.random.default_rng(0).normal([1000, 0, -1], [100, 1e-3, 1], (7, 3))
    logits = feature_model.mlp.forward(((x - [1000, 0, -1]) / [100, 1e-3, 1]).astype(np.float32))
    expected = probabilities(logits, False)
    predictor = Predictor([feature_model])
    np.testing.assert_allclose(predictor.predict_proba(x), expected, atol=1e-6)
    np.testing.assert_allclose(predictor.predict_proba(x[2]), expected[2], atol=1e-6)
    lines = [",".join(map(repr, map(float, row))) for row in x]
    (tmp_path / "x.csv").write_text("a,b,c\n" + "\n".join(lines), "utf-8")
    (tmp_path / "labelled.csv").write_text("a,b,c,label\n" + "\n".join(f"{line},yes" for line in lines), "utf-8")
    np.save(tmp_path / "x.npy", x)
    for name in ("x.csv", "labelled.csv", "x.npy"):
        found = recognise(predictor, [tmp_path / name])
        np.testing.assert_allclose([result.probability for result in found], expected.max(axis=1), atol=1e-4)
        assert [result.class_name for result in found] == [
            "yes" if label else "no" for label in expected.argmax(axis=1)
        ]


def test_whole_numbers_can_be_features_and_are_not_taken_as_bytes(feature_model):
    whole = np.array([[1100, 0, -1]])
    np.testing.assert_array_equal(
        Predictor([feature_model]).predict_proba(whole), Predictor([feature_model]).predict_proba(whole.astype(float))
    )


# Wrong input


def test_a_wrong_number_of_features_is_refused(feature_model, tmp_path):
    (tmp_path / "x.csv").write_text("1,2\n3,4\n", "utf-8")
    np.save(tmp_path / "x.npy", np.zeros((4, 5)))
    with pytest.raises(DataError, match="has 2 columns, the model takes 3 features"):
        recognise(Predictor([feature_model]), [tmp_path / "x.csv"])
    with pytest.raises(DataError, match=r"has shape \(4, 5\), expected \(n, 3\)"):
        recognise(Predictor([feature_model]), [tmp_path / "x.npy"])


def test_pictures_are_refused_by_a_model_of_features(feature_model, tmp_path):
    (tmp_path / "a.png").write_bytes(encode(first_test_images()[0]))
    with pytest.raises(CheckpointError, match="not pictures"):
        recognise(Predictor([feature_model]), [tmp_path / "a.png"])


def test_unreadable_pictures_are_listed_and_left_out_with_skip_broken(tmp_path):
    write_pictures(tmp_path, encode)
    (tmp_path / "003.png").write_bytes(encode(first_test_images()[3])[:80])
    (tmp_path / "005.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        recognise(fashion_predictor(), [tmp_path])
    message = str(caught.value)
    assert message.startswith("2 of 200 pictures cannot be used: ")
    assert "003.png is truncated" in message
    assert "005.png is empty (0 bytes)" in message
    assert "--skip-broken" in message
    notes = listen()
    found = recognise(fashion_predictor(), [tmp_path], skip_broken=True)
    expected = np.delete(fashion_predictor().predict(first_test_images()), [3, 5])
    assert [result.labels[0] for result in found] == expected.tolist()
    assert [note for note in notes if note.endswith("; left out")]


def test_blank_and_animated_pictures_get_an_answer_and_a_note(tmp_path):
    Image.new("L", (28, 28), 255).save(tmp_path / "white.png")
    frames = [Image.fromarray(image) for image in first_test_images()[:2]]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    notes = listen()
    moving, white = recognise(fashion_predictor(), [tmp_path])
    assert moving.labels[0] == fashion_predictor().predict(first_test_images()[0])
    assert white.probability < 1
    assert [note for note in notes if "only the first frame is used of" in note and "moving.gif" in note]
    assert [note for note in notes if "every pixel is the same in" in note and "white.png" in note]


def test_an_empty_folder_and_a_path_that_does_not_exist_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no pictures"):
        recognise(fashion_predictor(), [tmp_path])
    with pytest.raises(DataError, match="does not exist: expected a picture"):
        recognise(fashion_predictor(), [tmp_path / "nowhere.png"])


def test_features_of_a_table_with_texts_are_not_encoded_again(tmp_path):
    rows = [[("red", "blue", "green")[i % 3], 1 + i % 5, "ab"[i % 3 == 0]] for i in range(40)]
    path = tmp_path / "table.csv"
    path.write_text("colour,size,label\n" + "".join(f"{c},{n},{label}\n" for c, n, label in rows), "utf-8")
    small = {"hidden": 8, "epochs": 40, "lr": 0.05, "batch_size": 8, "n_valid": 8, "output": None, "verbose": False}
    predictor = Predictor([barenet.train(data=path, **small).model])
    assert predictor.info.image_shape == [4]
    assert [found.class_name for found in recognise(predictor, [path])] == [row[2] for row in rows]
    np.save(tmp_path / "rows.npy", np.zeros((2, 4)))
    with pytest.raises(DataError, match="has 4 columns, the model takes 2: colour, size"):
        recognise(predictor, [tmp_path / "rows.npy"])


def test_the_steps_are_applied(tmp_path):
    (tmp_path / "a.png").write_bytes(encode(255 - first_test_images()[0]))
    (found,) = recognise(fashion_predictor(), [tmp_path / "a.png"], steps=Steps(invert=False))
    assert found.labels[0] == fashion_predictor().predict(255 - first_test_images()[0])


# Inference


@pytest.mark.parametrize("n", [0, 1, 2, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 3])
def test_batches_of_every_size_give_what_one_forward_pass_gives(n):
    model = fashion_model()
    images = np.random.default_rng(n).integers(0, 256, (n, 784), np.uint8)
    scaled = images.astype(np.float32) * np.float32(1 / 255)
    expected = probabilities(model.mlp.forward(scaled), False) if n else np.zeros((0, 10))
    run = Inference(model)
    for _ in range(2):
        np.testing.assert_allclose(run(Inputs(images, 1 / 255, {})), expected, atol=1e-6)


def test_later_predictions_do_not_change_earlier_ones():
    run = Inference(fashion_model())
    first = run(Inputs(first_test_images()[:1].reshape(1, -1), 1 / 255, {}))
    before = first.copy()
    run(Inputs(first_test_images()[1:2].reshape(1, -1), 1 / 255, {}))
    np.testing.assert_array_equal(first, before)


def test_a_predictor_can_be_copied_and_used_from_several_threads():
    predictor = copy.deepcopy(fashion_predictor())
    expected = fashion_predictor().predict_proba(first_test_images())
    np.testing.assert_array_equal(predictor.predict_proba(first_test_images()), expected)
    alone = np.stack([predictor.predict_proba(image) for image in first_test_images()])
    with ThreadPoolExecutor(4) as pool:
        together = np.stack(list(pool.map(predictor.predict_proba, list(first_test_images()) * 5)))
    np.testing.assert_array_equal(together, np.tile(alone, (5, 1)))
