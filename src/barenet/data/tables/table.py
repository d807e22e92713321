"""`Table`: columns of numbers and of text with their names.

`reading` reads text files; `labels` and `columns` decide what the columns mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.tables.cells import as_text, is_absent, is_missing, is_number, parse
from barenet.errors import DataError
from barenet.messages import count

__all__ = [
    "LARGEST",
    "Table",
    "are_bytes",
    "as_array",
    "has_columns",
    "merges",
    "names_of",
    "table_of",
]

# If float32 makes more than this share of a column's different numbers equal to others, float64 is used.
MERGED = 0.01
LARGEST = float(np.finfo(np.float32).max)
ROWS = 4_096  # rows that are checked at once
SAMPLE = 20_000  # rows of an array, spread evenly, in which `merges` looks


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of named columns; a missing number is NaN, a missing text is "".

    where: its name in messages. names: of all columns, in order. has_header: whether these names come from the data.
    numbers: (n, k) the columns of numbers: uint8 if all are bytes, float64 if float32 would make different numbers
    equal, else float32. positions: which columns those are. texts: the cells of the other columns by position, and of
    columns of numbers that may hold labels, because "007" is not 7. lines: the line of each row in its file. how: how
    the file is written, if that was guessed.
    """

    where: str
    names: tuple[str, ...]
    has_header: bool
    numbers: NDArray[Any]
    positions: tuple[int, ...]
    texts: Mapping[int, Sequence[str]] = field(default_factory=dict)
    lines: NDArray[np.int64] | None = None
    how: str = ""

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(self.numbers)

    def is_text(self, position: int) -> bool:
        """Whether a column holds text, not numbers."""
        return position not in self.positions

    def number(self, position: int) -> NDArray[Any]:
        """Return a column of numbers (n,)."""
        column: NDArray[Any] = self.numbers[:, self.positions.index(position)]
        return column

    def place(self, row: int) -> str:
        """Return how a message names a row."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"

    def called(self, position: int) -> str:
        """Return how a message names a column."""
        return repr(self.names[position]) if self.has_header else f"column {position + 1}"

    def listed(self) -> list[str]:
        """Return the names of all columns for a message."""
        return list(self.names) if self.has_header else [str(i + 1) for i in range(len(self.names))]


def has_columns(values: Any) -> bool:
    """Whether values have columns: a data frame (pandas, polars), a mapping of columns, a list of mappings, records.

    Records are a structured array of NumPy.
    """
    if isinstance(values, np.ndarray):
        return values.dtype.names is not None and values.ndim == 1
    if isinstance(values, Mapping) or (hasattr(values, "columns") and hasattr(values, "__getitem__")):
        return True
    return isinstance(values, list) and bool(values) and all(isinstance(row, Mapping) for row in values)


def table_of(values: Any, where: str, *, exact: bool = False) -> Table:
    """Return a data frame, a mapping of columns, a list of mappings, or an array (n, columns) as a table.

    With `exact` numbers always keep all their digits. Raises DataError for columns that are neither numbers nor text.
    """
    if isinstance(values, list) and has_columns(values):
        values = {
            name: [row.get(name) for row in values] for name in dict.fromkeys(key for row in values for key in row)
        }
    if has_columns(values):
        names, columns = columns_in(values)
        return from_columns(names_of(names), columns, where, has_header=True, exact=exact)
    array = as_array(values, where)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise DataError(f"{where} has shape {array.shape}, expected (n, columns)")
    names = [f"column {i + 1}" for i in range(array.shape[1])]
    if array.dtype.kind in "iufb":
        block = narrowed(array, where, names, exact=exact)
        return Table(where, tuple(names), False, block, tuple(range(array.shape[1])))
    if array.dtype.kind not in "OUS":
        raise DataError(f"{where} holds {array.dtype}, expected numbers or text")
    return from_columns(names, list(array.T), where, has_header=False, exact=exact)


def columns_in(values: Any) -> tuple[list[str], list[Any]]:
    """Return names and columns of values that have columns; two columns of a data frame may have the same name."""
    if isinstance(values, np.ndarray):
        names = list(values.dtype.names or ())
    else:
        names = list(values if isinstance(values, Mapping) else values.columns)
    columns = [values.iloc[:, i] if hasattr(values, "iloc") else values[name] for i, name in enumerate(names)]
    return [str(name) for name in names], columns


def names_of(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns; a column without a name, or with the name of another, gets its number."""
    names: list[str] = []
    for number, cell in enumerate(cells, start=1):
        name = cell.strip() or f"column {number}"
        names.append(name if name not in names else f"{name} ({number})")
    return tuple(names)


def as_array(values: Any, where: str) -> NDArray[Any]:
    """Return an array, masked numbers as NaN; raise DataError if it is no array or has rows of different lengths."""
    if hasattr(values, "toarray") and not isinstance(values, np.ndarray):
        raise DataError(f"{where} is a sparse matrix: hand in {where}.toarray()")
    if isinstance(values, str | bytes | set | frozenset | Iterator):
        kind = "an iterator" if isinstance(values, Iterator) else f"a {type(values).__name__}"
        raise DataError(f"{where} is {kind}, expected a list or an array with an entry for each example")
    if np.ma.is_masked(values):
        is_numeric = values.dtype.kind in "iufb"
        values = np.ma.filled(values.astype(np.float64), np.nan) if is_numeric else values.tolist()
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{where} is ragged: all its images must have the same shape") from error


