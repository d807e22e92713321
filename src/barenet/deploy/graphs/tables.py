"""The nodes that convert a table's rows (batch, columns) of numbers to features, see `tables.numbers`.

They are few and simple, and OpenCV's `dnn` module runs them since version 4.8. It has no IsNaN; but NaN is the only
number that does not equal itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.data.tables.columns import Columns
from barenet.deploy.graphs.graph import Graph

__all__ = ["add_features", "replace_missing"]


def replace_missing(graph: Graph, rows: str, fill: NDArray[np.float64]) -> str:
    """Add nodes that replace NaN in float64 rows by `fill` (columns,)."""
    is_there = graph.node("Equal", rows, rows)
    return graph.node("Where", is_there, rows, graph.constant("fill", fill, np.float64))


def add_features(graph: Graph, rows: str, columns: Columns, fill: NDArray[np.float64]) -> str:
    """Add the features (batch, D) of float64 rows (batch, columns), all in float64.

    A missing number becomes its `fill` (D,) and, where the column has one, a flag of 1. A text is the number of its
    value, and becomes 1 in the feature of that value.
    """
    sources: list[int] = []  # for each feature, its column
    codes: list[float] = []  # the number of the text that makes it 1; for other features NaN, which equals nothing
    for place, column in enumerate(columns.columns):
        n = len(column.features)
        sources += [place] * n
        codes += range(n) if column.is_text else [np.nan] * n
    is_text = ~np.isnan(codes)
    is_flag = columns.is_indicator & ~is_text
    cells = graph.node("Gather", rows, graph.constant("sources", sources, np.int64), axis=1)
    is_there = graph.node("Equal", cells, cells)
    numbers = graph.node("Mul", cells, graph.constant("is_number", ~columns.is_indicator, np.float64))
    filled = graph.constant("fill", np.where(is_text, 0, np.where(is_flag, 1, fill)), np.float64)
    features = graph.node("Where", is_there, numbers, filled)
    if not is_text.any():
        return features
    is_value = graph.node("Equal", cells, graph.constant("codes", codes, np.float64))
    return graph.node("Where", is_value, graph.constant("text_is_so", 1, np.float64), features)
