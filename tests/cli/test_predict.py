"""`barenet predict` as a person types it: lines, JSON, CSV, notes on stderr, and one line for each mistake."""

from __future__ import annotations

import csv
import functools
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from refusals import assert_refused

import barenet as library
from barenet.run_folders.checkpoint import ModelInfo, write_model
from barenet.storage.arrays import FORMAT
from barenet.training.inputs.preprocessing import measure_border

CLASSES = ["T-shirt/top", "裤子", "Pullover", "Dress"]


@pytest.fixture(scope="module")
def place(tmp_path_factory, arrays) -> Path:
    """A folder with a model file, a folder of seeds, and pictures: 3 test images, one of them as a negative."""
    folder = tmp_path_factory.mktemp("place")
    settings = {"n_valid": 100, "hidden_sizes": "16,8", "activation": "relu", "batch_size": 48, "epochs": 4}
    result = library.train(arrays["x"], arrays["y"], **settings, output=None, verbose=False)
    model = result.model
    # The borders of these small images are grey; the tests of inverting need a model that was trained on black ones.
    known = measure_border(np.zeros((1, 64), np.uint8), (8, 8))
    info = ModelInfo(**{**model.info.__dict__, "class_names": CLASSES, "preprocessing": known})
    write_model(folder / "model.safetensors", info, model.mlp.parameters.named(model.mlp.parameters.values))
    library.train(arrays["x"], arrays["y"], **settings, n_seeds=2, output=folder, name="seeds", verbose=False)
    (folder / "pictures").mkdir()
    for i in range(3):
        Image.fromarray(arrays["x_test"][i]).save(folder / "pictures" / f"{i}.png")
    np.save(folder / "images.npy", arrays["x_test"])
    Image.new("L", (8, 8), 255).save(folder / "white.png")
    (folder / "broken.png").write_bytes(b"\x89PNG")
    (folder / "wrong.npy").write_bytes(b"")
    return folder


@pytest.fixture
def predict(barenet):
    return functools.partial(barenet, "predict")


def test_it_prints_a_line_for_each_picture_with_three_classes_and_probabilities(barenet, place, arrays):
    done = barenet("predict", "model.safetensors", "pictures", cwd=place)
    assert done.returncode == 0, done.stderr
    expected = library.load(place / "model.safetensors").predict_proba(arrays["x_test"][:3])
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    for i, (line, shares) in enumerate(zip(lines, expected, strict=True)):
        best = np.argsort(-shares)[:3]
        assert line.split() == [
            str(Path("pictures") / f"{i}.png"),
            *(word for label in best for word in (CLASSES[label], f"{shares[label]:.3f}")),
        ]
    assert done.stderr == ""


def test_json_has_every_figure(predict, place, arrays):
    done = predict("model.safetensors", "pictures/1.png", "images.npy", "--json", "--top", 2, cwd=place)
    found = json.loads(done.stdout)
    assert found["classes"] == CLASSES
    assert len(found["images"]) == 121
    shares = library.load(place / "model.safetensors").predict_proba(arrays["x_test"])
    # Arrays come first, then pictures.
    rows = {image["source"]: image for image in found["images"]}
    for source, expected in ((str(Path("pictures/1.png")), shares[1]), ("images.npy[7]", shares[7])):
        best = np.argsort(-expected)[:2]
        assert rows[source]["label"] == best[0]
        assert rows[source]["class"] == CLASSES[best[0]]
        assert [one["label"] for one in rows[source]["top"]] == best.tolist()
        assert [one["probability"] for one in rows[source]["top"]] == pytest.approx(expected[best].tolist(), abs=1e-6)


def test_csv_is_read_back_as_it_was(predict, place):
    rows = list(csv.DictReader(io.StringIO(predict("model.safetensors", "pictures", "--csv", cwd=place).stdout)))
    found = json.loads(predict("model.safetensors", "pictures", "--json", cwd=place).stdout)["images"]
    assert [row["class"] for row in rows] == [image["class"] for image in found]
    assert [float(row["probability_3"]) for row in rows] == [image["top"][2]["probability"] for image in found]


def test_standard_input_is_a_picture(predict, place):
    picture = (place / "pictures" / "2.png").read_bytes()
    piped = json.loads(predict("model.safetensors", "-", "--json", cwd=place, stdin=picture).stdout)["images"]
    named = json.loads(predict("model.safetensors", "pictures/2.png", "--json", cwd=place).stdout)["images"]
    assert piped[0]["top"] == named[0]["top"]
    assert piped[0]["source"] == "-"


def test_a_folder_of_seeds_predicts_with_their_average(predict, place, arrays):
    found = json.loads(predict("seeds", "images.npy", "--json", "--top", 1, cwd=place).stdout)["images"]
    alone = [library.load(place / "seeds" / f"seed-{i}").predict_proba(arrays["x_test"]) for i in range(2)]
    mean = (alone[0] + alone[1]) / 2
    assert [image["label"] for image in found] == mean.argmax(axis=1).tolist()
    assert [image["probability"] for image in found] == pytest.approx(mean.max(axis=1).tolist(), abs=1e-6)


