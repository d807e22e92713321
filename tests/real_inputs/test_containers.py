"""Files in which images are published: MedMNIST, KMNIST, mnist.pkl.gz, CIFAR; and files of other kinds."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile

import numpy as np
import pytest
from archives import zipped
from told import listen

import barenet
from barenet.data.formats.idx import write_idx
from barenet.data.loading import load_dataset
from barenet.deploy.predictor import Predictor
from barenet.errors import DataError

RNG = np.random.default_rng(0)
X = {part: RNG.integers(0, 256, (n, 4, 5), np.uint8) for part, n in (("train", 6), ("val", 3), ("test", 4))}
Y = {part: np.arange(len(own)) % 3 for part, own in X.items()}


def load(path, **settings):
    notes = listen()
    return load_dataset(path, **settings), notes


def refusal(path):
    with pytest.raises(DataError) as caught:
        load_dataset(path)
    assert str(caught.value).isprintable()
    return str(caught.value)


def check(dataset, parts=("train", "val", "test")):
    """Check that a data set holds the arrays above, each in its part."""
    found = {
        "train": (dataset.train_images, dataset.train_labels),
        "val": (dataset.valid_images, dataset.valid_labels),
        "test": (dataset.test_images, dataset.test_labels),
    }
    for part, (images, labels) in found.items():
        if part in parts:
            np.testing.assert_array_equal(images.reshape(-1, 4, 5), X[part])
            np.testing.assert_array_equal(labels, Y[part])
        else:
            assert images is None


# Arrays by name


@pytest.mark.parametrize(
    "names",
    [
        "x_{part} y_{part}",
        "X_{part} Y_{part}",
        "{part}_x {part}_y",
        "x{part} y{part}",
        "{part}X {part}Y",
        "{part}_images {part}_labels",
        "images_{part} labels_{part}",
        "{part}_data {part}_targets",
        "X_{part} {part}_label",
    ],
)
def test_arrays_are_known_by_their_usual_names(names, tmp_path):
    arrays = {}
    for part, images in X.items():
        x, y = names.format(part=part).split()
        arrays |= {x: images, y: Y[part]}
    np.savez(tmp_path / "d.npz", **arrays)
    check(load(tmp_path / "d.npz")[0])


@pytest.mark.parametrize("names", ["x y", "X y", "images labels", "data target", "features targets", "arr_0 arr_1"])
def test_two_arrays_are_images_and_labels_to_train_on(names, tmp_path):
    x, y = names.split()
    np.savez(tmp_path / "d.npz", **{x: X["train"], y: Y["train"]})
    dataset, notes = load(tmp_path / "d.npz")
    check(dataset, ["train"])
    assert [note for note in notes if "no test part" in note]


def test_medmnist_is_read_with_its_columns_of_labels(tmp_path):
    columns = {f"{part}_labels": own[:, None].astype(np.uint8) for part, own in Y.items()}
    np.savez(tmp_path / "bloodmnist.npz", **{f"{part}_images": own for part, own in X.items()}, **columns)
    dataset, notes = load(tmp_path / "bloodmnist.npz")
    check(dataset)
    (note,) = [note for note in notes if "arrays by name" in note]
    assert "train: train_images, train_labels; val: val_images, val_labels; test: test_images, test_labels" in note
    assert "6 training, 3 validation and 4 test images of 4x5, 3 classes (0, 1, 2)" in note


def test_labels_that_are_text_become_classes_and_class_names_are_used(tmp_path):
    words = np.array(["ant", "bee", "cow"])
    np.savez(tmp_path / "a.npz", x=X["train"], y=words[Y["train"]])
    np.savez(tmp_path / "b.npz", x=X["train"], y=Y["train"], class_names=words)
    for name in "ab":
        dataset, _ = load(tmp_path / f"{name}.npz")
        assert dataset.class_names == ("ant", "bee", "cow")
        assert dataset.train_labels.tolist() == Y["train"].tolist()


@pytest.mark.parametrize("name", ["mnist.npz", "mnist.pkl.gz"])
def test_a_folder_may_hold_one_file_alone(name, tmp_path):
    if name.endswith(".npz"):
        np.savez(tmp_path / name, x_train=X["train"], y_train=Y["train"])
    else:
        (tmp_path / name).write_bytes(gzip.compress(pickle.dumps(((X["train"], Y["train"]),))))
    (tmp_path / "README.md").write_text("where it is from", encoding="utf-8")
    check(load(tmp_path)[0], ["train"])


def test_emnist_as_tables_is_turned_upright_and_named(tmp_path):
    pixels = RNG.integers(0, 256, (8, 784), np.uint8)
    rows = np.concatenate([np.tile([1, 26], 4)[:, None], pixels], axis=1)
    for part in ("train", "test"):
        with (tmp_path / f"emnist-letters-{part}.csv").open("w", encoding="utf-8") as file:
            np.savetxt(file, rows, "%d", ",")
    dataset, notes = load(tmp_path)
    np.testing.assert_array_equal(dataset.train_images[0].reshape(28, 28), pixels[0].reshape(28, 28).T)
    assert dataset.class_names == ("A/a", "Z/z")
    assert [note for note in notes if "EMNIST letters tables, turned upright: 8 training and 8 test images" in note]


@pytest.mark.parametrize(("split", "asked"), [("emnist-digits-", None), ("", True), ("emnist-digits-", False)])
def test_images_to_predict_are_turned_as_in_training(split, asked, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 4, 5)).astype(np.uint8)
    labels, test = (np.arange(12) % 2).astype(np.uint8), "test" if split else "t10k"
    (tmp_path / "new").mkdir()
    for part, n in (("train", 12), (test, 3)):
        write_idx(tmp_path / f"{split}{part}-images-idx3-ubyte", images[:n])
        write_idx(tmp_path / f"{split}{part}-labels-idx1-ubyte", labels[:n])
    rows = [",".join(map(str, image.ravel())) for image in images[:3]]
    (tmp_path / "new" / f"{split}pixels.csv").write_text("\n".join(rows) + "\n", "utf-8")
    settings = {"hidden": 4, "epochs": 1, "batch_size": 4, "n_valid": 2, "output": None, "verbose": False}
    predictor = Predictor([barenet.train(data=tmp_path, transpose=asked, **settings).model])
    expected = predictor.predict_proba((images if asked is False else images.swapaxes(1, 2))[:3])
    for name in (f"{split}{test}-images-idx3-ubyte", f"new/{split}pixels.csv"):
        found = barenet.recognise(predictor, [tmp_path / name])
        np.testing.assert_array_equal([answer.probability for answer in found], expected.max(axis=1))


def test_kmnist_is_read_from_its_folder_of_npz_files(tmp_path):
    for part in ("train", "test"):
        np.savez_compressed(tmp_path / f"kmnist-{part}-imgs.npz", X[part])
        np.savez_compressed(tmp_path / f"kmnist-{part}-labels.npz", Y[part].astype(np.uint8))
    dataset, notes = load(tmp_path)
    check(dataset, ["train", "test"])
    assert [note for note in notes if "kmnist .npz files of one array each: 6 training and 4 test images" in note]


# Pickles


class Python2:
    """Writes protocol 2 as Python 2's cPickle did, by hand: https://github.com/python/cpython/blob/2.7/Lib/pickle.py."""

    def dump(self, value):
        return b"\x80\x02" + self.save(value) + b"."

    def save(self, value):
        if isinstance(value, dict):
            return b"}(" + b"".join(self.save(k) + self.save(v) for k, v in value.items()) + b"u"
        if isinstance(value, list):
            return b"](" + b"".join(map(self.save, value)) + b"e"
        if isinstance(value, tuple):
            return b"(" + b"".join(map(self.save, value)) + b"t"
        if isinstance(value, np.ndarray):
            dtype = b"cnumpy\ndtype\n(U\x02" + value.dtype.str[1:].encode() + b"K\x00K\x01tR"
            order = b"|" if value.dtype.itemsize == 1 else b"<"
            dtype += b"(K\x03U\x01" + order + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
            raw = value.tobytes()
            new = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
            return (
                new + b"(K\x01" + self.save(value.shape) + dtype + b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
            )
        if isinstance(value, str):
            return b"U" + bytes([len(value)]) + value.encode("latin-1")
        return b"J" + struct.pack("<i", value)


