"""Convert rows of a table to features. An exported Python file holds a copy of these functions, so they use only NumPy.

`columns` are a model's columns in the order of its features, each a dictionary of the fields of
`data.tables.columns.Column`. `table` holds the other facts: has_names, n_columns, label (its position, or None),
label_name, unknown ("error" or "zeros").
"""

from __future__ import annotations

from typing import Any

import numpy as np

from barenet.data.tables.cells import MISSING
from barenet.data.tables.table import LARGEST

__all__ = ["encode_rows", "find_places", "has_names", "is_missing", "is_number", "unique_names"]


def encode_rows(rows: Any, columns: list[dict[str, Any]], table: dict[str, Any]) -> tuple[np.ndarray, bool]:
    """Return rows as features (n, D), NaN where a number is missing, and whether there was only one row."""
    names, cells, is_single = split_columns(rows)
    places = find_places(names, cells, columns, table)
    parts = []
    for column, place in zip(columns, places, strict=True):
        if column["is_text"]:
            parts.append(encode_text(cells[place], column, table["unknown"]))
            continue
        numbers = read_numbers(cells[place], column["name"])
        parts.append(numbers[:, None])
        if column["flags_missing"]:
            parts.append(np.isnan(numbers)[:, None])
    return np.concatenate(parts, axis=1, dtype=np.float64), is_single


def has_names(rows: Any) -> bool:
    """Whether the columns of rows have names: in dictionaries, a data frame or a structured array."""
    if isinstance(rows, np.ndarray):
        return rows.dtype.names is not None
    if isinstance(rows, dict) or (hasattr(rows, "columns") and hasattr(rows, "__getitem__")):
        return True
    return isinstance(rows, list | tuple) and len(rows) > 0 and all(isinstance(row, dict) for row in rows)


def split_columns(rows: Any) -> tuple[list[str] | None, list[Any], bool]:
    """Return the names of the columns, if there are any, the cells of each, and whether there was only one row."""
    if not has_names(rows):
        if isinstance(rows, np.ma.MaskedArray):
            rows = np.ma.filled(rows.astype(object), None)
        array = np.asarray(rows) if hasattr(rows, "__array__") else np.array(rows, object)
        is_single = array.ndim == 1
        array = array[None, :] if is_single else array
        if array.ndim != 2:
            raise ValueError(f"rows must be an array (n, columns), or one row, got the shape {array.shape}")
        return None, list(array.T), is_single
    is_single = isinstance(rows, dict) and all(np.ndim(value) == 0 for value in rows.values())
    if is_single:
        rows = [rows]
    if isinstance(rows, list | tuple):
        rows = {name: [row.get(name) for row in rows] for name in dict.fromkeys(name for row in rows for name in row)}
    names = list(rows if isinstance(rows, dict) else rows.dtype.names if isinstance(rows, np.ndarray) else rows.columns)
    cells = [rows.iloc[:, i] if hasattr(rows, "iloc") else rows[name] for i, name in enumerate(names)]
    return unique_names(names), cells, is_single


def unique_names(cells: list[Any]) -> list[str]:
    """Return different names for all columns; a missing or repeated name gets the number of its column."""
    names: list[str] = []
    for number, cell in enumerate(cells, start=1):
        name = str(cell).strip() or f"column {number}"
        names.append(f"{name} ({number})" if name in names else name)
    return names


def find_places(
    names: list[str] | None, cells: list[Any], columns: list[dict[str, Any]], table: dict[str, Any]
) -> list[int]:
    """Return the positions of the model's columns: by names, or by places if the rows or the model have no names."""
    n, needed = len(cells), [column["name"] for column in columns]
    if names is not None and table["has_names"]:
        if missing := [name for name in needed if name not in names]:
            others = [name for name in names if name not in [*needed, table["label_name"]]]
            beside = f", and have {others}, which the model does not know" if others else ""
            raise ValueError(f"the rows lack the columns {missing}{beside}; it takes {needed}")
        return [names.index(name) for name in needed]
    places = [column["position"] for column in columns]
    if n == table["n_columns"]:  # as in training
        return places
    if n == len(needed):
        return list(range(n))
    if table["label"] is not None and n == table["n_columns"] - 1:  # without the labels, or another unused column
        places = [place - (place > table["label"]) for place in places]
        texts = [not all(map(is_number, cells[place])) for place in places]
        if n > len(needed) + 1 or (any(texts) and texts == [column["is_text"] for column in columns]):
            return places
        raise ValueError(
            f"the rows have {n} columns, which may be those of the training table without the labels, or without the "
            f"column left out: give all {table['n_columns']}, or the {len(needed)} that the model takes: {needed}"
        )
    raise ValueError(f"the rows have {n} columns, the model takes {len(needed)}: {needed}")


def is_missing(cell: Any) -> bool:
    """Whether a cell is empty: None, NaN, the missing values of data frames, or a word such as "NA"."""
    if isinstance(cell, str | bytes):
        return as_text(cell).lower() in MISSING
    if isinstance(cell, float | np.floating):
        return bool(np.isnan(cell))
    return cell is None or type(cell).__name__ in ("NAType", "NaTType")


def read_numbers(cells: Any, name: str) -> np.ndarray:
    """Return the numbers (n,) of a column, NaN where one is missing."""
    array = np.asarray(cells)
    if array.dtype.kind not in "iufb":
        array = np.array([read_number(cell, name, row) for row, cell in enumerate(array.tolist(), start=1)], np.float64)
    numbers = array.astype(np.float64)
    if (np.abs(numbers) > LARGEST).any():
        row = int(np.argmax(np.abs(numbers) > LARGEST))
        raise ValueError(f"row {row + 1}: {name!r} is {numbers[row]}, too large: clean it first")
    return numbers


def read_number(cell: Any, name: str, row: int) -> float:
    """Return the number of a cell, NaN where it is missing; the texts true and false are 1 and 0."""
    if is_missing(cell):
        return float("nan")
    if isinstance(cell, str | bytes):
        cell = as_text(cell)
        if cell.lower() in ("true", "false"):
            return float(cell.lower() == "true")
    try:
        if "_" in str(cell) or not str(cell).isascii():  # Python accepts 1_000, and digits of all scripts
            raise ValueError
        return float(cell)
    except (TypeError, ValueError):
        raise ValueError(f"row {row}: {name!r} is {cell!r}, expected a number") from None


def encode_text(cells: Any, column: dict[str, Any], unknown: str) -> np.ndarray:
    """Return features (n, values), 1 where a row has a value and 0 elsewhere."""
    number_of = {value: number for number, value in enumerate(column["values"])}
    features = np.zeros((len(cells), len(number_of)))
    for row, cell in enumerate(np.asarray(cells, object).tolist()):
        text = read_text(cell)
        if text in number_of:
            features[row, number_of[text]] = 1
        elif unknown != "zeros":
            known = ", ".join(map(repr, column["values"][:8])) + ", ..." * (len(number_of) > 8)
            raise ValueError(f"row {row + 1}: {column['name']!r} is {text!r}, which training never saw, only {known}")
    return features


def read_text(cell: Any) -> str:
    """Return the text of a cell, "" where it is missing; whole numbers get no decimal point."""
    if is_missing(cell):
        return ""
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        cell = int(cell)
    return as_text(cell)


def as_text(cell: Any) -> str:
    """Return a cell as text."""
    return (cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)).strip()


def is_number(cell: str) -> bool:
    """Whether a text is a number, or means a missing one."""
    try:
        read_number(cell, "", 0)
    except ValueError:
        return False
    return True
