"""The lines of a text table, packed by gzip or not, read in chunks.

NumPy reads chunks of numbers alone: ten times as fast as Python's csv module, and into one array that is made once.
Chunks with text or missing values are read cell by cell.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.tables.cells import parse
from barenet.data.tables.dialect import Dialect, split
from barenet.data.tables.table import LARGEST, Table, are_bytes, merges
from barenet.errors import DataError
from barenet.interrupts import check
from barenet.messages import count, one_line
from barenet.reading.borders import open_regular, reading
from barenet.reading.limits import GZIP_MAGIC, Lines, open_packed

__all__ = ["Reader", "opened"]

CELLS = 200_000  # of a chunk
TEXT_SHARE = 0.05  # of the cells of a column: if fewer are text, they are mistakes among numbers
FEW_VALUES = 12  # at most so many different values make a column of categories
OTHER_THAN_WHOLE = re.compile(r"[.a-zA-Z]")


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """Open a table as text; raise DataError if it is not UTF-8."""
    with reading(path):
        file = open_regular(path)
        packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        with file, open_packed(file, path.stat().st_size, path) if packed else file as content:
            try:
                yield Lines(content, encoding="utf-8-sig", newline="")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path} is not UTF-8 text (byte {error.object[error.start]:#04x}): save it as CSV UTF-8"
                ) from None
            except csv.Error as error:
                raise DataError(f"{path} cannot be cut into cells ({one_line(error)}): save it as CSV UTF-8") from None


class Reader:
    """Reads the lines of one file.

    texts: the columns to read as text. may_be_labels: columns whose text is kept even if they hold numbers. kind: the
    type of numbers that are not bytes. found_texts: columns that hold text where numbers were expected. merges: whether
    float32 makes different numbers equal.
    """

    def __init__(
        self,
        path: Path,
        dialect: Dialect,
        names: tuple[str, ...],
        *,
        texts: set[int],
        may_be_labels: list[int],
        kind: type[np.floating[Any]],
    ) -> None:
        self.path, self.dialect, self.names, self.kind = path, dialect, names, kind
        self.numeric = [i for i in range(len(names)) if i not in texts]
        self.kept = sorted(texts | set(may_be_labels))
        self.texts: dict[int, list[str]] = {i: [] for i in self.kept}
        self.seen: dict[str, str] = {}  # equal cells are one text in memory
        self.block: NDArray[Any] = np.empty((0, len(self.numeric)), np.uint8)
        self.n_rows = 0
        self.found_texts: set[int] = set()
        self.not_numbers: dict[int, list[tuple[int, str]]] = {}
        self.n_lines = 0
        self.n_given = np.zeros(len(self.numeric), np.int64)  # numbers that are not missing, by column
        self.merges = False
        self.lines: list[NDArray[np.int64]] = []

    def read(self, lines: IO[str]) -> None:
        """Read all lines."""
        at_once = max(1, CELLS // len(self.names))
        self.n_lines = self.dialect.n_before
        for _ in islice(lines, self.n_lines):
            pass
        while chunk := list(islice(lines, at_once)):
            check()
            n_quotes, n_more = sum(line.count('"') for line in chunk), 0
            # A quoted cell may continue in the next lines, up to the longest cell that Python reads.
            while n_quotes % 2 and n_more <= csv.field_size_limit() and (more := next(lines, "")):
                chunk.append(more)
                n_quotes, n_more = n_quotes + more.count('"'), n_more + len(more)
            first_line = self.n_lines + 1
            self.n_lines += len(chunk)
            self.take(chunk, first_line)
        self.check_numbers()
        if not self.n_rows:
            raise DataError(f"{self.path} holds a header and nothing else: add lines of numbers")

    def take(self, lines: list[str], first_line: int) -> None:
        """Read some lines: by NumPy if they hold numbers as expected, else cell by cell."""
        numbers = self.parse_fast(lines, first_line)
        if numbers is None:
            numbers = self.parse_cells(lines, first_line)
        if len(numbers):
            self.append(numbers)

    def parse_fast(self, lines: list[str], first_line: int) -> NDArray[np.float64] | None:
        """Return the numbers (k, columns) of lines; None if a line has a wrong number of cells, or text as a number."""
        filled = [i for i, line in enumerate(lines) if line.strip()]
        lines = [lines[i] for i in filled]
        if not (lines and self.are_plain(lines)):
            return None
        how: dict[str, Any] = {"delimiter": self.dialect.delimiter, "comments": None, "ndmin": 2}
        try:
            # NumPy reads whole numbers six times as fast as others, but would round those with a point or an exponent.
            is_whole = not any(OTHER_THAN_WHOLE.search(line) for line in lines)
            numbers = np.loadtxt(lines, np.int64 if is_whole else np.float64, usecols=self.numeric, **how)
        except (ValueError, OverflowError):
            return None
        if not (np.abs(numbers) <= LARGEST).all():  # "not <=", for NaN
            return None
        if self.kept:
            cells = np.loadtxt(lines, str, usecols=self.kept, **how)
            if (np.char.strip(cells) == "").any():
                return None
            for i, column in zip(self.kept, cells.T, strict=True):
                self.keep(i, column.tolist())
        self.lines.append(first_line + np.array(filled, np.int64))
        return numbers.astype(np.float64, copy=False)

    def are_plain(self, lines: list[str]) -> bool:
        """Whether each line can simply be cut at its delimiters, and has the right number of cells."""
        delimiter, n_between = self.dialect.delimiter, len(self.names) - 1
        if delimiter == " " or self.dialect.decimal == "," or not self.numeric:
            return False
        return all(line.count(delimiter) == n_between and '"' not in line for line in lines)

    def parse_cells(self, lines: list[str], first_line: int) -> NDArray[np.float64]:
        """Return the numbers (k, columns) of lines cell by cell; missing ones are NaN."""
        rows: list[list[float]] = []
        places: list[int] = []
        for number, row in split(lines, self.dialect.delimiter):
            line = first_line + number - 1
            if len(row) != len(self.names):
                raise DataError(
                    f"{self.path}, line {line}: {count(len(row), 'value')} where the first line has {len(self.names)}"
                )
            for i in self.kept:
                self.keep(i, [row[i]])
            rows.append([self.number(row[i], i, line) for i in self.numeric])
            places.append(line)
        self.lines.append(np.array(places, np.int64))
        return np.array(rows, np.float64).reshape(len(rows), len(self.numeric))

    def keep(self, position: int, cells: list[str]) -> None:
        """Keep the text of a column's cells."""
        self.texts[position] += [self.seen.setdefault(cell, cell) for cell in map(str.strip, cells)]

    def number(self, cell: str, position: int, line: int) -> float:
        """Return a cell's number, NaN if it is missing or text; text is remembered in `not_numbers`."""
        try:
            value = parse(cell, self.dialect.decimal)
        except ValueError:
            self.not_numbers.setdefault(position, []).append((line, cell.strip()))
            return np.nan
        if abs(value) > LARGEST:
            raise DataError(f"{self.path}, line {line}: {self.called(position)} is {value:g}: clean it first")
        return value

    def called(self, position: int) -> str:
        """Return how a message names a column."""
        return repr(self.names[position]) if self.dialect.header else f"feature {position + 1}"

    def check_numbers(self) -> None:
        """Mark columns with much text as text; raise DataError for a few texts among numbers."""
        for position, cells in self.not_numbers.items():
            if not self.is_text(position, [cell for _, cell in cells]):
                line, cell = cells[0]
                raise DataError(
                    f"{self.path}, line {line}: {self.called(position)} is {one_line(cell, 40)!r}, expected a number "
                    f"as in most lines: correct it, or leave it empty where the number is missing"
                )
            self.found_texts.add(position)

    def is_text(self, position: int, texts: Sequence[str]) -> bool:
        """Whether a column with some cells of text is a column of text, and not of numbers with a few wrong cells.

        It is one if most cells are text; and, if at least `TEXT_SHARE` are, if the column has few different values
        ("2", "4", "more") or many different texts ("113803", "A/5 21171").
        """
        at = self.numeric.index(position)
        n_given = int(self.n_given[at])
        if len(texts) > n_given:
            return True
        if len(texts) < TEXT_SHARE * (n_given + len(texts)):
            return False
        numbers = self.block[: self.n_rows, at]
        n_values = len(np.unique(numbers[~np.isnan(numbers)])) + len(set(texts))
        has_categories = n_values <= FEW_VALUES and 2 * n_values <= n_given + len(texts)
        return has_categories or len(set(texts)) > FEW_VALUES

    def append(self, numbers: NDArray[np.float64]) -> None:
        """Append numbers to the block, which is uint8 as long as all numbers are bytes."""
        given = ~np.isnan(numbers)
        self.n_given += given.sum(axis=0)
        kind: type[Any] = self.block.dtype.type
        if kind is np.uint8 and numbers.size and not are_bytes(numbers):
            kind = self.kind
        if kind is np.float32 and not self.merges:
            self.merges = merges(numbers)
        stop = self.n_rows + len(numbers)
        if kind is not self.block.dtype.type or stop > len(self.block):
            grown = np.empty((max(stop, self.most_rows()), len(self.numeric)), kind)
            grown[: self.n_rows] = self.block[: self.n_rows]
            self.block = grown
        self.block[self.n_rows : stop] = numbers
        self.n_rows = stop

    def most_rows(self) -> int:
        """Return the largest possible number of rows, so that the array is made once."""
        with opened(self.path) as lines:
            return sum(part.count("\n") + part.count("\r") * ("\n" not in part) for part in pieces(lines)) + 1

    def table(self) -> Table:
        """Return what was read."""
        # Shrinking in place frees the unused memory; no view of the array exists yet.
        self.block.resize((self.n_rows, len(self.numeric)), refcheck=False)
        names, has_header = self.names, self.dialect.header is not None
        lines = np.concatenate(self.lines)
        return Table(
            str(self.path), names, has_header, self.block, tuple(self.numeric), self.texts, lines, str(self.dialect)
        )


def pieces(lines: IO[str]) -> Iterator[str]:
    """Yield a file in pieces."""
    return iter(lambda: lines.read(2**20), "")
