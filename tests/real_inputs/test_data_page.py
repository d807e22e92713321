"""Every row of the table in docs/your-own-data.md, with data made here: the commands of the page accept them."""

from __future__ import annotations

import gzip
import pickle
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from families import slow_except
from PIL import Image

import barenet
from barenet.cli.application import run as run_command
from barenet.data.formats.idx import write_idx
from barenet.data.loading import load_dataset

PAGE = Path(__file__).parents[2] / "docs" / "your-own-data.md"
RNG = np.random.default_rng(0)
N, N_TEST = 24, 6
Y, Y_TEST = np.arange(N) % 3, np.arange(N_TEST) % 3
X = RNG.integers(0, 256, (N, 8, 8)).astype(np.uint8)
X_TEST = RNG.integers(0, 256, (N_TEST, 8, 8)).astype(np.uint8)
NAMES = ("cat", "dog", "fox")
NUMBERS = ("0", "1", "2")


def lines(path, header, rows, delimiter=","):
    path.write_text("\n".join(delimiter.join(map(str, row)) for row in [header, *rows] if row) + "\n", "utf-8")
    return path


def measures(n=N):
    return np.round(RNG.normal(size=(n, 2)), 3).tolist()


def save_pictures(folder, images, labels, kind=np.uint8):
    for i, (pixels, label) in enumerate(zip(images, labels, strict=True)):
        (folder / NAMES[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(kind) * (16 if kind is np.uint16 else 1)).save(folder / NAMES[label] / f"{i}.png")
    return folder


def in_parts(folder):
    save_pictures(folder / "training_set", X, Y)
    save_pictures(folder / "test_set", X_TEST, Y_TEST)
    return folder


def beside_a_table(folder):
    (folder / "images").mkdir()
    for i, pixels in enumerate(X):
        Image.fromarray(pixels).save(folder / "images" / f"p{i}.png")
    lines(folder / "labels.csv", ("id", "animal"), [(f"p{i}", NAMES[label]) for i, label in enumerate(Y)])
    return folder


def with_several_columns(folder):
    beside_a_table(folder)
    rows = [(f"p{i}", NAMES[label], "mf"[i % 2], 20 + i % 9) for i, label in enumerate(Y)]
    lines(folder / "labels.csv", ("id", "diagnosis", "sex", "age"), rows)
    return folder


def with_a_table_to_test_on(folder):
    save_pictures(folder / "Train", X, Y)
    (folder / "Test").mkdir()
    for i, pixels in enumerate(X_TEST):
        Image.fromarray(pixels).save(folder / "Test" / f"{i}.png")
    lines(folder / "Test.csv", ("Path", "ClassId"), [(f"Test/{i}.png", NAMES[k]) for i, k in enumerate(Y_TEST)])
    return folder


def idx_files(folder, prefix="", images=X, labels=Y):
    folder.mkdir(parents=True, exist_ok=True)
    write_idx(folder / f"{prefix}train-images-idx3-ubyte.gz", images)
    write_idx(folder / f"{prefix}train-labels-idx1-ubyte.gz", labels.astype(np.uint8))
    part = "t10k" if not prefix else "test"
    write_idx(folder / f"{prefix}{part}-images-idx3-ubyte", images[:N_TEST])
    write_idx(folder / f"{prefix}{part}-labels-idx1-ubyte", labels[:N_TEST].astype(np.uint8))
    return folder


def torchvision(folder):
    idx_files(folder / "FashionMNIST" / "raw")
    return folder


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def npz_a_part(folder):
    np.savez(folder / "train.npz", x=X, y=Y)
    np.savez(folder / "test.npz", x=X_TEST, y=Y_TEST)
    return folder


def cifar_100(folder):
    for part, n in (("train", N), ("test", N_TEST)):
        images = RNG.integers(0, 256, (n, 3072)).astype(np.uint8)
        labels = {b"coarse_labels": [k % 3 for k in range(n)], b"fine_labels": [k % 7 for k in range(n)]}
        (folder / part).write_bytes(pickle.dumps({b"data": images, **labels}, protocol=2))
    names = {b"coarse_label_names": [b"fish", b"people", b"trees"], b"fine_label_names": [b"f%d" % k for k in range(7)]}
    (folder / "meta").write_bytes(pickle.dumps(names, protocol=2))
    return folder


def medmnist(path):
    parts = {part: {"images": X, "labels": Y[:, None]} for part in ("train", "val", "test")}
    return npz(path, **{f"{part}_{what}": array for part, own in parts.items() for what, array in own.items()})


def kmnist(folder):
    for part, x, y in (("train", X, Y), ("test", X_TEST, Y_TEST)):
        np.savez(folder / f"kmnist-{part}-imgs.npz", x)
        np.savez(folder / f"kmnist-{part}-labels.npz", y)
    return folder


def mnist_pickle(path):
    parts = tuple((X.reshape(N, -1) / np.float32(255), Y.copy()) for _ in range(3))
    path.write_bytes(gzip.compress(pickle.dumps(parts, protocol=2)))
    return path


def cifar(folder):
    folder.mkdir(exist_ok=True)
    for name in (*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"):
        rows = [bytes([k % 10]) + RNG.integers(0, 256, 3072).astype(np.uint8).tobytes() for k in range(10)]
        (folder / name).write_bytes(b"".join(rows))
    return folder


def kaggle(folder):
    header = ["label", *(f"pixel{i + 1}" for i in range(64))]
    for part, x, y in (("train", X, Y), ("test", X_TEST, Y_TEST)):
        rows = [[label, *pixels] for pixels, label in zip(x.reshape(-1, 64), y, strict=True)]
        lines(folder / f"fashion-mnist_{part}.csv", header, rows)
    return folder


def table(path, header=("a", "b", "species"), delimiter=",", decimal="."):
    rows = [(*(str(v).replace(".", decimal) for v in row), NAMES[k]) for row, k in zip(measures(), Y, strict=True)]
    return lines(path, header, rows, delimiter)


def third_column(path):
    rows = [(*row, k, *more) for row, more, k in zip(measures(), measures(), Y, strict=True)]
    return lines(path, ("a", "b", "c", "d", "e"), rows)


def named_rows(path):
    rows = [(f"n{i}", f"t{i % 5}", *row, NAMES[k]) for i, (row, k) in enumerate(zip(measures(), Y, strict=True))]
    return lines(path, ("name", "ticket", "a", "b", "label"), rows)


def with_text(path):
    ages = ["" if i % 5 == 0 else row[0] for i, row in enumerate(measures())]
    rows = [(age, "LMS"[i % 3], NAMES[k]) for i, (age, k) in enumerate(zip(ages, Y, strict=True))]
    return lines(path, ("age", "city", "label"), rows)


def three_tables(folder):
    for part in ("train", "val", "test"):
        table(folder / f"{part}.csv")
    return folder


def pairs(folder):
    for part in ("train", "test"):
        np.save(folder / f"x_{part}.npy", measures())
        np.save(folder / f"y_{part}.npy", Y)
    return folder


# By the words of the first column: what makes the data, below a folder or as a file, the classes, and the shape of one.
MAKERS = {
    "pictures in a folder a class": (lambda p: save_pictures(p, X, Y), NAMES, (8, 8)),
    "the same in `train`, `val` and `test`": (in_parts, NAMES, (8, 8)),
    "pictures in one folder, and a table": (beside_a_table, NAMES, (8, 8)),
    "the same with a table of several": (with_several_columns, NAMES, (8, 8)),
    "pictures to train on in a folder a class, and test": (with_a_table_to_test_on, NAMES, (8, 8)),
    "16-bit pictures": (lambda p: save_pictures(p, X, Y, np.uint16), NAMES, (8, 8)),
    "MNIST, Fashion-MNIST or KMNIST as IDX": (idx_files, NUMBERS, (8, 8)),
    "EMNIST as IDX": (lambda p: idx_files(p, "emnist-letters-", labels=Y + 1), ("A/a", "B/b", "C/c"), (8, 8)),
    "torchvision's folder": (torchvision, NUMBERS, (8, 8)),
    "images that lie on their side": (lambda p: idx_files(p, images=X[:, :6]), NUMBERS, (8, 6)),
    "Keras's `.npz`": (
        lambda p: npz(p, x_train=X, y_train=Y, x_val=X, y_val=Y, x_test=X_TEST, y_test=Y_TEST),
        *(NUMBERS, (8, 8)),
    ),
    "a file a part": (npz_a_part, NUMBERS, (8, 8)),
    "MedMNIST's": (medmnist, NUMBERS, (8, 8)),
    "KMNIST's `.npz`": (kmnist, NUMBERS, (8, 8)),
    "`mnist.pkl.gz`": (mnist_pickle, NUMBERS, (8, 8)),
    "CIFAR-10 or": (cifar, None, (32, 32, 3)),
    "CIFAR-100 by": (cifar_100, ("fish", "people", "trees"), (32, 32, 3)),
    "Kaggle's": (kaggle, NUMBERS, (8, 8)),
    "a table: `.csv`": (table, NAMES, (2,)),
    "a table with semicolons": (lambda p: table(p, delimiter=";", decimal=","), NAMES, (2,)),
    "a table whose labels": (third_column, NUMBERS, (4,)),
    "a table with columns that must not": (named_rows, NAMES, (2,)),
    "a table with text and missing": (with_text, NAMES, (5,)),
    "`train.csv`, `val.csv`": (three_tables, NAMES, (2,)),
    "`x_train.npy`": (pairs, NUMBERS, (2,)),
    "few images of some classes": (lambda p: save_pictures(p, X, Y), NAMES, (8, 8)),
}
IN_PYTHON = {
    "arrays in Python": lambda: {"x": X, "y": Y},
    "a data frame": lambda: {"frame": {"a": [r[0] for r in measures()], "species": [NAMES[k] for k in Y]}},
}


def rows_of_the_page():
    """Return (what people have, what to type) of each row of the page's first table."""
    table = next(part for part in PAGE.read_text("utf-8").split("\n\n") if part.startswith("|"))
    rows = re.findall(r"^\| (.+?) \| `(.+?)` \|$", table, re.MULTILINE)
    assert len(rows) > 20
    return rows


def find(what, known):
    found = [own for words, own in known.items() if what.startswith(words)]
    assert len(found) == 1, f"no data are made for the row {what!r}"
    return found[0]


TYPED = [row for row in rows_of_the_page() if row[1].startswith("barenet ")]


@pytest.mark.parametrize(("what", "typed"), slow_except(TYPED, *TYPED[::4]))
def test_what_the_page_says_to_type_takes_the_data(what, typed, tmp_path, monkeypatch, capsys):
    make, class_names, shape = find(what, MAKERS)
    monkeypatch.chdir(tmp_path)
    words = shlex.split(typed)[1:]
    named = Path(words[words.index("--data") + 1])
    if not named.suffix:
        named.mkdir()
    make(named)
    seen = []

    def load(*path, **reading):
        seen.append(load_dataset(*path, **reading))
        return seen[-1]

    monkeypatch.setattr("barenet.cli.commands.train.load_dataset", load)
    # Settings and data are checked, and printed; nothing is trained.
    assert run_command([*words, "--dry-run", "--hidden", "4", "--batch-size", "4"], debug=True) == 0
    (dataset,) = seen
    assert dataset.image_shape == shape
    assert class_names is None or dataset.class_names == class_names
    notes = capsys.readouterr().err
    assert re.search(r"\d+ classes", notes), "what was taken for what is not said"


@pytest.mark.parametrize(("what", "typed"), [row for row in rows_of_the_page() if not row[1].startswith("barenet ")])
def test_what_the_page_says_to_call_takes_the_data(what, typed):
    given = find(what, IN_PYTHON)()
    quiet = ", output=None, verbose=False, hidden=4, activation='relu', epochs=1, batch_size=4, n_valid=6)"
    result = eval(typed.removesuffix(")") + quiet, {"barenet": barenet}, given)
    assert len(result.model.info.class_names) == 3
