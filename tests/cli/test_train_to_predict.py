"""A person's data from training to prediction on the command line: pictures in folders, and tables."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import barenet as library

SMALL = ("--data.n-valid", "60", "--batch-size", "30", "--hidden", "6", "--epochs", "2")


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BARENET_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pictures(tmp_path, arrays):
    """300 training and 40 test pictures with black borders, in four classes."""
    for part, images, labels, n in (("train", "x", "y", 300), ("test", "x_test", "y_test", 40)):
        for i in range(n):
            path = tmp_path / "shapes" / part / "abcd"[arrays[labels][i]] / f"{i:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.pad(arrays[images][i], 2)).save(path)
    return tmp_path / "shapes"


def test_pictures_train_test_and_predict_in_the_size_and_colour_asked_for(barenet, pictures, tmp_path):
    done = barenet("train", "--data", pictures, *SMALL, "--image-size", "9x10", "--color", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    trained = json.loads(done.stdout)
    settings = tomllib.loads((tmp_path / trained["run"] / "config.toml").read_text("utf-8"))
    assert settings["data"]["image_size"] == [9, 10]
    assert settings["data"]["color"] is True
    model = library.load(tmp_path / trained["run"])
    assert model.info.image_shape == [9, 10, 3]
    assert model.class_names == list("abcd")
    tested = json.loads(barenet("test", "--json", cwd=tmp_path).stdout)
    assert tested["test_accuracy"] == trained["test_accuracy"]
    again = json.loads(barenet("test", "--data", pictures, "--json", cwd=tmp_path).stdout)
    assert again["test_accuracy"] == trained["test_accuracy"]
    found = json.loads(barenet("predict", trained["run"], pictures / "test", "--json", cwd=tmp_path).stdout)["images"]
    right = [Path(image["source"]).parent.name == image["class"] for image in found]
    assert np.mean(right) == pytest.approx(trained["test_accuracy"])


@pytest.mark.slow
def test_a_run_stores_how_dark_borders_were_and_predict_inverts_negatives(barenet, pictures, tmp_path):
    trained = json.loads(barenet("train", "--data", pictures, *SMALL, "--json", cwd=tmp_path).stdout)
    model = library.load(tmp_path / trained["run"])
    assert model.info.preprocessing.items() >= {"border": 0.0, "border_agreement": 1.0, "values": [0.0, 255.0]}.items()
    original = next(pictures.glob("test/a/*.png"))
    Image.fromarray(255 - np.asarray(Image.open(original))).save(tmp_path / "negative.png")
    done = barenet("predict", trained["run"], original, "negative.png", "--json", cwd=tmp_path)
    first, second = json.loads(done.stdout)["images"]
    assert first["top"] == second["top"]
    assert "1 of 2 pictures inverted" in done.stderr


@pytest.mark.slow
def test_broken_pictures_stop_training_unless_they_are_left_out(barenet, pictures, tmp_path):
    (pictures / "train" / "a" / "broken.png").write_bytes(b"no picture")
    refused = barenet("train", "--data", pictures, *SMALL, cwd=tmp_path)
    assert refused.returncode == 2
    assert "1 of 341 pictures" in refused.stderr
    assert "--skip-broken" in refused.stderr
    trained = barenet("train", "--data", pictures, *SMALL, "--skip-broken", "--json", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    accuracy = json.loads(trained.stdout)["test_accuracy"]
    assert json.loads(barenet("test", "--json", cwd=tmp_path).stdout)["test_accuracy"] == accuracy
    assert barenet("train", "--resume", "runs/quick-1", cwd=tmp_path).returncode == 0


@pytest.mark.slow
def test_tables_train_test_and_predict_with_the_statistics_in_the_model(barenet, tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    x = rng.normal(np.array([1e5, 0, 3])[y][:, None] * [1, 1e-3, 0] + [0, 0, 7], [1e4, 10, 1])
    for part, rows in (("train", slice(300)), ("test", slice(300, 400))):
        lines = [f"{a!r},{b!r},{c!r},{'xyz'[k]}" for (a, b, c), k in zip(x[rows].tolist(), y[rows], strict=True)]
        (tmp_path / "table").mkdir(exist_ok=True)
        (tmp_path / "table" / f"{part}.csv").write_text("a,b,c,kind\n" + "\n".join(lines), "utf-8")
    settings = ("--data.n-valid", "60", "--batch-size", "30", "--hidden", "16", "--epochs", "20")
    trained = json.loads(barenet("train", "--data", "table", *settings, "--json", cwd=tmp_path).stdout)
    assert trained["test_accuracy"] > 0.6
    assert json.loads(barenet("test", "--json", cwd=tmp_path).stdout)["test_accuracy"] == trained["test_accuracy"]
    model = library.load(tmp_path / trained["run"])
    assert len(model.info.preprocessing["mean"]) == 3
    predicted = [model.class_names[label] for label in model.predict(x[300:].astype(np.float32))]
    assert np.mean(np.array(predicted) == np.array(list("xyz"))[y[300:]]) == pytest.approx(trained["test_accuracy"])
    found = json.loads(barenet("predict", trained["run"], "table/test.csv", "--json", cwd=tmp_path).stdout)["images"]
    assert [image["class"] for image in found] == predicted
    assert barenet("train", "--resume", trained["run"], cwd=tmp_path).returncode == 0


@pytest.mark.slow
def test_settings_of_pictures_are_refused_for_other_data(barenet, tmp_path):
    for flag in (("--image-size", "32"), ("--color",)):
        done = barenet("train", *flag, cwd=tmp_path)
        assert done.returncode == 2
        assert "pictures in folders" in done.stderr
    done = barenet("train", "--image-size", "32by48", cwd=tmp_path)
    assert "data.image_size must be a side in pixels, such as 32, or height x width, such as 32x48" in done.stderr
