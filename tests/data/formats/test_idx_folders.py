"""Folders of IDX files: the names that are understood, and every wrong folder refused in one line that names it."""

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
    check_is_the_small_one,
    message_of,
)

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


def test_the_naming_of_emnist_is_understood_and_class_0_is_noted_as_empty(folder):
    names = [f"emnist-letters-{name.replace('t10k', 'test')}.gz" for name in USUAL_NAMES]
    labels = b"\0\0\x08\x01" + struct.pack(">I", 4) + bytes([1, 2, 2, 1])
    test_labels = b"\0\0\x08\x01" + struct.pack(">I", 2) + bytes([2, 1])
    notes: list[str] = []
    path = folder((TRAIN_IMAGES, labels, TEST_IMAGES, test_labels), names)
    (path / "emnist-letters-mapping.txt").write_text("1 65 97\n", encoding="utf-8")
    dataset = load_dataset(path, note=notes.append)
    assert dataset.n_classes == 3
    assert dataset.train_labels.tolist() == [1, 2, 2, 1]
    assert len(notes) == 1
    assert "no training image of class 0:" in notes[0]
    assert "emnist-letters-train-labels" in notes[0]


def test_several_data_sets_in_one_folder_are_named(folder):
    folder(names=[f"emnist-letters-{name}" for name in USUAL_NAMES])
    path = folder(names=[f"emnist-digits-{name}" for name in USUAL_NAMES])
    message_of(lambda: load_dataset(path), path, "emnist-digits, emnist-letters")
    folder()
    message_of(lambda: load_dataset(path), "emnist-digits, emnist-letters, no prefix")


def test_the_unpacked_file_wins_over_the_packed_one(folder):
    path = folder()
    (path / "train-images-idx3-ubyte.gz").write_bytes(b"never read")
    check_is_the_small_one(load_dataset(path), "pictures")


def test_a_subfolder_that_bears_the_name_of_a_file_is_passed_over(folder):
    path = folder(names=[f"{name}.gz" for name in USUAL_NAMES])
    (path / "train-images-idx3-ubyte").mkdir()
    check_is_the_small_one(load_dataset(path), "pictures")


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "nowhere"
    message_of(lambda: load_dataset(path), f"data path {path} does not exist", "fashion-mnist")


def test_an_unknown_home_folder_is_a_missing_folder():
    message_of(lambda: load_dataset("~no-such-user-here/data"), "~no-such-user-here", "does not exist")


def test_an_empty_folder_is_told_what_belongs_there(tmp_path):
    (tmp_path / ".DS_Store").write_bytes(b"x")
    message_of(lambda: load_dataset(tmp_path), f"{tmp_path} is an empty folder", "t10k-labels-idx1-ubyte.gz")


def test_a_wrong_folder_shows_a_few_of_the_names_found(tmp_path):
    for i in range(6):
        (tmp_path / f"holiday-{i}.jpg").touch()
    found = "holiday-0.jpg, holiday-1.jpg, holiday-2.jpg, holiday-3.jpg and 2 more"
    message_of(lambda: load_dataset(tmp_path), tmp_path, f"found {found};", "train-images-idx3-ubyte.gz")


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


def test_a_folder_that_may_not_be_read_is_the_machines_fault(folder, monkeypatch):
    path = folder()

    def refuse(_self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    message_of(lambda: load_dataset(path), path, "Permission denied", error=MachineError)
