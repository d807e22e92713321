"""One checked `Dataset` of images or features, from arrays.

Arrays of every source pass `checks`. `loading` finds them on disk; later modules scale, split and batch them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Unpack

import numpy as np

from barenet.data.checks import as_bytes, check_pair, check_range, extend_hash, hash_arrays, hold_bytes
from barenet.data.tables.choosing import ChoiceWords, choices_of
from barenet.data.tables.columns import Columns
from barenet.data.tables.loading import found_in
from barenet.data.tables.parts import given_pair, parts_of_arrays
from barenet.errors import DataError
from barenet.messages import few
from barenet.notes import logger
from barenet.printing.shown import Shown

__all__ = ["CARRIED_FINGERPRINT", "CARRIED_NAME", "Dataset", "checked", "from_arrays"]

CARRIED_NAME = "fashion-mnist"
CARRIED_CLASS_NAMES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
# What `hash_arrays` gives for the carried files; their bytes never change, so it need not be computed again.
CARRIED_FINGERPRINT = "sha256:89828629e6b085ed8d785f84a03817120e2d7fedb029e42b19be175501a928bb"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Shown):
    """Images and labels that passed every check; n training images of D pixels, C classes.

    `train_images` (n, D) and `test_images` are uint8, or finite float32; labels (n,) are int64 in 0..C-1. The
    validation and test arrays are None when there are none. `mirror_safe` says that a mirrored image keeps its
    class, which is known only for the Fashion-MNIST that barenet carries. `fingerprint` is "sha256:" and a hash of
    image shape and arrays. `kind`: "pictures" from folders, arrays of "images", or "features", which training
    standardises: float32 or float64, NaN where a number is missing. `were_scaled`: most training pictures had another
    size. `columns`: those of the table that the features or images come from, if there is one. `value_range`: the
    values of 16-bit pictures that became 0 and 255.
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
    columns: Columns | None = field(default=None, repr=False)
    value_range: tuple[int, int] | None = None

    @property
    def n_inputs(self) -> int:
        """D, the number of pixels (times channels) of an image."""
        return math.prod(self.image_shape)

    @property
    def n_classes(self) -> int:
        """C, the number of classes."""
        return len(self.class_names)


def from_arrays(
    x: Any,
    y: Any = None,
    x_test: Any = None,
    y_test: Any = None,
    *,
    x_val: Any = None,
    y_val: Any = None,
    name: str = "arrays",
    **words: Unpack[ChoiceWords],
) -> Dataset:
    """Make a Dataset of images or features x (n, ...) and labels y (n,) or (n, 1), and those for test and validation.

    Arrays of three axes and more are images, and so are rows (n, D) of at least 64 bytes or numbers from 0 to 1. Other
    rows (n, D) and data frames are features, which training standardises. A data frame may hold its labels. Labels that
    are whole numbers from 0 count classes, others are names. uint8 images stay as they are, without a copy if they
    are contiguous. `words` are the settings of columns, `label`, `drop`, `keep`, `standardize` and `unknown`, and
    `class_names` in their order. Raises DataError, or ConfigError for a wrong value of such a word.
    """
    given = {"": (x, y), "_val": (x_val, y_val), "_test": (x_test, y_test)}
    pairs = {}
    for part, (suffix, pair) in zip(("train", "val", "test"), given.items(), strict=True):
        if given_arrays := given_pair(suffix, *pair):
            pairs[part] = given_arrays
    if "train" not in pairs:
        raise DataError("x and y are None: expected images and their labels")
    choices = choices_of(words)
    found = found_in(parts_of_arrays(pairs, choices), choices)
    arrays, facts = dict(found.parts), dict(found.facts)
    validation = arrays.pop("val", None)
    both = {**arrays["train"], **arrays.get("test", {})}
    return checked(name, both, validation=validation, hash_apart=True, **facts)


