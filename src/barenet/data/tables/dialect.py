"""Delimiter, decimal sign and header of a text table, found in its first lines.

The delimiter is the one that cuts all these lines into the same number of cells, none of which holds another delimiter.
The sniffer of Python's csv module looks only at characters, and takes the decimal comma of "5,0;0" for a delimiter.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from barenet.data.tables.cells import DECIMAL_COMMA, is_missing, is_number
from barenet.data.tables.labels import is_label_name
from barenet.data.tables.table import names_of
from barenet.errors import DataError

__all__ = ["Dialect", "sniff", "split"]

DELIMITERS = (",", ";", "\t", "|", " ")  # in this order where several fit; " " is any number of spaces
MANY = 8  # so many cells that count 1, 2, 3, ... are no accident
CALLED = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "space"}


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    header: the names in its first line, or None. texts: the columns that hold text. empty: those without a value.
    n_columns: of every line. n_before: lines before the first row of values.
    """

    delimiter: str
    decimal: str
    header: tuple[str, ...] | None
    texts: frozenset[int]
    empty: frozenset[int]
    n_columns: int
    n_before: int

    def __str__(self) -> str:
        if self.delimiter == ",":
            return ""
        comma = ", decimal comma" if self.decimal == "," else ""
        return f"separated by {CALLED[self.delimiter]}{comma}"


