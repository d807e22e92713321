"""Datasets: every source ends in the same checked arrays, and every wrong input in one line that names it."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import tracemalloc
import zipfile
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from barenet.data.checks import MAX_CLASSES
from barenet.data.datasets import Dataset, from_arrays, load_dataset
from barenet.errors import DataError, MachineError

USUAL_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
# Four training images of 2 x 3 pixels with labels 0 1 2 1, two test images with labels 2 0.
TRAIN_PIXELS, TEST_PIXELS = bytes(range(24)), bytes(range(100, 112))
TRAIN_IMAGES = b"\0\0\x08\x03" + struct.pack(">3I", 4, 2, 3) + TRAIN_PIXELS
TRAIN_LABELS = b"\0\0\x08\x01" + struct.pack(">I", 4) + bytes([0, 1, 2, 1])
TEST_IMAGES = b"\0\0\x08\x03" + struct.pack(">3I", 2, 2, 3) + TEST_PIXELS
TEST_LABELS = b"\0\0\x08\x01" + struct.pack(">I", 2) + bytes([2, 0])
CONTENTS = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

X = np.frombuffer(TRAIN_PIXELS, np.uint8).reshape(4, 2, 3)
Y = np.array([0, 1, 2, 1])
X_TEST = np.frombuffer(TEST_PIXELS, np.uint8).reshape(2, 2, 3)
Y_TEST = np.array([2, 0])
ARRAYS = {"x_train": X, "y_train": Y, "x_test": X_TEST, "y_test": Y_TEST}


def message_of(function, *fragments: object, error: type[Exception] = DataError) -> str:
    """Call `function`, which must fail in one line that holds every fragment."""
    with pytest.raises(error) as caught:
        function()
    message = str(caught.value)
    assert "\n" not in message
    for fragment in fragments:
        assert str(fragment) in message
    return message


def check_is_the_small_one(dataset: Dataset, name: str) -> None:
    assert dataset.name == name
    assert dataset.image_shape == (2, 3)
    assert (dataset.n_inputs, dataset.n_classes) == (6, 3)
    assert dataset.class_names == ("0", "1", "2")
    assert dataset.mirror_safe is False
    assert dataset.train_images.dtype == np.uint8
    assert dataset.train_images.shape == (4, 6)
    assert dataset.train_images.tobytes() == TRAIN_PIXELS
    assert dataset.train_labels.dtype == np.int64
    assert dataset.train_labels.tolist() == [0, 1, 2, 1]
    assert dataset.test_images.shape == (2, 6)
    assert dataset.test_images.tobytes() == TEST_PIXELS
    assert dataset.test_labels.dtype == np.int64
    assert dataset.test_labels.tolist() == [2, 0]


@pytest.fixture
def folder(tmp_path: Path):
    """Return a function that fills a folder, under the usual names unless others are given."""

    def fill(contents=CONTENTS, names=USUAL_NAMES) -> Path:
        path = tmp_path / "pictures"
        path.mkdir(exist_ok=True)
        for name, content in zip(names, contents, strict=True):
            (path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return fill


@pytest.fixture
def npz(tmp_path: Path):
    """Return a function that writes an .npz file of the small arrays, some of them replaced."""

    def write(save=np.savez, **replaced) -> Path:
        save(tmp_path / "small.npz", **{**ARRAYS, **replaced})
        return tmp_path / "small.npz"

    return write


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


@pytest.mark.parametrize("name", ["fashion-mnist", "Fashion-MNIST", "datasets/fashion-mnist/"])
def test_a_missing_path_named_fashion_mnist_means_the_carried_data_with_a_note(tmp_path, name, carried):
    notes: list[str] = []
    dataset = load_dataset(tmp_path / name, note=notes.append)
    assert dataset.fingerprint == carried.fingerprint
    assert notes == [f"{tmp_path / name} does not exist: using the Fashion-MNIST that comes with barenet"]


def test_a_folder_of_yours_named_fashion_mnist_is_read(folder):
    path = folder().rename(folder().parent / "fashion-mnist")
    notes: list[str] = []
    check_is_the_small_one(load_dataset(path, note=notes.append), "fashion-mnist")
    assert notes == []


def test_a_damaged_installation_says_so(tmp_path, monkeypatch):
    (tmp_path / "fashion_mnist").mkdir()
    path = tmp_path / "fashion_mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(TRAIN_IMAGES))
    monkeypatch.setattr(resources, "files", lambda _package: tmp_path)
    message_of(lambda: load_dataset(None), path, "SHA-256", "reinstall barenet")
    path.unlink()
    message_of(lambda: load_dataset(None), path, "does not exist", "reinstall barenet")


# Folders


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


# .npz files


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_file_in_the_layout_of_keras_is_read(npz, save):
    check_is_the_small_one(load_dataset(npz(save)), "small.npz")


def test_labels_in_a_column_and_images_in_fortran_order_are_read(npz):
    path = npz(x_train=np.asfortranarray(X), y_train=Y[:, None].astype(np.uint8))
    check_is_the_small_one(load_dataset(path), "small.npz")


def test_an_npz_file_without_the_keys_says_which(npz, tmp_path):
    np.savez(tmp_path / "other.npz", x_train=X, images=X, labels=Y)
    message_of(
        lambda: load_dataset(tmp_path / "other.npz"),
        f"{tmp_path / 'other.npz'} lacks y_train, x_test, y_test:",
        "found x_train, images, labels;",
    )


def test_a_line_break_in_a_name_does_not_break_the_message(tmp_path):
    np.savez(tmp_path / "other.npz", **{"two\nlines": X})
    message_of(lambda: load_dataset(tmp_path / "other.npz"), r"'two\nlines'")


def test_arrays_of_python_objects_are_never_loaded(npz):
    path = npz(y_train=np.array([0, 1, None, "x"], dtype=object))
    message_of(lambda: load_dataset(path), f"y_train in {path} holds Python objects (dtype object)")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty (0 bytes)"),
        (b"<html>404</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"a,b,c\n1,2,3\n", "is not a zip archive"),
        (b"PK\x03\x04" + bytes(100), "truncated or damaged"),
        (b"\x93NUMPY" + bytes(100), "np.savez"),
        (TRAIN_IMAGES, "is a single file: give the folder"),
        (gzip.compress(TRAIN_IMAGES), "is a single file: give the folder"),
    ],
)
def test_a_file_that_is_no_npz_is_recognised(tmp_path, content, fault):
    path = tmp_path / "mnist.npz"
    path.write_bytes(content)
    message_of(lambda: load_dataset(path), f"{path} ", fault)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_truncated_npz_is_damaged(npz, save):
    path = npz(save)
    path.write_bytes(path.read_bytes()[:-40])
    message_of(lambda: load_dataset(path), path, "damaged")


def test_a_flipped_byte_in_an_npz_is_damaged(npz):
    path = npz()
    content = path.read_bytes()
    assert content.count(TRAIN_PIXELS) == 1
    path.write_bytes(content.replace(TRAIN_PIXELS, bytes([99]) + TRAIN_PIXELS[1:]))
    message_of(lambda: load_dataset(path), path, "damaged")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_no_flipped_byte_of_an_npz_ends_in_anything_but_data_or_one_line(npz, save):
    path = npz(save)
    content = path.read_bytes()
    fingerprints, messages = set(), []
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        try:
            fingerprints.add(load_dataset(path).fingerprint)
        except DataError as error:
            messages.append(str(error))
    assert not any("\n" in message for message in messages)
    # What passes are flips in time stamps and the like, which leave the arrays as they were.
    assert fingerprints == {from_arrays(X, Y, X_TEST, Y_TEST).fingerprint}
    assert len(messages) > len(content) / 2


def test_an_encrypted_member_is_refused(npz):
    path = npz()
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")  # the first entry of the directory; its flags are 8 bytes on
    path.write_bytes(content[: start + 8] + bytes([content[start + 8] | 1]) + content[start + 9 :])
    message_of(lambda: load_dataset(path), f"x_train in {path} is encrypted")


def test_a_member_that_only_begins_like_a_key_does_not_count(tmp_path):
    with zipfile.ZipFile(tmp_path / "small.npz", "w") as archive:
        archive.writestr("x_train", b"")
    message_of(lambda: load_dataset(tmp_path / "small.npz"), "lacks x_train, y_train", "found nothing;")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    message_of(lambda: load_dataset(tmp_path / "pipe"), tmp_path / "pipe", "neither a folder nor a file")


def npy(header: str, elements: bytes) -> bytes:
    """Pack an .npy file by hand, as version 1.0 of its format describes it."""
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode() + elements


def write_npz(path: Path, x_train: bytes, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("x_train.npy", x_train)
        for key in ("y_train", "x_test", "y_test"):
            buffer = io.BytesIO()
            np.save(buffer, ARRAYS[key])
            archive.writestr(f"{key}.npy", buffer.getvalue())
    return path


@pytest.mark.parametrize(
    ("shape", "n_promised"),
    [("(4, 2, 30)", "240 bytes"), ("(4, 2, 2)", "16 bytes"), ("(60000, 1000, 1000)", "60,000,000,000 bytes")],
)
def test_an_npz_header_that_promises_another_length_takes_no_memory(tmp_path, shape, n_promised):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n"
    path = write_npz(tmp_path / "small.npz", npy(header, TRAIN_PIXELS))
    tracemalloc.start()
    try:
        message_of(lambda: load_dataset(path), f"x_train in {path}", n_promised, "the archive holds 24", "damaged")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize("shape", ["(4, -2, 3)", f"({2**40}, {2**40})", f"(0, {2**40})"])
def test_an_npz_header_that_promises_the_absurd_is_refused(tmp_path, shape):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n"
    path = write_npz(tmp_path / "small.npz", npy(header, TRAIN_PIXELS))
    message_of(lambda: load_dataset(path), f"x_train in {path}", shape, "cannot be right")


def test_an_npz_whose_directory_lies_about_its_length_takes_no_memory(tmp_path):
    """Header and directory agree on 4 GB, which the few bytes in the file cannot hold."""
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 1000, 1000000)}\n"
    member = npy(header, TRAIN_PIXELS)
    path = write_npz(tmp_path / "small.npz", member, zipfile.ZIP_STORED)
    claimed = len(member) - len(TRAIN_PIXELS) + 4_000_000_000
    content, sizes = path.read_bytes(), struct.pack("<2I", len(member), len(member))
    assert content.count(sizes) == 2  # beside the member and in the directory
    path.write_bytes(content.replace(sizes, struct.pack("<2I", claimed, claimed)))
    tracemalloc.start()
    try:
        # Later patch releases of Python notice that such members overlap, and earlier ones leave it to us.
        message = message_of(lambda: load_dataset(path), path, "damaged")
        assert "4,000,000,000 bytes" in message or "Overlapped entries" in message
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize("member", [b"", b"no header", npy("{'descr': 'u1'}\n", b""), npy("__import__('os')\n", b"")])
def test_a_member_without_a_sound_header_is_refused(tmp_path, member):
    path = write_npz(tmp_path / "small.npz", member)
    message_of(lambda: load_dataset(path), f"x_train in {path} has a damaged header")


def test_a_member_packed_in_an_unusual_way_is_refused(tmp_path):
    path = write_npz(tmp_path / "small.npz", npy("", b""), zipfile.ZIP_BZIP2)
    message_of(lambda: load_dataset(path), f"x_train in {path}", "unusual way")


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
    notes: list[str] = []
    names = ["cat", "dog", "猫", "bird"]
    dataset = from_arrays(X, Y, class_names=names, name="pets", note=notes.append)
    assert (dataset.name, dataset.class_names, dataset.n_classes) == ("pets", tuple(names), 4)
    assert notes == ["y: no training image of class 3: the network cannot learn it"]


def test_a_gap_among_the_labels_is_noted():
    notes: list[str] = []
    assert from_arrays(X, [0, 9, 2, 2], note=notes.append).n_classes == 10
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
    "float labels": (X, Y.astype(float), "y holds float64", "integer labels"),
    "boolean labels": (X, Y > 0, "y holds bool", "integer labels"),
    "text labels": (X, ["a", "b", "c", "d"], "y holds <U1", "integer labels"),
    "negative label": (X, [0, 1, -1, 1], "y: label -1 of image 2 is out of range", ""),
    "huge label": (X, [0, MAX_CLASSES, 1, 1], f"y: label {MAX_CLASSES} of image 1 is out of range", "65535"),
    "overflowing label": (X, np.array([0, 1, 1, 2**63], np.uint64), f"label {2**63} of image 3 is out of range", ""),
    "one class": (X, [2, 2, 2, 2], "y: every label is 2", "two classes"),
    "objects": (np.array([[1, None]] * 4, dtype=object), Y, "x holds object", ""),
    "text": (np.full((4, 2), "pixel"), Y, "x holds <U5", ""),
    "complex": (X * 1j, Y, "x holds complex128", ""),
    "NaN": (np.array([[0.0, 1], [0, 1], [0, np.nan], [0, 1]]), Y, "x: pixel 1 of image 2 is nan", "finite"),
    "infinity": (np.array([[0.0, 1], [-np.inf, 1], [0, 1], [0, 1]]), Y, "x: pixel 0 of image 1 is -inf", "finite"),
    "beyond float32": (np.array([[0.0, 1], [1e300, 1], [0, 1], [0, 1]]), Y, "pixel 0 of image 1 is 1e+300", "float32"),
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
    wrong = X.astype(complex) if key[0] == "x" else Y.astype(float)
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


@pytest.mark.parametrize(("x_test", "y_test", "lacking"), [(X_TEST, None, "y_test"), (None, Y_TEST, "x_test")])
def test_half_a_test_set_is_refused(x_test, y_test, lacking):
    message_of(lambda: from_arrays(X, Y, x_test, y_test), f"{lacking} is None")