def checked(
    name: str,
    arrays: Mapping[str, np.ndarray],
    *,
    validation: Mapping[str, np.ndarray] | None = None,
    hash_apart: bool = False,
    class_names: Sequence[str] | None = None,
    kind: Literal["images", "pictures", "features"] = "images",
    were_scaled: bool = False,
    fingerprint: str | None = None,
    columns: Columns | None = None,
    value_range: tuple[int, int] | None = None,
    is_for_model: bool = False,
) -> Dataset:
    """Check images and labels, and make a Dataset; every Dataset is made here.

    `arrays` are images and labels for training, then those for testing if there are any, by their names in messages;
    `validation` likewise. With `hash_apart`, validation arrays are hashed after the others: runs that were trained on
    arrays from Python have such fingerprints. `is_for_model`: a model knows the classes, so the data may lack some, or
    all but one.
    """
    (images_from, unchecked), (labels_from, labels), *test = arrays.items()
    images, labels = check_pair(images_from, unchecked, labels_from, labels, are_features=kind == "features")
    shape, n_classes = unchecked.shape[1:], int(labels.max()) + 1
    if class_names is not None:
        check_range(labels, len(class_names), labels_from, f"class_names has {len(class_names)}")
        n_classes = len(class_names)
    take_bytes = kind != "features" and images.dtype != np.uint8 and hold_bytes(images)
    if take_bytes:
        images = images.astype(np.uint8)
        logger.info(f"{images_from}: whole numbers up to {images.max()} are taken as bytes, 0-255")
    counts = np.bincount(labels, minlength=n_classes)
    if np.count_nonzero(counts) < 2 and not is_for_model:
        only = class_names[labels[0]] if class_names is not None else labels[0]
        raise DataError(f"{labels_from}: every label is {only}: a classifier needs two classes or more")

    alike: dict[str, Any] = {
        **{"shape": shape, "dtype": images.dtype, "n_classes": n_classes, "images_from": images_from},
        **{"are_features": kind == "features", "take_bytes": take_bytes},
    }
    test_images, test_labels = checked_alike(test, "test", **alike)
    valid_images, valid_labels = checked_alike(list((validation or {}).items()), "validation", **alike)
    if fingerprint is None:
        beside = () if hash_apart else (valid_images, valid_labels)
        fingerprint = hash_arrays(shape, images, labels, *beside, test_images, test_labels)
    # The carried data are recognised in any folder.
    is_carried = fingerprint == CARRIED_FINGERPRINT
    if class_names is None or (is_carried and list(class_names) == [str(label) for label in range(n_classes)]):
        class_names = CARRIED_CLASS_NAMES if is_carried else [str(label) for label in range(n_classes)]
    if not is_for_model and (empty := [str(label) for label in np.flatnonzero(counts == 0)]):
        logger.info(f"{labels_from}: no training image of class {few(empty)}: the network cannot learn it")
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
        columns=columns,
        value_range=value_range,
    )


def checked_alike(
    given: Sequence[tuple[str, np.ndarray]],
    what: str,
    *,
    shape: tuple[int, ...],
    dtype: np.dtype,
    n_classes: int,
    images_from: str,
    are_features: bool,
    take_bytes: bool,
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return images and labels for testing or validation, if there are any, checked against those for training."""
    if not given:
        return None, None
    (these_from, unchecked), (labels_from, unchecked_labels) = given
    images, labels = check_pair(these_from, unchecked, labels_from, unchecked_labels, are_features=are_features)
    if take_bytes:
        images = as_bytes(images, these_from, images_from)
    elif dtype == np.uint8 and images.dtype != np.uint8 and hold_bytes(images):
        images = images.astype(np.uint8)
    if (unchecked.shape[1:], images.dtype) != (shape, dtype):
        raise DataError(
            f"{these_from} holds {images.dtype} images of shape {unchecked.shape[1:]}, but "
            f"{images_from} holds {dtype} of {shape}: training and {what} images must be alike"
        )
    check_range(labels, n_classes, labels_from, f"the training labels end at {n_classes - 1}")
    return images, labels
