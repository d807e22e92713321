"""Make a `Table` from a text file: its first lines show how it is written, all lines which types its columns need."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from barenet.data.files import impostor
from barenet.data.tables.cells import is_number
from barenet.data.tables.dialect import Dialect, sniff, split
from barenet.data.tables.labels import candidates, is_label_name
from barenet.data.tables.lines import Reader, opened
from barenet.data.tables.table import Table
from barenet.errors import DataError
from barenet.messages import count
from barenet.reading.borders import open_regular, reading
from barenet.reading.limits import GZIP_MAGIC

__all__ = ["read_labels", "read_table"]

SAMPLE = 2**17  # characters of the file that are read to find how it is written
SAMPLE_LINES = 1_000


def read_table(
    path: Path,
    *,
    label: str | int | None = None,
    is_asked: bool = True,
    has_labels: bool = True,
    exact: bool = False,
) -> Table:
    """Read a table; columns that may hold the labels are kept as text too, even if they are numbers.

    Numbers are uint8 if all are bytes; float64 with `exact`, or if float32 would make different numbers equal; else
    float32. `label` is the column of the labels, which may be missing if `is_asked` is false. Raises DataError, which
    names the line of an error.
    """
    dialect = describe(path)
    names = dialect.header or tuple(f"column {i + 1}" for i in range(dialect.n_columns))
    may_be_labels: list[int] = []
    if has_labels and len(names) > 1:
        has_header = dialect.header is not None
        may_be_labels = candidates(
            names, has_header=has_header, asked=label, is_asked=is_asked, where=str(path), empty=dialect.empty
        )
    # If the column of labels is known, it is not read as numbers: it is no feature.
    known = may_be_labels if len(may_be_labels) == 1 else []
    texts = set(dialect.texts) | set(known)
    kind: type[np.floating[Any]] = np.float64 if exact else np.float32
    while True:
        reader = Reader(path, dialect, names, texts=texts, may_be_labels=may_be_labels, kind=kind)
        with opened(path) as lines:
            reader.read(lines)
        if reader.found_texts:
            texts |= reader.found_texts  # only the first lines had numbers there: read again, as text
        elif kind is np.float32 and reader.merges:
            kind = np.float64  # numbers far from zero, such as times: read again, with all digits
        else:
            return reader.table()


def read_labels(path: Path) -> list[str]:
    """Read a file of one label a line, with or without a header; raise DataError."""
    with opened(path) as lines:
        rows = list(split(lines, ","))
    if not rows:
        raise DataError(f"{path} is empty: expected a label for each example")
    for line, row in rows:
        if len(row) != 1 or not row[0].strip():
            raise DataError(f"{path}, line {line}: {count(len(row), 'value')}, expected one label a line")
    labels = [row[0].strip() for _, row in rows]
    named = is_label_name(labels[0]) or (not is_number(labels[0]) and all(map(is_number, labels[1:])))
    return labels[1:] if named and len(labels) > 1 else labels


def describe(path: Path) -> Dialect:
    """Return how a file is written, by its first lines; raise DataError if it is not a table."""
    with reading(path), open_regular(path) as file:
        beginning = file.read(512)
    if not beginning.startswith(GZIP_MAGIC) and (fault := impostor(beginning[:64])):
        raise DataError(f"{path} {fault}")
    with opened(path) as lines:
        sample: list[str] = []
        n_read = 0
        for line in islice(lines, SAMPLE_LINES):
            sample.append(line)
            n_read += len(line)
            if n_read > SAMPLE:
                break
    if not any(line.strip() for line in sample):
        raise DataError(f"{path} is empty: expected a line of values for each example")
    return sniff(sample, str(path))
