"""Training and testing give the same bits with pictures in folders as with the IDX files they were made of."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import barenet
from barenet.data.formats.idx import write_idx


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BARENET_CACHE", str(tmp_path / "cache"))


def write_folders(root, parts, class_names):
    """Write images as numbered PNG files, `root/train/class/00017.png`."""
    for part, images, labels in parts:
        for name in class_names:
            (root / part / name).mkdir(parents=True)
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            Image.fromarray(image).save(root / part / class_names[label] / f"{i:05d}.png", compress_level=1)


def write_idx_files(root, parts):
    root.mkdir()
    for part, images, labels in parts:
        kind = "train" if part == "train" else "t10k"
        write_idx(root / f"{kind}-images-idx3-ubyte", images)
        write_idx(root / f"{kind}-labels-idx1-ubyte", labels.astype(np.uint8))


def train(data, output, **settings):
    """Return the test scores, the records without their seconds and what depends on them, and the weights of a run."""
    result = barenet.train(data=str(data), output=output, verbose=False, **settings)
    folder = result.folder
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text("utf-8").splitlines()]
    clock = {"seconds", "checksum"}
    records = [{name: value for name, value in own.items() if name not in clock} for own in history]
    return result.networks[0].scores, records, result.model.mlp.parameters.values.copy()


def check_same(first, second):
    for one, other in zip(first[1:], second[1:], strict=True):
        np.testing.assert_equal(one, other)
    assert first[0].accuracy == second[0].accuracy
    assert first[0].loss == second[0].loss
    np.testing.assert_array_equal(first[0].confusion, second[0].confusion)


@pytest.mark.slow
def test_folders_of_pictures_train_as_idx_files_do(arrays, tmp_path):
    parts = [("train", arrays["x"], arrays["y"]), ("test", arrays["x_test"], arrays["y_test"])]
    write_folders(tmp_path / "pictures", parts, "0123")
    write_idx_files(tmp_path / "files", parts)
    settings = {"n_valid": 100, "hidden_sizes": "16,8", "batch_size": 48, "epochs": 3}
    runs = [train(tmp_path / name, tmp_path / f"runs-{name}", **settings) for name in ("pictures", "files")]
    check_same(*runs)
    assert runs[0][0].accuracy > 0.5


@pytest.mark.slow
def test_ten_pictures_a_class_are_enough_to_train(arrays, tmp_path):
    rows = np.concatenate([np.flatnonzero(arrays["y"] == label)[:10] for label in range(4)])
    parts = [("train", arrays["x"][rows], arrays["y"][rows]), ("test", arrays["x_test"], arrays["y_test"])]
    write_folders(tmp_path / "few", parts, ["ant", "bee", "cow", "dog"])
    result = barenet.train(data=str(tmp_path / "few"), output=None, verbose=False)
    assert result.networks[0].scores.accuracy > 0.9
    assert [row["class"] for row in result.networks[0].scores.classes] == ["ant", "bee", "cow", "dog"]


@pytest.mark.full
def test_all_of_fashion_mnist_as_png_files_is_fashion_mnist(tmp_path):
    carried = barenet.load_dataset()
    parts = [
        ("train", carried.train_images.reshape(-1, 28, 28), carried.train_labels),
        ("test", carried.test_images.reshape(-1, 28, 28), carried.test_labels),
    ]
    write_folders(tmp_path / "pictures", parts, "0123456789")
    write_idx_files(tmp_path / "files", parts)
    assert barenet.load_dataset(tmp_path / "pictures").fingerprint == carried.fingerprint
    runs = [train(tmp_path / name, tmp_path / f"runs-{name}", epochs=2) for name in ("pictures", "files")]
    check_same(*runs)
    print(f"test accuracy {runs[0][0].accuracy:.4f} of PNG folders and of IDX files")
    assert runs[0][0].accuracy > 0.85
