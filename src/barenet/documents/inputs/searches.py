"""A search for hyper-parameters: a study of barenet, or gridsearch_results.json of the course project."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from barenet.errors import DataError, RunError
from barenet.messages import as_typed, describe, one_line
from barenet.printing.shown import Shown
from barenet.reading.borders import open_regular, reading
from barenet.storage.sealing import SealError, unseal
from barenet.training.records import EpochRecord
from barenet.tuning.space.dimensions import Dimension, Value
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.request import SearchRequest, resume_request
from barenet.tuning.study.folder import StudyFolder
from barenet.tuning.study.results import StudyResult, accuracy_noise
from barenet.tuning.study.rungs import RungRecord
from barenet.tuning.study.trial import Trial, rank

__all__ = ["SearchRecord", "read_grid_results", "read_study"]

MOST_BYTES = 2**26


@dataclass(frozen=True, repr=False)
class SearchRecord(Shown):
    """A search: its ranking as barenet's plots take it, and what was asked for.

    dimensions: the settings with more than one value. facts: name and value of what all trials share. verdict: how sure
    the ranking is. repeats: (trial, seeds, mean, standard deviation). histories: by trial. commands: those that search
    again.
    """

    name: str
    path: Path
    result: StudyResult
    dimensions: Sequence[Dimension]
    facts: Mapping[str, Value] = field(default_factory=dict)
    verdict: str = ""
    repeats: Sequence[tuple[int, int, float, float]] = ()
    histories: Mapping[int, Sequence[EpochRecord]] = field(default_factory=dict)
    commands: Sequence[str] = ()
    is_study: bool = False


def read_study(path: Path) -> SearchRecord:
    """Return a study from the files of its trials; raise RunError if there are no results."""
    request = resume_request(path, None, None, None, {})
    folder, plan = StudyFolder(path), request.plan
    results = path / "results.json"
    try:
        summary = unseal(results.read_bytes()) if results.exists() else {}
    except (SealError, OSError) as error:
        raise RunError(f"{results} is damaged ({error}); write it again by: {resume(path)}") from None
    trials, histories = [], {}
    for number, subject in folder.read_subjects(0).items():
        if subject is not None:
            rungs = folder.read_rungs(subject.trial)
            trial = Trial(number, subject.trial, subject.point, None, rungs=rungs)
            trial.ended = how_ended(trial, request, bool(summary))
            trials.append(trial)
            histories[number] = folder.read_history(subject.trial)
    ranked = rank(trials, plan)
    if not any(trial.score(plan) is not None for trial in ranked):
        raise RunError(f"{path} has no finished trial yet; go on with: {resume(path)}")
    space, config = request.space, request.base.config()
    varied = [d for d in space if len({str(trial.point.get(d.name)) for trial in trials}) > 1]
    finished = [trial for trial in ranked if trial.ended == "finished"]
    noise, n_valid = None, config.data.n_valid
    if plan.metric == "acc" and isinstance(n_valid, int) and finished:
        noise = accuracy_noise(finished[0].figures(plan)[1] or 0.0, n_valid)
    return SearchRecord(
        path.name,
        path,
        StudyResult(path, plan, ranked, [], "", sum(t.seconds for t in ranked), [d.name for d in varied], noise=noise),
        varied,
        {
            "Strategy": plan.strategy,
            "Number of trials": len(ranked),
            "Epochs of each trial": config.trainer.epochs,
            "Images held out for validation": n_valid,
            "Batch size": config.data.batch_size,
            "Seed": config.trainer.seed,
        },
        str(summary.get("verdict", "")),
        [
            (row["trial"], row["seeds"], row["mean"], math.nan if row["std"] is None else row["std"])
            for row in summary.get("repeats", [])
        ],
        histories,
        [f"barenet search {as_typed(path / 'space.toml')}"],
        is_study=True,
    )


def resume(path: Path) -> str:
    """Return the command that continues a study."""
    return f"barenet search --resume {as_typed(path)}"


def how_ended(trial: Trial, request: SearchRequest, is_over: bool) -> str | None:
    """Return how a trial ended, by its records; None where it may go on."""
    last = trial.last
    if last is None or last.outcome != "trained":
        return None if last is None else last.outcome
    epochs: Any = next(
        (trial.point[name] for name in ("epochs", "trainer.epochs", "n_epochs") if name in trial.point),
        request.base.config().trainer.epochs,
    )
    return "finished" if last.epochs >= epochs else "stopped" if is_over else None


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
    """Whether a value of JSON is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