def split(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's cells, and the number (from 1) of its last line; rows without any value are left out."""
    if delimiter == " ":
        for number, line in enumerate(lines, start=1):
            quoted = csv.reader([line.strip()], delimiter=" ", skipinitialspace=True) if '"' in line else None
            if cells := line.split() if quoted is None else next(quoted):
                yield number, cells
        return
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num, row


def sniff(lines: Sequence[str], where: str) -> Dialect:
    """Return how a text table with these first lines is written; raise DataError if that is not clear."""
    n_before = count_comments(lines)
    told = re.fullmatch(r"sep=(.)\s*", lines[n_before - 1]) if n_before else None  # a line that Excel reads in this way
    delimiter = told[1] if told and told[1] in DELIMITERS else find_delimiter(lines[n_before:], where)
    if n_before and are_rows(lines[: n_before + 1], delimiter):
        n_before = 0
    numbered = list(split(lines[n_before:], delimiter))
    rows = [row for _, row in numbered]
    decimal = find_decimal(rows, delimiter, where)
    header = header_of(rows, decimal, where)
    if header is not None:
        n_before += numbered[0][0]
        rows = rows[1:]
    elif n_before and told is None:
        header = commented_header(lines[n_before - 1], delimiter, rows)
    n_columns = len(header or rows[0])
    columns = [[row[i] for row in rows if i < len(row)] for i in range(n_columns)]
    texts = frozenset(i for i, column in enumerate(columns) if not mostly_numbers(column, decimal))
    empty = frozenset(i for i, column in enumerate(columns) if all(map(is_missing, column)))
    return Dialect(delimiter, decimal, header or None, texts, empty, n_columns, n_before)


def count_comments(lines: Sequence[str]) -> int:
    """Return how many lines come before the table: comments, empty lines, and one that names the delimiter."""
    return next((i for i, line in enumerate(lines) if line.strip() and not re.match(r"[#%]|sep=.\s*$", line)), 0)


def are_rows(lines: Sequence[str], delimiter: str) -> bool:
    """Whether lines that look like comments are rows like the line after them: then their first cells begin so."""
    rows = [row for _, row in split([line for line in lines if not re.match(r"#\s", line)], delimiter)]
    return len(rows) > 2 and len(set(map(len, rows))) == 1 and len(rows[0]) > 1


def commented_header(line: str, delimiter: str, rows: Sequence[Sequence[str]]) -> tuple[str, ...] | None:
    """Return the names in a comment above the table, as `numpy.savetxt` writes them, or None."""
    for _, cells in split([line.lstrip("#% ")], delimiter):
        if rows and len(cells) == len(rows[0]) and not any(map(is_number, filter(str.strip, cells))):
            return names_of(cells)
    return None


def header_of(rows: Sequence[Sequence[str]], decimal: str, where: str) -> tuple[str, ...] | None:
    """Return the names in the first row; None if it holds values, () if it holds neither names nor values.

    The first row may have another number of cells than the others in three cases: R writes no name for the column of
    row names; all other rows end with an empty cell; scikit-learn's files begin with counts and class names. Raises
    DataError in other cases.
    """
    first, body = rows[0], rows[1:]
    width = Counter(map(len, body)).most_common(1)[0][0] if body else len(first)
    n_alike = sum(len(row) == width for row in body)
    counts = [cell for cell in first[:2] if re.fullmatch(r"\d+", cell.strip())]
    if len(counts) == 2 and int(counts[1]) == width - 1 and not any(map(is_number, first[2:])) and len(first) > 3:
        return ()
    if len(first) == width or n_alike < len(body) or n_alike < 2:
        return find_header(rows, decimal)
    if len(first) == width + 1 and not first[-1].strip() and not any(map(is_number, first[:-1])):
        return names_of(first[:-1])
    if len(first) == width - 1 and not any(map(is_number, first)):
        is_last_empty = not any(row[-1].strip() for row in body)
        return names_of([*first, ""] if is_last_empty else ["", *first])
    raise DataError(
        f"{where}: its first line has {len(first)} cell{'s' * (len(first) != 1)}, all others have {width}: remove the "
        f"line, or name each column there"
    )


def find_delimiter(lines: Sequence[str], where: str) -> str:
    """Return the delimiter of the lines; raise DataError if several fit badly."""
    scores: dict[str, float] = {}
    for delimiter in DELIMITERS:
        try:
            rows = [row for _, row in split(lines, delimiter)]
        except csv.Error:
            continue
        width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
        if width < 2:
            continue
        # A cell that holds another delimiter counts as badly cut, except a number with a decimal comma.
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
    """Whether a cell is a number, also with a decimal comma, or text without another delimiter."""
    cell = cell.strip()
    if is_number(cell) or (delimiter != "," and DECIMAL_COMMA.fullmatch(cell)):
        return True
    return not any(other in cell for other in DELIMITERS[:-1] if other != delimiter)


def find_decimal(rows: Sequence[Sequence[str]], delimiter: str, where: str) -> str:
    """Return the sign before the decimals, "." or ","; raise DataError for a table with both."""
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
    """Return the names in the first row if it is a header, text above numbers or above other text; else None."""
    first, body = rows[0], rows[1:]
    is_text = [not is_number(cell, decimal) for cell in first]
    if not body:
        return names_of(first) if all(is_text) else None
    columns = [[row[i] for row in body if i < len(row)] for i in range(len(first))]
    numeric = [i for i, column in enumerate(columns) if mostly_numbers(column, decimal)]
    # A text that is repeated below is a value, unless the whole row is repeated, because tables were joined.
    is_repeated = all(is_text) and first in body
    if any(is_text[i] and (is_repeated or first[i] not in columns[i]) for i in numeric):
        return names_of(first)
    if counts_columns(first) and (len(first) >= MANY or any(all("." in cell for cell in column) for column in columns)):
        return names_of(first)
    if any(is_label_name(first[i]) and first[i] not in column for i, column in enumerate(columns) if i not in numeric):
        return names_of(first)
    if numeric:
        return None
    # All is text: names differ from each other and from the cells below them.
    named = len({cell.strip() for cell in first}) == len(first) and all(cell.strip() for cell in first)
    repeated = [i for i, column in enumerate(columns) if first[i] in column]
    varies = [i for i, column in enumerate(columns) if len(set(column)) < len(column)]
    return names_of(first) if named and varies and not repeated else None


def counts_columns(first: Sequence[str]) -> bool:
    """Whether a row counts from 0 or 1, as pandas names columns; the first cell, that of an index, may be empty."""
    cells = [cell.strip() for cell in first]
    counted = cells if cells[0] else cells[1:]
    return len(counted) > 2 and any(counted == [str(i + k) for i in range(len(counted))] for k in (0, 1))


def mostly_numbers(cells: Sequence[str], decimal: str) -> bool:
    """Whether at least half of the cells that are not missing are numbers."""
    given = [cell for cell in cells if not is_missing(cell)]
    return 2 * sum(is_number(cell, decimal) for cell in given) >= len(given)
