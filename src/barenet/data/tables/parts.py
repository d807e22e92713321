"""One part of a data set: from its table, from its files of features and of labels, or from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.checks import MAX_CLASSES, not_one_each
from barenet.data.tables.cells import is_absent
from barenet.data.tables.choosing import Choices
from barenet.data.tables.files import NAMES
from barenet.data.tables.pixels import are_pixels
from barenet.data.tables.reading import read_labels, read_table
from barenet.data.tables.table import Table, as_array, has_columns, table_of
from barenet.errors import DataError
from barenet.reading.arrays import read_npy as read_array
from barenet.reading.borders import open_regular, reading

__all__ = ["Part", "as_labels", "as_trained", "given_pair", "parts_of_arrays", "read_npy", "read_part"]


@dataclass(frozen=True)
class Part:
    """One part of a data set: features as a table, or images (n, ...); the labels, if the table does not hold them."""

    features: Table | NDArray[Any]
    labels: Sequence[Any] | None
    features_from: str
    labels_from: str


def read_part(files: Mapping[str, Path], choices: Choices) -> Part:
    """Read a table that holds its labels ("both"), or features ("x") and labels ("y") from two files.

    Arrays are returned unchanged: see `as_trained`.
    """
    return read_whole(files["both"], choices) if "both" in files else read_pair(files)


def read_whole(file: Path, choices: Choices) -> Part:
    """Read a table that holds its labels."""
    if file.suffix.lower() == ".npy":
        raise DataError(f"{file} has no labels beside it: expected {NAMES}")
    asked, known = choices.label, choices.columns
    if known is not None and known.label is not None:
        asked = known.label_name if known.has_header else known.label + 1
    table = read_table(file, label=asked, is_asked=known is None)
    return Part(table, None, str(file), f"{file}, its labels")


def read_pair(files: Mapping[str, Path]) -> Part:
    """Read features or images, and labels, from two files."""
    if len(files) == 1:
        (kind, file), *_ = files.items()
        raise DataError(f"{file} has no {'labels' if kind == 'x' else 'features'} beside it: expected {NAMES}")
    features, labels = files["x"], files["y"]
    return Part(read_features(features), read_label_file(labels), str(features), str(labels))


def read_features(file: Path) -> Table | NDArray[Any]:
    """Return the features, or the images, of one file."""
    if file.suffix.lower() != ".npy":
        return read_table(file, has_labels=False)
    array = read_npy(file)
    if array.ndim == 0 or array.size == 0:
        raise DataError(f"{file} has shape {array.shape}, expected (n, features)")
    return array[:, None] if array.ndim == 1 else array


def read_label_file(file: Path) -> Sequence[Any]:
    """Return the labels of one file, as numbers or text."""
    if file.suffix.lower() != ".npy":
        return read_labels(file)
    labels = as_labels(read_npy(file), str(file))
    if labels.ndim != 1 or labels.dtype.kind not in "iufUb":
        raise DataError(
            f"{file} holds {labels.dtype} of shape {labels.shape}, expected a label (a number or text) a row"
        )
    return list(labels.tolist())


def read_npy(file: Path) -> NDArray[Any]:
    """Return the array of an .npy file; no pickle is ever loaded. Raises DataError."""
    with reading(file):
        with open_regular(file) as stream:
            if stream.read(4) == b"PK\x03\x04":
                raise DataError(f"{file} is an .npz file by another name: rename it to {file.stem}.npz")
        return read_array(file)


def given_pair(suffix: str, images: Any, labels: Any) -> dict[str, Any] | None:
    """Return images and labels of one part by their names, or None if both are None."""
    x, y = f"x{suffix}", f"y{suffix}"
    if images is None and labels is None:
        return None
    if images is None or (labels is None and not has_columns(images)):
        raise DataError(f"{x} and {y} go together; got only one of them")
    checked = None if labels is None else as_labels(labels, y)
    return {x: images if has_columns(images) else as_array(images, x), y: checked}


def parts_of_arrays(pairs: Mapping[str, Mapping[str, Any]], choices: Choices) -> dict[str, Part]:
    """Return images or features, and labels, by part, of arrays and data frames."""
    parts = {}
    for part, pair in pairs.items():
        (x, images), (y, labels) = pair.items()
        parts[part] = Part(table_of(images, x) if has_columns(images) else images, labels, x, y)
    return as_trained(parts, choices)


def as_trained(parts: Mapping[str, Part], choices: Choices) -> dict[str, Part]:
    """Return parts with rows (n, D) as tables, unless the training rows are pixels of flat images."""
    first = parts["train"].features
    if not isinstance(first, Table):
        are_rows = first.ndim == 2 and first.size > 0
        if not are_rows or (are_pixels(first) and not choices.standardize and choices.columns is None):
            return dict(parts)
    tables = dict(parts)
    for name, part in parts.items():
        if not isinstance(part.features, Table):
            tables[name] = replace(part, features=table_of(part.features, part.features_from))
    return tables


def as_labels(labels: Any, where: str) -> NDArray[Any]:
    """Return labels as an array: of whole numbers, or of text and other objects."""
    array = as_array(labels.to_numpy() if hasattr(labels, "to_numpy") else labels, where)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if (array.ndim == 0 and array.dtype.kind == "O") or array.dtype.kind == "V":
        raise DataError(f"{where} is a {type(labels).__name__}, expected a list or an array with one label an example")
    if array.ndim == 2 and array.dtype.kind not in "iuf":  # else each row would become the name of a class
        raise not_one_each(array, where)
    if array.ndim != 1:
        return array
    if array.dtype.kind in "Of":
        missing = [row for row, value in enumerate(array.tolist()) if is_absent(value)]
        if missing:
            raise DataError(f"{where}: the label of row {missing[0] + 1} is missing: fill it in, or remove the row")
    if array.dtype.kind == "f" and (np.abs(array) < MAX_CLASSES).all() and (array == np.rint(array)).all():
        return array.astype(np.int64)  # whole numbers, as pandas and NumPy write them in their files
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    return array
