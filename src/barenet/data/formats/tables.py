"""Features and labels that are no pictures, or arrays of them: .csv tables, and .npy or .csv pairs.

    flowers.csv                                 one table, its labels in the column `label` or the last
    train.csv  val.csv  test.csv                the same by part, in a folder; `val` and `test` may be missing
    x_train.npy  y_train.npy  x_test.npy ...    pairs in a folder, also as features.csv and labels.csv and the like

Labels are whole numbers or names. Arrays of three axes and more are images; all else is features, float32, which the
training standardises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.files import reading
from barenet.data.formats.csv_files import is_number, read_csv, read_csv_labels
from barenet.data.parts import PARTS
from barenet.errors import DataError
from barenet.messages import few

__all__ = ["Tables", "find_tables", "read_npy", "read_tables"]

FEATURES = {"x", "features", "inputs", "images", "data"}
LABELS = {"y", "labels", "label", "targets", "classes"}
NAMES = "x_train and y_train, as .npy or .csv, or train.csv"


@dataclass(frozen=True)
class Tables:
    """What the files of a data set hold, by part: "train", and "val" and "test" where they are there.

    features: (n, D) float32, or images (n, ...) as they came. labels: (n,) int64. sources: what messages call the two.
    """

    features: dict[str, NDArray[Any]]
    labels: dict[str, NDArray[np.int64]]
    sources: dict[str, tuple[str, str]]
    class_names: tuple[str, ...]
    are_images: bool

    def arrays(self) -> dict[str, dict[str, NDArray[Any]]]:
        """Return by part the features and the labels by their names in messages."""
        return {
            part: {features_from: self.features[part], labels_from: self.labels[part]}
            for part, (features_from, labels_from) in self.sources.items()
        }


def find_tables(path: Path) -> dict[tuple[str, str], Path]:
    """Return the files of tables at `path` by (part, kind); kind is "x", "y" or "both". Empty where there are none."""
    if path.is_file():
        return {("train", "both"): path} if path.suffix.lower() == ".csv" else {}
    found: dict[tuple[str, str], Path] = {}
    for file in sorted(path.iterdir()) if path.is_dir() else ():
        if file.suffix.lower() not in (".csv", ".npy") or not file.is_file():
            continue
        words = re.split(r"[-_. ]+", file.stem.lower())
        parts = [PARTS[word] for word in words if word in PARTS]
        kinds = ["x" if word in FEATURES else "y" for word in words if word in FEATURES | LABELS]
        if len(parts) > 1 or len(kinds) > 1 or len(parts) + len(kinds) != len(words):
            continue
        key = (parts[0] if parts else "train", kinds[0] if kinds else "both")
        if key in found:
            raise DataError(f"{path} holds {found[key].name} and {file.name}: keep one of them")
        found[key] = file
    return found


def read_tables(path: Path, note: Callable[[str], None]) -> Tables:
    """Read the tables at `path`, a .csv file or a folder; raise DataError."""
    files = find_tables(path)
    raw: dict[str, tuple[NDArray[Any], Sequence[Any]]] = {}
    sources: dict[str, tuple[str, str]] = {}
    headers: dict[str, list[str] | None] = {}
    for part in ("train", "val", "test"):
        own = {kind: file for (of, kind), file in files.items() if of == part}
        if not own:
            continue
        if "both" in own and len(own) > 1:
            raise DataError(f"{path} holds {few([file.name for file in own.values()])}: which one is to be used?")
        if "both" in own:
            file = own["both"]
            if file.suffix.lower() == ".npy":
                raise DataError(f"{file} has no labels beside it: expected {NAMES}")
            table = read_csv(file, has_labels=True)
            assert table.labels is not None
            note(f"{file}: labels from {f'the column {table.label_name!r}' if table.label_name else 'the last column'}")
            raw[part], headers[part] = (table.features, table.labels), table.header
            sources[part] = str(file), f"{file}, its labels"
        elif len(own) == 1:
            (kind, file), *_ = own.items()
            raise DataError(f"{file} has no {'labels' if kind == 'x' else 'features'} beside it: expected {NAMES}")
        else:
            raw[part] = read_features(own["x"], headers, part), read_labels(own["y"])
            sources[part] = str(own["x"]), str(own["y"])
    if "train" not in raw:
        raise DataError(f"{path} has {few(sorted(raw))} but nothing to train on: expected {NAMES}")
    check_headers(headers, sources)
    are_images = raw["train"][0].ndim >= 3
    features = {p: x if are_images else checked_features(x, sources[p][0]) for p, (x, _) in raw.items()}
    class_names, labels = number_labels({p: y for p, (_, y) in raw.items()}, sources)
    return Tables(features, labels, sources, class_names, are_images)


def read_features(file: Path, headers: dict[str, list[str] | None], part: str) -> NDArray[Any]:
    """Return the features of one part, and keep the names of their columns."""
    if file.suffix.lower() == ".npy":
        return read_npy(file)
    table = read_csv(file, has_labels=False)
    headers[part] = table.header
    return table.features


def read_labels(file: Path) -> Sequence[Any]:
    """Return the labels of one part, as numbers or text."""
    if file.suffix.lower() == ".csv":
        return read_csv_labels(file)
    labels = read_npy(file)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iufU":
        raise DataError(
            f"{file} holds {labels.dtype} of shape {labels.shape}, expected a label (a number or text) a row"
        )
    own: list[Any] = labels.tolist()
    return own


def read_npy(file: Path) -> NDArray[Any]:
    """Return the array of an .npy file; no pickle is ever loaded. Raises DataError."""
    try:
        with reading(file):
            array: NDArray[Any] = np.load(file, allow_pickle=False)
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{file} is no .npy file of numbers or text, or is damaged: save it again with np.save"
        ) from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{file} is an .npz file by another name: rename it to {file.stem}.npz")
    return array


def checked_features(features: NDArray[Any], where: str) -> NDArray[np.float32]:
    """Return features (n, D) as finite float32."""
    if features.dtype.kind not in "iufb":
        raise DataError(f"{where} holds {features.dtype}, expected numbers")
    if features.ndim not in (1, 2) or features.size == 0:
        raise DataError(f"{where} has shape {features.shape}, expected (n, features)")
    with np.errstate(over="ignore"):  # what overflows becomes infinite, and is found below
        table = np.ascontiguousarray(features.reshape(len(features), -1), np.float32)
    if not (finite := np.isfinite(table)).all():
        row, column = np.argwhere(~finite)[0]
        value = features.reshape(len(features), -1)[row, column]
        raise DataError(f"{where}: feature {column + 1} of row {row + 1} is {value}: clean the table first")
    return table


def check_headers(headers: dict[str, list[str] | None], sources: dict[str, tuple[str, str]]) -> None:
    """Raise DataError where two parts name their columns differently: they would be taken for each other."""
    named = {part: header for part, header in headers.items() if header is not None}
    for part, header in named.items():
        if "train" in named and header != named["train"]:
            missing = sorted(set(named["train"]) ^ set(header)) or "another order"
            raise DataError(
                f"{sources[part][0]} has other columns than {sources['train'][0]}: "
                f"{few(missing) if isinstance(missing, list) else missing}"
            )


def number_labels(
    labels: dict[str, Sequence[Any]], sources: dict[str, tuple[str, str]]
) -> tuple[tuple[str, ...], dict[str, NDArray[np.int64]]]:
    """Return the classes of the training labels, sorted, and the labels of all parts as numbers of classes."""
    values = {part: as_whole_numbers(own, sources[part][1]) for part, own in labels.items()}
    if len({isinstance(value, str) for own in values.values() for value in own}) > 1:
        values = {part: [str(value) for value in own] for part, own in values.items()}
    classes = sorted(set(values["train"]))
    number_of = {value: number for number, value in enumerate(classes)}
    for part, own in values.items():
        if unknown := set(own) - set(classes):
            known = few([str(value) for value in classes], limit=8)
            raise DataError(f"{sources[part][1]}: there is no class {min(unknown)!r} to train on, only {known}")
    numbered = {part: np.array([number_of[value] for value in own], np.int64) for part, own in values.items()}
    return tuple(str(value) for value in classes), numbered


def as_whole_numbers(labels: Sequence[Any], where: str) -> Sequence[int | str]:
    """Return labels as whole numbers where all are, else as names; refuse measurements."""
    if not all(is_number(str(label)) for label in labels):
        return [str(label) for label in labels]
    numbers = [float(label) for label in labels]
    for number in numbers:
        if not number.is_integer():
            raise DataError(f"{where}: {number:g} is no class: expected whole numbers or names, a few different ones")
    return [int(number) for number in numbers]
