"""What study.json holds, and what its first format left out.

There another optimizer or schedule kept the recipe's learning rate and decay. Such a study goes on to the same bits,
because what its recipe says of them counts as given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from barenet.config.kinds import KINDS
from barenet.config.reading import read_recipe
from barenet.tuning.space.dimensions import target_of

__all__ = ["StoredQuestion", "given_before"]


@dataclass(frozen=True)
class StoredQuestion:
    """What study.json holds: see `Question.as_dict`."""

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
    """Return the settings given over a recipe, with those of the recipe that another kind kept, as given, too.

    Left out is what no kind in play has, which was ignored and is refused now.
    """
    tables = read_recipe(recipe)
    targets = {target_of(name) for name in searched}
    result = dict(given)
    for path, kind in KINDS.items():
        table, choice = path.split(".")
        before = tables[table].get(choice)
        name = given.get(path, before)
        if path in targets or name != before:
            for own in kind.brought:
                if own in tables[table]:
                    result.setdefault(f"{table}.{own}", tables[table][own])
        if path not in targets and kind.refuses:
            for setting in kind.governed(table):
                if setting.partition(".")[2] not in kind.owned.get(str(name), ()):
                    result.pop(setting, None)
    return result
