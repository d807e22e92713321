"""The columns of a table that a model uses, and how they become numbers; columns are found by name if they have names.

A column of numbers becomes one feature, and a second one that is 1 where its number is missing, if any was missing in
training. A column of text becomes a feature for each of its values, 1 where a row has it ("one-hot"). `choosing`
chooses the columns; training decides what replaces a missing number, because it knows the training rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.tables.cells import is_missing, is_number, parse
from barenet.data.tables.labels import LISTED
from barenet.data.tables.table import Table
from barenet.errors import DataError
from barenet.messages import count, few, one_line

__all__ = ["Column", "Columns"]


@dataclass(frozen=True)
class Column:
    """One column that a model uses.

    position: in the training table. values: of a column of text, sorted; empty for numbers. flags_missing: whether a
    second feature says that the number is missing.
    """

    name: str
    position: int
    is_text: bool = False
    values: tuple[str, ...] = ()
    flags_missing: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that the column becomes."""
        if self.is_text:
            return tuple(f"{self.name}={value}" if value else f"{self.name} is missing" for value in self.values)
        return (self.name, f"{self.name} is missing") if self.flags_missing else (self.name,)


@dataclass(frozen=True)
class Columns:
    """The columns that a model uses, in the order of its features.

    has_header: whether the training table had names of columns. n_columns: of the training table. label: the position
    of its labels, if it had any.
    """

    columns: tuple[Column, ...]
    has_header: bool
    n_columns: int
    label: int | None = None
    label_name: str = ""

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        return [name for column in self.columns for name in column.features]

    @property
    def is_indicator(self) -> NDArray[np.bool_]:
        """Whether each feature is always 0 or 1, and so needs no scaling."""
        flags = [column.is_text or k > 0 for column in self.columns for k in range(len(column.features))]
        return np.array(flags, bool)

    @property
    def are_plain(self) -> bool:
        """Whether the features are just the columns of numbers."""
        return not any(column.is_text or column.flags_missing for column in self.columns)

    @property
    def are_all(self) -> bool:
        """Whether these are all columns of an array without names: then there is nothing to remember."""
        places = [column.position for column in self.columns]
        return not self.has_header and self.are_plain and self.label is None and places == list(range(self.n_columns))

    def label_in_words(self) -> str:
        """Return in words which column holds the labels."""
        if self.label is None:
            return "no column"
        return f"the column {self.label_name!r}" if self.has_header else f"the column number {self.label + 1}"

    def as_dict(self) -> dict[str, Any]:
        """Return what a model file holds."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Columns:
        """Return columns from the result of `as_dict`, also after JSON."""
        columns = [Column(**{**column, "values": tuple(column["values"])}) for column in stored["columns"]]
        return cls(**{**stored, "columns": tuple(columns)})

    def encode(self, table: Table, *, unknown: str = "error") -> NDArray[Any]:
        """Return the features (n, D) of a table; NaN where a number is missing.

        A value of a text column that training has not seen is an error; with `unknown` "zeros" it is 0 in each of the
        column's features. Raises DataError, which names missing and unknown columns.
        """
        positions = self.find(table)
        taken = [table.positions.index(p) for p in positions if not table.is_text(p)]
        if self.are_plain and len(taken) == len(positions):
            whole = taken == list(range(table.numbers.shape[1]))
            return table.numbers if whole else np.ascontiguousarray(table.numbers[:, taken])
        kind = np.float32 if table.numbers.dtype in (np.uint8, np.float32) else np.float64
        features = np.zeros((table.n_rows, len(self.features)), kind)
        start = 0
        for column, position in zip(self.columns, positions, strict=True):
            part = features[:, start : (start := start + len(column.features))]
            if column.is_text:
                encode_text(table, position, column, part, unknown)
            else:
                part[:, 0] = numbers_in(table, position)
                if column.flags_missing:
                    part[:, 1] = np.isnan(part[:, 0])
        return features

    def find(self, table: Table) -> list[int]:
        """Return where each column is in a table: by its name, or by its position if one of the two has no names."""
        if not self.has_header or not table.has_header:
            return self.find_by_place(table)
        places = {name: position for position, name in enumerate(table.names)}
        missing = [column.name for column in self.columns if column.name not in places]
        if missing:
            known = {column.name for column in self.columns} | {self.label_name}
            unknown = [name for name in table.names if name not in known]
            beside = f", and has {few(unknown, LISTED)}, which the model does not know" if unknown else ""
            raise DataError(
                f"{table.where} lacks {few(missing, LISTED)}{beside}: the model takes "
                f"{few([column.name for column in self.columns], LISTED)}"
            )
        return [places[column.name] for column in self.columns]

    def find_by_place(self, table: Table) -> list[int]:
        """Return where each column is in a table without names.

        The table has all columns of the training table, or all without the labels, or only those that the model uses.
        """
        n, n_taken = len(table.names), len(self.columns)
        if n == self.n_columns:
            return [column.position for column in self.columns]
        if n == n_taken:
            return list(range(n))
        called = few([column.name for column in self.columns], LISTED)
        if self.label is not None and n == self.n_columns - 1:
            places = [column.position - (column.position > self.label) for column in self.columns]
            # Perhaps it has the labels, and lacks the one column that training left out: columns of text may show it.
            texts = [column.is_text for column in self.columns]
            if n == n_taken + 1 and not (any(texts) and texts == [table.is_text(place) for place in places]):
                raise DataError(
                    f"{table.where} has {count(n, 'column')} without names, which may be all of the training table but "
                    f"for the labels, or but for the one left out: give all {self.n_columns}, or the {n_taken} that "
                    f"the model takes: {called}"
                )
            return places
        raise DataError(f"{table.where} has {count(n, 'column')}, the model takes {n_taken}: {called}")

    def said_of(self, table: Table) -> list[str]:
        """Return sentences about a table: that its columns are taken by their places, or that some are left out."""
        if self.has_header != table.has_header:
            which = "its columns have" if self.has_header else "those of the training data had"
            return [f"{table.where}: columns are taken by their places, as {which} no names"]
        known = {column.name for column in self.columns} | {self.label_name}
        others = [name for name in table.names if name not in known] if table.has_header else []
        return [f"{table.where}: left out columns that were not in training: {few(others)}"] if others else []


def encode_text(table: Table, position: int, column: Column, features: NDArray[Any], unknown: str) -> None:
    """Write 1 into the feature of each row's value of a column of text; `features` (n, values) are zeros before."""
    number_of: dict[Any, int] = {}
    for number, value in enumerate(column.values):  # 7 and 7.0 mean "7" too, unless two texts are the same number
        if value and is_number(value):
            number_of[parse(value)] = -1 if parse(value) in number_of else number
    number_of |= {value: number for number, value in enumerate(column.values)}
    cells = table.texts[position] if position in table.texts else table.number(position).tolist()
    for row, given in enumerate(cells):
        cell = "" if is_missing(str(given)) else given
        number = number_of.get(cell, -1)
        if number >= 0:
            features[row, number] = 1
        elif unknown != "zeros":
            known = few([value or "nothing" for value in column.values], limit=8)
            text = f"{cell:.15g}" if isinstance(cell, int | float) else cell
            shown = repr(one_line(text, 40)) if text else "missing"
            raise DataError(
                f"{table.where}, {table.place(row)}: {table.called(position)} is {shown}, which "
                f"training never saw, only {known}; a model that is trained with data.unknown = zeros takes it for none"
            )


def numbers_in(table: Table, position: int) -> NDArray[Any]:
    """Return a column of numbers; True and False in a file are 1 and 0. Raises DataError for text."""
    if not table.is_text(position):
        return table.number(position)
    cells = [cell.lower() for cell in table.texts[position]]
    numbers = {"true": 1.0, "false": 0.0, **{cell: np.nan for cell in cells if is_missing(cell)}}
    if set(cells) <= set(numbers):
        return np.array([numbers[cell] for cell in cells])
    wrong = next(cell for cell in table.texts[position] if not is_number(cell))
    raise DataError(
        f"{table.where}: {table.called(position)} is text, such as {one_line(wrong, 40)!r}, expected numbers"
    )