def from_columns(
    names: Sequence[str], columns: Sequence[Any], where: str, *, has_header: bool, exact: bool = False
) -> Table:
    """Return a table of columns (n,) of numbers or of text; a column with both is text."""
    numbers: list[NDArray[Any]] = []
    positions: list[int] = []
    texts: dict[int, list[str]] = {}
    n_rows = len(columns[0]) if columns else 0
    for position, values in enumerate(columns):
        if len(values) != n_rows:
            raise DataError(f"{where}: {names[position]} has {count(len(values), 'row')}, {names[0]} has {n_rows}")
        number, text = read_column(values, f"{where}: {names[position]}")
        if text is not None:
            texts[position] = text
        if number is not None:
            numbers.append(number)
            positions.append(position)
    of_numbers = [names[i] for i in positions]
    block: NDArray[Any] = np.empty((n_rows, 0), np.uint8)
    if numbers:
        block = narrowed(np.column_stack(numbers), where, of_numbers, exact=exact)
    return Table(where, tuple(names), has_header, block, tuple(positions), texts)


def read_column(values: Any, where: str) -> tuple[NDArray[Any] | None, list[str] | None]:
    """Return a column as numbers, missing ones as NaN, and as text; each is None if the column is not of that kind.

    Text that can be read as numbers gives both, as in a file: a column gives the same from every source. Raises
    DataError for cells that are not values.
    """
    array = as_array(values, where)
    if array.ndim != 1:
        raise DataError(f"{where} has shape {array.shape}, expected one number or text a row")
    if array.dtype.kind in "iuf":
        return array, None
    cells = np.asarray(values, object).tolist() if array.dtype.kind in "mM" else array.tolist()
    for row, cell in enumerate(cells):
        if isinstance(cell, list | tuple | dict | set | np.ndarray | complex):
            kind = type(cell).__name__
            raise DataError(f"{where} is a {kind} in row {row + 1}, expected a number or text in each row")
    texts = ["" if is_absent(cell) else as_text(cell) for cell in cells]
    if array.dtype.kind == "b":
        return array, texts
    if not any(isinstance(cell, str | bytes) for cell in cells):
        try:
            return np.array([np.nan if is_absent(cell) else float(cell) for cell in cells], np.float64), None
        except (TypeError, ValueError):  # dates, and other values that are not numbers
            return None, texts
    if all(map(is_number, set(texts))) and not all(map(is_missing, set(texts))):
        return np.array([parse(text) for text in texts], np.float64), texts
    return None, texts


def narrowed(numbers: NDArray[Any], where: str, names: Sequence[str], *, exact: bool) -> NDArray[Any]:
    """Return numbers (n, k) in the smallest type that keeps them different; raise DataError for too large numbers."""
    if numbers.dtype == np.uint8 or (numbers.size and are_bytes(numbers)):
        return numbers.astype(np.uint8, copy=False)
    most = numbers.dtype.type(min(LARGEST, float(np.finfo(numbers.dtype).max))) if numbers.dtype.kind == "f" else None
    if most is not None and (np.abs(numbers) > most).any():
        row, column = np.argwhere(np.abs(numbers) > most)[0]
        raise DataError(f"{where}: {names[column]} of row {row + 1} is {numbers[row, column]}: clean it first")
    if numbers.dtype.kind == "f" and numbers.dtype.itemsize <= 4:
        return numbers.astype(np.float32, copy=False)
    if exact:
        return numbers.astype(np.float64, copy=False)
    sample = np.asarray(numbers[:: max(1, len(numbers) // SAMPLE)], np.float64)
    return numbers.astype(np.float64 if merges(sample) else np.float32)


def are_bytes(numbers: NDArray[Any]) -> bool:
    """Whether all numbers are whole and from 0 to 255."""
    if not (numbers.min() >= 0 and numbers.max() <= 255):  # false for NaN too
        return False
    parts = (numbers[start : start + ROWS] for start in range(0, len(numbers), ROWS))  # avoids a copy of all numbers
    return numbers.dtype.kind in "iub" or all(np.array_equal(part, np.rint(part)) for part in parts)


def merges(numbers: NDArray[np.float64]) -> bool:
    """Whether float32 makes many different numbers of a column of (n, k) equal, or cannot hold a number."""
    ascending = np.sort(numbers, axis=0)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers may become infinite
        rounded = ascending.astype(np.float32)
        kept = np.count_nonzero(np.diff(rounded, axis=0) > 0, axis=0)
    different = np.count_nonzero(np.diff(ascending, axis=0) > 0, axis=0)
    return bool((kept < (1 - MERGED) * different).any()) or bool(np.isinf(rounded).any())
