"""Datasets: every source gives the same checked arrays, and wrong arrays give a one-line error that names them."""

from __future__ import annotations

import gzip
import hashlib
import struct
from importlib import resources

import numpy as np
import pytest
from small_files import ARRAYS, TRAIN_IMAGES, TRAIN_PIXELS, X_TEST, Y_TEST, X, Y, check_is_the_small_one, message_of
from told import listen

from barenet.data.checks import MAX_CLASSES
from barenet.data.datasets import Dataset, from_arrays
from barenet.data.loading import load_dataset


@pytest.fixture(scope="module")
def carried() -> Dataset:
    return load_dataset(None)


# The carried data


def test_the_carried_data_are_fashion_mnist(carried):
    assert (carried.name, carried.image_shape, carried.n_inputs, carried.n_classes) == (
        "fashion-mnist",
        (28, 28),
        784,
        10,
    )
    assert carried.class_names[0] == "T-shirt/top"
    assert carried.class_names[9] == "Ankle boot"
    assert len(set(carried.class_names)) == 10
    assert carried.mirror_safe is True
    assert (carried.train_images.shape, carried.test_images.shape) == ((60_000, 784), (10_000, 784))
    assert np.bincount(carried.train_labels).tolist() == [6000] * 10
    assert np.bincount(carried.test_labels).tolist() == [1000] * 10
    header = b"\0\0\x08\x03" + struct.pack(">3I", 60_000, 28, 28)
    digest = hashlib.sha256(header + carried.train_images.tobytes()).hexdigest()
    assert digest == "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"


def test_the_pinned_fingerprint_is_the_one_that_hashing_gives(carried):
    shaped = (carried.train_images.reshape(-1, 28, 28), carried.train_labels)
    shaped_test = (carried.test_images.reshape(-1, 28, 28), carried.test_labels)
    dataset = from_arrays(*shaped, *shaped_test)
    assert dataset.fingerprint == carried.fingerprint
    assert dataset.class_names == carried.class_names
    assert dataset.mirror_safe


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fashion-mnist", "Fashion-MNIST", "datasets/fashion-mnist/"])
def test_a_missing_path_named_fashion_mnist_means_the_carried_data_with_a_note(tmp_path, name, carried):
    notes = listen()
    dataset = load_dataset(tmp_path / name)
    assert dataset.fingerprint == carried.fingerprint
    assert notes == [f"{tmp_path / name} does not exist: using the Fashion-MNIST that comes with barenet"]


def test_an_existing_folder_named_fashion_mnist_is_read(folder):
    path = folder().rename(folder().parent / "fashion-mnist")
    notes = listen()
    check_is_the_small_one(load_dataset(path), "fashion-mnist")
    assert notes == ["fashion-mnist: 4 training and 2 test images of 2x3, 3 classes (0, 1, 2)"]


def test_a_damaged_installation_gives_an_error(tmp_path, monkeypatch):
    (tmp_path / "fashion_mnist").mkdir()
    path = tmp_path / "fashion_mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(TRAIN_IMAGES))
    monkeypatch.setattr(resources, "files", lambda _package: tmp_path)
    message_of(lambda: load_dataset(None), path, "SHA-256", "reinstall barenet")
    path.unlink()
    message_of(lambda: load_dataset(None), path, "does not exist", "reinstall barenet")


# Arrays


def test_arrays_are_read():
    check_is_the_small_one(from_arrays(X, Y, X_TEST, Y_TEST), "arrays")


def test_the_same_data_have_the_same_fingerprint_whatever_their_source(folder, npz):
    from_folder, from_npz = load_dataset(folder()), load_dataset(npz())
    assert from_folder.fingerprint == from_npz.fingerprint == from_arrays(X, Y, X_TEST, Y_TEST).fingerprint


def test_any_other_data_have_another_fingerprint():
    one_pixel_more = X.copy()
    one_pixel_more[3, 1, 2] += 1
    datasets = [
        from_arrays(X, Y, X_TEST, Y_TEST),
        from_arrays(X, Y),
        from_arrays(one_pixel_more, Y),
        from_arrays(X, [0, 1, 2, 2]),
        from_arrays(X.reshape(4, 6), Y),
        from_arrays(X.astype(np.float32), Y),
    ]
    fingerprints = {dataset.fingerprint for dataset in datasets}
    assert len(fingerprints) == len(datasets)
    assert all(len(f) == len("sha256:") + 64 and f.startswith("sha256:") for f in fingerprints)


