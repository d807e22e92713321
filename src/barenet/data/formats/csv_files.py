"""Read a .csv file of numbers: with or without a header, with a column of class names or without.

Commas, semicolons and tabs are understood. What the columns mean is left to `tables`.
"""

from __future__ import annotations

import array
import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from barenet.data.files import impostor, reading
from barenet.errors import DataError
from barenet.messages import few, one_line

__all__ = ["LABEL_NAMES", "CsvTable", "read_csv", "read_csv_labels"]

LABEL_NAMES = ("label", "labels", "class", "target", "y")
DELIMITERS = ",;\t"


@dataclass(frozen=True)
class CsvTable:
    """Numbers (n, D) float32 and, where there is a column of labels, those as text (n).

    header: the names of the columns of numbers, if there are any. label_name: the column that the labels were in.
    """

    features: NDArray[np.float32]
    labels: list[str] | None
    header: list[str] | None
    label_name: str


def read_csv(path: Path, *, has_labels: bool) -> CsvTable:
    """Read a table of numbers; with `has_labels`, the column called label, class, target or y, or the last, is text.

    Raises DataError that names the line of what is missing, no number or not finite.
    """
    rows = read_rows(path)
    _, first = rows[0]
    n_columns = len(first)
    if has_labels and n_columns < 2:
        raise DataError(f"{path} has one column: expected features and a label in each line")
    named = [i for i, name in enumerate(first) if has_labels and name.strip().lower() in LABEL_NAMES]
    if len(named) > 1:
        raise DataError(f"{path} has several columns of labels ({few([first[i] for i in named])}): keep one of them")
    label_column = (named[0] if named else n_columns - 1) if has_labels else None
    others = [name for i, name in enumerate(first) if i != label_column]
    has_header = bool(named) or not all(is_number(name) for name in others)
    label_name = first[label_column].strip() if has_header and label_column is not None else ""
    header = [name.strip() for name in others] if has_header else None
    body = rows[1:] if has_header else rows
    if not body:
        raise DataError(f"{path} holds a header and nothing else: add lines of numbers")

    numbers, labels = array.array("f"), []
    for line, row in body:
        if len(row) != n_columns:
            raise DataError(f"{path}, line {line}: {len(row)} values where the first line has {n_columns}")
        if label_column is not None:
            labels.append(row.pop(label_column).strip())
            if not labels[-1]:
                raise DataError(f"{path}, line {line}: the label is missing: fill it in, or remove the line")
        try:
            numbers.extend(map(float, row))
        except ValueError:
            raise DataError(f"{path}, line {line}: {describe_fault(row, header)}") from None
    features = np.frombuffer(numbers, np.float32).reshape(len(body), len(others))
    if not (finite := np.isfinite(features)).all():
        at, column = np.argwhere(~finite)[0]
        raise DataError(
            f"{path}, line {body[at][0]}: {name_of(column, header)} is {features[at, column]}: clean it first"
        )
    return CsvTable(features, labels if has_labels else None, header, label_name)


def read_csv_labels(path: Path) -> list[str]:
    """Read a file of one label a line, with or without a header; raise DataError."""
    rows = read_rows(path)
    for line, row in rows:
        if len(row) != 1 or not row[0].strip():
            raise DataError(f"{path}, line {line}: {len(row)} values, expected one label a line")
    labels = [row[0].strip() for _, row in rows]
    named = labels[0].lower() in LABEL_NAMES
    return labels[1:] if named or (not is_number(labels[0]) and all(map(is_number, labels[1:]))) else labels


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return line number and values of each line that is not empty."""
    with reading(path):
        content = path.read_bytes()
    if fault := impostor(content[:64]):
        raise DataError(f"{path} {fault}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}): save it as CSV UTF-8") from None
    beginning = text[: text.find("\n") if "\n" in text else None]
    delimiter = max(DELIMITERS, key=beginning.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}") from None
    if not rows:
        raise DataError(f"{path} is empty: expected a line of values for each example")
    return rows


def is_number(text: str) -> bool:
    """Whether a cell reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def describe_fault(row: list[str], header: list[str] | None) -> str:
    """Return which value of a row is no number."""
    column = next(i for i, cell in enumerate(row) if not is_number(cell))
    cell = row[column].strip()
    if not cell:
        return f"{name_of(column, header)} is missing: fill it in, or remove the line"
    return f"{name_of(column, header)} is {one_line(cell, 40)!r}, expected a number"


def name_of(column: int, header: list[str] | None) -> str:
    """Return what a column is called."""
    return repr(header[column]) if header is not None else f"feature {column + 1}"
