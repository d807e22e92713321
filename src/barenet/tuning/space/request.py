"""What a search is asked for: space, plan, and the settings that trials start from; read, stored and compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from barenet.config.comparing import differing_settings, setting_of
from barenet.config.kinds import without_unfit
from barenet.config.sources import BEFORE
from barenet.config.tables import Config
from barenet.errors import ConfigError, MachineError, RunError
from barenet.messages import as_typed, one_line
from barenet.reading.borders import refuse_special
from barenet.schema import make_checked
from barenet.storage.sealing import unseal
from barenet.tuning.space.base_settings import read_base, read_settings
from barenet.tuning.space.earlier_formats import StoredRequest, given_before, with_quick_before
from barenet.tuning.space.listed import POINTS, list_points
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.points import Base, check_effects
from barenet.tuning.space.search_space import COURSE_GRID, Space, flatten
from barenet.tuning.space.space_file import SpaceLike, read_space, read_space_file
from barenet.version import __version__

__all__ = ["ENGINE", "FREE", "MAY_DIFFER", "START", "SearchRequest", "make_request", "read_request", "resume_request"]

FORMAT = 3
MAY_DIFFER = ("data.path", "trainer.threads")  # settings that change no bit of a study whose data are the same
ENGINE = "trainer.engine"  # a study keeps its first engine
FREE = ("trials", "repeats", "repeat_best", "retrain", "stack")  # settings of the search that a resume may change
FEW_EPOCHS = {"trainer.epochs": 10, "trainer.eval_every": 1}  # in place of the 100 that one network is trained for
START = Base("course", FEW_EPOCHS)  # what a new search starts from

GRID_TRIALS = "a grid has as many trials as points; --trials goes with --strategy random or tpe"
ALL_POINTS = "all points of a list are tried: leave out --strategy {}, which draws from a space"


@dataclass(frozen=True)
class SearchRequest:
    """What a search is asked for. table: the space as it was written. prefix: the first part of the folder's name.

    fingerprint: that of the split data. storage: the database's address without its password, None for the SQLite file
    in the study. name: the name of Optuna's study. from_arrays: whether the images were given as arrays in Python.
    """

    table: Mapping[str, Any]
    plan: Plan
    base: Base
    prefix: str
    fingerprint: str = ""
    storage: str | None = None
    name: str = ""
    from_arrays: bool = False

    @property
    def space(self) -> Space:
        """The space, checked against the base settings."""
        config = self.base.config()
        layers = config.model.layers
        if POINTS in self.table:
            return list_points(self.table)
        space = Space.parse(self.table, n_hidden=len(config.model.hidden_sizes) if layers is None else len(layers) - 1)
        check_effects(space, config)
        return space

    def as_dict(self) -> dict[str, Any]:
        """Return what study.json holds."""
        return {
            "format": FORMAT,
            "barenet": __version__,
            "space": plain(self.table),
            "plan": self.plan.model_dump(),
            "recipe": self.base.recipe,
            "given": plain(self.base.given),
            "prefix": self.prefix,
            "fingerprint": self.fingerprint,
            "storage": self.storage,
            "name": self.name,
            "from_arrays": self.from_arrays,
        }

    def check_same(self, other: SearchRequest, folder: Path) -> None:
        """Raise RunError if `other` differs from what the study in `folder` was asked for."""
        for words in self.differences(other):
            raise RunError(f"{folder} {words}; leave it out, or begin a new study with --name")

    def differences(self, other: SearchRequest) -> Iterator[str]:
        """Yield in words how `other` differs from what the study was asked for.

        The same settings may be written in different ways, and the same data may be in another place.
        """
        if self.base.recipe != other.base.recipe:
            yield f"was made from another recipe, {self.base.recipe}"
        mine, asked = self.base.config(), other.base.config()
        for path in differing_settings(mine, asked):
            if path not in MAY_DIFFER:
                before, now = setting_of(mine, path), setting_of(asked, path)
                yield f"was made with {path} = {before}, not {now}"
        for before, now in zip_longest(self.space.texts, other.space.texts, fillvalue="no more"):
            if before != now:
                yield f"was made from another space: it searches {before}, not {now}"

    def not_lowered(self, in_file: Mapping[str, Any]) -> dict[str, Any]:
        """Return a file's settings of the search, but with the higher numbers of trials and repeats of this request."""
        kept = dict(in_file)
        for name in ("trials", "repeats"):
            raised = getattr(self.plan, name)
            if isinstance(kept.get(name), int) and kept[name] < raised:
                kept[name] = raised
        return kept

    def with_plan(self, asked: Mapping[str, Any], folder: Path) -> SearchRequest:
        """Return the request with more trials or repeats; raise RunError for another plan."""
        for name, mine in self.plan.model_dump().items():
            if name not in FREE and asked.get(name, mine) != mine:
                raise RunError(
                    f"{folder} was made with {name} = {mine}, got {asked[name]}; begin a new study for another"
                )
        plan = Plan.make({**self.plan.model_dump(), **asked})
        if plan.strategy == "grid" and "trials" in asked:
            raise ConfigError(GRID_TRIALS)
        for name in ("trials", "repeats"):
            mine, more = getattr(self.plan, name), getattr(plan, name)
            if more < mine:
                raise RunError(f"{folder} was made for {mine} {name}; --{name} can only be raised, got {more}")
        return replace(self, plan=plan)


