"""`Table`: columns of numbers and of text with their names.

Text files are left to `reading`, what the columns mean to `labels` and `columns`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.errors import DataError

__all__ = ["LARGEST", "Table", "has_columns", "is_missing", "merges", "table_of"]

# Float32 may merge so many of a column's different numbers, as a fraction, before they are kept in float64.
MERGED = 0.01
LARGEST = float(np.finfo(np.float32).max)
SAMPLE = 20_000  # rows, spread evenly, that tell so of an array


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of named columns; a missing number is NaN, a missing text is "".

    where: what messages call it. names: of all columns, in order. has_header: whether they are the person's names.
    numbers: (n, k) the columns of numbers: uint8 where all are bytes, float64 where float32 would merge numbers that
    differ, else float32. positions: which columns those are. texts: the cells of the other columns by position; of a
    column of numbers too where it may hold labels, for "007" is not 7. lines: of a file, of each row. how: it
    is written, where that was guessed.
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
        """Rows."""
        return len(self.numbers)

    def is_text(self, position: int) -> bool:
        """Whether a column holds text, and no numbers."""
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
    """Whether values come by column: a data frame (pandas, polars), a mapping of columns, or a list of mappings."""
    if isinstance(values, Mapping) or (hasattr(values, "columns") and hasattr(values, "__getitem__")):
        return True
    return isinstance(values, list) and bool(values) and all(isinstance(row, Mapping) for row in values)


def table_of(values: Any, where: str, *, exact: bool = False) -> Table:
    """Return a data frame, a mapping of columns, a list of mappings, or an array (n, columns) as a table.

    With `exact` numbers keep all their digits, whether float32 would merge them or not. Raises DataError for columns
    that are no numbers and no text.
    """
    if isinstance(values, list) and has_columns(values):
        values = {
            name: [row.get(name) for row in values] for name in dict.fromkeys(key for row in values for key in row)
        }
    if has_columns(values):
        names = list(values if isinstance(values, Mapping) else values.columns)
        columns = [values[name] for name in names]
        return from_columns([str(name) for name in names], columns, where, has_header=True, exact=exact)
    array = np.asarray(values)
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


def from_columns(
    names: Sequence[str], columns: Sequence[Any], where: str, *, has_header: bool, exact: bool = False
) -> Table:
    """Return a table of columns (n,) each, of numbers, of text, or of both, which is text."""
    numbers: list[NDArray[Any]] = []
    positions: list[int] = []
    texts: dict[int, list[str]] = {}
    for position, values in enumerate(columns):
        number = as_numbers(values)
        if number is None:
            texts[position] = ["" if is_missing(value) else str(value).strip() for value in np.asarray(values, object)]
        else:
            numbers.append(number)
            positions.append(position)
    n_rows = len(columns[0]) if columns else 0
    own = [names[i] for i in positions]
    block: NDArray[Any] = np.empty((n_rows, 0), np.uint8)
    if numbers:
        block = narrowed(np.column_stack(numbers), where, own, exact=exact)
    return Table(where, tuple(names), has_header, block, tuple(positions), texts)


def as_numbers(values: Any) -> NDArray[Any] | None:
    """Return a column as numbers, missing ones as NaN, or None where it holds text."""
    array = np.asarray(values)
    if array.dtype.kind in "iufb":
        return array
    if array.dtype.kind in "OUS":
        own = array.tolist()
        if any(isinstance(value, str | bytes) for value in own):
            return None
        try:
            return np.array([np.nan if is_missing(value) else float(value) for value in own], np.float64)
        except (TypeError, ValueError):
            return None
    return None


def is_missing(value: Any) -> bool:
    """Whether a cell of a data frame holds nothing: None, NaN, pandas's NA and NaT."""
    if isinstance(value, float):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def narrowed(numbers: NDArray[Any], where: str, names: Sequence[str], *, exact: bool) -> NDArray[Any]:
    """Return numbers (n, k) in the smallest type that keeps them apart; raise DataError for an infinite one."""
    if numbers.dtype == np.uint8:
        return numbers
    if numbers.dtype.kind == "f" and (np.abs(numbers) > LARGEST).any():
        row, column = np.argwhere(np.abs(numbers) > LARGEST)[0]
        raise DataError(f"{where}: {names[column]} of row {row + 1} is {numbers[row, column]}: clean it first")
    if numbers.dtype.kind == "f" and numbers.dtype.itemsize <= 4:
        return numbers.astype(np.float32, copy=False)
    if exact:
        return numbers.astype(np.float64, copy=False)
    sample = np.asarray(numbers[:: max(1, len(numbers) // SAMPLE)], np.float64)
    return numbers.astype(np.float64 if merges(sample) else np.float32)


def merges(numbers: NDArray[np.float64]) -> bool:
    """Whether float32 makes one number of many that differ in a column of numbers (n, k), or cannot hold one."""
    ascending = np.sort(numbers, axis=0)
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that become infinite
        rounded = ascending.astype(np.float32)
        kept = np.count_nonzero(np.diff(rounded, axis=0) > 0, axis=0)
    different = np.count_nonzero(np.diff(ascending, axis=0) > 0, axis=0)
    return bool((kept < (1 - MERGED) * different).any()) or bool(np.isinf(rounded).any())
