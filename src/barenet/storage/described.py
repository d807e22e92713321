"""What a model file says about its network, checked at every level before it is used.

A checksum shows that a file is as it was written, but not who wrote it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from barenet.config.tables import TABLES
from barenet.data.tables.columns import Columns
from barenet.messages import count, describe
from barenet.schema import SchemaError, make_checked
from barenet.training.inputs.input_range import PIXEL_SCALE

__all__ = ["check_description"]


@dataclass(frozen=True)
class Row:
    """One layer."""

    input_dim: int
    output_dim: int
    activation: str
    normalization: str = "none"
    residual: bool = False


@dataclass(frozen=True)
class Remembered:
    """What a model remembers of its training images; see `training.inputs.preprocessing`."""

    border: float | None = None
    were_scaled: bool = False
    border_agreement: float | None = None
    values: list[float] = field(default_factory=lambda: [0.0, 0.0])
    minima: list[float] = field(default_factory=lambda: [0.0, 0.0])
    maxima: list[float] = field(default_factory=lambda: [0.0, 0.0])
    value_range: list[int] | None = None
    mean: list[float] | None = None
    deviation: list[float] | None = None
    fill: list[float] | None = None
    columns: dict[str, Any] | None = None
    unknown: str = "error"
    has_float64: bool = False


@dataclass(frozen=True)
class ColumnsRow:
    """The columns of a table that a model takes, as `Columns.as_dict` writes them."""

    columns: list[dict[str, Any]]
    has_header: bool
    n_columns: int
    label: int | None = None
    label_name: str = ""


@dataclass(frozen=True)
class ColumnRow:
    """One column of such a table."""

    name: str
    position: int
    is_text: bool = False
    values: list[str] = field(default_factory=list)
    flags_missing: bool = False


@dataclass(frozen=True)
class ReadingWords:
    """The settings that say how data were read in training, and how a run goes on."""

    label: str | int | None = None
    drop: list[str] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)
    standardize: bool | None = None
    unknown: str = "error"
    skip_broken: bool | None = None
    transpose: bool | None = None
    metric: str = "loss"
    epochs: int = 1


def check_description(values: Mapping[str, Any]) -> None:
    """Raise SchemaError if a `ModelInfo`, given as a dictionary with the right top-level types, holds wrong values."""
    rows = [make_checked(Row, row) for row in values["architecture"]]
    if not rows or min(min(row.input_dim, row.output_dim) for row in rows) < 1:
        raise SchemaError("architecture has no layers, or one of a size below 1")
    shape, names = values["image_shape"], values["class_names"]
    if not shape or min(shape) < 1 or math.prod(shape) != rows[0].input_dim:
        raise SchemaError(
            f"image_shape is {describe(str(shape))}, and the first layer takes {count(rows[0].input_dim, 'value')}"
        )
    if len(names) != rows[-1].output_dim:
        raise SchemaError(
            f"class_names has {count(len(names), 'name')}, and the last layer gives {rows[-1].output_dim}"
        )
    check_names([*names, values["data_name"], values["data_fingerprint"]])
    for name, low, high in (("scale", 0.0, math.inf), ("label_smoothing", -1.0, 1.0)):
        if not low < values[name] < high:  # false for NaN too
            raise SchemaError(f"{name} is {values[name]}")
    for name in ("epoch", "step"):
        if values[name] < 0:
            raise SchemaError(f"{name} is {values[name]}")
    if not re.fullmatch(r"bool|u?int(8|16|32|64)|float(16|32|64)", values["input_dtype"]):
        raise SchemaError(f"input_dtype is {describe(values['input_dtype'])}")
    check_settings(values.get("settings", {}))
    known = values.get("preprocessing", {})
    check_remembered(make_checked(Remembered, known), rows[0].input_dim)
    is_plain = values["input_dtype"] != "uint8" or values["scale"] == PIXEL_SCALE
    if not is_plain and "values" not in known and "mean" not in known:
        raise SchemaError(f"preprocessing has no values of its images, which a scale of {values['scale']} needs")


def check_names(names: Sequence[str]) -> None:
    """Raise SchemaError for names that UTF-8 cannot write."""
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise SchemaError(f"the name {describe(name)} is no text of UTF-8") from None


def check_settings(settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise SchemaError for an unknown table of settings, and for a wrong type of one of `ReadingWords`."""
    if unknown := [name for name in settings if name not in TABLES]:
        raise SchemaError(f"settings has the unknown table {describe(unknown[0])}")
    words = {**settings.get("data", {}), **settings.get("trainer", {})}
    make_checked(ReadingWords, {name: words[name] for name in ReadingWords.__dataclass_fields__ if name in words})


def check_remembered(remembered: Remembered, n_inputs: int) -> None:
    """Raise SchemaError for lists of a wrong length, numbers that are not finite, and columns that do not fit."""
    for name, n in (("values", 2), ("minima", 2), ("maxima", 2), ("value_range", 2)):
        check_numbers(name, getattr(remembered, name), n)
    for name in ("mean", "deviation", "fill"):
        check_numbers(name, getattr(remembered, name), n_inputs)
    for name in ("border", "border_agreement"):
        value = getattr(remembered, name)
        check_numbers(name, None if value is None else [value], 1)
    if (remembered.mean is None) != (remembered.deviation is None):
        raise SchemaError("preprocessing has one of mean and deviation")
    if remembered.deviation is not None and min(remembered.deviation) <= 0:
        raise SchemaError("preprocessing.deviation holds a number that is not above 0")
    if remembered.unknown not in ("error", "zeros"):
        raise SchemaError(f"preprocessing.unknown is {describe(remembered.unknown)}")
    if remembered.columns is not None:
        table = make_checked(ColumnsRow, remembered.columns)
        columns = [make_checked(ColumnRow, column) for column in table.columns]
        places = [column.position for column in columns] + ([] if table.label is None else [table.label])
        if not all(0 <= place < table.n_columns for place in places):
            raise SchemaError(f"preprocessing.columns has a column beyond the {table.n_columns} of its table")
        if len(Columns.from_dict(remembered.columns).features) != n_inputs:
            raise SchemaError(f"preprocessing.columns gives other features than the {n_inputs} of the first layer")


def check_numbers(name: str, numbers: Sequence[float] | None, n: int) -> None:
    """Raise SchemaError for a list that is not None and does not hold `n` finite numbers."""
    if numbers is not None and not (len(numbers) == n and all(map(math.isfinite, numbers))):
        raise SchemaError(f"preprocessing.{name} does not hold {count(n, 'finite number')}")
