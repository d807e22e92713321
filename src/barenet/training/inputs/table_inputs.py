"""Convert a table to the features that a trained model takes, by the names of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.tables.columns import Column, Columns
from barenet.data.tables.labels import find_label
from barenet.data.tables.table import Table
from barenet.errors import DataError
from barenet.messages import count
from barenet.notes import logger

__all__ = ["encode_table", "read_columns"]


def read_columns(preprocessing: Mapping[str, Any]) -> Columns | None:
    """Return the columns that a model was trained on, or None where it remembers none."""
    stored = preprocessing.get("columns")
    return None if stored is None else Columns.from_dict(stored)


def encode_table(
    preprocessing: Mapping[str, Any],
    table: Table,
    n_inputs: int,
    *,
    unknown: str | None = None,
) -> NDArray[Any]:
    """Return the features (n, D) of a table as a model takes them, in their original units; missing numbers are NaN.

    unknown: what to do with a text that training never saw, "error" or "zeros"; by default what the model remembers.
    Raises DataError for a table that lacks a column, or has values of another kind in it.
    """
    columns = read_columns(preprocessing) or plain_columns(table, n_inputs)
    features = columns.encode(table, unknown=unknown or preprocessing.get("unknown", "error"))
    for sentence in columns.said_of(table):
        logger.info(sentence)
    if features.dtype == np.float64 and not preprocessing.get("has_float64", False):
        return features.astype(np.float32)
    return features


def plain_columns(table: Table, n_inputs: int) -> Columns:
    """Return the columns for a model that remembers none: all of a table, without the labels if it has one too many."""
    n = len(table.names)
    if n not in (n_inputs, n_inputs + 1):
        raise DataError(f"{table.where} has {count(n, 'column')}, the model takes {count(n_inputs, 'feature')}")
    label = None if n == n_inputs else label_among(table)
    taken = [i for i in range(n) if i != label]
    return Columns(tuple(Column(table.names[i], i) for i in taken), False, n, label)


def label_among(table: Table) -> int:
    """Return the column of a table that holds the labels, by the rules of training, or the last."""
    try:
        return find_label(table, None)[0]
    except DataError:
        return len(table.names) - 1
