"""Pictures beside a table of labels: train/1.png ... and labels.csv with a column of file names and one of labels.

Which column is which is told by what they hold: file names are those of the pictures that are there, with or without a
suffix. Folders of classes are left to `classes`.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from barenet.data.files import reading, subfolders
from barenet.data.options import Options
from barenet.data.parts import is_filler, part_of
from barenet.data.pictures.classes import find_pictures
from barenet.data.pictures.folders import LeftOut, PictureFile, list_pictures
from barenet.data.pictures.layouts import ORDER, PictureFolder, find_layout
from barenet.data.tables.labels import is_label_name, number_labels
from barenet.errors import DataError
from barenet.messages import few

__all__ = ["find_all_pictures", "says_classes"]

SUFFIXES = (".csv", ".tsv", ".txt")
DELIMITERS = (",", "\t", ";", " ")
LARGEST = 2**26  # bytes of a table of names and labels: a million lines
FEWEST = 0.5  # share of a column's values that must name pictures


@dataclass(frozen=True)
class LabelTable:
    """A table of labels: its rows without a header, and the numbers of its columns of names and of labels.

    part: what the table's name or folder says, or None. split: the column that says each row's part, or None.
    """

    path: Path
    rows: list[list[str]]
    names: int
    labels: int
    header: list[str] | None
    part: str | None
    split: int | None

    def __str__(self) -> str:
        columns = [self.header[c] if self.header else f"column {c + 1}" for c in (self.names, self.labels)]
        return f"{self.path.name} (file names: {columns[0]}, labels: {columns[1]})"


class Names:
    """The pictures of a data set by the names that a table may give them."""

    def __init__(self, root: Path, left_out: LeftOut) -> None:
        self.by_name: dict[str, list[PictureFile]] = {}
        self.pictures = sorted(list_pictures(root, left_out=left_out))
        for picture in self.pictures:
            for name in self.names_of(picture.name):
                self.by_name.setdefault(name, []).append(picture)

    @staticmethod
    def names_of(name: str) -> set[str]:
        """Return what a picture may be called: its path or name, each with and without a suffix, a number as it is."""
        paths = {name, name.rpartition("/")[2]}
        names = paths | {os.path.splitext(path)[0] for path in paths}  # noqa: PTH122 - many times faster
        return names | {str(int(own)) for own in names if own.isascii() and own.isdecimal()}

    def find(self, cell: str) -> list[PictureFile]:
        """Return the pictures that a cell may mean, looked up by ever shorter paths."""
        name = cell.strip().replace("\\", "/").removeprefix("./")
        while name:
            if name in self.by_name:
                return self.by_name[name]
            name = name.partition("/")[2]
        return []


def table_files(root: Path) -> Iterator[tuple[Path, str | None]]:
    """Yield the files at `root` and up to two folders below that may be tables of labels, with their parts."""
    level: list[tuple[Path, str | None]] = [(root, None)]
    for _ in range(3):
        below: list[tuple[Path, str | None]] = []
        for folder, part in level:
            for file in sorted(folder.iterdir()):
                if file.suffix.lower() in SUFFIXES and file.is_file() and file.stat().st_size <= LARGEST:
                    yield file, part_of(file.stem) or part
            below += [(path, part_of(name) or part) for name, path in subfolders(folder)]
        level = below


def find_tables_of_labels(names: Names, root: Path) -> list[LabelTable]:
    """Return the tables below `root` that give pictures labels; raise DataError where a label column is not clear."""
    tables = []
    for file, part in table_files(root):
        if "submission" in file.stem.lower():
            continue  # the labels in an example of what to hand in are made up
        for delimiter in DELIMITERS:
            table = read_table(file, part, delimiter, names)
            if table is not None:
                tables.append(table)
                break
    return tables


def read_table(file: Path, part: str | None, delimiter: str, names: Names) -> LabelTable | None:
    """Return a file as a table of labels, or None where no column names pictures or there is no other column."""
    with reading(file), file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if any(row)]
        except csv.Error:  # not a table of this delimiter
            return None
    if not rows or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return None
    n_matched = [len({row[c] for row in rows if names.find(row[c])}) for c in range(len(rows[0]))]
    column = max(range(len(n_matched)), key=lambda c: n_matched[c])
    header = None if names.find(rows[0][column]) else [cell.strip() for cell in rows[0]]
    body = rows[1:] if header else rows
    if not body or n_matched[column] < FEWEST * len(body):
        return None
    others = [c for c in range(len(rows[0])) if c != column]
    split = next((c for c in others if is_split(row[c] for row in body)), None)
    others = [c for c in others if c != split]
    labels = label_column(others, body, header, file)
    return LabelTable(file, body, column, labels, header, part, split)


def is_split(cells: Iterable[str]) -> bool:
    """Whether a column says the part of each row."""
    found = {part_of(cell) for cell in set(cells)}
    return None not in found and len(found) > 1


def label_column(others: Sequence[int], body: Sequence[Sequence[str]], header: Sequence[str] | None, file: Path) -> int:
    """Return which of the other columns holds the labels: the only one, the one called so, the only one of classes."""
    named = [c for c in others if header and is_label_name(header[c])]
    classes = [c for c in others if 2 <= len({row[c] for row in body}) <= len(body) / 2]
    for found in (list(others), named, classes):
        if len(found) == 1:
            return found[0]
    shown = few([header[c] if header else f"column {c + 1}" for c in others], 8)
    raise DataError(f"{file}: which column holds the labels of the pictures? ({shown}): call one of them label")


def says_classes(root: Path) -> bool:
    """Whether folders or a table say which classes the pictures at `root` are of."""
    if find_layout(root, lambda _: None) is not None:
        return True
    return bool(find_tables_of_labels(Names(root, LeftOut()), root))


def find_all_pictures(root: Path, options: Options) -> PictureFolder:
    """Return the pictures in folders of classes, or those that a table gives labels.

    A table is looked for where there are no such folders, or one is called `images` or the like, as no class is.
    """
    layout = find_layout(root, options.note)
    is_doubtful = layout is None or any(is_filler(name) for name, _ in layout.parts["train"])
    if is_doubtful and (labelled := find_labelled(root, options)) is not None:
        return labelled
    return find_pictures(root, layout, options.note)


def find_labelled(root: Path, options: Options) -> PictureFolder | None:
    """Return the pictures below `root` with the labels of the tables beside them; None where there is no such table.

    Raises DataError for names without a picture, unless `skip_broken`, which leaves them out.
    """
    note, left_out = options.note, LeftOut()
    names = Names(root, left_out)
    tables = find_tables_of_labels(names, root) if names.pictures else []
    if not tables:
        return None
    rows: dict[str, dict[str, tuple[PictureFile, str]]] = {}
    missing: list[str] = []
    for table in tables:
        for row in table.rows:
            part = part_of(row[table.split]) if table.split is not None else table.part
            picture = choose(names.find(row[table.names]), part, row[table.names], table.path)
            if picture is None:
                missing.append(row[table.names])
                continue
            own = rows.setdefault(part or part_of_path(picture.name) or "train", {})
            label = row[table.labels].strip()
            if own.setdefault(picture.path, (picture, label))[1] != label:
                raise DataError(f"{table.path}: {picture.name} has the labels {own[picture.path][1]} and {label}")
    sources = few([str(table) for table in tables])
    if missing:
        message = f"{sources}: no picture is there for {len(missing)} names: {few(missing)}"
        if not options.skip_broken:
            raise DataError(f"{message}; add them, or leave them out with --skip-broken")
        note(f"{message}; left out")
    if "train" not in rows:
        raise DataError(f"{sources}: labels to {few(sorted(rows))} but none to train on")
    used = {path for own in rows.values() for path in own}
    left_out.loose += [picture.name for picture in names.pictures if picture.path not in used]
    left_out.others = [name for name in left_out.others if not name.lower().endswith(SUFFIXES)]
    left_out.report(root, note)
    return PictureFolder(root, *number(rows, sources), f"pictures with labels from {sources}")


def choose(found: Sequence[PictureFile], part: str | None, cell: str, table: Path) -> PictureFile | None:
    """Return the picture that a row means, the one in a folder of its part where several have the name, or None."""
    if len(found) > 1:
        found = [picture for picture in found if part_of_path(picture.name) == (part or "train")] or found
    if len(found) > 1:
        raise DataError(
            f"{table}: {cell!r} may mean {few([picture.name for picture in found])}: write the folder before the name"
        )
    return found[0] if found else None


def part_of_path(name: str) -> str | None:
    """Return the part that a picture's folders say."""
    return next((part for folder in name.split("/")[:-1] if (part := part_of(folder))), None)


def number(
    rows: Mapping[str, Mapping[str, tuple[PictureFile, str]]], sources: str
) -> tuple[tuple[str, ...], dict[str, list[PictureFile]]]:
    """Return the classes of the training labels and the pictures by part, each with the number of its class."""
    parts = {part: sorted(rows[part].values()) for part in ORDER if part in rows}
    labels = {part: [label for _, label in own] for part, own in parts.items()}
    class_names, numbers = number_labels(labels, dict.fromkeys(labels, sources))
    if len(class_names) < 2:
        raise DataError(f"{sources}: one class only, {few(class_names)}: a classifier needs two classes or more")
    return class_names, {
        part: [picture._replace(label=int(n)) for (picture, _), n in zip(own, numbers[part], strict=True)]
        for part, own in parts.items()
    }
