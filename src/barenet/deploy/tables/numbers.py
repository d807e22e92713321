"""Rows of a table as numbers (n, columns), as an ONNX graph takes them.

A text is the number of its value among those that training saw, from 0 on; UNKNOWN, or any other number, is none of
them. A missing number is NaN.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.standardising import Standardiser
from barenet.data.tables.columns import Columns

__all__ = ["UNKNOWN", "columns_in_words", "describe_columns", "features_of", "numbers_of", "random_rows", "table_text"]

UNKNOWN = -1
MISSING = 0.1  # of the random numbers in columns where training had missing ones


def numbers_of(columns: Columns, features: NDArray[Any]) -> NDArray[Any]:
    """Return the numbers (n, columns) that rows of features (n, D) were made from."""
    numbers = np.empty((len(features), len(columns.columns)), features.dtype)
    start = 0
    for place, column in enumerate(columns.columns):
        own = features[:, start : (start := start + len(column.features))]
        numbers[:, place] = np.where(own.any(axis=1), own.argmax(axis=1), UNKNOWN) if column.is_text else own[:, 0]
    return numbers


def features_of(columns: Columns, numbers: NDArray[Any]) -> NDArray[Any]:
    """Return the features (n, D) of rows of numbers (n, columns)."""
    parts: list[NDArray[Any]] = []
    for column, own in zip(columns.columns, numbers.T, strict=True):
        if column.is_text:
            parts.append(own[:, None] == np.arange(len(column.values)))
            continue
        parts.append(own[:, None])
        if column.flags_missing:
            parts.append(np.isnan(own)[:, None])
    return np.concatenate(parts, axis=1, dtype=numbers.dtype)


def random_rows(columns: Columns, standardise: Standardiser, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Return random rows (n, columns): each text with equal chances, numbers as far from their mean as in training."""
    rows = np.empty((n, len(columns.columns)))
    start = 0
    for place, column in enumerate(columns.columns):
        if column.is_text:
            rows[:, place] = rng.integers(0, len(column.values), n)
        else:
            rows[:, place] = rng.normal(standardise.mean[start], standardise.deviation[start], n)
            if column.flags_missing:
                rows[rng.random(n) < MISSING, place] = np.nan
        start += len(column.features)
    return rows


def table_text(columns: Columns, numbers: NDArray[Any]) -> str:
    """Return rows (n, columns) as the text of a CSV file like that of the training, with other columns in their places.

    A last column by another name keeps a line from being empty.
    """
    names = [f"other column {i + 1}" for i in range(columns.n_columns + columns.has_header)]
    cells = [["0"] * len(numbers) for _ in names]
    for column, own in zip(columns.columns, numbers.T.tolist(), strict=True):
        names[column.position] = column.name
        texts = [*column.values, "?" + "".join(column.values)]  # the last, longer than any value, is that of UNKNOWN
        cells[column.position] = [texts[int(number)] if column.is_text else repr(number) for number in own]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([names] if columns.has_header else [])
    writer.writerows(zip(*cells, strict=True))
    return file.getvalue()


def describe_columns(columns: Columns) -> list[dict[str, Any]]:
    """Return the columns in order for a file's metadata: the name of each, and of text the values that it may have."""
    return [
        {"name": column.name, **({"values": list(column.values)} if column.is_text else {})}
        for column in columns.columns
    ]


def columns_in_words(columns: Columns) -> str:
    """Return what rows of numbers hold, for a file's description."""
    words = "rows of a table, whose columns are listed in the metadata; a missing number is NaN"
    if any(column.is_text for column in columns.columns):
        words += (
            f"; a text is the number of its value in the list of its column, from 0 on, and any other number, such as "
            f"{UNKNOWN}, stands for none of them"
        )
    return words
