"""Rewrite advice that names flags of the command line with the keywords of the Python functions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from barenet.config.names import setting_path
from barenet.config.tables import TABLES
from barenet.errors import ConfigError

__all__ = ["in_python"]

# A flag and its possible value: a number, numbers with commas between them, or a word.
FLAG = re.compile(r"--([a-z][\w.-]*)(?: (\d[\d.]*(?:e[+-]?\d+)?(?:,\d+)*|[a-z]\w*))?")

KEYWORDS = {"from": "lowest", "to": "highest"}  # `from` is a reserved word of Python


def in_python(sentences: Iterable[str]) -> list[str]:
    """Return sentences with each flag, such as `--lr 0.1`, as the keyword that `barenet.train` or `search` takes.

    >>> in_python(["try --from 1e-07 --to 0.1"])
    ['try lowest=1e-07 highest=0.1']
    >>> in_python(["try --lr 0.01 or --hidden 64,32", "--data.standardize helps", "--repeats 5 would"])
    ['try learning_rate=0.01 or hidden_sizes=(64, 32)', 'standardize=True helps', 'repeats=5 would']
    """
    return [FLAG.sub(as_keyword, sentence) for sentence in sentences]


def as_keyword(found: re.Match[str]) -> str:
    """Return a flag as a keyword; after a flag without value, the word that follows belongs to the sentence."""
    flag, value = found.groups()
    table, _, name = find_path(flag).rpartition(".")
    field = TABLES[table].model_fields[name] if table else None
    if name == "name":  # the optimizer's or the schedule's, whose keyword is the name of the table
        name = table
    if value is None or (field is not None and field.annotation in (bool, bool | None)):
        return f"{name}=True" + (f" {value}" if value is not None else "")
    if name == "hidden_sizes":
        return f"{name}=({value.replace(',', ', ')}{'' if ',' in value else ','})"
    return f"{name}={value}" if value[0].isdigit() else f'{name}="{value}"'


def find_path(flag: str) -> str:
    """Return the dotted path of a training setting, or the keyword of a flag of the search."""
    try:
        return setting_path(flag)
    except ConfigError:
        return KEYWORDS.get(flag, flag.replace("-", "_"))
