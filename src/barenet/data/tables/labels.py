"""Which column of a table holds the labels, and labels as numbers of classes.

A column is guessed only if no other one is possible; else the person is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.tables.cells import as_label, check_spelling, is_missing, is_number
from barenet.data.tables.table import Table
from barenet.errors import ConfigError, DataError, nearest
from barenet.messages import count, few, one_line

__all__ = [
    "candidates",
    "find_column",
    "find_label",
    "is_empty",
    "is_label_name",
    "label_names",
    "number_labels",
    "words_of",
]

# Names of columns of labels: those that nearly always mean labels, then those that count if the column can be classes.
STRONG = frozenset({"label", "labels", "class", "classes", "target", "targets"})
WEAK = frozenset(
    {
        *("y", "species", "outcome", "category", "diagnosis", "variety", "result", "classification", "output"),
        *("response", "survived", "grade", "quality", "groundtruth", "annotation", "churn", "attrition", "cultivar"),
        *("标签", "类别", "类"),
    }
)
MAX_CLASSES = 100  # different values of a column that nobody has named
LISTED = 12  # columns that a message names


def is_label_name(name: str) -> bool:
    """Whether a column's name says that it holds the labels."""
    return strength(name) > 0


def strength(name: str) -> int:
    """Return 2 for a name that nearly always means labels, 1 for one that often does, 0 for others."""
    parts = words_of(name)
    joined = "".join(parts)
    if joined in STRONG or (parts and parts[-1] in STRONG):
        return 2
    return int(joined in WEAK)