def python2(value):
    return Python2().dump(value)


@pytest.mark.parametrize("write", [python2, lambda value: pickle.dumps(value, 2), lambda value: pickle.dumps(value, 4)])
def test_mnist_pkl_gz_is_read(write, tmp_path):
    floats = {part: RNG.random((n, 64), np.float32) for part, n in (("train", 6), ("val", 3), ("test", 4))}
    content = write(tuple((floats[part], Y[part]) for part in ("train", "val", "test")))
    (tmp_path / "mnist.pkl.gz").write_bytes(gzip.compress(content))
    dataset, notes = load(tmp_path / "mnist.pkl.gz")
    assert dataset.image_shape == (8, 8)
    np.testing.assert_array_equal(dataset.train_images, floats["train"])
    np.testing.assert_array_equal(dataset.valid_images, floats["val"])
    np.testing.assert_array_equal(dataset.test_labels, Y["test"])
    assert [note for note in notes if "a pickle of 3 pairs of images and labels: 6 training, 3 validation" in note]


def test_what_python_2_wrote_reads_as_pickle_itself_reads_it():
    value = {"data": X["train"], "labels": [1, 2], "name": "batch"}
    found = pickle.loads(python2(value), encoding="latin1")
    np.testing.assert_array_equal(found["data"], X["train"])
    assert (found["labels"], found["name"]) == ([1, 2], "batch")


