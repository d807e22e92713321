"""Which columns of a table are features; columns that only count or name the rows are left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from barenet.data.tables.cells import is_missing, is_number
from barenet.data.tables.columns import Column, Columns
from barenet.data.tables.labels import LISTED, find_column, is_empty, is_identifier, is_label_name, words_of
from barenet.data.tables.table import Table
from barenet.errors import ConfigError, DataError
from barenet.messages import count, few, one_line

__all__ = ["ChoiceWords", "Choices", "choices_of", "choose_columns"]

MAX_VALUES = 1_000  # different values of a column of text
SAMPLE = 200  # rows, spread evenly: most columns that do not repeat the label differ from it in these
UNNAMED = ("column 1", "Unnamed: 0")
SEVERAL = re.compile(r"[\[(]?\s*[-+.\de]+([\s,;]+[-+.\de]+){3,}\s*[\])]?")
# A number written with a unit or with separators of thousands: "$1,200.50", "40 %", "1.234,5".
DRESSED = re.compile(r"[-+]?[$€£¥]?\s?[-+]?(\d+([.,]\d+)?|\d{1,3}([.,' ]\d{3})+([.,]\d+)?)\s?[%$€£¥]?")
INDEX_NAMES = frozenset(
    {"id", "index", "row", "rowid", "rownumber", "rownames", "unnamed0", "no", "nr", "sno", "idx", "序号"}
)


@dataclass(frozen=True)
class Choices:
    """What a person says about the columns of a table.

    label: name or number of the column of labels. drop, keep: names or numbers of columns. standardize: True takes
    pixels as features, False leaves features as they are. unknown: what to do with a text that training has not seen:
    "error" or "zeros". columns, class_names: those of a model for which the table is read; then others do not count.
    """

    label: str | int | None = None
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    standardize: bool | None = None
    unknown: str = "error"
    columns: Columns | None = None
    class_names: tuple[str, ...] | None = None


class ChoiceWords(TypedDict, total=False):
    """The fields of `Choices` as keywords."""

    label: str | int | None
    drop: Sequence[str | int]
    keep: Sequence[str | int]
    standardize: bool | None
    unknown: str
    columns: Columns | None
    class_names: Sequence[str] | None


def choices_of(words: ChoiceWords) -> Choices:
    """Return keywords as `Choices`; a single name is a list of one."""
    lists: dict[str, Any] = {}
    for name in ("drop", "keep"):
        given: Any = words.get(name, ())
        lists[name] = tuple(map(str, [given] if isinstance(given, str | int) else given))
    if words.get("unknown", "error") not in ("error", "zeros"):
        raise ConfigError(f"unknown must be 'error' or 'zeros', got {words['unknown']!r}")
    names = words.get("class_names")
    return Choices(**{**words, **lists, "class_names": None if names is None else tuple(names)})


def choose_columns(
    table: Table,
    *,
    label: int | None,
    labels: Sequence[Any] = (),
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
) -> tuple[Columns, list[str]]:
    """Return the columns of features, and a sentence for each column that is left out, changed or doubtful.

    labels: of all rows. drop: names or numbers of columns to leave out. keep: those to use although they count or name
    the rows. Raises ConfigError for a column that does not exist, DataError if no column remains.
    """
    dropped = {find_column(name, table.names, table.where, "data.drop") for name in drop}
    kept = {find_column(name, table.names, table.where, "data.keep") for name in keep}
    if both := sorted(dropped & kept):
        raise ConfigError(f"data.drop and data.keep both name {table.called(both[0])}: leave it out of one of them")
    if label is not None and label in dropped:
        raise ConfigError(f"data.drop names {table.called(label)}, the column of the labels: name another by --label")
    others = [i for i in range(len(table.names)) if i != label and i not in dropped]
    said: list[str] = []
    columns: list[Column] = []
    same = [i for i in say_the_label(table, labels) if i in others and i not in kept and len(others) > 1]
    label_called = table.names[label] if label is not None and table.has_header else "label"
    for position in others:
        reason = None if position in kept else reason_to_leave_out(table, position, len(others))
        if reason is None and position in same and is_akin(table.names[position], label_called):
            reason = "says by its name and in each row what the label says"
        elif reason is None and position in same:
            said.append(
                f"{table.called(position)} says in each row what the label says: is it the label again, or only known "
                f"with it? Then leave it out by --drop"
            )
        if reason is not None:
            said.append(f"left out {table.called(position)}, which {reason} (--keep takes it)")
            continue
        columns.append(make_column(table, position))
    if not columns:
        raise DataError(f"{table.where} has no column to learn from: {'; '.join(said) or 'all are left out'}")
    texts = [f"{c.name} ({count(len(c.values), 'value')})" for c in columns if c.is_text]
    said += [
        f"{table.called(c.position)} holds another number in each row: leave it out by --drop if it names the rows"
        for c in columns[:1]
        if c.position == min(others) and c.position not in kept and len(others) > 1 and names_rows(table, c.position)
    ]
    if texts:
        said.append(f"columns of text, each value a feature: {few(texts, LISTED)}")
    missing = [
        f"{c.name} ({count(int(np.isnan(table.number(c.position)).sum()), 'row')})" for c in columns if c.flags_missing
    ]
    if missing:
        what = "missing numbers, which become the median of the rows trained on, and a feature that says so"
        said.append(f"{what}: {few(missing, LISTED)}")
    name = table.names[label] if label is not None else ""
    return Columns(tuple(columns), table.has_header, len(table.names), label, name), said


def make_column(table: Table, position: int) -> Column:
    """Return a column as a model uses it."""
    name = table.names[position]
    if not table.is_text(position):
        numbers = table.number(position)
        missing = numbers.dtype.kind == "f" and bool(np.isnan(numbers).any())
        return Column(name, position, flags_missing=missing)
    values = sorted({"" if is_missing(cell) else cell for cell in table.texts[position]})
    if len(values) > MAX_VALUES:
        raise DataError(
            f"{table.where}: {table.called(position)} is text of {count(len(values), 'different value')}, more than "
            f"{MAX_VALUES}: leave it out by --drop"
        )
    return Column(name, position, is_text=True, values=tuple(values))


def reason_to_leave_out(table: Table, position: int, n_others: int) -> str | None:
    """Return why a column is of no use for the classes, or None for a feature."""
    if n_others == 1:
        return None
    if is_empty(table, position):
        return "has no value in any row"
    if table.is_text(position):
        check_numbers_are_plain(table, position)
        return "is text that names nearly each row" if is_identifier(table, position) else None
    numbers = table.number(position)
    if counts_rows(numbers, named=is_index_name(table.names[position]) and table.has_header):
        return "counts the rows"
    if position == 0 and table.has_header and table.names[0] in UNNAMED and is_whole(numbers):
        return "has no name and holds whole numbers, as an index does"
    return None


def check_numbers_are_plain(table: Table, position: int) -> None:
    """Raise DataError for numbers that are written as text: "1,200", "40 %", "$5", or several in a cell: "70 80 82"."""
    cells = [cell for cell in table.texts[position] if not is_number(cell)]
    several = [cell for cell in cells if SEVERAL.fullmatch(cell)]
    if 2 * len(several) > len(cells):
        raise DataError(
            f"{table.where}: {table.called(position)} holds several numbers in a cell, such as "
            f"{one_line(several[0], 30)!r}: give each a column, or leave the column out by --drop"
        )
    written = [cell for cell in cells if DRESSED.fullmatch(cell)]
    if written and 2 * len(written) > len(cells):
        raise DataError(
            f"{table.where}: {table.called(position)} holds numbers written as {written[0]!r}: write them plainly, "
            f"without signs for units and thousands; or leave the column out by --drop, or take it as text by --keep"
        )


def say_the_label(table: Table, labels: Sequence[Any]) -> list[int]:
    """Return the columns whose values match the classes one to one."""
    classes = np.asarray(labels).astype(str)
    if classes.shape != (table.n_rows,) or table.n_rows <= LISTED:  # in a few rows any column may match
        return []
    _, first, codes = np.unique(classes, return_index=True, return_inverse=True)
    found = []
    some = np.arange(0, table.n_rows, max(1, table.n_rows // SAMPLE))
    # Most columns differ from the label in a few rows already.
    numbers = table.numbers[some] == table.numbers[first][codes[some]]
    alike = {position for at, position in enumerate(table.positions) if numbers[:, at].all()}
    for position in range(len(table.names)):
        if not table.is_text(position) and position not in alike:
            continue
        values = np.asarray(table.texts[position]) if table.is_text(position) else table.number(position)
        if (values == values[first][codes]).all() and len(np.unique(values[first])) == len(first):
            found.append(position)
    return found


def is_akin(name: str, label: str) -> bool:
    """Whether a column's name is one of labels, or shares a word with the name of the label's column."""
    return is_label_name(name) or bool({word for word in words_of(name) if len(word) > 2} & set(words_of(label)))


def names_rows(table: Table, position: int) -> bool:
    """Whether a column holds a different, large whole number in each row, such as the number of a patient."""
    if table.is_text(position) or table.n_rows <= LISTED:
        return False
    numbers = table.number(position)
    is_unique = is_whole(numbers) and len(np.unique(numbers)) == len(numbers)
    return is_unique and bool(np.abs(numbers).max() > 100 * len(numbers))


def is_whole(numbers: NDArray[Any]) -> bool:
    """Whether all numbers (n,) that are not missing are whole."""
    given = numbers[~np.isnan(numbers)] if numbers.dtype.kind == "f" else numbers
    return bool(np.all(given == np.rint(given)))


def is_index_name(name: str) -> bool:
    """Whether a column's name says that it numbers the rows."""
    plain = "".join(c for c in name.casefold() if c.isalnum())
    return (
        plain in INDEX_NAMES
        or name in ("", "column 1")
        or (plain.endswith("id") and name.endswith(("Id", "ID", "_id")))
    )


def counts_rows(numbers: NDArray[Any], *, named: bool) -> bool:
    """Whether numbers (n,) count the rows: each is the last plus 1, or they are `named` an index and all different."""
    if len(numbers) < 5:  # in fewer rows a measurement may look so
        return False
    if np.all(np.diff(numbers.astype(np.float64)) == 1):
        return True
    return named and is_whole(numbers) and len(np.unique(numbers)) == len(numbers)
