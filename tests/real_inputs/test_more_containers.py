"""More containers: a file a part, arrays without names or twice, nested pickles, CIFAR's coarse labels."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from archives import zipped
from told import listen

from barenet.cli.settings_or_data import take_data
from barenet.data.datasets import from_arrays
from barenet.data.formats.idx import write_idx
from barenet.data.loading import load_dataset
from barenet.errors import DataError

RNG = np.random.default_rng(0)
X, X_TEST = RNG.integers(0, 256, (6, 4, 5), np.uint8), RNG.integers(0, 256, (4, 4, 5), np.uint8)
Y, Y_TEST = np.arange(6) % 3, np.arange(4) % 3


def load(path, **settings):
    notes = listen()
    return load_dataset(path, **settings), notes


def refusal(path, **settings):
    with pytest.raises(DataError) as caught:
        load_dataset(path, **settings)
    assert str(caught.value).isprintable()
    return str(caught.value)


def check(dataset, *, has_test=True):
    np.testing.assert_array_equal(dataset.train_images.reshape(-1, 4, 5), X)
    assert dataset.train_labels.tolist() == Y.tolist()
    assert (dataset.test_images is not None) == has_test
    if has_test:
        np.testing.assert_array_equal(dataset.test_images.reshape(-1, 4, 5), X_TEST)
        assert dataset.test_labels.tolist() == Y_TEST.tolist()


def write_pickle(path, content):
    path.write_bytes(pickle.dumps(content))
    return path


# Several files


@pytest.mark.parametrize("names", ["train.npz test.npz", "mnist_train.npz mnist_test.npz", "train.p test.p"])
def test_a_file_a_part_is_read_together(names, tmp_path):
    for name, x, y in zip(names.split(), (X, X_TEST), (Y, Y_TEST), strict=True):
        if name.endswith(".p"):
            write_pickle(tmp_path / name, {"features": x, "labels": y, "sizes": x[:, 0, :2], "coords": x[:, 0]})
        else:
            np.savez(tmp_path / name, x=x, y=y)
    dataset, notes = load(tmp_path)
    check(dataset)
    assert [note for note in notes if f"a file a part (train: {names.split()[0]}, test: {names.split()[1]})" in note]


def test_a_file_a_part_may_say_its_part_again_but_no_other(tmp_path):
    np.savez(tmp_path / "train.npz", x_train=X, y_train=Y)
    np.savez(tmp_path / "test.npz", x_test=X_TEST, y_test=Y_TEST)
    check(load(tmp_path)[0])
    np.savez(tmp_path / "train.npz", x_train=X, y_train=Y, x_test=X_TEST, y_test=Y_TEST)
    assert "train.npz holds the parts train, test, expected train alone" in refusal(tmp_path)


def test_files_of_arrays_that_are_no_parts_are_named(tmp_path):
    for name in ("a.npz", "b.npz"):
        np.savez(tmp_path / name, x=X, y=Y)
    assert f"holds several files of arrays (a.npz, b.npz): name one, as in --data {tmp_path / 'a.npz'}" in refusal(
        tmp_path
    )


def test_kmnist_may_have_its_table_of_characters_beside_it(tmp_path):
    for part, x, y in (("train", X, Y), ("test", X_TEST, Y_TEST)):
        np.savez(tmp_path / f"k49-{part}-imgs.npz", x)
        np.savez(tmp_path / f"k49-{part}-labels.npz", y)
    (tmp_path / "k49_classmap.csv").write_text("index,codepoint,char\n0,U+3042,a\n1,U+3044,i\n", encoding="utf-8")
    check(load(tmp_path)[0])
    assert "holds one array without a name: give the folder" in refusal(tmp_path / "k49-train-imgs.npz")


@pytest.mark.parametrize("name", ["{}_images_idx3_ubyte", "{}-images.idx3-ubyte", "fashion_{}-images-idx3-ubyte"])
def test_idx_files_may_be_written_with_underscores_and_dots(name, tmp_path):
    for part, x, y in (("train", X, Y), ("t10k", X_TEST, Y_TEST)):
        write_idx(tmp_path / name.format(part), x)
        write_idx(tmp_path / name.format(part).replace("images", "labels").replace("idx3", "idx1"), y.astype(np.uint8))
    check(load(tmp_path)[0])


# Arrays in one file


def test_images_that_lie_there_twice_are_taken_as_images(tmp_path):
    digits = RNG.integers(0, 17, (6, 8, 8)).astype(float)
    flat = digits.reshape(6, 64)
    np.savez(tmp_path / "d.npz", data=flat, target=Y, images=digits, target_names=np.array(["a", "b", "c"]))
    dataset, _ = load(tmp_path / "d.npz")
    assert dataset.image_shape == (8, 8)
    assert dataset.class_names == ("a", "b", "c")
    np.savez(tmp_path / "d.npz", data=flat + 1, target=Y, images=digits)
    assert "holds data, images, which may all be the train images: keep one of them" in refusal(tmp_path / "d.npz")


@pytest.mark.parametrize("order", [(X, Y, X_TEST, Y_TEST), (X, X_TEST, Y, Y_TEST)])
def test_four_arrays_without_names_are_told_apart_by_their_shapes(order, tmp_path):
    np.savez(tmp_path / "d.npz", *order)
    write_pickle(tmp_path / "d.pkl", order)
    for name in ("d.npz", "d.pkl"):
        check(load(tmp_path / name)[0])
    np.savez(tmp_path / "d.npz", X, X_TEST)
    assert "arrays without names (arr_0 (6, 4, 5), arr_1 (4, 4, 5)): expected x_train" in refusal(tmp_path / "d.npz")


@pytest.mark.parametrize("dtype", ["float32", "S1"])
def test_labels_of_an_npz_file_are_read_as_those_from_python(dtype, tmp_path):
    labels = Y.astype(dtype)
    np.savez(tmp_path / "d.npz", x=X, y=labels)
    dataset, _ = load(tmp_path / "d.npz")
    assert dataset.class_names == from_arrays(X, labels).class_names == ("0", "1", "2")
    check(dataset, has_test=False)


def test_test_images_without_labels_are_left_out_with_a_note(tmp_path):
    np.savez(tmp_path / "d.npz", x_train=X, y_train=Y, x_test=X_TEST)
    dataset, notes = load(tmp_path / "d.npz")
    check(dataset, has_test=False)
    assert [note for note in notes if "left out x_test, without labels" in note]


def test_several_labels_an_image_are_no_one_hot_rows(tmp_path):
    for labels, remedy in ((np.eye(3)[Y], "argmax(axis=1)"), (np.ones((6, 3), int), "one of the columns")):
        np.savez(tmp_path / "d.npz", x=X, y=labels)
        assert remedy in refusal(tmp_path / "d.npz")


# Pickles


@pytest.mark.parametrize(
    "content",
    [
        {"train": {"x": X, "y": Y}, "test": {"x": X_TEST, "y": Y_TEST}},
        {"x": X.tolist(), "y": Y.tolist(), "x_test": X_TEST.tolist(), "y_test": Y_TEST.tolist()},
        {"x": list(X), "y": [f"c{label}" for label in Y], "x_test": list(X_TEST), "y_test": [f"c{c}" for c in Y_TEST]},
    ],
)
def test_nested_dictionaries_and_lists_are_read(content, tmp_path):
    check(load(write_pickle(tmp_path / "d.pkl", content))[0])


def test_one_array_may_be_of_two_parts(tmp_path):
    big = RNG.integers(0, 256, (200, 8, 8), np.uint8)
    labels = np.arange(200) % 3
    dataset, _ = load(write_pickle(tmp_path / "d.pkl", ((big, labels), (big, labels))))
    np.testing.assert_array_equal(dataset.train_images, dataset.test_images)
    many = write_pickle(tmp_path / "e.pkl", {f"x_{i}": big for i in range(20)})
    assert "arrays that together are larger than the file" in refusal(many)


# CIFAR


@pytest.mark.parametrize("kind", ["binary", "python"])
def test_cifar_100_has_coarse_labels_where_they_are_asked_for(kind, tmp_path):
    pixels = RNG.integers(0, 256, (4, 3072), np.uint8)
    coarse, fine = [0, 1, 1, 0], [2, 0, 1, 2]
    if kind == "binary":
        records = [bytes([c, f]) + row.tobytes() for c, f, row in zip(coarse, fine, pixels, strict=True)]
        (tmp_path / "train.bin").write_bytes(b"".join(records))
        (tmp_path / "fine_label_names.txt").write_text("p\nq\nr\n", encoding="utf-8")
        (tmp_path / "coarse_label_names.txt").write_text("u\nv\n", encoding="utf-8")
    else:
        write_pickle(tmp_path / "train", {"data": pixels, "fine_labels": fine, "coarse_labels": coarse})
        write_pickle(tmp_path / "meta", {"fine_label_names": ["p", "q", "r"], "coarse_label_names": ["u", "v"]})
    dataset, notes = load(tmp_path)
    assert dataset.class_names == ("p", "q", "r")
    assert dataset.train_labels.tolist() == fine
    assert [note for note in notes if "files, fine labels:" in note]
    other, _ = load(tmp_path, label="coarse")
    assert other.class_names == ("u", "v")
    assert other.train_labels.tolist() == coarse
    np.testing.assert_array_equal(other.train_images, dataset.train_images)
    assert "no 'species': name one of them by --label" in refusal(tmp_path, label="species")


def test_one_file_of_cifar_points_to_its_folder(tmp_path):
    write_pickle(tmp_path / "data_batch_1", {"data": np.zeros((2, 3072), np.uint8), "labels": [0, 1]})
    assert f"is one of the files of CIFAR: give the folder, --data {tmp_path}" in refusal(tmp_path / "data_batch_1")


# What is no data


@pytest.mark.parametrize("address", ["https://example.org/d.npz", "http://example.org", "file:///tmp/d.npz"])
def test_an_address_is_no_path(address):
    assert "is an address, not a path: download what is there" in refusal(address)


def test_an_empty_path_is_not_this_folder():
    assert "the path of the data is empty" in refusal("")


def test_an_address_in_the_place_of_the_settings_is_taken_for_data(tmp_path):
    assert take_data(tmp_path / ".." / "x.toml", {})[0] is not None
    assert take_data(Path("https://example.org/d.zip"), {}) == (
        None,
        {"data.path": "https:/example.org/d.zip"},
    )


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("usps.h5", b"\x89HDF\r\n\x1a\n" + bytes(90), "usps.h5, which is an HDF5 file"),
        ("train_32x32.mat", b"MATLAB 5.0 MAT-file" + bytes(90), "train_32x32.mat, which is a MATLAB file"),
        ("d.zip", zipped("cat/1.png"), "d.zip, which is a zip archive of 1 file (cat/1.png): unpack it first"),
        ("raw/train.parquet", b"PAR1\x15\x04" + bytes(90), "train.parquet, which is a Parquet file"),
    ],
)
def test_a_folder_says_what_its_files_are(name, content, fault, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    assert fault in refusal(tmp_path)
