"""Tables of labels beside pictures: which column holds file names, which labels, and to which part a row belongs.

Columns are recognised by their content: file names are the names of existing pictures, with or without a suffix.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from barenet.data.files import subfolders
from barenet.data.parts import PARTS, part_of, words_of
from barenet.data.pictures.folders import Names
from barenet.data.pictures.picture import SUFFIXES as PICTURE_SUFFIXES
from barenet.data.tables.labels import find_column, is_label_name
from barenet.errors import DataError
from barenet.messages import few
from barenet.reading.borders import reading

__all__ = ["LabelTable", "any_table", "find_label_tables", "is_list_of_pictures", "read_label_table"]

SUFFIXES = (".csv", ".tsv", ".txt")
DELIMITERS = (",", "\t", ";", " ")
LARGEST = 2**26  # bytes of a table of names and labels: a million lines
FEWEST = 0.5  # share of a column's values that must name pictures, or end like names of pictures
SAMPLE = 20  # rows that are read to recognise a list of pictures
YES, NO = ("1", "true", "yes", "1.0"), ("0", "false", "no", "0.0")


@dataclass(frozen=True)
class LabelTable:
    """A table of labels: its rows without the header, the column of names, and the others except that of parts.

    parts: the part of each row, from the table's name, its folder or a column, or None.
    """

    path: Path
    rows: list[list[str]]
    header: list[str] | None
    names: int
    others: list[int]
    parts: list[str | None]

    def called(self, column: int) -> str:
        """Return the name of a column, or its number from 1."""
        return self.header[column] if self.header else f"column {column + 1}"

    def column(self, column: int) -> list[str]:
        """Return the cells of a column."""
        return [row[column].strip() for row in self.rows]

    def labels(self, asked: str | int | None, classes: Mapping[str, str] | None = None) -> tuple[list[str], str]:
        """Return the label of each row, and the name of the column that it is from.

        The column is the first of these that exists: the one that a person `asked` for; the only column; the one that
        agrees with the folders of `classes` (the class by cell); the one with the name of labels; the only one with few
        values. Or there is one column for each class, with one 1 in each row. Raises DataError if no column fits, or
        several do.
        """
        if asked is None and self.header and len(self.others) > 1 and not any(map(self.is_named, self.others)):
            columns = {c: self.column(c) for c in self.others}
            if all(cell in ("0", "1", "0.0", "1.0") for cells in columns.values() for cell in cells):
                return self.one_hot(columns), f"a column a class: {few([self.header[c] for c in columns])}"
        column = self.label_column(asked, classes or {})
        return self.column(column), self.called(column)

    def one_hot(self, columns: Mapping[int, Sequence[str]]) -> list[str]:
        """Return, for each row, the name of the column that holds 1."""
        labels = []
        for n, row in enumerate(zip(*columns.values(), strict=True)):
            ones = [self.called(c) for c, cell in zip(columns, row, strict=True) if float(cell)]
            if len(ones) != 1:
                raise DataError(
                    f"{self.path}: {self.rows[n][self.names]!r} has {len(ones)} of the labels "
                    f"{few([self.called(c) for c in columns], 8)}, expected one: a picture has one class; name a "
                    f"column by --label to learn that one"
                )
            labels.append(ones[0])
        return labels

    def label_column(self, asked: str | int | None, classes: Mapping[str, str]) -> int:
        """Return which column holds the labels."""
        width = len(self.rows[0])
        if asked is not None:
            return find_column(asked, self.header or [str(c + 1) for c in range(width)], str(self.path), "data.label")
        agreeing = self.agreeing(classes)
        named = [c for c in self.others if self.is_named(c)]
        few_values = [c for c in self.others if 2 <= len(set(self.column(c))) <= len(self.rows) / 2]
        for found in (self.others, agreeing[:1], named, few_values):
            if len(found) == 1:
                return found[0]
        shown = few([self.called(c) for c in self.others], 8)
        raise DataError(
            f"{self.path}: which column holds the labels of the pictures? Name it by --label, one of {shown}"
        )

    def is_named(self, column: int) -> bool:
        """Whether a column's name says that it holds the labels."""
        return self.header is not None and is_label_name(self.header[column])

    def agreeing(self, classes: Mapping[str, str]) -> list[int]:
        """Return the columns whose values match the folders of classes one to one, those with equal words first.

        `classes` has the class for each cell that names a picture.
        """
        rows = [row for row in self.rows if row[self.names] in classes]
        found = []
        for c in self.others:
            pairs = {(row[c].strip(), classes[row[self.names]]) for row in rows}
            if len(pairs) > 1 and len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs):
                found.append((not all(a == b for a, b in pairs), c))
        return [c for _, c in sorted(found)]


