"""What a model takes of a table, and how a table becomes numbers: by names, where it has any.

A column of numbers becomes one feature, and a second one that is 1 where its number is missing, if any was missing in
training. A column of text becomes a feature for each of its values, 1 where a row has it ("one-hot"). Which columns are
taken is left to `choosing`; what a missing number becomes, to the training, which knows the rows that are trained on.
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
    """One column that a model takes.

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
        """Names of the features that it becomes."""
        if self.is_text:
            return tuple(f"{self.name}={value}" if value else f"{self.name} is missing" for value in self.values)
        return (self.name, f"{self.name} is missing") if self.flags_missing else (self.name,)


@dataclass(frozen=True)
class Columns:
    """The columns that a model takes, in the order of its features.

    has_header: whether columns are told apart by names. n_columns: of the training table. label: the position of its
    labels, if it had any.
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
        """Whether each feature is 0 or 1 by its making, and so needs no scaling."""
        own = [column.is_text or k > 0 for column in self.columns for k in range(len(column.features))]
        return np.array(own, bool)

    @property
    def are_plain(self) -> bool:
        """Whether the features are the columns of numbers themselves."""
        return not any(column.is_text or column.flags_missing for column in self.columns)

    @property
    def are_all(self) -> bool:
        """Whether they are the columns of an array as they are, without names: then there is nothing to remember."""
        places = [column.position for column in self.columns]
        return not self.has_header and self.are_plain and self.label is None and places == list(range(self.n_columns))

    def label_in_words(self) -> str:
        """Return which column the labels are in."""
        if self.label is None:
            return "no column"
        return f"the column {self.label_name!r}" if self.has_header else f"the column number {self.label + 1}"

    def as_dict(self) -> dict[str, Any]:
        """Return what a model file holds."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Columns:
        """Return the columns that `as_dict` gave, also after JSON."""
        own = [Column(**{**column, "values": tuple(column["values"])}) for column in stored["columns"]]
        return cls(**{**stored, "columns": tuple(own)})

    def encode(self, table: Table, *, unknown: str = "error") -> NDArray[Any]:
        """Return the features (n, D) of a table; NaN where a number is missing.

        A value of a text column that training never saw is an error, or with `unknown` "zeros" 0 in each of the
        column's features. Raises DataError that names the columns that are missing and those that are unknown.
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
            own = features[:, start : (start := start + len(column.features))]
            if column.is_text:
                encode_text(table, position, column, own, unknown)
            else:
                own[:, 0] = numbers_in(table, position)
                if column.flags_missing:
                    own[:, 1] = np.isnan(own[:, 0])
        return features

    def find(self, table: Table) -> list[int]:
        """Return where each column is in a table: by its name, or by its place where one of the two has no names."""
        if not self.has_header or not table.has_header:
            return self.find_by_place(table)
        places = {name: position for position, name in enumerate(table.names)}
        missing = [column.name for column in self.columns if column.name not in places]
        if missing:
            own = {column.name for column in self.columns} | {self.label_name}
            unknown = [name for name in table.names if name not in own]
            beside = f", and has {few(unknown, LISTED)}, which the model does not know" if unknown else ""
            raise DataError(
                f"{table.where} lacks {few(missing, LISTED)}{beside}: the model takes "
                f"{few([column.name for column in self.columns], LISTED)}"
            )
        return [places[column.name] for column in self.columns]

    def find_by_place(self, table: Table) -> list[int]:
        """Return where each column is in a table without names: one as in training, or without labels, or trimmed."""
        n, n_taken = len(table.names), len(self.columns)
        if n == self.n_columns:
            return [column.position for column in self.columns]
        if n == n_taken:
            return list(range(n))
        called = few([column.name for column in self.columns], LISTED)
        if self.label is not None and n == self.n_columns - 1:
            places = [column.position - (column.position > self.label) for column in self.columns]
            # It may have the labels, and lack the one column that training left out: texts tell, if there are any.
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
        """Return sentences about the columns of a table: whether places tell them, and which ones are left out."""
        if self.has_header != table.has_header:
            which = "its columns have" if self.has_header else "those of the training data had"
            return [f"{table.where}: columns are taken by their places, as {which} no names"]
        own = {column.name for column in self.columns} | {self.label_name}
        others = [name for name in table.names if name not in own] if table.has_header else []
        return [f"{table.where}: left out columns that training has not: {few(others)}"] if others else []


def encode_text(table: Table, position: int, column: Column, own: NDArray[Any], unknown: str) -> None:
    """Write 1 where a row has a value of a column of text."""
    number_of: dict[Any, int] = {}
    for number, value in enumerate(column.values):  # "7" is found as 7 and as 7.0 too, where no text reads alike
        if value and is_number(value):
            number_of[parse(value)] = -1 if parse(value) in number_of else number
    number_of |= {value: number for number, value in enumerate(column.values)}
    cells = table.texts[position] if position in table.texts else table.number(position).tolist()
    for row, given in enumerate(cells):
        cell = "" if is_missing(str(given)) else given
        number = number_of.get(cell, -1)
        if number >= 0:
            own[row, number] = 1
        elif unknown != "zeros":
            known = few([value or "nothing" for value in column.values], limit=8)
            text = f"{cell:.15g}" if isinstance(cell, int | float) else cell
            shown = repr(one_line(text, 40)) if text else "missing"
            raise DataError(
                f"{table.where}, {table.place(row)}: {table.called(position)} is {shown}, which "
                f"training never saw, only {known}; a model that is trained with data.unknown = zeros takes it for none"
            )


def numbers_in(table: Table, position: int) -> NDArray[Any]:
    """Return a column of numbers; True and False, as some files write them, are 1 and 0. Raises DataError for text."""
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
