"""The history of a training that another program wrote: a CSV file with a row for each epoch.

Columns are recognised by their usual names, such as epoch, loss, val_loss, accuracy, val_acc. Accuracies are fractions
or percent; a value above 1.5 means that all are percent.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path

from barenet.errors import DataError
from barenet.messages import few, one_line
from barenet.reading.borders import open_regular, reading
from barenet.training.records import EpochRecord

__all__ = ["history_columns", "read_history_table"]

MOST_BYTES = 2**24
PERCENT = 1.5  # an accuracy above this is a percentage
ROUNDING = 1e-6  # how far above 1 an accuracy may be
ACCURACIES = ("train_accuracy", "valid_accuracy")
NAN = math.nan
PARTS = {"train": ("train", "training", "tr"), "valid": ("valid", "val", "validation", "dev")}
KINDS = {"loss": ("loss", "cost", "cross_entropy"), "accuracy": ("acc", "accuracy")}


def names_of(part: str, kind: str) -> set[str]:
    """Return the usual names of a column: of the training set also without the word "train"."""
    found = {f"{a}_{b}" for a in PARTS[part] for b in KINDS[kind]} | {
        f"{b}_{a}" for a in PARTS[part] for b in KINDS[kind]
    }
    return found | (set(KINDS[kind]) if part == "train" else set())


COLUMNS = {f"{part}_{kind}": names_of(part, kind) for part in PARTS for kind in KINDS}
COLUMNS |= {"epoch": {"epoch", "epochs", "ep", "n_epoch", "轮次"}, "learning_rate": {"learning_rate", "lr"}}
COLUMNS |= {"seconds": {"seconds", "time", "epoch_time", "duration"}}


def history_columns(header: Sequence[str]) -> dict[str, int]:
    """Return the place of each known column in a header.

    >>> history_columns(["epoch", "Train Loss", "val_acc", "note"])
    {'train_loss': 1, 'valid_accuracy': 2, 'epoch': 0}
    """
    plain = [re.sub(r"[^\w]+", "_", re.sub(r"\(.*\)|%", "", cell).strip().lower()).strip("_") for cell in header]
    return {column: plain.index(name) for column, names in COLUMNS.items() for name in plain if name in names}


def read_history_table(path: Path) -> list[EpochRecord]:
    """Return a record for each row of a CSV file; figures that it does not hold are NaN or None.

    Raises DataError: the file is damaged, or it is no history.
    """
    with reading(path, again="save the history again"), open_regular(path) as file:
        raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise DataError(f"{one_line(path)} has more than {MOST_BYTES:,} bytes: a history has a row for each epoch")
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{one_line(path)} is not UTF-8 at byte {error.start}: save it as UTF-8") from None
        first = text.lstrip("\r\n").partition("\n")[0]
        delimiter = max(",;\t", key=first.count)  # the first of them, if there is none
        rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(map(str.strip, row))]
    places = history_columns(rows[0]) if rows else {}
    if not {"train_loss", "valid_loss", "train_accuracy", "valid_accuracy"} & set(places):
        found = few([cell.strip() for cell in rows[0]]) if rows else "nothing"
        raise DataError(
            f"{one_line(path)} is no history: expected columns such as epoch, train_loss, valid_loss, train_acc, "
            f"valid_acc, found {found}"
        )
    if len(rows) < 2:
        raise DataError(f"{one_line(path)} has no epochs: only its header is there")
    return records_of(rows[1:], places, one_line(path))


def records_of(rows: Sequence[Sequence[str]], places: dict[str, int], where: str) -> list[EpochRecord]:
    """Return the records of the rows; the best epoch by validation accuracy, or by its loss, is marked as best."""
    columns = {
        name: [number_in(row, place, where, i) for i, row in enumerate(rows, start=2)] for name, place in places.items()
    }
    for name in ACCURACIES:
        known = [value for value in columns.get(name, ()) if not math.isnan(value)]
        if known and (min(known) < 0 or max(known) > 100):
            raise DataError(f"{where}: {name} goes from {min(known):g} to {max(known):g}, expected 0 to 1 or 0 to 100")
    highest = max((v for name in ACCURACIES for v in columns.get(name, ()) if not math.isnan(v)), default=0.0)
    factor = 0.01 if highest > PERCENT else 1.0
    if factor * highest > 1 + ROUNDING:
        raise DataError(f"{where}: the highest accuracy is {highest:g}, expected 0 to 1 or 0 to 100")
    epochs = columns.get("epoch") or [float(i) for i in range(1, len(rows) + 1)]
    if any(not e.is_integer() or e < 0 for e in epochs) or sorted(set(epochs)) != epochs:
        raise DataError(f"{where}: the column epoch must hold rising whole numbers, one for each row")

    def value(name: str, i: int, times: float = 1.0) -> float:
        return times * columns[name][i] if name in columns else NAN

    def or_none(number: float) -> float | None:
        return None if math.isnan(number) else number

    return [
        EpochRecord(
            *(0, int(epoch), 0, value("learning_rate", i)),
            train_loss=value("train_loss", i),
            train_accuracy=value("train_accuracy", i, factor),
            valid_loss=or_none(value("valid_loss", i)),
            valid_accuracy=or_none(value("valid_accuracy", i, factor)),
            is_best=False,
            gradient_norm=NAN,
            update_norm=NAN,
            weight_norm=NAN,
            seconds=value("seconds", i),
        )
        for i, epoch in enumerate(epochs)
    ]


def number_in(row: Sequence[str], place: int, where: str, line: int) -> float:
    """Return the number in a cell; NaN for an empty one."""
    cell = row[place].strip().rstrip("%").strip() if place < len(row) else ""
    if cell.lower() in ("", "nan", "none", "null", "-"):
        return NAN
    try:
        return float(cell)
    except ValueError:
        raise DataError(f"{where}: row {line} holds {one_line(repr(cell), 40)}, expected a number") from None