def test_each_step_is_noted_on_stderr_and_can_be_switched_off(predict, place):
    done = predict("model.safetensors", "white.png", cwd=place)
    said = "note: inverted: a bright border, where the training images have a dark one (--no-invert)"
    assert said in done.stderr
    assert "every pixel is the same in white.png" in done.stderr
    assert "inverted" not in predict("model.safetensors", "white.png", "--no-invert", cwd=place).stderr
    assert predict("model.safetensors", "white.png", "--quiet", cwd=place).stderr == ""
    forced = predict("model.safetensors", "pictures/0.png", "--invert", cwd=place)
    assert "note: inverted" in forced.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to predict: name pictures"),
        (("model.safetensors",), "nothing to predict: model.safetensors is a model; name pictures"),
        (
            ("nowhere", "white.png"),
            "nowhere does not exist: expected a model (a run or its name, an ensemble, a study, a model file) or "
            "something to predict",
        ),
        (("model.safetensors", "nowhere.png"), "nowhere.png does not exist: expected a picture"),
        (("model.safetensors", "broken.png"), "broken.png is not a PNG, JPEG, WebP, BMP or GIF picture"),
        (("model.safetensors", "broken.png", "white.png"), "leave them out with --skip-broken"),
        (("model.safetensors", "wrong.npy"), "wrong.npy"),
        (("model.safetensors", "white.png", "--top", "0"), "--top must be 1 or more, got 0"),
        (("model.safetensors", "white.png", "--json", "--csv"), "--json and --csv exclude each other"),
        (("model.safetensors", "white.png", "--no-inver"), "unknown option --no-inver; did you mean '--no-invert'?"),
        (("seeds/config.toml", "white.png"), "expected a model (a run or its name"),
        (("nowhere.safetensors", "white.png"), "no model file 'nowhere.safetensors'"),
        (("white.png", "--runs", "nothing"), "no run in nothing"),
    ],
)
def test_wrong_input_is_one_line_on_stderr(arguments, words, predict, place):
    assert_refused(predict(*arguments, cwd=place), words)


def test_broken_pictures_are_left_out_where_asked_for(predict, place):
    done = predict("model.safetensors", "broken.png", "pictures/0.png", "--skip-broken", cwd=place)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert "1 of 2 pictures cannot be used: broken.png is not" in done.stderr


def test_a_model_of_a_newer_version_is_refused(predict, place, tmp_path):
    content = (place / "model.safetensors").read_bytes()
    old, new = f'\\"format\\": {FORMAT}'.encode(), f'\\"format\\": {FORMAT + 1}'.encode()
    assert content.count(old) == 1
    (tmp_path / "newer.safetensors").write_bytes(content.replace(old, new))
    done = predict(tmp_path / "newer.safetensors", "white.png", cwd=place)
    assert done.returncode == 2
    assert "update barenet" in done.stderr


def test_an_older_model_without_information_about_borders_still_predicts(predict, place, tmp_path):
    model = library.load(place / "model.safetensors").models[0]
    facts = {name: value for name, value in model.info.__dict__.items() if name != "preprocessing"}
    arrays = model.mlp.parameters.named(model.mlp.parameters.values)
    write_model(tmp_path / "older.safetensors", ModelInfo(**facts), arrays)
    done = predict(tmp_path / "older.safetensors", "white.png", cwd=place)
    assert done.returncode == 0
    assert "inverted" not in done.stderr


def test_without_a_model_the_latest_run_predicts_and_is_named(predict, place, tmp_path):
    shutil.copytree(place / "seeds", tmp_path / "runs" / "seeds")
    shutil.copytree(place / "pictures", tmp_path / "pictures")
    wanted = predict("runs/seeds", "pictures", cwd=tmp_path)
    assert wanted.returncode == 0, wanted.stderr
    latest = f"note: taking the latest run, {Path('runs', 'seeds')}\n"
    picture = (place / "pictures" / "0.png").read_bytes()
    for inputs in (("pictures",), ("pictures/0.png", "pictures/1.png", "pictures/2.png")):
        done = predict(*inputs, cwd=tmp_path)
        assert (done.stdout, done.stderr) == (wanted.stdout, latest)
    assert predict("-", cwd=tmp_path, stdin=picture).stdout.split()[1:] == wanted.stdout.splitlines()[0].split()[1:]
    named = predict("seeds", "pictures", cwd=tmp_path)
    assert (named.stdout, named.stderr) == (wanted.stdout, f"note: seeds is taken as {Path('runs', 'seeds')}\n")


def test_a_name_of_a_run_and_of_pictures_is_an_error_where_it_may_mean_both(predict, place, tmp_path):
    shutil.copytree(place / "seeds", tmp_path / "runs" / "mine")
    shutil.copytree(place / "pictures", tmp_path / "mine")
    assert_refused(
        predict("mine", "mine/0.png", cwd=tmp_path), f"mine may mean the model {Path('runs', 'mine')} or what is in"
    )
    assert len(predict("mine", cwd=tmp_path).stdout.splitlines()) == 3  # a model alone would predict nothing


def test_with_mirror_each_answer_is_the_mean_of_an_image_and_its_mirror_image(predict, place, arrays):
    done = predict("model.safetensors", "images.npy", "--mirror", "--json", "--top", 4, cwd=place)
    found = json.loads(done.stdout)
    predictor, images = library.load(place / "model.safetensors"), arrays["x_test"]
    expected = (predictor.predict_proba(images) + predictor.predict_proba(images[:, :, ::-1])) / 2
    for image, shares in zip(found["images"], expected, strict=True):
        assert [row["probability"] for row in image["top"]] == pytest.approx(sorted(shares, reverse=True), abs=1e-6)
    assert found["mirror"] is True
    assert json.loads(predict("model.safetensors", "images.npy", "--json", cwd=place).stdout)["mirror"] is False
    assert done.stderr.splitlines() == [
        "note: mirrored: each answer is the mean of the probabilities of an image and its mirror image"
    ]
