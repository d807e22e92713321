"""Make features and labels from the tables of a data set, by part.

    flowers.csv                                 one table; the column of labels is found by its name or content
    train.csv  val.csv  test.csv                one table for each part, in a folder; `val` and `test` may be missing
    x_train.npy  y_train.npy  x_test.npy ...    pairs in a folder, or features.csv and labels.csv, and similar names

Labels are whole numbers or names. Arrays of three axes and more are images, and so are tables of pixels; all else is
features, which the training standardises. Data frames and arrays from Python are treated in the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from barenet.data.checks import MAX_CLASSES
from barenet.data.found import Found
from barenet.data.tables.choosing import Choices, choose_columns
from barenet.data.tables.columns import Columns
from barenet.data.tables.files import NAMES, find_tables
from barenet.data.tables.labels import LISTED, find_label, number_labels
from barenet.data.tables.parts import Part, as_trained, read_part
from barenet.data.tables.pixels import image_shape
from barenet.data.tables.table import Table
from barenet.errors import ConfigError, DataError
from barenet.messages import count, few
from barenet.notes import logger

__all__ = ["found_in", "read_tables"]


def read_tables(path: Path, choices: Choices) -> Found:
    """Read the tables at `path`, a file or a folder; raise DataError, or ConfigError for a choice that does not fit."""
    files = find_tables(path)
    parts: dict[str, Part] = {}
    for part in ("train", "val", "test"):
        by_kind = {kind: file for (of, kind), file in files.items() if of == part}
        if not by_kind:
            continue
        if "both" in by_kind and len(by_kind) > 1:
            raise DataError(f"{path} holds {few([file.name for file in by_kind.values()])}: which one is to be used?")
        parts[part] = read_part(by_kind, choices)
    if "train" not in parts:
        raise DataError(f"{path} has {few(sorted(parts))} but nothing to train on: expected {NAMES}")
    return found_in(as_trained(parts, choices), choices)


def found_in(parts: Mapping[str, Part], choices: Choices) -> Found:
    """Return the features and labels of all parts, and note what was taken for what."""
    train = parts["train"]
    if not isinstance(train.features, Table):
        refuse_choices(choices, train.features_from)
        if other := next((part.features_from for part in parts.values() if isinstance(part.features, Table)), None):
            raise DataError(f"{other} is a table, but {train.features_from} holds images: they must be alike")
        images = {name: part.features for name, part in parts.items()}
        return with_labels(images, parts, {}, {"kind": "images", **named(choices)})
    columns, said, why = columns_of(train, choices)
    tables = {name: part.features for name, part in parts.items() if isinstance(part.features, Table)}
    if other := next((part.features_from for name, part in parts.items() if name not in tables), None):
        raise DataError(f"{other} holds images, but {train.features_from} features: they must be alike")
    texts = {name: labels_of(tables[name], columns, choices) for name, part in parts.items() if part.labels is None}
    if choices.columns and "train" in texts and texts["train"] is None:
        raise DataError(
            f"{train.features_from} has no labels, which training had in {columns.label_in_words()}: `barenet predict` "
            f"says what its rows are"
        )
    for name in [name for name, labels in texts.items() if labels is None and name != "train"]:
        logger.info(f"{parts[name].features_from} has no labels: left out; `barenet predict` says what its rows are")
        del tables[name]
    features = {name: columns.encode(table, unknown=choices.unknown) for name, table in tables.items()}
    for name, table in tables.items():
        for sentence in columns.said_of(table) if name != "train" or choices.columns else []:
            logger.info(sentence)
    shape = None if choices.standardize else image_shape(columns, features)
    if shape is None:
        kind = np.float64 if any(rows.dtype == np.float64 for rows in features.values()) else np.float32
        features = {name: rows.astype(kind, copy=False) for name, rows in features.items()}
    else:
        features = {name: rows.reshape(-1, *shape) for name, rows in features.items()}
    facts = {"kind": "features" if shape is None else "images", "columns": None if columns.are_all else columns}
    facts |= named(choices)
    found = with_labels(features, {name: parts[name] for name in tables}, texts, facts)
    how = f" ({train.features.how})" if train.features.how else ""
    logger.info(f"{train.features_from}{how}: {labels_in_words(columns, why)}{describe(found, columns, shape)}")
    for sentence in said:
        logger.info(f"{train.features_from}: {sentence}")
    return found


def named(choices: Choices) -> dict[str, Any]:
    """Return the classes if they are known beforehand, and whether a model knows them."""
    known: dict[str, Any] = {"class_names": choices.class_names} if choices.class_names else {}
    return known | ({"is_for_model": True} if choices.columns is not None else {})


def columns_of(train: Part, choices: Choices) -> tuple[Columns, list[str], str]:
    """Return the columns of features, or a model's, sentences about them, and why the labels' column is that one."""
    assert isinstance(train.features, Table)
    if choices.columns is not None:
        return choices.columns, [], "as in training"
    label, why = (None, "") if train.labels is not None else find_label(train.features, choices.label)
    labels = train.labels if label is None else labels_in(train.features, label)
    assert labels is not None
    chosen = choose_columns(train.features, label=label, labels=labels, drop=choices.drop, keep=choices.keep)
    return *chosen, why


def refuse_choices(choices: Choices, where: str) -> None:
    """Raise ConfigError for settings of columns: images have no columns."""
    for name in ("label", "drop", "keep"):
        if getattr(choices, name):
            raise ConfigError(f"data.{name} is {getattr(choices, name)!r}, but {where} holds images, without columns")


def labels_of(table: Table, columns: Columns, choices: Choices) -> Sequence[Any] | None:
    """Return the labels that a table holds as they are written, None if it has none."""
    if columns.has_header and table.has_header and columns.label_name:
        at = table.names.index(columns.label_name) if columns.label_name in table.names else None
    elif columns.label is not None:
        columns.find_by_place(table)  # raises if the number of columns is wrong
        at = columns.label if len(table.names) == columns.n_columns else None
    else:
        at, _ = find_label(table, choices.label)
    return None if at is None else labels_in(table, at)


def labels_in(table: Table, position: int) -> Sequence[Any]:
    """Return the labels of a table as they are written."""
    if position in table.texts:
        cells = table.texts[position]
        if "" in cells:
            place = table.place(list(cells).index(""))
            raise DataError(f"{table.where}, {place}: the label is missing: fill it in, or remove the row")
        return cells
    labels: list[Any] = table.number(position).tolist()
    return labels


def with_labels(
    features: Mapping[str, Any],
    parts: Mapping[str, Part],
    texts: Mapping[str, Sequence[Any] | None],
    facts: Mapping[str, Any],
) -> Found:
    """Return features and numbered labels of all parts, by their names in messages."""
    labels: dict[str, Any] = {}
    for name, part in parts.items():
        labels[name] = part.labels if texts.get(name) is None else texts[name]
        if labels[name] is None:
            raise DataError(f"{part.features_from} has no labels: name their column by --label")
    if all(count_classes(given, are_features=facts["kind"] == "features") for given in labels.values()):
        classes, numbers = {}, dict(labels)
    else:
        wheres = {name: part.labels_from for name, part in parts.items()}
        class_names, numbers = number_labels(labels, wheres, facts.get("class_names"))
        classes = {"class_names": class_names}
    arrays = {
        name: {part.features_from: features[name], part.labels_from: numbers[name]} for name, part in parts.items()
    }
    return Found(arrays, facts={**facts, **classes})


def count_classes(labels: Any, *, are_features: bool) -> bool:
    """Whether labels are an array of numbers of classes; with features, other numbers such as -1 and 1 are names.

    With images, other numbers mean damage, which the checks find.
    """
    if not isinstance(labels, np.ndarray) or labels.dtype.kind in "OUSb":
        return False
    is_whole = labels.dtype.kind in "iu" and labels.size > 0
    return not (are_features and is_whole and (labels.min() < 0 or labels.max() >= MAX_CLASSES))


def labels_in_words(columns: Columns, why: str) -> str:
    """Return in words from which column the labels are, or an empty text."""
    return f"labels from {columns.label_in_words()} ({why}), " if columns.label is not None else ""


def describe(found: Found, columns: Columns, shape: tuple[int, int] | None) -> str:
    """Return in words the classes, the features or images, and the number of rows."""
    _, numbers = found.parts["train"].values()
    counts = Counter(np.asarray(numbers).ravel().tolist())
    names = found.facts.get("class_names") or {k: str(k) for k in counts}
    classes = few([f"{names[k]} ({counts[k]})" for k in sorted(counts)], LISTED)
    sizes = {part: len(next(iter(arrays.values()))) for part, arrays in found.parts.items()}
    rows = ", ".join(f"{n:,} {part}" for part, n in sizes.items()) if len(sizes) > 1 else f"{sizes['train']:,}"
    what = f"images of {shape[0]}x{shape[1]}" if shape else features_in_words(columns)
    n = len(counts)
    return f"{n} class{'es' * (n != 1)}: {classes}; {what}; rows: {rows}"


def features_in_words(columns: Columns) -> str:
    """Return number and names of the features."""
    n = len(columns.features)
    listed = f": {few([c.name for c in columns.columns], LISTED)}" if columns.has_header else ""
    made = f" from {count(len(columns.columns), 'column')}" if n != len(columns.columns) else ""
    return f"{n} feature{'s' * (n != 1)}{made}{listed}"
