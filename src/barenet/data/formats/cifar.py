"""Read CIFAR-10 and CIFAR-100, the binary batches and the "python" ones: https://www.cs.toronto.edu/~kriz/cifar.html.

    binary    records of 1 or 2 bytes of labels and 3,072 of pixels
    python    a pickle of a dictionary: data (n, 3072), labels or fine_labels

In both, a picture is three planes of pixels: 1,024 of red, 1,024 of green, 1,024 of blue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from barenet.data.files import Place
from barenet.data.formats.pickled import read_data_pickle
from barenet.data.found import Found
from barenet.errors import DataError
from barenet.messages import count, describe, few
from barenet.reading.borders import open_regular, reading

__all__ = ["find_cifar", "is_of_cifar", "read_cifar"]

SIDE, PLANES = 32, 3
N_PIXELS = PLANES * SIDE * SIDE


class Kind(NamedTuple):
    """One of the four forms of CIFAR: the names of its files, and where a label is.

    label: the key of a dictionary, or the number of the byte. n_batches: for training. n_labels: bytes before pixels.
    """

    what: str
    train: re.Pattern[str]
    test: str
    names: str
    label: str | int
    n_batches: int
    n_labels: int = 1

    def files_among(self, names: Iterable[str]) -> list[str]:
        """Return the files to train on."""
        return sorted(name for name in names if self.train.fullmatch(name))


KINDS = (
    Kind("CIFAR-10 binary batches", re.compile(r"data_batch_\d+\.bin"), "test_batch.bin", "batches.meta.txt", 0, 5),
    Kind("CIFAR-10 python batches", re.compile(r"data_batch_\d+"), "test_batch", "batches.meta", "labels", 5),
    Kind("CIFAR-100 binary files", re.compile(r"train\.bin"), "test.bin", "fine_label_names.txt", 1, 1, 2),
    Kind("CIFAR-100 python files", re.compile(r"train"), "test", "meta", "fine_labels", 1),
)


# The words by which --label chooses one of CIFAR-100's two kinds of label.
FINE, COARSE = ("fine", "fine_labels", "fine_label"), ("coarse", "coarse_labels", "coarse_label")


def kind_among(names: Iterable[str]) -> Kind | None:
    """Return the form of CIFAR that files of these names are, or None."""
    names = set(names)
    # Other data may have the names `train` and `train.bin` too: CIFAR-100 has a file of class names beside them.
    return next((k for k in KINDS if k.files_among(names) and (k.n_batches > 1 or k.names in names)), None)


def find_cifar(place: Place) -> Path | None:
    """Return the folder with CIFAR's files, at a place or below it (`cifar-10-batches-py`), or None."""
    return place.find(lambda names: kind_among(names) is not None)


def is_of_cifar(path: Path) -> bool:
    """Whether a file is one of the files of CIFAR."""
    names = {file.name for file in path.parent.iterdir()}
    kind = kind_among(names)
    return kind is not None and path.name in {*kind.files_among(names), kind.test, kind.names}


def read_cifar(folder: Path, label: str | int | None = None) -> Found:
    """Return the images (n, 32, 32, 3) and labels of CIFAR-10 or CIFAR-100: fine labels unless `label` says coarse.

    Raises DataError.
    """
    names = {file.name for file in folder.iterdir()}
    kind = kind_among(names)
    assert kind is not None
    if kind.n_batches == 1:
        kind = with_labels(kind, label, folder)
    files = {"train": kind.files_among(names), "test": [kind.test] if kind.test in names else []}
    what = kind.what
    if len(files["train"]) != kind.n_batches:
        what = f"{what} ({len(files['train'])} of {kind.n_batches} to train on: {few(files['train'])})"
    parts = {}
    for part, batches in files.items():
        if batches:
            read = [read_batch(folder / name, kind) for name in batches]
            where = str(folder / batches[0]) if len(batches) == 1 else str(folder / "data_batch_*")
            images, labels = (np.concatenate(arrays) for arrays in zip(*read, strict=True))
            parts[part] = {where: images, f"{where}, its labels": labels}
    class_names = read_class_names(folder / kind.names, kind) if kind.names in names else ()
    facts = {"class_names": class_names} if class_names else {}
    return Found(parts, what, took_label=kind.n_batches == 1, facts=facts)


def with_labels(kind: Kind, label: str | int | None, folder: Path) -> Kind:
    """Return a form of CIFAR-100 with its 100 fine or its 20 coarse labels, as `label` says."""
    if label in COARSE:
        is_binary = isinstance(kind.label, int)
        names = "coarse_label_names.txt" if is_binary else kind.names
        return kind._replace(what=f"{kind.what}, coarse labels", label=0 if is_binary else "coarse_labels", names=names)
    if label is None or label in FINE:
        return kind._replace(what=f"{kind.what}, fine labels")
    raise DataError(f"{folder} has fine_labels and coarse_labels, and no {label!r}: name one of them by --label")


def read_batch(path: Path, kind: Kind) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the images (n, 32, 32, 3) and labels of one file."""
    if isinstance(kind.label, int):
        n_record = kind.n_labels + N_PIXELS
        with reading(path), open_regular(path) as file:
            content = np.fromfile(file, np.uint8)
        if content.size == 0 or content.size % n_record:
            raise DataError(f"{path} has {content.size:,} bytes, expected a multiple of {n_record:,}: get it again")
        records = content.reshape(-1, n_record)
        planar, labels = records[:, kind.n_labels :], records[:, kind.label].astype(np.int64)
    else:
        batch = read_dictionary(path)
        data, listed = batch.get("data"), batch.get(kind.label)
        if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape[1:] != (N_PIXELS,):
            shape = f"{data.dtype} of shape {data.shape}" if isinstance(data, np.ndarray) else describe(data)
            raise DataError(f"{path}: data is {shape}, expected uint8 of shape (n, {N_PIXELS})")
        if listed is None or len(listed) != len(data):
            raise DataError(f"{path} holds {count(len(data), 'image')}, but not as many {kind.label}: get it again")
        planar, labels = data, np.asarray(listed, np.int64)
    images = planar.reshape(-1, PLANES, SIDE, SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels


def read_class_names(path: Path, kind: Kind) -> tuple[str, ...]:
    """Return the names of the classes."""
    if isinstance(kind.label, int):
        with reading(path):
            return tuple(
                line.strip() for line in path.read_text("utf-8", errors="replace").splitlines() if line.strip()
            )
    key = kind.label.removesuffix("s") + "_names"
    found = read_dictionary(path).get(key)
    if not isinstance(found, list) or not all(isinstance(name, str | bytes) for name in found):
        raise DataError(f"{path} has no {key}, the names of the classes: get it again")
    return tuple(name.decode("latin-1") if isinstance(name, bytes) else name for name in found)


def read_dictionary(path: Path) -> dict[str, Any]:
    """Return the dictionary that a pickle holds."""
    batch = read_data_pickle(path)
    if not isinstance(batch, dict):
        raise DataError(f"{path} holds {describe(batch)}, expected a dictionary of CIFAR: get it again")
    return batch
