"""Pictures whose labels are in a table beside them: train/1.png ... and labels.csv with columns of names and labels.

If there are folders of classes too, the folders decide, except in three cases: their names have no meaning, such as
`part_1` and `part_2`; a person names the column of the labels; or only the table says which pictures are for testing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from barenet.data.options import Options
from barenet.data.parts import FILLERS, is_filler, part_of, words_of
from barenet.data.pictures.classes import find_pictures
from barenet.data.pictures.folders import Names, PictureFile
from barenet.data.pictures.label_tables import (
    SUFFIXES,
    LabelTable,
    any_table,
    find_label_tables,
    is_list_of_pictures,
    read_label_table,
)
from barenet.data.pictures.layouts import ORDER, Layout, PictureFolder, find_layout
from barenet.data.tables.labels import number_labels
from barenet.errors import DataError
from barenet.messages import count, few
from barenet.notes import held_back, logger

__all__ = ["find_all_pictures", "says_classes"]

PIECES = frozenset({"part", "batch", "chunk", "fold", "folder", "dir", "zip", "disk", "archive"})
Labelled = dict[str, tuple[PictureFile, str]]  # by path


def says_classes(path: Path) -> bool:
    """Whether folders or a table give the classes of the pictures in a folder, or whether a file is such a table."""
    if path.is_file():
        return is_list_of_pictures(path) and read_label_table(path, None, Names(path.parent)) is not None
    with held_back():
        layout = find_layout(path, for_model=True)
    if layout is not None and len(layout.parts["train"]) > 1:
        return True
    return bool(find_label_tables(Names(path), path))


@dataclass(frozen=True)
class Tables:
    """The tables of labels beside pictures, and for each cell that names a picture its class by the folders, if any."""

    names: Names
    tables: list[LabelTable]
    classes: Mapping[str, str]

    def agree(self) -> bool:
        """Whether each table has a column that agrees with the folders."""
        return bool(self.tables) and all(table.agreeing(self.classes) for table in self.tables)

    def parts(self) -> set[str | None]:
        """Return the parts that tables name."""
        return {part for table in self.tables for part in table.parts}


def find_all_pictures(path: Path, options: Options) -> PictureFolder:
    """Return the pictures in folders of classes, or those with labels in a table; `path` may be the table itself."""
    for word in ("drop", "keep"):
        if getattr(options.choices, word):
            logger.info(f"{path}: pictures have no columns to learn from, so --{word} has no effect")
    if path.is_file():
        names = Names(path.parent)
        table = read_label_table(path, None, names)
        assert table is not None  # as `says_classes` found
        return by_tables(path.parent, Tables(names, [table], {}), options)
    layout = find_layout(path, for_model=options.for_model)
    if layout is not None and options.choices.label is None and not any_table(path):
        return with_flat_parts(find_pictures(path, layout, options), layout, None)
    names = Names(path)
    tables = find_label_tables(names, path)
    if options.choices.label is not None and not tables:
        logger.info(f"{path}: no table names the pictures, so the label {options.choices.label!r} has no effect")
    beside = Tables(names, tables, {} if layout is None else classes_by_cell(layout, tables, names))
    if tables and layout is not None and has_no_meaning(layout):
        return by_tables(path, replace(beside, classes={}), options)
    if tables and (layout is None or options.choices.label is not None or tables_say_parts(layout, beside)):
        return by_tables(path, beside, options)
    return with_flat_parts(find_pictures(path, layout, options), layout, beside)


def tables_say_parts(layout: Layout, beside: Tables) -> bool:
    """Whether only tables say parts, folders say none, and the tables agree with the folders of classes."""
    parts = beside.parts()
    has_parts = set(layout.parts) != {"train"} or bool(layout.flat)
    return not has_parts and {"train"} < parts and None not in parts and beside.agree()


def has_no_meaning(layout: Layout) -> bool:
    """Whether names of classes are fillers, or are pieces that differ only in a number: `part_1` and `part_2`."""
    names = [name for name, _ in layout.parts["train"]]
    if any(is_filler(name) for name in names):
        return True
    split = [words_of(name) for name in names]
    rests = {tuple(w for w in words if w not in FILLERS | PIECES and not w.isdecimal()) for words in split}
    return len(rests) == 1 and all(set(words) & (PIECES | FILLERS) for words in split)


def classes_by_cell(layout: Layout, tables: Sequence[LabelTable], names: Names) -> dict[str, str]:
    """Return the class by the folders, for each cell that names one picture in a folder of a class."""
    folders = {str(path): name for classes in layout.parts.values() for name, path in classes}
    classes = {}
    for table in tables:
        for cell in table.column(table.names):
            found = names.find(cell)
            above = [folders[str(p)] for p in Path(found[0].path).parents if str(p) in folders] if found else []
            if above and len(found) == 1:
                classes[cell] = above[0]
    return classes


def by_tables(root: Path, beside: Tables, options: Options) -> PictureFolder:
    """Return the pictures with labels in tables.

    Raises DataError for names without a picture; with `skip_broken` they are left out.
    """
    rows, sources = look_up(beside, options)
    if "train" not in rows and options.for_model:
        rows = {"train": rows.get("test") or next(iter(rows.values()))}
    if "train" not in rows:
        raise DataError(f"{sources}: labels to {few(sorted(rows))} but none to train on")
    used = {path for labelled in rows.values() for path in labelled}
    left_out = beside.names.left_out
    left_out.loose += [picture.name for picture in beside.names.pictures if picture.path not in used]
    left_out.others = [name for name in left_out.others if not name.lower().endswith(SUFFIXES)]
    left_out.report(root)
    class_names, parts = number(rows, sources)
    if len(class_names) < 2 and not options.for_model:
        raise DataError(f"{sources}: one class only, {few(class_names)}: a classifier needs two classes or more")
    return PictureFolder(root, class_names, parts, f"pictures with labels from {sources}")


def look_up(beside: Tables, options: Options) -> tuple[dict[str, Labelled], str]:
    """Return the pictures and labels of tables by part, and a text that names the tables."""
    rows: dict[str, Labelled] = {}
    missing: list[str] = []
    sources = []
    for table in beside.tables:
        labels, label_from = table.labels(options.choices.label, beside.classes)
        sources.append(f"{table.path.name} (file names: {table.called(table.names)}, labels: {label_from})")
        for row, part, label in zip(table.rows, table.parts, labels, strict=True):
            picture = choose(beside.names.find(row[table.names]), part, row[table.names], table.path)
            if picture is None:
                missing.append(row[table.names])
                continue
            labelled = rows.setdefault(part or part_of_path(picture.name) or "train", {})
            if (first := labelled.setdefault(picture.path, (picture, label))[1]) != label:
                raise DataError(
                    f"{table.path}: {picture.name} has the labels {first} and {label}; correct it, or "
                    f"name one table, as in --data {table.path}"
                )
    listed = few(sources)
    if missing:
        message = f"{listed}: no picture exists for {count(len(missing), 'name')}: {few(missing)}"
        if not options.skip_broken:
            raise DataError(f"{message}; add them, or leave them out with --skip-broken")
        logger.info(f"{message}; left out")
    keep_apart(rows, beside, listed)
    return rows, listed


def keep_apart(rows: dict[str, Labelled], beside: Tables, sources: str) -> None:
    """Remove pictures of another part from the training part, unless a table says that they are for training.

    Raises DataError for pictures that tables put into two parts.
    """
    for part in ("test", "val"):
        both = sorted(rows.get("train", {}).keys() & rows.get(part, {}).keys())
        if both and "train" in beside.parts():
            names = few([rows[part][path][0].name for path in both])
            raise DataError(
                f"{sources}: {count(len(both), 'picture')} to train on and also of the part {part}: {names}"
            )
        for path in both:
            del rows["train"][path]


def with_flat_parts(found: PictureFolder, layout: Layout | None, beside: Tables | None) -> PictureFolder:
    """Return pictures in folders of classes, together with parts that are one folder with labels in a table."""
    tables = beside.tables if beside is not None else []
    parts, words = dict(found.parts), found.layout
    columns = {table.called(c) for table in tables for c in table.agreeing(beside.classes if beside else {})}
    for part, folder in (layout.flat if layout is not None else {}).items():
        fitting = [table for table in tables if part in table.parts]
        labels = labels_of_part(fitting[0], found.class_names, columns) if len(fitting) == 1 else None
        if beside is None or labels is None:
            logger.info(f"{folder} has no folders of classes: left out, because no table gives its labels")
            continue
        table, (cells, label_from) = fitting[0], labels
        rows = {}
        for name, label in zip(table.column(table.names), cells, strict=True):
            inside = [picture for picture in beside.names.find(name) if Path(picture.path).is_relative_to(folder)]
            if len(inside) != 1:
                raise DataError(f"{table.path}: {name!r} means {len(inside)} pictures in {folder}, expected one")
            rows[inside[0].path] = inside[0]._replace(label=found.class_names.index(label))
        parts[part] = sorted(rows.values())
        words = f"{words}, {part} by {table.path.name} (labels: {label_from})"
    return replace(found, parts={part: parts[part] for part in ORDER if part in parts}, layout=words)


def labels_of_part(
    table: LabelTable, class_names: Sequence[str], columns: Collection[str]
) -> tuple[list[str], str] | None:
    """Return the labels of a part's rows and the name of their column, whose values are classes; None if not clear.

    `columns` are the names of columns that agree with the folders of classes, in this table or another.
    """
    fitting = [c for c in table.others if set(table.column(c)) <= set(class_names)]
    agreeing = [c for c in fitting if table.called(c) in columns]
    for found in (fitting, agreeing, [c for c in fitting if table.is_named(c)]):
        if len(found) == 1:
            return table.column(found[0]), table.called(found[0])
    return None


def choose(found: Sequence[PictureFile], part: str | None, cell: str, table: Path) -> PictureFile | None:
    """Return the picture that a row means, or None; of several with the name the one in a folder of the row's part."""
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


def number(rows: Mapping[str, Labelled], sources: str) -> tuple[tuple[str, ...], dict[str, list[PictureFile]]]:
    """Return the classes of the training labels and the pictures by part, each with the number of its class."""
    parts = {part: sorted(rows[part].values()) for part in ORDER if part in rows}
    labels = {part: [label for _, label in labelled] for part, labelled in parts.items()}
    class_names, numbers = number_labels(labels, dict.fromkeys(labels, sources))
    return class_names, {
        part: [picture._replace(label=int(n)) for (picture, _), n in zip(labelled, numbers[part], strict=True)]
        for part, labelled in parts.items()
    }