def test_a_pickled_dictionary_is_read_by_its_names(tmp_path):
    (tmp_path / "d.pkl").write_bytes(pickle.dumps({"x_train": X["train"], "y_train": Y["train"].tolist(), "note": "x"}))
    check(load(tmp_path / "d.pkl")[0], ["train"])


def test_a_pickle_that_would_run_something_is_refused_and_runs_nothing(tmp_path):
    (tmp_path / "d.pkl").write_bytes(b"cbuiltins\nprint\n(Vrun\ntR.")
    assert "'builtins.print' is not one that NumPy writes" in refusal(tmp_path / "d.pkl")


def test_a_damaged_packed_pickle_is_one_line(tmp_path):
    content = gzip.compress(pickle.dumps(((X["train"], Y["train"]),)))
    (tmp_path / "d.pkl.gz").write_bytes(content[:-20])
    assert "truncated or damaged" in refusal(tmp_path / "d.pkl.gz")
    (tmp_path / "e.pkl").write_bytes(pickle.dumps([1, 2, 3]))
    assert "in another layout: expected pairs of images and labels" in refusal(tmp_path / "e.pkl")


# CIFAR: planes of red, green and blue in rows of 3,072 bytes

NAMES = ("plane", "car", "bird")
COLORS = RNG.integers(0, 256, (8, 32, 32, 3), np.uint8)
PLANES = np.stack([COLORS[..., c].reshape(8, -1) for c in range(3)], axis=1).reshape(8, 3072)
LABELS = np.array([0, 1, 2, 0, 1, 2, 2, 1], np.uint8)
BATCHES = {**{f"data_batch_{i + 1}": [i] for i in range(5)}, "test_batch": [5, 6, 7]}


