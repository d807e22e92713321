"""Folders of IDX files: which names are understood, and the one-line error of every wrong folder."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from small_files import (
    CONTENTS,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    USUAL_NAMES,
    X_TEST,
    X,
    check_is_the_small_one,
    message_of,
)
from told import listen

from barenet.data.datasets import from_arrays
from barenet.data.loading import load_dataset
from barenet.errors import MachineError


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("separator", ["-idx", ".idx"])
def test_a_folder_of_four_idx_files_is_read_packed_or_not(folder, separator, suffix):
    names = [name.replace("-idx", separator) + suffix for name in USUAL_NAMES]
    check_is_the_small_one(load_dataset(folder(names=names)), "pictures")


def test_a_path_may_be_a_string_and_relative(folder, monkeypatch):
    monkeypatch.chdir(folder())
    check_is_the_small_one(load_dataset("."), "pictures")


def emnist(folder, split="letters", labels=(1, 2, 2, 1), test_labels=(2, 1)):
    names = [f"emnist-{split}-{name.replace('t10k', 'test')}.gz" for name in USUAL_NAMES]
    heads = [b"\0\0\x08\x01" + struct.pack(">I", len(own)) for own in (labels, test_labels)]
    return folder((TRAIN_IMAGES, heads[0] + bytes(labels), TEST_IMAGES, heads[1] + bytes(test_labels)), names)


def test_emnist_is_turned_upright_and_its_letters_count_from_0(folder):
    notes = listen()
    path = emnist(folder)
    (path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n", encoding="utf-8")
    dataset = load_dataset(path)
    assert dataset.class_names == ("A/a", "B/b")
    assert dataset.train_labels.tolist() == [0, 1, 1, 0]
    assert dataset.test_labels.tolist() == [1, 0]
    assert dataset.image_shape == (3, 2)
    assert dataset.train_images[0].tolist() == [0, 3, 1, 4, 2, 5]  # the file has the rows 0 1 2 and 3 4 5
    (note,) = notes
    assert "EMNIST letters IDX files (labels count from 1: there is no class without images), turned upright" in note
    assert "4 training and 2 test images of 3x2, 2 classes (A/a, B/b)" in note


def test_without_its_mapping_emnist_is_known_by_its_name(folder):
    dataset = load_dataset(emnist(folder, "balanced", (10, 36, 46, 0), (1, 10)))
    assert dataset.n_classes == 47
    assert [dataset.class_names[c] for c in (0, 10, 35, 36, 46)] == ["0", "A", "Z", "a", "t"]


def test_a_wrong_mapping_of_emnist_is_named_with_its_line(folder):
    path = emnist(folder)
    (path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 B\n", encoding="utf-8")
    message_of(lambda: load_dataset(path), "emnist-letters-mapping.txt, line 2: '2 B'")


@pytest.mark.parametrize("transpose", [False, True])
def test_whether_images_are_transposed_can_be_set(folder, transpose):
    pixels = load_dataset(emnist(folder), transpose=transpose).train_images[0]
    assert pixels.tolist() == ([0, 3, 1, 4, 2, 5] if transpose else [0, 1, 2, 3, 4, 5])


def test_a_model_of_an_earlier_version_gets_emnist_as_it_was_read_then(folder):
    path, before = emnist(folder), from_arrays(X, [1, 2, 2, 1], X_TEST, [2, 1]).fingerprint
    notes = listen()
    dataset = load_dataset(path, trained_on=before)
    assert dataset.fingerprint == before
    assert dataset.train_labels.tolist() == [1, 2, 2, 1]
    assert [note for note in notes if "read as by the earlier version that trained this model" in note]
    assert load_dataset(path, trained_on="sha256:of another").image_shape == (3, 2)


@pytest.mark.parametrize("above", ["raw", "FashionMNIST/raw", "data/KMNIST/raw"])
def test_idx_files_are_found_below_as_torchvision_leaves_them(folder, above, tmp_path):
    target = tmp_path / "root" / above
    target.parent.mkdir(parents=True)
    folder().rename(target)
    check_is_the_small_one(load_dataset(tmp_path / "root"), "root")


def test_two_data_sets_below_are_named(folder, tmp_path):
    for name in ("MNIST", "KMNIST"):
        target = tmp_path / "root" / name / "raw"
        target.parent.mkdir(parents=True)
        folder().rename(target)
    listed = f"{tmp_path / 'root' / 'KMNIST' / 'raw'}, {tmp_path / 'root' / 'MNIST' / 'raw'}"
    message_of(lambda: load_dataset(tmp_path / "root"), "holds several data sets: name one of them", listed)


def test_several_data_sets_in_one_folder_are_named(folder):
    folder(names=[f"emnist-letters-{name}" for name in USUAL_NAMES])
    path = folder(names=[f"emnist-digits-{name}" for name in USUAL_NAMES])
    message_of(lambda: load_dataset(path), path, "emnist-digits, emnist-letters", f"--data {path / 'emnist-digits'}")
    assert load_dataset(path / "emnist-digits").class_names == ("0", "1", "2")
    folder()
    message_of(lambda: load_dataset(path), "no prefix, emnist-digits, emnist-letters")


def test_the_unpacked_file_is_used_before_the_packed_one(folder):
    path = folder()
    (path / "train-images-idx3-ubyte.gz").write_bytes(b"never read")
    check_is_the_small_one(load_dataset(path), "pictures")


def test_a_subfolder_with_the_name_of_a_file_is_ignored(folder):
    path = folder(names=[f"{name}.gz" for name in USUAL_NAMES])
    (path / "train-images-idx3-ubyte").mkdir()
    check_is_the_small_one(load_dataset(path), "pictures")


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "nowhere"
    message_of(lambda: load_dataset(path), f"data path {path} does not exist", "fashion-mnist")


def test_an_unknown_home_folder_is_a_missing_folder():
    message_of(lambda: load_dataset("~no-such-user-here/data"), "~no-such-user-here", "does not exist")


def test_an_empty_folder_gets_a_message_with_the_expected_files(tmp_path):
    (tmp_path / ".DS_Store").write_bytes(b"x")
    message_of(lambda: load_dataset(tmp_path), f"{tmp_path} is an empty folder", "t10k-labels-idx1-ubyte.gz")


def test_a_wrong_folder_shows_a_few_of_the_names_found(tmp_path):
    for i in range(6):
        (tmp_path / f"holiday-{i}.jpg").touch()
    found = "holiday-0.jpg, holiday-1.jpg, holiday-2.jpg, holiday-3.jpg and 2 more"
    message_of(lambda: load_dataset(tmp_path), tmp_path, f"found {found};", "expected a folder a class")


def test_missing_files_are_named_one_by_one(folder):
    path = folder()
    (path / "train-labels-idx1-ubyte").unlink()
    (path / "t10k-images-idx3-ubyte").unlink()
    message_of(
        lambda: load_dataset(path),
        f"{path} lacks train-labels, t10k-images:",
        "found t10k-labels-idx1-ubyte, train-images-idx3-ubyte;",
    )


def test_a_broken_file_in_a_folder_is_named(folder):
    path = folder((TRAIN_IMAGES[:-1], *CONTENTS[1:]))
    message_of(lambda: load_dataset(path), path / "train-images-idx3-ubyte", "24 bytes", "but 23 follow")


def test_images_and_labels_that_are_swapped_are_recognised(folder):
    path = folder((TRAIN_LABELS, TRAIN_IMAGES, TEST_IMAGES, TEST_LABELS))
    message_of(
        lambda: load_dataset(path),
        f"{path / 'train-images-idx3-ubyte'} has shape (4,)",
        f"{path / 'train-labels-idx1-ubyte'} (4, 2, 3)",
        "swapped",
    )


def test_a_file_of_labels_in_place_of_images_is_recognised(folder):
    path = folder((TRAIN_LABELS, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS))
    message_of(lambda: load_dataset(path), f"{path / 'train-images-idx3-ubyte'} does not hold images", "(4,)")


def test_counts_that_disagree_are_both_shown(folder):
    path = folder((TRAIN_IMAGES, TEST_LABELS, TEST_IMAGES, TEST_LABELS))
    message_of(
        lambda: load_dataset(path),
        f"{path / 'train-images-idx3-ubyte'} holds 4 images",
        f"{path / 'train-labels-idx1-ubyte'} 2 labels",
    )


def test_a_folder_that_may_not_be_read_is_a_machine_error(folder, monkeypatch):
    path = folder()

    def refuse(_self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    message_of(lambda: load_dataset(path), path, "Permission denied", error=MachineError)