def find_label_tables(names: Names, root: Path) -> list[LabelTable]:
    """Return the tables below `root` that name pictures.

    If some tables say that they are for training, tables that say no part are left out: they list all pictures.
    """
    tables = []
    for file, part in table_files(root):
        # A sample submission has invented labels, and a text file with the name of a picture is about that picture.
        is_of_one = file.suffix.lower() == ".txt" and file.stem in names.by_name
        if "submission" not in file.stem.lower() and not is_of_one:
            table = read_label_table(file, part, names)
            tables += [] if table is None else [table]
    if any("train" in table.parts for table in tables):
        tables = [table for table in tables if None not in table.parts]
    return tables


def any_table(root: Path) -> bool:
    """Whether there is a file that may be a table of labels in a folder, or up to two levels below."""
    level = [str(root)]
    for _ in range(3):
        below = []
        for folder in level:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.lower().endswith(SUFFIXES):
                        return True
                    if entry.is_dir():
                        below.append(entry.path)
        level = below
    return False


def table_files(root: Path) -> Iterator[tuple[Path, str | None]]:
    """Yield the files that may be tables of labels, at `root` and up to two levels below, with their parts."""
    level: list[tuple[Path, str | None]] = [(root, None)]
    for _ in range(3):
        below: list[tuple[Path, str | None]] = []
        for folder, part in level:
            for file in sorted(folder.iterdir()):
                if file.suffix.lower() in SUFFIXES and file.is_file() and file.stat().st_size <= LARGEST:
                    yield file, part_of(file.stem) or part
            below += [(path, part_of(name) or part) for name, path in subfolders(folder)]
        level = below


def read_label_table(file: Path, part: str | None, names: Names) -> LabelTable | None:
    """Return a file as a table of labels, or None if no column names pictures or there is no other column."""
    for delimiter in DELIMITERS:
        rows = read_rows(file, delimiter)
        if rows is not None and (table := table_of_rows(file, rows, part, names)) is not None:
            return table
    return None


def read_rows(file: Path, delimiter: str, most: int | None = None) -> list[list[str]] | None:
    """Return the rows of a table without lines that begin with #; None if it is not a table with this delimiter."""
    rows: list[list[str]] = []
    with reading(file), file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        try:
            for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True):
                if any(row) and not row[0].startswith("#"):
                    rows.append(row)
                if most is not None and len(rows) == most:
                    break
        except csv.Error:
            return None
    width = len(rows[0]) if rows else 0
    return rows if width > 1 and all(len(row) == width for row in rows) else None


def table_of_rows(file: Path, rows: list[list[str]], part: str | None, names: Names) -> LabelTable | None:
    """Return rows as a table of labels, or None."""
    width = len(rows[0])
    n_matched = [len({row[c] for row in rows if names.find(row[c])}) for c in range(width)]
    n_ending = [sum(is_picture_name(row[c]) for row in rows) for c in range(width)]
    column = max(range(width), key=lambda c: (n_matched[c], n_ending[c]))
    has_header = not names.find(rows[0][column]) and not is_picture_name(rows[0][column])
    header = [cell.strip() for cell in rows[0]] if has_header else None
    body = rows[1:] if header else rows
    if not body or n_matched[column] == 0 or max(n_matched[column], n_ending[column]) < FEWEST * len(body):
        return None
    others = [c for c in range(width) if c != column]
    for c in others:
        if len(others) > 1 and (parts := parts_said([row[c] for row in body], header[c] if header else "")):
            return LabelTable(file, body, header, column, [other for other in others if other != c], parts)
    return LabelTable(file, body, header, column, others, [part] * len(body))


def is_picture_name(cell: str) -> bool:
    """Whether a cell ends like the name of a picture."""
    return cell.strip().lower().endswith(PICTURE_SUFFIXES)


def parts_said(cells: Sequence[str], name: str) -> list[str | None] | None:
    """Return the part of each row if a column says it, by words, or as `is_valid` or `is_train` with yes or no."""
    words = words_of(name)
    plain = [cell.strip().lower() for cell in cells]
    if len(words) == 2 and words[0] == "is" and words[1] in PARTS and set(plain) <= {*YES, *NO}:
        part = PARTS[words[1]]
        other = "test" if part == "train" else "train"
        return [part if cell in YES else other for cell in plain]
    parts = {cell: part_of(cell) for cell in set(plain)}
    found = set(parts.values())
    return [parts[cell] for cell in plain] if None not in found and len(found) > 1 else None


def is_list_of_pictures(file: Path) -> bool:
    """Whether a text table has a column of picture names, judged by its first rows."""
    if file.suffix.lower() not in SUFFIXES:
        return False
    for delimiter in DELIMITERS:
        rows = (read_rows(file, delimiter, SAMPLE) or [])[1:]
        if rows and any(all(is_picture_name(row[c]) for row in rows) for c in range(len(rows[0]))):
            return True
    return False