def plain(value: Any) -> Any:
    """Return a value as JSON gives it back."""
    return json.loads(json.dumps(value, default=str))


def read_request(folder: Path) -> SearchRequest:
    """Return what the study in `folder` was asked for."""
    path = folder / "study.json"
    try:
        refuse_special(path, RunError)
        values = unseal(path.read_bytes())
        version = values.get("format")
        if isinstance(version, int) and version > FORMAT:
            raise RunError(f"{path} has format {version}, newer than the {FORMAT} that this barenet reads; update it")
        stored = make_checked(StoredRequest, values)
        given, searched = stored.given, dict(flatten(stored.space))
        if stored.format < 3 and stored.recipe == "quick":
            given = with_quick_before(given, searched)
        if stored.format == 1:
            given = given_before(stored.recipe, given, searched)
        given = {**given, ENGINE: BEFORE[ENGINE], **given}  # in the order of the given settings, which files keep
        names = ("prefix", "fingerprint", "storage", "name", "from_arrays")
        rest = {name: getattr(stored, name) for name in names}
        request = SearchRequest(stored.space, Plan.make(stored.plan), Base(stored.recipe, given), **rest)
        assert request.space.dimensions  # raises for an impossible space or settings
        return request
    except (FileNotFoundError, NotADirectoryError):
        go_on = f"; go on with the run by: barenet train --resume {as_typed(folder)}"
        hint = go_on if (folder / "config.toml").exists() else ""
        raise RunError(f"{folder} is not a study's folder: it has no study.json{hint}") from None
    except RunError:
        raise
    except IsADirectoryError:
        raise RunError(f"{path} is a folder; put the file back from a copy, or begin a new study") from None
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RunError(
            f"{path} is damaged ({one_line(error, 200)}); put it back from a copy, or begin a new study"
        ) from None


def resume_request(
    folder: Path,
    space: SpaceLike | None,
    base: Config | str | Path | Mapping[str, Any] | None,
    recipe: str | None,
    values: Mapping[str, Any],
) -> SearchRequest:
    """Return the request of the study in `folder`; raise RunError if the other arguments contradict it."""
    request = read_request(folder)
    asked = {name: value for name, value in values.items() if name in Plan.model_fields}
    settings = {name: value for name, value in values.items() if name not in asked}
    if isinstance(space, str | Path):
        _, in_file, _ = read_space_file(Path(space))
        recipe = recipe or in_file.pop("recipe", None)
        asked = request.not_lowered(in_file) | asked
    if space is not None or base is not None or recipe is not None or settings:
        stored = {path: value for path, value in request.base.given.items() if path != "data.path"}
        # If base settings are given again, they replace the stored ones, except those that the search itself had set.
        few = {k: v for k, v in FEW_EPOCHS.items() if stored.get(k) == v}
        defaults = stored if base is None else {**few, ENGINE: stored[ENGINE]}
        table = request.table if space is None else space
        other = make_request(table, base, recipe or request.base.recipe, settings, defaults)
        request.check_same(other, folder)
        if "data.path" in other.base.given:
            # The data may have moved, or the path may be written in another way: the fingerprint is compared later.
            moved = {**request.base.given, "data.path": other.base.given["data.path"]}
            request = replace(request, base=replace(request.base, given=moved), from_arrays=False)
    return request.with_plan(asked, folder)


def make_request(
    space: SpaceLike | None,
    base: Config | str | Path | Mapping[str, Any] | None,
    recipe: str | None,
    values: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
) -> SearchRequest:
    """Return the request for a space, base settings and named values; without a space, for the course project's grid.

    Without a recipe, trials start from the course project's, for 10 epochs. `defaults` are settings by dotted path that
    the base settings, the space's file and the named values override.
    """
    asked = {name: value for name, value in values.items() if name in Plan.model_fields}
    prefix = recipe or START.recipe
    table, in_file, given = read_space(COURSE_GRID if space is None else space)
    if isinstance(space, str | Path):
        prefix, asked = Path(space).stem, {**in_file, **asked}
        recipe = asked.pop("recipe", None) if recipe is None else recipe
        asked.pop("recipe", None)
    base_given, recipe = read_base(base, recipe)
    few = FEW_EPOCHS if recipe is None or space is None else {}
    layers = (given, base_given, read_settings(values))
    given = {**few, **(defaults or {})}
    for layer in layers:
        given = {**without_unfit(given, layer), **layer}
    found = SearchRequest(table, Plan(), Base(recipe or START.recipe, given), prefix)
    if "strategy" not in asked:
        asked["strategy"] = "tpe" if found.space.has_ranges else "grid"
    plan = Plan.make(asked)
    if plan.strategy == "grid" and "trials" in asked:
        raise ConfigError(GRID_TRIALS)
    if plan.strategy != "grid" and found.space.listed:
        raise ConfigError(ALL_POINTS.format(plan.strategy))
    if plan.halving and {"epochs", "trainer.epochs", "n_epochs"} & set(found.space.names):
        raise ConfigError("halving decides how many epochs a trial gets: trainer.epochs cannot be searched beside it")
    return replace(found, plan=plan)