def test_a_fingerprint_is_the_hash_of_shape_dtypes_and_bytes():
    expected = hashlib.sha256()
    for part in (b"(2, 3)", b"|u1(4, 6)", TRAIN_PIXELS, b"<i8(4,)", struct.pack("<4q", 0, 1, 2, 1)):
        expected.update(part)
    assert from_arrays(X, Y).fingerprint == f"sha256:{expected.hexdigest()}"


def test_test_arrays_may_be_left_out():
    dataset = from_arrays(X, Y)
    assert dataset.test_images is None
    assert dataset.test_labels is None


@pytest.mark.parametrize("dtype", ["float64", "float16", ">f4", "int64", "bool"])
def test_numbers_other_than_uint8_become_float32(dtype):
    values = (X % 2).astype(dtype)
    images = from_arrays(values, Y).train_images
    assert images.dtype == np.float32
    assert images.dtype.isnative
    assert images.tolist() == [[float(v) for v in row] for row in (X % 2).reshape(4, 6).tolist()]


def test_contiguous_uint8_images_are_not_copied():
    assert np.shares_memory(from_arrays(X, Y).train_images, X)


def test_lists_and_colour_images_are_arrays_too():
    dataset = from_arrays(np.zeros((2, 4, 5, 3), np.uint8).tolist(), [0, 1])
    assert dataset.image_shape == (4, 5, 3)
    assert dataset.n_inputs == 60


def test_class_names_count_the_classes_and_one_without_images_is_noted():
    notes = listen()
    names = ["cat", "dog", "猫", "bird"]
    dataset = from_arrays(X, Y, class_names=names, name="pets")
    assert (dataset.name, dataset.class_names, dataset.n_classes) == ("pets", tuple(names), 4)
    assert notes == ["y: no training image of class 3: the network cannot learn it"]


def test_a_gap_among_the_labels_is_noted():
    notes = listen()
    assert from_arrays(X, [0, 9, 2, 2]).n_classes == 10
    assert notes == ["y: no training image of class 1, 3, 4, 5 and 3 more: the network cannot learn it"]


