"""A search for hyper-parameters: a study of barenet, or gridsearch_results.json of the course project."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from barenet.analysis.saved_study import read_saved_study
from barenet.errors import DataError, RunError
from barenet.messages import as_typed, count, describe, one_line
from barenet.notes import logger
from barenet.pages.reports.studies.words import again_command
from barenet.plots.tuning.search import compared, varied
from barenet.printing.shown import Shown
from barenet.reading.borders import open_regular, reading
from barenet.training.records import EpochRecord
from barenet.tuning.space.dimensions import Dimension, Value
from barenet.tuning.space.plan import Plan
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.rungs import RungRecord
from barenet.tuning.study.trial import Trial, rank

__all__ = ["SearchRecord", "read_grid_results", "read_study"]

MOST_BYTES = 2**26


@dataclass(frozen=True, repr=False)
class SearchRecord(Shown):
    """A search: how its trials compare, and what was asked for.

    dimensions: the settings with more than one value. facts: name and value of what all trials share. unfinished: how
    far a search is that is not finished, or "". histories: by trial. commands: those that search again. best_run: the
    run of the winner of a study: the one that was trained again and tested, if there is one.
    """

    name: str
    path: Path
    result: StudyResult
    dimensions: Sequence[Dimension]
    facts: Mapping[str, Value] = field(default_factory=dict)
    unfinished: str = ""
    histories: Mapping[int, Sequence[EpochRecord]] = field(default_factory=dict)
    commands: Sequence[str] = ()
    is_study: bool = False
    best_run: Path | None = None


def read_study(path: Path) -> SearchRecord:
    """Return a study from its records; raise RunError if there are no results."""
    saved = read_saved_study(path)
    trials = [trial for trial in saved.result.trials if trial.last is not None]
    if not compared(saved.result):
        if saved.is_finished:
            raise RunError(f"{path} has no finished trial; to see why, write its page: barenet report {as_typed(path)}")
        raise RunError(f"{path} has no finished trial yet; go on with: barenet search --resume {as_typed(path)}")
    for sentence in saved.notes:
        logger.info(sentence)
    dimensions, base = varied(saved.space, trials), saved.base
    shared = {
        "trainer.epochs": ("Epochs of each trial", base.trainer.epochs),
        "data.batch_size": ("Batch size", base.data.batch_size),
        "trainer.seed": ("Seed", base.trainer.seed),
    }
    n_ended = sum(trial.ended is not None for trial in trials)
    best = path / ("best" if saved.tested is None else "retrained")
    far = f"This search is not finished: {n_ended:,} of {count(saved.n_planned, 'trial')} have ended."
    return SearchRecord(
        path.resolve().name,
        path,
        replace(saved.result, trials=trials, names=[dimension.name for dimension in dimensions]),
        dimensions,
        {
            "Strategy": saved.request.plan.strategy,
            "Number of trials": len(trials),
            "Images held out for validation": saved.result.n_valid,
            **dict(fact for setting, fact in shared.items() if setting not in saved.space.targets),
        },
        "" if saved.is_finished else far,
        saved.histories,
        [again_command(saved)],
        is_study=True,
        best_run=best if (best / "config.toml").exists() else None,
    )


def read_grid_results(path: Path) -> SearchRecord:
    """Return the search in a gridsearch_results.json: a list of [settings, validation loss, validation accuracy].

    Raises DataError for another file.
    """
    where = one_line(path)
    with reading(path, again="save it again"), open_regular(path) as file:
        raw = file.read(MOST_BYTES + 1)
    try:
        values = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise DataError(f"{where} is not JSON, or is cut short: save it again") from None
    if not isinstance(values, list) or not values:
        raise DataError(f"{where} holds {describe(values)}, expected a list of [settings, loss, accuracy]")
    trials = [trial_of(row, i, where) for i, row in enumerate(values)]
    if max(t.rungs[0].valid_accuracy or 0 for t in trials) > 1:  # percent
        for trial in trials:
            [rung] = trial.rungs
            trial.rungs[0] = RungRecord("trained", 1, rung.valid_loss, (rung.valid_accuracy or 0) / 100)
    names = list(dict.fromkeys(name for trial in trials for name in trial.point))
    values_of = {name: list(dict.fromkeys(t.point[name] for t in trials if name in t.point)) for name in names}
    dimensions = [Dimension(name, choices=tuple(found)) for name, found in values_of.items() if len(found) > 1]
    shared: dict[str, Value] = {name: found[0] for name, found in values_of.items() if len(found) == 1}
    plan = Plan.make({"metric": "acc"})
    result = StudyResult(path.parent, plan, rank(trials, plan), [], "", math.nan, [d.name for d in dimensions])
    return SearchRecord(path.stem, path, result, dimensions, {"Number of trials": len(trials), **shared})


def trial_of(row: Any, number: int, where: str) -> Trial:
    """Return one row of a file of results as a trial; raise DataError if it is not a row of such a file."""
    if not (isinstance(row, list) and len(row) == 3 and isinstance(row[0], dict) and all(map(is_number, row[1:]))):
        raise DataError(f"{where}: row {number + 1} is {describe(row)}, expected [settings, loss, accuracy]")
    point: dict[str, Value] = {}
    for name, value in row[0].items():
        is_plain = value is None or isinstance(value, str | int | float | bool)
        point[str(name)] = value if is_plain else "-".join(map(str, value)) if isinstance(value, list) else str(value)
    loss, accuracy = float(row[1]), float(row[2])
    if not 0 <= accuracy <= 100:
        raise DataError(f"{where}: row {number + 1} has the accuracy {accuracy:g}, expected 0 to 1 or 0 to 100")
    return Trial(number, str(number), point, None, rungs=[RungRecord("trained", 1, loss, accuracy)], ended="finished")


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a number that a float can hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
