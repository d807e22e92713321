"""Rows of a table as numbers (n, columns), as an ONNX graph takes them.

A text becomes the number of its value among those that training saw, counted from 0; UNKNOWN, or any other number,
means another text. A missing number is NaN.
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
MISSING = 0.1  # share of missing numbers in random rows, for columns where training had missing ones


def numbers_of(columns: Columns, features: NDArray[Any]) -> NDArray[Any]:
    """Return the numbers (n, columns) from which features (n, D) were made."""
    numbers = np.empty((len(features), len(columns.columns)), features.dtype)
    start = 0
    for place, column in enumerate(columns.columns):
        part = features[:, start : (start := start + len(column.features))]
        numbers[:, place] = np.where(part.any(axis=1), part.argmax(axis=1), UNKNOWN) if column.is_text else part[:, 0]
    return numbers


def features_of(columns: Columns, numbers: NDArray[Any]) -> NDArray[Any]:
    """Return the features (n, D) of rows of numbers (n, columns)."""
    parts: list[NDArray[Any]] = []
    for column, values in zip(columns.columns, numbers.T, strict=True):
        if column.is_text:
            parts.append(values[:, None] == np.arange(len(column.values)))
            continue
        parts.append(values[:, None])
        if column.flags_missing:
            parts.append(np.isnan(values)[:, None])
    return np.concatenate(parts, axis=1, dtype=numbers.dtype)


def random_rows(columns: Columns, standardise: Standardiser, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Return random rows (n, columns): texts with equal chances, numbers with the mean and deviation of training."""
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
    """Return rows (n, columns) as the text of a CSV file with all columns of the training table.

    One more column, with another name, makes sure that no line is empty.
    """
    names = [f"other column {i + 1}" for i in range(columns.n_columns + columns.has_header)]
    cells = [["0"] * len(numbers) for _ in names]
    for column, values in zip(columns.columns, numbers.T.tolist(), strict=True):
        names[column.position] = column.name
        texts = [*column.values, "?" + "".join(column.values)]  # the last one, longer than any value, is for UNKNOWN
        cells[column.position] = [texts[int(number)] if column.is_text else repr(number) for number in values]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([names] if columns.has_header else [])
    writer.writerows(zip(*cells, strict=True))
    return file.getvalue()


def describe_columns(columns: Columns) -> list[dict[str, Any]]:
    """Return the columns in order for a file's metadata: their names, and for texts the possible values."""
    return [
        {"name": column.name, **({"values": list(column.values)} if column.is_text else {})}
        for column in columns.columns
    ]


def columns_in_words(columns: Columns) -> str:
    """Return a description of rows of numbers for a file's metadata."""
    words = "rows of a table, whose columns are listed in the metadata; a missing number is NaN"
    if any(column.is_text for column in columns.columns):
        words += (
            f"; a text is the number of its value in the list of its column, counted from 0, and any other number "
            f"({UNKNOWN} for example) means another text"
        )
    return words
