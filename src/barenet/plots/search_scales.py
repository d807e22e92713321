"""Where the settings of trials lie on an axis, what colour a score has, and how much each setting explains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from barenet.plots.canvas import BLUE, ORANGE
from barenet.tuning.space.dimensions import Dimension
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial

__all__ = ["Scale", "colours", "importances", "label", "limits", "metric_name", "score_of", "shown"]


def colours(result: StudyResult, values: Sequence[float]) -> Any:
    """Return a colour a score, the best in the colour of validation, the poorest blue."""
    from matplotlib.colors import LinearSegmentedColormap

    ranks = np.argsort(np.argsort(result.plan.sign * np.asarray(values))) / max(1, len(values) - 1)
    return LinearSegmentedColormap.from_list("scores", [BLUE, "#d9d2c5", ORANGE])(ranks)


def shown(result: StudyResult, value: float) -> float:
    """Return a score as it is drawn: accuracies in percent."""
    return 100 * value if result.plan.metric == "acc" else value


def limits(result: StudyResult, heights: Sequence[float]) -> tuple[float, float]:
    """Return where an axis of curves begins and ends.

    All of them, unless a few very poor figures would press all others into a line: then without the poorest 2 %.
    """
    low, high = min(heights), max(heights)
    most = np.quantile(heights, (0.02, 1.0) if result.plan.metric == "acc" else (0.0, 0.98))
    if high - low > 2 * (most[1] - most[0]) > 0:
        low, high = most
    margin = 0.06 * max(high - low, 1e-6)
    return low - margin, high + margin


def metric_name(result: StudyResult) -> str:
    """Return what the scores are."""
    return "validation accuracy, %" if result.plan.metric == "acc" else "validation loss"


class Scale:
    """Where the values of one setting lie on an axis: numbers as they are (or by their logarithm), others in a row."""

    def __init__(self, dimension: Dimension, trials: Sequence[Trial]) -> None:
        values = [t.point[dimension.name] for t in trials if dimension.name in t.point]
        self.is_number = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
        self.labels: list[str] = []
        self.log = False
        if self.is_number:
            numbers = sorted({float(v) for v in values if v is not None})
            # Choices such as 0.1, 0.01, 0.001 are read on a logarithmic axis; a zero among them has no place there.
            self.log = numbers[0] > 0 and (dimension.log or numbers[-1] / numbers[0] >= 10)
            if dimension.choices and (numbers[0] == 0 and len(numbers) > 2):
                self.is_number = False
        if not self.is_number:
            own = [c for c in dimension.choices if c in values] or sorted(set(values), key=str)
            self.labels = [label(value) for value in own]

    def place(self, value: Any) -> float:
        """Return where a value lies."""
        return float(value) if self.is_number else float(self.labels.index(label(value)))

    def fraction(self, value: Any, places: Sequence[float]) -> float:
        """Return where a value lies between the least and the greatest of `places`, 0 to 1."""
        change = math.log if self.log else float
        low, high = change(min(places)), change(max(places))
        return 0.5 if high == low else (change(self.place(value)) - low) / (high - low)


def label(value: Any) -> str:
    """Return a value as an axis shows it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def score_of(trial: Trial, result: StudyResult) -> float:
    """Return a score that is there."""
    score = trial.score(result.plan)
    assert score is not None
    return score


def importances(
    trials: Sequence[Trial], dimensions: Sequence[Dimension], result: StudyResult
) -> list[tuple[str, float]]:
    """Return the share of the scores' variance that each setting explains alone, largest first.

    Values of a setting are put into up to four groups of equal size; the share is the variance of the groups' means
    over the whole variance (the correlation ratio), as in a one-way analysis of variance. Shares need not add up to 1.
    """
    rows = []
    for dimension in dimensions:
        own = [trial for trial in trials if dimension.name in trial.point]
        scores = np.array([score_of(trial, result) for trial in own])
        scale = Scale(dimension, own)
        places = np.array([scale.place(trial.point[dimension.name]) for trial in own])
        distinct = np.unique(places)
        if len(distinct) > 4 and scale.is_number:
            edges = np.quantile(places, (0.25, 0.5, 0.75))
            places = np.searchsorted(edges, places).astype(float)
        whole = scores.var()
        between = sum(
            np.mean(places == p) * (scores[places == p].mean() - scores.mean()) ** 2 for p in np.unique(places)
        )
        rows.append((dimension.name, float(between / whole) if whole > 0 else 0.0))
    return sorted(rows, key=lambda row: -row[1])
