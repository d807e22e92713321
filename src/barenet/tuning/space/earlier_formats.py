"""What study.json holds, and what its earlier formats left out.

A study of an earlier format continues with the same bits, because settings that had other defaults then count as given.
In the first format another optimizer or schedule kept the recipe's learning rate and decay. In the second format the
recipe quick had other settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from barenet.config.kinds import KINDS
from barenet.config.reading import read_recipe
from barenet.tuning.space.dimensions import target_of

__all__ = ["StoredRequest", "given_before", "with_quick_before"]

QUICK_BEFORE = {  # settings of the recipe quick up to the second format which have other values now
    "model.hidden_sizes": [256, 128],
    "model.normalization": "none",
    "optimizer.learning_rate": 0.003,
    "optimizer.average_decay": 0.998,
    "trainer.epochs": 32,
}


@dataclass(frozen=True)
class StoredRequest:
    """What study.json holds: see `SearchRequest.as_dict`."""

    format: int
    space: dict[str, Any]
    plan: dict[str, Any]
    recipe: str
    given: dict[str, Any]
    prefix: str
    fingerprint: str
    storage: str | None
    name: str
    from_arrays: bool
    barenet: str = ""


def given_before(recipe: str, given: Mapping[str, Any], searched: Iterable[str]) -> dict[str, Any]:
    """Return the given settings of a study of the first format, as they are given today.

    Settings of the recipe that another optimizer or schedule kept are added. Settings that the chosen one does not have
    are left out: they were ignored then, and are refused now.
    """
    tables = read_recipe(recipe)
    targets = {target_of(name) for name in searched}
    result = dict(given)
    for path, kind in KINDS.items():
        table, choice = path.split(".")
        before = tables[table].get(choice)
        name = given.get(path, before)
        if path in targets or name != before:
            for leaf in kind.brought:
                if leaf in tables[table]:
                    result.setdefault(f"{table}.{leaf}", tables[table][leaf])
        if path not in targets and kind.refuses:
            for setting in kind.governed(table):
                if not kind.has(str(name), setting):
                    result.pop(setting, None)
    return result


def with_quick_before(given: Mapping[str, Any], searched: Iterable[str]) -> dict[str, Any]:
    """Return the settings given over the recipe quick, with the recipe's values of that time added.

    The recipe's learning rate was only for the recipe's optimizer.
    """
    before = dict(QUICK_BEFORE)
    if "optimizer.name" in {*given, *map(target_of, searched)}:
        del before["optimizer.learning_rate"]
    return {**given, **before, **given}  # in the order of the given settings, which files keep