def words_of(name: str) -> list[str]:
    """Return the words of a column's name in small letters, without the number of a repeated name, `label (4)`."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r" \(\d+\)$", "", name.strip()))
    return [word for word in re.split(r"[\W_]+", apart.lower()) if word]


def find_column(asked: str | int, names: Sequence[str], where: str, setting: str) -> int:
    """Return the position of a column by its name or its number from 1, or from the end with a minus sign.

    Raises ConfigError.
    """
    if str(asked) in names:
        return list(names).index(str(asked))
    folded = [name.casefold() for name in names]
    if folded.count(str(asked).casefold()) == 1:
        return folded.index(str(asked).casefold())
    if re.fullmatch(r"[+-]?\d+", str(asked)):
        number = int(asked)
        if 1 <= number <= len(names):
            return number - 1
        if -len(names) <= number <= -1:
            return len(names) + number
        columns = count(len(names), "column")
        raise ConfigError(f"{setting} is {number}, but {where} has {columns}: expected 1 to {len(names)}")
    raise ConfigError(f"{setting} is {str(asked)!r}, no column of {where}; {nearest(str(asked), names)}")


def candidates(
    names: Sequence[str],
    *,
    has_header: bool,
    asked: str | int | None,
    is_asked: bool,
    where: str,
    empty: Collection[int] = (),
) -> list[int]:
    """Return the columns that may hold the labels by their names, and the first and last column if no name is clear.

    `asked`: the column that a person names (`is_asked`), or that a model had. `empty`: columns without a value in any
    row, such as those after a delimiter at the end of each line.
    """
    if asked is not None and (is_asked or str(asked) in names):
        return [find_column(asked, names, where, "data.label")]
    if isinstance(asked, int) and not has_header:  # of a model
        return [asked - 1] if asked <= len(names) else []
    strengths = [strength(name) if has_header else 0 for name in names]
    if 2 in strengths:
        return [i for i, value in enumerate(strengths) if value == 2]
    given = [i for i in range(len(names)) if i not in empty] or [0]
    return sorted({*(i for i, value in enumerate(strengths) if value), given[0], given[-1]})


def find_label(table: Table, asked: str | int | None) -> tuple[int, str]:
    """Return the column of the labels, and in words why it is this one.

    Raises DataError if no column or several are possible, ConfigError for a column that does not exist.
    """
    if len(table.names) < 2:
        raise DataError(f"{table.where} has one column: expected features and a label in each line")
    if asked is not None:
        return find_column(asked, table.names, table.where, "data.label"), "as asked"
    if table.has_header:
        for least in (2, 1):
            named = [i for i, name in enumerate(table.names) if strength(name) == least]
            if least == 1:
                named = [i for i in named if can_be_classes(table, i, each_twice=False)]
            if len(named) == 1:
                check_repeated(table, named[0])
                return named[0], "by its name"
            if named:
                found = few([table.names[i] for i in named])
                raise DataError(
                    f"{table.where} has several columns of labels ({found}): name one by --label, and leave the others "
                    f"out by --drop"
                )
    texts = [i for i in range(len(table.names)) if table.is_text(i) and not is_identifier(table, i)]
    if len(texts) == 1:
        return texts[0], "the only one of text"
    given = [i for i in range(len(table.names)) if not is_empty(table, i)]
    ends = [i for i in dict.fromkeys((*given[:1], *given[-1:])) if can_be_classes(table, i, each_twice=True)]
    if len(ends) == 1:
        which = "first" if ends[0] == given[0] else "last"
        return ends[0], f"the {which} one: of the first and the last only it can be classes"
    fault = "both the first and the last can be" if ends else "neither the first nor the last can be"
    raise DataError(
        f"{table.where}: which column holds the labels? No name says it, and {fault} classes; name it by --label, "
        f"one of {few(table.listed(), LISTED)}"
    )


def can_be_classes(table: Table, position: int, *, each_twice: bool) -> bool:
    """Whether a column holds a few different texts or whole numbers; with `each_twice`, each at least twice."""
    cells = table.texts.get(position)
    if cells is None:
        cells = [str(value) for value in table.number(position).tolist()]
    counts = Counter(cells)
    if not 2 <= len(counts) <= MAX_CLASSES or (each_twice and min(counts.values()) < 2):
        return False
    return table.is_text(position) or all(is_number(cell) and float(cell).is_integer() for cell in counts)


def is_empty(table: Table, position: int) -> bool:
    """Whether a column holds no value in any row."""
    if table.is_text(position):
        return all(map(is_missing, table.texts[position]))
    numbers = table.number(position)
    return numbers.dtype.kind == "f" and bool(np.isnan(numbers).all())


def check_repeated(table: Table, position: int) -> None:
    """Raise DataError for a column with a name of labels, but with another value in nearly every row."""
    cells = table.texts.get(position) or table.number(position).tolist()
    n = len(set(cells))
    if n > LISTED and 2 * n > len(cells):
        raise DataError(
            f"{table.where}: {table.called(position)} should hold the labels by its name, but has {n} values in "
            f"{len(cells)} rows: a classifier learns a few classes with many rows; name another column by --label"
        )


def is_identifier(table: Table, position: int) -> bool:
    """Whether a column of text names each row, like names, dates and free text: most values are different."""
    cells = [cell for cell in table.texts[position] if not is_missing(cell)]
    return len(cells) > LISTED and 2 * len(set(cells)) > len(cells)


def label_names(values: Sequence[Any], where: str) -> tuple[Sequence[int] | Sequence[str], bool]:
    """Return labels as whole numbers if all are written as such, else as text, and whether they are numbers.

    "7" and "007" are different texts: if both occur, labels stay text. Raises DataError for measurements.
    """
    texts = [as_label(value) for value in values]
    different = set(texts)
    check_spelling(different, where)
    if not all(is_number(text) and not is_missing(text) for text in different):
        measured = [text for text in different if is_number(text) and not is_missing(text)]
        if measured and all(map(is_number, different)):  # numbers, and words for a missing one
            other = next(text for text in different if is_missing(text))
            raise DataError(f"{where}: {other or 'an empty cell'} is no class: fill them in, or remove their rows")
        if 2 * len(measured) > len(different) and any(not float(text).is_integer() for text in measured):
            other = min(different - set(measured))
            raise DataError(f"{where}: {one_line(other, 40) or 'nothing'} is no class: expected whole numbers or names")
        return texts, False
    if all(re.fullmatch(r"-?(0|[1-9][0-9]*)", text) for text in different):
        return [int(text) for text in texts], True
    for text in sorted(different):
        if not float(text).is_integer():
            raise DataError(f"{where}: {text} is no class: expected whole numbers or names, a few different ones")
    # "1.0", as pandas writes it, is a whole number if each number is written in only one way.
    numbers = {text: int(float(text)) for text in different}
    if len(set(numbers.values())) == len(different) and not any(re.match(r"[+-]?0\d", text) for text in different):
        return [numbers[text] for text in texts], True
    return texts, False


def number_labels(
    labels: Mapping[str, Sequence[Any]], wheres: Mapping[str, str], classes: Sequence[str] | None = None
) -> tuple[tuple[str, ...], dict[str, NDArray[np.int64]]]:
    """Return the classes of the training labels, sorted, and the labels of all parts as numbers of classes.

    With `classes`, these are the classes. Raises DataError for a label of no class.
    """
    read = {part: label_names(given, wheres[part]) for part, given in labels.items()}
    values: dict[str, list[Any]] = {part: list(names) for part, (names, _) in read.items()}
    if classes is not None or not all(is_whole for _, is_whole in read.values()):
        values = {part: [str(value).strip() for value in given] for part, given in labels.items()}
    if classes is None:
        known = sorted(set(values["train"]))
    else:
        known = list(classes)
        values = {part: [as_class(value, classes) for value in texts] for part, texts in values.items()}
    number_of = {value: number for number, value in enumerate(known)}
    for part, of_part in values.items():
        if unknown := set(of_part) - set(known):
            shown = few([str(value) for value in known], limit=8)
            raise DataError(f"{wheres[part]}: there is no class {min(unknown)!r} to train on, only {shown}")
    numbered = {part: np.array([number_of[value] for value in of_part], np.int64) for part, of_part in values.items()}
    return tuple(str(value) for value in known), numbered


def as_class(text: str, classes: Sequence[str]) -> str:
    """Return a label as its class is written: "1.0" is the class "1", unless there is a class "1.0".

    If no class has a number as its name, a whole number is the position of the class.
    """
    if text in classes or not is_number(text) or is_missing(text) or not (value := float(text)).is_integer():
        return text
    whole = int(value)
    if str(whole) in classes:
        return str(whole)
    return classes[whole] if 0 <= whole < len(classes) and not any(map(is_number, classes)) else text
