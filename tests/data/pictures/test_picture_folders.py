"""Folders of pictures: which pictures are found, in which order, of which class; and errors of folders."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from told import listen

from barenet.data.loading import load_dataset
from barenet.data.options import Options
from barenet.data.pictures.labelled import find_all_pictures
from barenet.data.tables.choosing import Choices
from barenet.errors import DataError


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BARENET_CACHE", str(tmp_path_factory.mktemp("cache")))


def draw(path, shade=0, size=(6, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full(size, shade, np.uint8)
    pixels[2, 3] = 255 - shade
    Image.fromarray(pixels).save(path)


def find(root):
    notes = listen()
    return find_all_pictures(root, Options(None, False, False, None, Choices(), False)), [*notes]


def names(found, part="train"):
    return [(file.name, found.class_names[file.label]) for file in found.parts[part]]


def refusal(root):
    with pytest.raises(DataError) as caught:
        load_dataset(root)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_folders_are_classes_in_sorted_order(tmp_path):
    for path in ("dog/b.png", "cat/a.JPG", "cat/c.webp", "ant/deep/er/d.gif", "ant/B.bmp", "ant/e.jpeg"):
        draw(tmp_path / path)
    found, notes = find(tmp_path)
    assert found.class_names == ("ant", "cat", "dog")
    assert names(found) == [
        ("B.bmp", "ant"),
        ("a.JPG", "cat"),
        ("b.png", "dog"),
        ("c.webp", "cat"),
        ("deep/er/d.gif", "ant"),
        ("e.jpeg", "ant"),
    ]
    assert notes == []


@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
def test_train_val_and_test_may_be_above_the_classes(val, tmp_path):
    for path in ("train/cat/1.png", "train/dog/2.png", f"{val}/dog/3.png", "test/cat/4.png", "test/cat/5.png"):
        draw(tmp_path / path)
    found, notes = find(tmp_path)
    assert {part: len(files) for part, files in found.parts.items()} == {"train": 2, "val": 1, "test": 2}
    assert names(found, "val") == [("3.png", "dog")]
    dataset = load_dataset(tmp_path)
    assert dataset.valid_labels.tolist() == [1]
    assert dataset.test_labels.tolist() == [0, 0]
    assert notes == []


def test_a_folder_called_train_may_be_a_class(tmp_path):
    for path in ("train/1.png", "bus/2.png"):
        draw(tmp_path / path)
    assert find(tmp_path)[0].class_names == ("bus", "train")


def test_left_out_files_are_noted(tmp_path):
    for path in ("train/cat/1.png", "train/dog/2.png", "test/unsorted.png", "drafts/x/3.png", "train/cat/.hidden.png"):
        draw(tmp_path / path)
    (tmp_path / "train" / "cat" / "notes.txt").touch()
    (tmp_path / "train" / "cat" / "Thumbs.db").touch()
    found, notes = find(tmp_path)
    assert list(found.parts) == ["train"]
    assert len(found.parts["train"]) == 2
    assert [note for note in notes if "left out what is beside train: drafts" in note]
    assert [note for note in notes if "test has no folders of classes: left out" in note]
    assert [note for note in notes if "left out 1 file of other kinds than .png" in note and "notes.txt" in note]
    assert [note for note in notes if "2 hidden or system files and folders: .hidden.png, Thumbs.db" in note]
    assert len(notes) == 4


def test_a_missing_test_folder_is_noted(tmp_path):
    for path in ("cat/1.png", "dog/2.png"):
        draw(tmp_path / path)
    notes = listen()
    dataset = load_dataset(tmp_path)
    assert dataset.test_images is None
    assert [note for note in notes if "has no test part: results will be of validation alone" in note]


def test_accents_are_one_letter_on_every_system(tmp_path):
    draw(tmp_path / "cafe\u0301" / "1.png")
    draw(tmp_path / "tea" / "2.png")
    assert find(tmp_path)[0].class_names == ("caf\u00e9", "tea")


def test_idx_files_are_no_pictures(tmp_path):
    (tmp_path / "train-images-idx3-ubyte.gz").touch()
    draw(tmp_path / "preview" / "a.png")
    assert "lacks train-labels" in refusal(tmp_path)


# Wrong input


def test_an_empty_class_is_refused(tmp_path):
    draw(tmp_path / "cat" / "1.png")
    (tmp_path / "dog").mkdir()
    assert f"{tmp_path / 'dog'} holds no pictures" in refusal(tmp_path)


def test_an_empty_class_to_test_on_is_no_error(tmp_path):
    for path in ("train/cat/1.png", "train/dog/2.png", "test/cat/3.png"):
        draw(tmp_path / path)
    (tmp_path / "test" / "dog").mkdir()
    assert len(find(tmp_path)[0].parts["test"]) == 1


def test_one_class_only_is_refused(tmp_path):
    draw(tmp_path / "cat" / "1.png")
    assert "holds one class only, cat: a classifier needs two classes or more" in refusal(tmp_path)


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_class_that_is_not_trained_on_is_refused(part, tmp_path):
    for path in ("train/cat/1.png", "train/dog/2.png", f"{part}/cow/3.png"):
        draw(tmp_path / path)
    assert f"{tmp_path / part / 'cow'}: there is no class 'cow' to train on, only cat, dog" in refusal(tmp_path)


def test_classes_that_differ_in_case_only_are_refused(tmp_path):
    for path in ("Cat/1.png", "cat/2.png", "dog/3.png"):
        draw(tmp_path / path)
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this system takes them for one folder")
    assert "'Cat' and 'cat', which differ in capital letters only" in refusal(tmp_path)


def test_val_without_train_is_refused(tmp_path):
    for path in ("val/cat/1.png", "test/dog/2.png"):
        draw(tmp_path / path)
    assert "has test, val but no train" in refusal(tmp_path)


def test_pictures_outside_folders_and_folders_without_pictures_are_refused(tmp_path):
    draw(tmp_path / "flat" / "1.png")
    (tmp_path / "bare" / "raw").mkdir(parents=True)
    assert "holds pictures but no folders of classes: found 1.png; expected a folder a class" in refusal(
        tmp_path / "flat"
    )
    assert "holds no data set: found raw; expected the four IDX files" in refusal(tmp_path / "bare")
