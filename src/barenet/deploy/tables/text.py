"""Read rows of a text file, by names or places. An exported Python file holds a copy of these functions.

So they use only the standard library, NumPy and `deploy.tables.rows`; `columns` and `table` are the same as there.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from barenet.deploy.tables.rows import is_number, unique_names

__all__ = ["is_header", "read_csv", "with_points"]


def read_csv(path: str, columns: list[dict[str, Any]], table: dict[str, Any]) -> Any:
    """Return the rows of a text file: by the names in its first line, or as an array where that line has no names.

    The delimiter is the comma, semicolon, tab or vertical bar: whichever is most frequent in the first line. If it is
    not the comma, numbers may have a decimal comma. Lines without any value are left out.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            delimiter = max(",;\t|", key=first.count)
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
            lines = [[cell.strip() for cell in line] for line in reader]
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in UTF-8: give a text file in UTF-8, or an .npy file") from None
    lines = [line for line in lines if any(line)]
    if not lines:
        raise ValueError(f"{path} is empty")
    for number, line in enumerate(lines, start=1):
        if len(line) != len(lines[0]):
            raise ValueError(f"{path}, row {number}: {len(line)} values where the first row has {len(lines[0])}")
    if delimiter != ",":
        lines = with_points(lines)
    if not is_header(lines[0], columns, table["has_names"]):
        return np.array(lines, object)
    return {name: [line[i] for line in lines[1:]] for i, name in enumerate(unique_names(lines[0]))}


def with_points(lines: list[list[str]]) -> list[list[str]]:
    """Return cells with decimal points, where all numbers had decimal commas."""
    if any("." in cell and is_number(cell) for line in lines for cell in line):
        return lines

    def with_point(cell: str) -> str:
        changed = cell.replace(",", ".")
        return changed if "," in cell and is_number(changed) else cell

    return [[with_point(cell) for cell in line] for line in lines]


def is_header(first: list[str], columns: list[dict[str, Any]], has_names: bool) -> bool:
    """Whether the first line of a file holds names: a known name, or no numbers although the model needs numbers."""
    if has_names and any(column["name"] in first for column in columns):
        return True
    if all(column["is_text"] for column in columns):
        return has_names
    return not any(is_number(cell) for cell in first)