BAD_ARRAYS = {
    "no images": (X[:0], Y[:0], "x holds no images", "(0, 2, 3)"),
    "no pixels": (np.zeros((4, 0), np.uint8), Y, "x holds no images", "(4, 0)"),
    "an empty list": ([], [], "x does not hold images", "(0,)"),
    "a number": (5, 5, "x does not hold images", "()"),
    "a flat list": (Y, Y, "x does not hold images", "(4,)"),
    "swapped": (Y, X, "x has shape (4,) and y (4, 2, 3)", "swapped"),
    "ragged": ([[1, 2], [3]], [0, 1], "x is ragged", ""),
    "counts": (X, Y[:3], "x holds 4 images but y 3 labels", ""),
    "one-hot labels": (X, np.eye(4, dtype=int), "y has shape (4, 4)", "argmax"),
    "float labels": (X, Y + 0.5, "y holds float64", "integer labels"),
    "missing label": (X, ["a", "b", None, "d"], "y: the label of row 3 is missing", "fill it in"),
    "negative label": (X, [0, 1, -1, 1], "y: label -1 of image 2 is out of range", ""),
    "huge label": (X, [0, MAX_CLASSES, 1, 1], f"y: label {MAX_CLASSES} of image 1 is out of range", "65535"),
    "overflowing label": (X, np.array([0, 1, 1, 2**63], np.uint64), f"label {2**63} of image 3 is out of range", ""),
    "one class": (X, [42, 42, 42, 42], "y: every label is 42", "two classes"),
    "objects": (np.full((4, 2, 2), None), Y, "x holds object", ""),
    "text": (np.full((4, 2, 2), "pixel"), Y, "x holds <U5", ""),
    "complex": (X * 1j, Y, "x holds complex128", ""),
    "NaN": (np.where(X == 13, np.nan, X), Y, "x: pixel 1 of image 2 is nan", "finite"),
    "infinity": (np.where(X == 6, -np.inf, X), Y, "x: pixel 0 of image 1 is -inf", "finite"),
    "beyond float32": (np.where(X == 6, 1e300, X), Y, "pixel 0 of image 1 is 1e+300", "float32"),
    "infinite feature": (np.where(X == 6, np.inf, X).reshape(4, 6), Y, "x: column 1 of row 2 is inf", "clean it"),
    "huge feature": (np.where(X == 6, 1e300, X).reshape(4, 6), Y, "x: column 1 of row 2 is 1e+300", "clean it"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_wrong_training_arrays_are_refused(case):
    x, y, *fragments = BAD_ARRAYS[case]
    message_of(lambda: from_arrays(x, y), *fragments)


@pytest.mark.parametrize("case", sorted(BAD_ARRAYS.keys() - {"one class"}))
def test_wrong_test_arrays_are_refused_by_their_name(case):
    x, y, *_ = BAD_ARRAYS[case]
    assert "_test" in message_of(lambda: from_arrays(X, Y, x, y))


@pytest.mark.parametrize("key", ["x_train", "y_train", "x_test", "y_test"])
def test_the_checks_hold_for_files_too_and_name_array_and_file(npz, key):
    wrong = X.astype(complex) if key[0] == "x" else Y + 0.5
    path = npz(**{key: wrong[: len(ARRAYS[key])]})
    message_of(lambda: load_dataset(path), f"{key} in {path} holds {wrong.dtype}")


def test_training_and_test_images_of_different_shapes_are_refused():
    message_of(
        lambda: from_arrays(X, Y, X_TEST.reshape(2, 3, 2), Y_TEST),
        "x_test holds uint8 images of shape (3, 2)",
        "x holds uint8 of (2, 3)",
    )


def test_training_and_test_images_of_different_types_are_refused():
    message_of(lambda: from_arrays(X, Y, X_TEST / 255, Y_TEST), "x_test holds float32", "x holds uint8")


def test_a_test_label_beyond_the_training_classes_is_refused():
    message_of(
        lambda: from_arrays(X, Y, X_TEST, [0, 3]),
        "y_test: label 3 of image 1 is out of range: the training labels end at 2",
    )


def test_a_label_beyond_the_class_names_is_refused():
    message_of(
        lambda: from_arrays(X, Y, class_names=["cat", "dog"]),
        "y: label 2 of image 2 is out of range: class_names has 2",
    )


@pytest.mark.parametrize("part", ["test", "val"])
@pytest.mark.parametrize("lacking", ["x", "y"])
def test_half_a_test_or_validation_set_is_refused(part, lacking):
    given = {f"x_{part}": X_TEST, f"y_{part}": Y_TEST} | {f"{lacking}_{part}": None}
    message_of(lambda: from_arrays(X, Y, **given), f"x_{part} and y_{part} go together; got only one of them")


def test_no_images_at_all_are_refused():
    message_of(lambda: from_arrays(None, None), "x and y are None")


def test_validation_arrays_are_checked_like_test_arrays_and_called_by_their_names():
    dataset = from_arrays(X, Y, X_TEST, Y_TEST, x_val=X[:3], y_val=Y[:3].reshape(-1, 1))
    np.testing.assert_array_equal(dataset.valid_images, X[:3].reshape(3, -1))
    assert dataset.valid_labels.tolist() == Y[:3].tolist()
    wrong = {"x_val": X_TEST / 255, "y_val": Y_TEST}
    message_of(lambda: from_arrays(X, Y, **wrong), "x_val holds float32", "training and validation images must be")
    message_of(lambda: from_arrays(X, Y, x_val=X_TEST, y_val=[0, 3]), "y_val: label 3 of image 1 is out of range")


def test_the_fingerprint_with_validation_arrays_is_that_of_runs_that_were_started_before():
    # Runs know their data by it: SHA-256 of the fingerprint without them, then of their bytes.
    without = from_arrays(X, Y, X_TEST, Y_TEST).fingerprint
    expected = hashlib.sha256(without.encode() + X[:3].tobytes() + Y[:3].astype(np.int64).tobytes()).hexdigest()
    assert from_arrays(X, Y, X_TEST, Y_TEST, x_val=X[:3], y_val=Y[:3]).fingerprint == f"sha256:{expected}"
