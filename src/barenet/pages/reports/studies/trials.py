"""The trials of a search as rows of tables, in the order of the page: repeated settings first, by their means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from barenet.analysis.saved_study import SavedStudy
from barenet.messages import one_line
from barenet.plots.appearance import SERIES
from barenet.training.records import format_loss
from barenet.tuning.space.dimensions import NAME, Value
from barenet.tuning.study.results import Repeated, StudyResult
from barenet.tuning.study.trial import Trial

__all__ = ["column_names", "lost_rows", "ordered", "score_words", "spread_words", "trial_rows", "value_text"]

MOST_ROWS = 40  # trials in the table
MOST_LOST = 20  # trials in the table of those that failed
ENDS = {"finished": "finished", "stopped": "stopped early", None: "not finished"}


def ordered(result: StudyResult) -> list[Trial]:
    """Return the trials that have a score: the repeated ones by their means, then the others by their scores."""
    repeated = [one.trial for one in result.repeated]
    numbers = {trial.number for trial in repeated}
    rest = [t for t in result.trials if t.number not in numbers and t.score(result.plan) is not None]
    return [*repeated, *rest]


def column_names(result: StudyResult) -> list[str]:
    """Return the settings that are columns; none for a list of points, which has names."""
    return [] if result.names == [NAME] else result.names


def trial_rows(saved: SavedStudy) -> list[dict[str, Any]]:
    """Return a row for each of the first trials; the first `len(SERIES)` have the colour of their curves."""
    result, plan = saved.result, saved.result.plan
    best = max((plan.sign * score for t in result.trials if (score := t.score(plan)) is not None), default=math.nan)
    repeated = {one.trial.number: one for one in result.repeated}
    rows = []
    for i, trial in enumerate(ordered(result)[:MOST_ROWS]):
        loss, accuracy = trial.figures(plan)
        score = trial.score(plan)
        assert score is not None
        gap = best - plan.sign * score
        rows.append(
            {
                "trial": trial.number,
                "colour": f"var(--c{i})" if i < len(SERIES) else "",
                "values": [value_text(trial.point, name) for name in column_names(result)],
                **point_words(trial.point),
                "accuracy": "–" if accuracy is None else f"{100 * accuracy:.2f}",
                "loss": "–" if loss is None else format_loss(loss),
                "is_near": result.noise is not None and 0 < gap <= result.noise,
                "repeats": repeats_words(repeated.get(trial.number), result),
                "epochs": trial.last.epochs if trial.last else 0,
                "ended": ENDS.get(trial.ended, trial.ended),
                "learned": trial.number not in result.unlearned,
            }
        )
    return rows


def point_words(point: Mapping[str, Value]) -> dict[str, str]:
    """Return the name of a listed point, and its settings where the name does not tell them; "" for other points."""
    if NAME not in point:
        return {"name": "", "settings": ""}
    settings = ", ".join(f"{name} = {value_text(point, name)}" for name in point if name != NAME)
    is_told = str(point[NAME]) == " ".join(f"{name}={value_text(point, name)}" for name in point if name != NAME)
    return {"name": one_line(point[NAME]), "settings": "" if is_told else settings}


def value_text(point: Mapping[str, Value], name: str) -> str:
    """Return the value of a setting in a point; a dash if the point does not have it."""
    if name not in point:
        return "–"
    value = point[name]
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return f"{value:.4g}" if isinstance(value, float) else one_line(value)


def score_words(value: float, result: StudyResult) -> str:
    """Return a score as text: an accuracy in percent."""
    return f"{100 * value:.2f} %" if result.plan.metric == "acc" else format_loss(value)


def spread_words(repeated: Repeated, result: StudyResult) -> str:
    """Return mean and standard deviation of a repeated setting, without a unit."""
    factor, digits = (100, 2) if result.plan.metric == "acc" else (1, 4)
    spread = f" ± {factor * repeated.std:.{digits}f}" if repeated.n > 1 else ""
    return f"{factor * repeated.mean:.{digits}f}{spread}"


def repeats_words(repeated: Repeated | None, result: StudyResult) -> str:
    """Return mean, standard deviation and number of the repeats of a trial, "" without repeats."""
    return "" if repeated is None else f"{spread_words(repeated, result)} ({repeated.n})"


def lost_rows(saved: SavedStudy) -> list[dict[str, Any]]:
    """Return a row for each of the first trials that diverged or failed, in the order of their numbers."""
    lost = sorted((trial for trial in saved.result.trials if trial.lost), key=lambda trial: trial.number)
    return [
        {
            "trial": trial.number,
            "values": [value_text(trial.point, name) for name in column_names(saved.result)],
            **point_words(trial.point),
            "reason": one_line((trial.last.reason if trial.last else None) or trial.ended or ""),
        }
        for trial in lost[:MOST_LOST]
    ]