def write_binary(folder):
    for name, rows in BATCHES.items():
        (folder / f"{name}.bin").write_bytes(b"".join(bytes([LABELS[i]]) + PLANES[i].tobytes() for i in rows))
    (folder / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n", encoding="utf-8")


def write_python(folder, dump=python2):
    for name, rows in BATCHES.items():
        batch = {
            **{"batch_label": name, "labels": LABELS[rows].tolist(), "data": PLANES[rows]},
            "filenames": [f"{i}.png" for i in rows],
        }
        (folder / name).write_bytes(dump(batch))
    (folder / "batches.meta").write_bytes(dump({"num_vis": 3072, "label_names": list(NAMES)}))


def write_python_3(folder):
    write_python(folder, lambda value: pickle.dumps({k.encode(): v for k, v in value.items()}, 4))


@pytest.mark.parametrize("below", ["", "cifar-10-batches-py"])
@pytest.mark.parametrize(
    ("write", "what"),
    [
        (write_binary, "CIFAR-10 binary batches"),
        (write_python, "CIFAR-10 python batches"),
        (write_python_3, "CIFAR-10 python batches"),
    ],
)
def test_cifar_10_is_read_in_colour(write, what, below, tmp_path):
    (tmp_path / below).mkdir(exist_ok=True)
    write(tmp_path / below)
    dataset, notes = load(tmp_path)
    assert dataset.image_shape == (32, 32, 3)
    np.testing.assert_array_equal(dataset.train_images.reshape(-1, 32, 32, 3), COLORS[:5])
    np.testing.assert_array_equal(dataset.test_images.reshape(-1, 32, 32, 3), COLORS[5:])
    assert dataset.train_labels.tolist() == [0, 1, 2, 0, 1]
    assert dataset.test_labels.tolist() == [2, 2, 1]
    assert dataset.class_names == NAMES
    assert [n for n in notes if f"{what}: 5 training and 3 test images of 32x32x3, 3 classes (plane, car, bird)" in n]


@pytest.mark.parametrize("kind", ["binary", "python"])
def test_cifar_100_has_its_fine_labels(kind, tmp_path):
    for part, rows in (("train", range(5)), ("test", range(5, 8))):
        if kind == "binary":
            records = [bytes([1, LABELS[i]]) + PLANES[i].tobytes() for i in rows]
            (tmp_path / f"{part}.bin").write_bytes(b"".join(records))
        else:
            fine = LABELS[list(rows)].tolist()
            batch = {"coarse_labels": [1] * len(fine), "fine_labels": fine, "data": PLANES[list(rows)]}
            (tmp_path / part).write_bytes(python2(batch))
    if kind == "binary":
        (tmp_path / "fine_label_names.txt").write_text("\n".join(NAMES), encoding="utf-8")
    else:
        (tmp_path / "meta").write_bytes(python2({"fine_label_names": list(NAMES), "coarse_label_names": ["x", "y"]}))
    dataset, _ = load(tmp_path)
    np.testing.assert_array_equal(dataset.train_images.reshape(-1, 32, 32, 3), COLORS[:5])
    assert dataset.test_labels.tolist() == [2, 2, 1]
    assert dataset.class_names == NAMES


def test_missing_batches_are_noted_and_damaged_ones_refused(tmp_path):
    write_binary(tmp_path)
    (tmp_path / "data_batch_2.bin").unlink()
    dataset, notes = load(tmp_path)
    assert len(dataset.train_images) == 4
    assert [note for note in notes if "4 of 5 to train on: data_batch_1.bin, data_batch_3.bin" in note]
    (tmp_path / "data_batch_3.bin").write_bytes(b"12345")
    assert "data_batch_3.bin has 5 bytes, expected a multiple of 3,073" in refusal(tmp_path)


@pytest.mark.full
def test_cifar_100_in_full_is_within_the_limits_of_pickles(tmp_path):
    n = 50_000
    fine = (np.arange(n) % 100).tolist()
    batch = {"filenames": ["a_name_of_22_characters"] * n, "fine_labels": fine, "coarse_labels": fine}
    (tmp_path / "train").write_bytes(python2({**batch, "data": np.zeros((n, 3072), np.uint8)}))
    (tmp_path / "meta").write_bytes(python2({"fine_label_names": [str(c) for c in range(100)]}))
    assert load(tmp_path)[0].train_labels.tolist() == fine


# Files of other kinds


def tar_gz():
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("data_batch_1"))
    return gzip.compress(content.getvalue(), mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("d.mat", b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(90), "is a MATLAB file: read it with scipy.io"),
        ("d.mat", b"\x89HDF\r\n\x1a\n" + bytes(90), "is an HDF5 file (also MATLAB's from 7.3 on): read it with h5py"),
        ("d.parquet", b"PAR1\x15\x04\x15" + bytes(90), "is a Parquet file: save it as CSV"),
        ("d.npz", b"PAR1\x15\x04\x15" + bytes(90), "is a Parquet file: save it as CSV"),
        ("d.feather", b"ARROW1\0\0" + bytes(90), "is an Arrow file"),
        ("d.db", b"SQLite format 3\0" + bytes(90), "is an SQLite database: save its table as CSV"),
        ("d.7z", b"7z\xbc\xaf\x27\x1c" + bytes(90), "is a 7z archive: unpack it first"),
        ("d.tar.gz", tar_gz(), "is packed with gzip, and inside it is a tar archive: unpack it first"),
        ("d.tar", gzip.decompress(tar_gz()), "is a tar archive: unpack it first"),
        ("d.zip", zipped("cat/1.png", "dog/2.png"), "is a zip archive of 2 files (cat/1.png, dog/2.png): unpack it"),
        ("d.xlsx", zipped("[Content_Types].xml", "xl/a.xml"), "is an Excel or Office file: save the table as CSV"),
        ("d.pt", zipped("archive/data.pkl", "archive/data/0"), "is a PyTorch file: load it there and save its arrays"),
        ("d.bin", pickle.dumps([1], 4), "is a pickle: save its arrays with np.savez"),
        ("d.gz", gzip.compress(b"some text", mtime=0), "is packed with gzip: unpack it first"),
        ("d.png", b"\x89PNG\r\n\x1a\n" + bytes(90), "is a single picture, not a file of many"),
        ("d", b"", "is empty (0 bytes)"),
    ],
)
def test_a_file_of_another_kind_is_named(name, content, fault, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert f"{tmp_path / name} {fault}" in refusal(tmp_path / name)
