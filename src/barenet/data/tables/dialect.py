"""Delimiter, decimal sign and header of a text table, told from its first lines.

A delimiter is one that cuts all these lines into the same number of cells, of which none holds another delimiter. The
sniffer of Python's csv module looks at characters alone, and takes the decimal comma of "5,0;0" for a delimiter.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from barenet.data.tables.cells import DECIMAL_COMMA, is_missing, is_number
from barenet.data.tables.labels import is_label_name
from barenet.errors import DataError

__all__ = ["Dialect", "sniff", "split"]

DELIMITERS = (",", ";", "\t", "|", " ")  # in this order where several fit; " " is any number of spaces
CALLED = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "space"}


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    header: the names in its first line, or None. texts: the columns that hold text. n_columns: of every line.
    """

    delimiter: str
    decimal: str
    header: tuple[str, ...] | None
    texts: frozenset[int]
    n_columns: int

    def __str__(self) -> str:
        if self.delimiter == ",":
            return ""
        comma = ", decimal comma" if self.decimal == "," else ""
        return f"separated by {CALLED[self.delimiter]}{comma}"


def split(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's last line (from 1) and its cells; lines without any value are left out."""
    if delimiter == " ":
        for number, line in enumerate(lines, start=1):
            if cells := line.split():
                yield number, cells
        return
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, row


def sniff(lines: Sequence[str], where: str) -> Dialect:
    """Return how a text table of these first lines is written; raise DataError where nothing or several things fit."""
    delimiter = find_delimiter(lines, where)
    rows = [row for _, row in split(lines, delimiter)]
    decimal = find_decimal(rows, delimiter, where)
    header = find_header(rows, decimal)
    body = rows[1:] if header else rows
    widest = [i for i in range(len(rows[0])) if not mostly_numbers([row[i] for row in body if i < len(row)], decimal)]
    return Dialect(delimiter, decimal, header, frozenset(widest), len(rows[0]))


def find_delimiter(lines: Sequence[str], where: str) -> str:
    """Return what cuts the lines into cells."""
    scores = {}
    for delimiter in DELIMITERS:
        try:
            rows = [row for _, row in split(lines, delimiter)]
        except csv.Error:
            continue
        if not rows or max(len(row) for row in rows) < 2:
            continue
        width = len(rows[0])
        # Cells that hold another delimiter count as badly cut, but for a number with a decimal comma.
        good = sum(sum(is_one_cell(cell, delimiter) for cell in row) / len(row) for row in rows if len(row) == width)
        scores[delimiter] = good / len(rows)
    if not scores:
        return ","  # one column
    best = max(scores.values())
    fitting = [delimiter for delimiter, score in scores.items() if score == best]
    if best < 1 and len(fitting) > 1:
        named = " and ".join(CALLED[delimiter] for delimiter in fitting)
        raise DataError(f"{where}: its lines can be cut by {named}: write it with one delimiter, such as a comma")
    return fitting[0]


def is_one_cell(cell: str, delimiter: str) -> bool:
    """Whether a cell is a number, a decimal comma's too, or text without another delimiter."""
    cell = cell.strip()
    if is_number(cell) or (delimiter != "," and DECIMAL_COMMA.fullmatch(cell)):
        return True
    return not any(other in cell for other in DELIMITERS[:-1] if other != delimiter)


def find_decimal(rows: Sequence[Sequence[str]], delimiter: str, where: str) -> str:
    """Return the sign before the decimals, "." or ","; raise DataError where a table has both."""
    if delimiter == ",":
        return "."
    cells = [cell.strip() for row in rows for cell in row]
    commas = [cell for cell in cells if DECIMAL_COMMA.fullmatch(cell)]
    points = [cell for cell in cells if "." in cell and is_number(cell)]
    if commas and points:
        raise DataError(
            f"{where}: {commas[0]!r} has a decimal comma and {points[0]!r} a decimal point: write all numbers alike"
        )
    return "," if commas else "."


def find_header(rows: Sequence[Sequence[str]], decimal: str) -> tuple[str, ...] | None:
    """Return the names in the first row, if it is one of names: text above numbers, or above other text."""
    first, body = rows[0], rows[1:]
    is_text = [not is_number(cell, decimal) for cell in first]
    if not body:
        return names_of(first) if all(is_text) else None
    columns = [[row[i] for row in body if i < len(row)] for i in range(len(first))]
    numeric = [i for i, column in enumerate(columns) if mostly_numbers(column, decimal)]
    if any(is_text[i] for i in numeric):
        return names_of(first)
    if any(is_label_name(first[i]) and first[i] not in column for i, column in enumerate(columns) if i not in numeric):
        return names_of(first)
    if numeric:
        return None
    # Text alone: names are different from each other, and from what stands below them.
    named = len({cell.strip() for cell in first}) == len(first) and all(cell.strip() for cell in first)
    repeated = [i for i, column in enumerate(columns) if first[i] in column]
    varies = [i for i, column in enumerate(columns) if len(set(column)) < len(column)]
    return names_of(first) if named and varies and not repeated else None


def mostly_numbers(cells: Sequence[str], decimal: str) -> bool:
    """Whether at least half of the cells that are not missing are numbers."""
    given = [cell for cell in cells if not is_missing(cell)]
    return 2 * sum(is_number(cell, decimal) for cell in given) >= len(given)


def names_of(first: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns; one without a name is called by its number, a second one of a name too."""
    names: list[str] = []
    for number, cell in enumerate(first, start=1):
        name = cell.strip() or f"column {number}"
        names.append(name if name not in names else f"{name} ({number})")
    return tuple(names)
