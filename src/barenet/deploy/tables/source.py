"""The text of an exported Python file about its tables, and the source of the functions that read them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from barenet.data.tables.cells import MISSING
from barenet.data.tables.columns import Columns
from barenet.data.tables.table import LARGEST
from barenet.deploy.tables.rows import (
    as_text,
    encode_rows,
    encode_text,
    find_places,
    has_names,
    is_missing,
    is_number,
    read_number,
    read_numbers,
    read_text,
    split_columns,
    unique_names,
)
from barenet.deploy.tables.text import is_header, read_csv, with_points

__all__ = ["CSV", "ROWS", "UNKNOWN_TEXT", "source_of_rows", "table_source"]

CSV = (
    "A text file holds the names of its columns in its first line; without them columns are taken by their places. Its "
    "cells are separated by commas, semicolons, tabs or vertical bars. All its numbers have a decimal point, or all a "
    "decimal comma."
)
ROWS = [
    "Rows may be a list of dictionaries, a dictionary of columns or a data frame, taken by the names of their columns. "
    "Arrays (n, columns) and lists of rows are taken by the places of their columns: all those of training, with or "
    "without the labels, or only those of COLUMNS. Other columns with names are ignored.",
    CSV,
    'A missing number is None, NaN, "" or a word such as "NA", and becomes the median of the rows trained on.',
    'A missing text is the text "".',
]
UNKNOWN_TEXT = {
    "error": "A text that training never saw is an error.",
    "zeros": "A text that training never saw counts as none of those in COLUMNS.",
}


def table_source(columns: Columns, unknown: str) -> str:
    """Return the source of the constants for these functions."""
    stored = columns.as_dict()
    rows = "".join(f"    {column!a},\n" for column in stored["columns"])
    table = {"has_names": columns.has_header, **{name: stored[name] for name in ("n_columns", "label", "label_name")}}
    return (
        f"# The columns, with their positions in the training table, counted from 0; for texts the known values.\n"
        f"COLUMNS = [\n{rows}]\n"
        f"# The training table: whether it had names, the number of its columns, and the column of the labels.\n"
        f"TABLE = {table | {'unknown': unknown}!a}\n"
    )


def source_of_rows() -> str:
    """Return the source of `encode_rows`, of `read_csv`, and of the functions that they call."""
    functions: list[Callable[..., Any]] = [encode_rows, has_names, split_columns, unique_names, find_places]
    functions += [is_missing, read_numbers, read_number, encode_text, read_text, as_text, is_number, read_csv]
    functions += [with_points, is_header]
    words = ", ".join(map(ascii, sorted(MISSING)))
    constants = (
        f"# The words for a missing value, in small letters, and the largest number that is accepted.\n"
        f"MISSING = {{{words}}}\n"
        f"LARGEST = {LARGEST!r}\n\n\n"
    )
    return constants + "\n\n".join(inspect.getsource(function) for function in functions)
