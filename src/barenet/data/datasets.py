"""Load images and labels, from the package, a folder, a file or arrays, into one checked `Dataset`.

Whatever the source, the arrays pass `checks` on their way. Reading files is left to `formats` and `pictures`; scaling,
splitting and batching to the modules that follow.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from barenet.data.checks import check_pair, check_range, extend_hash, hash_arrays, note_unscaled
from barenet.data.files import reading
from barenet.data.formats.idx_folders import read_carried, read_folder
from barenet.data.formats.npz import read_npz
from barenet.data.formats.tables import find_tables, read_tables
from barenet.data.pictures.folders import holds_pictures
from barenet.errors import DataError
from barenet.messages import few

__all__ = ["CARRIED_NAME", "Dataset", "from_arrays", "ignore", "load_dataset"]

CARRIED_NAME = "fashion-mnist"
CARRIED_CLASS_NAMES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
# What `hash_arrays` gives for the carried files; their bytes are pinned, so it need not be computed anew.
CARRIED_FINGERPRINT = "sha256:89828629e6b085ed8d785f84a03817120e2d7fedb029e42b19be175501a928bb"


def ignore(sentence: str) -> None:
    """Take a note and do nothing with it."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels that passed every check; n training images of D pixels, C classes.

    `train_images` (n, D) and `test_images` are uint8, or finite float32; labels (n,) are int64 in 0..C-1. The
    validation and test arrays are None when there are none. `mirror_safe` says that a mirrored image keeps its
    class, which is known for the carried data only. `fingerprint` is "sha256:" and a hash of image shape and arrays.
    `kind`: pictures out of folders, arrays of images, or features, which training standardises. `were_scaled`: most
    training pictures came in another size.
    """

    name: str
    image_shape: tuple[int, ...]
    train_images: np.ndarray = field(repr=False)
    train_labels: np.ndarray = field(repr=False)
    test_images: np.ndarray | None = field(repr=False)
    test_labels: np.ndarray | None = field(repr=False)
    class_names: tuple[str, ...]
    mirror_safe: bool
    fingerprint: str
    valid_images: np.ndarray | None = field(default=None, repr=False)
    valid_labels: np.ndarray | None = field(default=None, repr=False)
    kind: Literal["images", "pictures", "features"] = "images"
    were_scaled: bool = False

    @property
    def n_inputs(self) -> int:
        """D, the number of pixels (times channels) of an image."""
        return math.prod(self.image_shape)

    @property
    def n_classes(self) -> int:
        """C, the number of classes."""
        return len(self.class_names)


def load_dataset(
    path: str | Path | None = None,
    *,
    image_size: tuple[int, int] | None = None,
    color: bool = False,
    skip_broken: bool = False,
    note: Callable[[str], None] = ignore,
    show_progress: bool = False,
) -> Dataset:
    """Load a data set from disk; the carried Fashion-MNIST where `path` is None.

    A path is a folder of four IDX files, of pictures in a folder a class or of tables, or an .npz or .csv file; one
    that isn't there and ends in `fashion-mnist` means the carried data too. Pictures are brought to `image_size`
    (height, width), by default the commonest among them and at most 64, in grey or in `color`; `skip_broken` leaves
    out those that cannot be read. `note` gets a sentence for whatever deserves attention without being wrong;
    `show_progress` shows a bar where pictures are decoded and stderr is a terminal. Raises DataError or MachineError.
    """
    if path is not None:
        path = Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises RuntimeError for an unknown user
        with reading(path):
            if path.is_dir() and holds_pictures(path):
                from barenet.data.pictures.cache import read_picture_folder

                found = read_picture_folder(
                    path, image_size, color=color, skip_broken=skip_broken, note=note, show_progress=show_progress
                )
                facts: dict[str, Any] = {"class_names": found.class_names, "were_scaled": found.were_scaled}
                return _from_parts(path.resolve().name, found.parts, note, kind="pictures", **facts)
            if path.exists() and find_tables(path):
                tables = read_tables(path, note)
                facts = {"class_names": tables.class_names, "kind": "images" if tables.are_images else "features"}
                return _from_parts(path.stem if path.is_file() else path.resolve().name, tables.arrays(), note, **facts)
            if path.is_dir():
                return _checked(path.resolve().name, read_folder(path), note)
            if path.exists():
                return _checked(path.name, read_npz(path), note)
        if path.name.lower() != CARRIED_NAME:
            raise DataError(f"data path {path} does not exist: expected a folder or an .npz file, or {CARRIED_NAME}")
        note(f"{path} does not exist: using the Fashion-MNIST that comes with barenet")
    return _checked(CARRIED_NAME, read_carried(), note, fingerprint=CARRIED_FINGERPRINT)


def _from_parts(
    name: str, parts: Mapping[str, Mapping[str, np.ndarray]], note: Callable[[str], None], **facts: Any
) -> Dataset:
    """Return a Dataset of the parts train, and val and test where they are there; say when there is no test."""
    if "test" not in parts:
        note(f"{name} has no test part: results will be of validation alone")
    return _checked(name, {**parts["train"], **parts.get("test", {})}, note, validation=parts.get("val"), **facts)


def from_arrays(
    x: Any,
    y: Any,
    x_test: Any = None,
    y_test: Any = None,
    *,
    x_val: Any = None,
    y_val: Any = None,
    class_names: Sequence[str] | None = None,
    name: str = "arrays",
    note: Callable[[str], None] = ignore,
) -> Dataset:
    """Make a Dataset of images x (n, ...) and integer labels y (n,) or (n, 1), and others to test and to validate on.

    uint8 images stay as they are, without a copy if they are contiguous; other numbers become float32. Raises
    DataError.
    """
    train, test = _given_pair("", x, y), _given_pair("_test", x_test, y_test)
    validation = _given_pair("_val", x_val, y_val)
    if not train:
        raise DataError("x and y are None: expected images and their labels")
    return _checked(name, train | test, note, validation=validation, hash_apart=True, class_names=class_names)


def _given_pair(part: str, images: Any, labels: Any) -> dict[str, np.ndarray]:
    """Return images and labels by their names, nothing where neither is given."""
    if (images is None) != (labels is None):
        raise DataError(f"x{part} and y{part} go together; got only one of them")
    given = {} if images is None else {f"x{part}": images, f"y{part}": labels}
    return {where: _as_array(values, where) for where, values in given.items()}


def _as_array(values: Any, where: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{where} is ragged: all its images must have the same shape") from error


def _checked(
    name: str,
    arrays: Mapping[str, np.ndarray],
    note: Callable[[str], None],
    *,
    validation: Mapping[str, np.ndarray] | None = None,
    hash_apart: bool = False,
    class_names: Sequence[str] | None = None,
    kind: Literal["images", "pictures", "features"] = "images",
    were_scaled: bool = False,
    fingerprint: str | None = None,
) -> Dataset:
    """Check all that can be wrong with images and labels; the one way to a Dataset.

    `arrays` are images and labels for training, then those for testing if there are any, by their names in messages;
    `validation` likewise; with `hash_apart` they are hashed on top of the others, as runs know arrays from Python.
    """
    (images_from, unchecked), (labels_from, labels), *test = arrays.items()
    images, labels = check_pair(images_from, unchecked, labels_from, labels)
    shape, n_classes = unchecked.shape[1:], int(labels.max()) + 1
    if class_names is not None:
        check_range(labels, len(class_names), labels_from, f"class_names has {len(class_names)}")
        n_classes = len(class_names)
    if kind != "features":
        note_unscaled(images, images_from, note)
    counts = np.bincount(labels, minlength=n_classes)
    if np.count_nonzero(counts) < 2:
        raise DataError(f"{labels_from}: every label is {labels[0]}: a classifier needs two classes or more")

    alike: dict[str, Any] = {"shape": shape, "dtype": images.dtype, "n_classes": n_classes, "images_from": images_from}
    test_images, test_labels = _checked_alike(test, "test", **alike)
    valid_images, valid_labels = _checked_alike(list((validation or {}).items()), "validation", **alike)
    if fingerprint is None:
        beside = () if hash_apart else (valid_images, valid_labels)
        fingerprint = hash_arrays(shape, images, labels, *beside, test_images, test_labels)
    # The carried data are the carried data in whatever folder they lie.
    is_carried = fingerprint == CARRIED_FINGERPRINT
    if class_names is None or (is_carried and list(class_names) == [str(label) for label in range(n_classes)]):
        class_names = CARRIED_CLASS_NAMES if is_carried else [str(label) for label in range(n_classes)]
    if empty := [str(label) for label in np.flatnonzero(counts == 0)]:
        note(f"{labels_from}: no training image of class {few(empty)}: the network cannot learn it")
    if hash_apart and valid_images is not None and valid_labels is not None:
        fingerprint = extend_hash(fingerprint, valid_images, valid_labels)
    return Dataset(
        name=name,
        image_shape=shape,
        train_images=images,
        train_labels=labels,
        test_images=test_images,
        test_labels=test_labels,
        class_names=tuple(class_names),
        mirror_safe=is_carried,
        fingerprint=fingerprint,
        valid_images=valid_images,
        valid_labels=valid_labels,
        kind=kind,
        were_scaled=were_scaled,
    )


def _checked_alike(
    given: Sequence[tuple[str, np.ndarray]],
    what: str,
    *,
    shape: tuple[int, ...],
    dtype: np.dtype,
    n_classes: int,
    images_from: str,
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return images and labels for testing or validation, if there are any, checked against those for training."""
    if not given:
        return None, None
    (own_from, unchecked), (labels_from, unchecked_labels) = given
    images, labels = check_pair(own_from, unchecked, labels_from, unchecked_labels)
    if (unchecked.shape[1:], images.dtype) != (shape, dtype):
        raise DataError(
            f"{own_from} holds {images.dtype} images of shape {unchecked.shape[1:]}, but "
            f"{images_from} holds {dtype} of {shape}: training and {what} images must be alike"
        )
    check_range(labels, n_classes, labels_from, f"the training labels end at {n_classes - 1}")
    return images, labels
