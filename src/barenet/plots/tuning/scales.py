"""The places of trials' settings on an axis, the colours of scores, and how much each setting explains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.plots.appearance import BLUE, ORANGE
from barenet.plots.letters import cut
from barenet.tuning.space.dimensions import Dimension
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial

__all__ = [
    "MOST_VALUES",
    "Scale",
    "colour_range",
    "colours",
    "importances",
    "label",
    "limits",
    "metric_name",
    "score_of",
    "score_text",
    "set_ticks",
    "shown",
]

MOST_VALUES = 6  # a setting with more numbers is shown as a range


def colours(result: StudyResult, values: Sequence[float]) -> Any:
    """Return a colour for each score by its rank: the best is orange, the poorest blue."""
    from matplotlib.colors import LinearSegmentedColormap

    ranks = np.argsort(np.argsort(result.plan.sign * np.asarray(values))) / max(1, len(values) - 1)
    return LinearSegmentedColormap.from_list("scores", [BLUE, "#d9d2c5", ORANGE])(ranks)


def shown(result: StudyResult, value: float) -> float:
    """Return a score as it is drawn: an accuracy in percent."""
    return 100 * value if result.plan.metric == "acc" else value


def limits(result: StudyResult, heights: Sequence[float]) -> tuple[float, float]:
    """Return the limits of an axis of curves.

    The poorest 2 % of figures are left out if they would more than double the range. Figures that are nearly equal get
    a hundredth of their value on both sides, so that the numbers at the axis can be read.
    """
    low, high = min(heights), max(heights)
    most = np.quantile(heights, (0.02, 1.0) if result.plan.metric == "acc" else (0.0, 0.98))
    if high - low > 2 * (most[1] - most[0]) > 0:
        low, high = most
    same = high - low < 1e-3 * abs(high)
    margin = 0.01 * abs(high) if same else max(0.06 * (high - low), 1e-6)
    return low - margin, high + margin


def colour_range(values: NDArray[np.floating], result: StudyResult) -> tuple[float, float, str]:
    """Return the limits of a heat map's colours, which span at least the noise, and words about the noise."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if result.noise is None:
        return low, high if high > low else low + 1, "one training in each cell; --repeats would measure the noise"
    noise = shown(result, result.noise)
    unit = " points" if result.plan.metric == "acc" else ""
    words = f"differences below {noise:.2g}{unit} are within the noise"
    if high - low >= noise:
        return low, high, words
    middle = (low + high) / 2
    return middle - noise / 2, middle + noise / 2, f"{words}; all of these are, so the colours span {noise:.2g}{unit}"


def score_text(value: float, result: StudyResult) -> str:
    """Return a drawn score as text: an accuracy with two decimals of a percent."""
    return f"{value:.2f}" if result.plan.metric == "acc" else f"{value:.4g}"


def metric_name(result: StudyResult) -> str:
    """Return the name of the scores."""
    return "validation accuracy, %" if result.plan.metric == "acc" else "validation loss"


class Scale:
    """The places of one setting's values on an axis: numbers by value or logarithm, other values in a row.

    trials: those that have the setting. values, places: their values, and the places of these.
    """

    def __init__(self, dimension: Dimension, trials: Sequence[Trial]) -> None:
        self.dimension = dimension
        self.trials = [trial for trial in trials if dimension.name in trial.point]
        self.values: list[Any] = [trial.point[dimension.name] for trial in self.trials]
        numbers = sorted(float(v) for v in self.values if isinstance(v, int | float) and not isinstance(v, bool))
        # A zero among choices such as 0.1, 0.01, 0.001 has no place on a logarithmic axis.
        is_apart = bool(dimension.choices and numbers and numbers[0] == 0 and len(set(numbers)) > 2)
        self.is_number = bool(numbers) and len(numbers) == len(self.values) and not is_apart
        self.log = self.is_number and numbers[0] > 0 and (dimension.log or numbers[-1] / numbers[0] >= 10)
        self.labels: list[str] = []
        if not self.is_number:
            known = [c for c in dimension.choices if c in self.values] or sorted(set(self.values), key=str)
            self.labels = [label(value) for value in known]
        self.places = [self.place(value) for value in self.values]

    @property
    def is_slanted(self) -> bool:
        """Whether the names of values are too long to be written side by side."""
        return sum(map(len, self.labels)) > 24

    def place(self, value: Any) -> float:
        """Return the place of a value."""
        return float(value) if self.is_number else float(self.labels.index(label(value)))

    def height(self, place: float) -> float:
        """Return the relative height of a place, from 0 for the lowest place of the trials to 1 for the highest."""
        change = math.log if self.log else float
        low, high = change(min(self.places)), change(max(self.places))
        return 0.5 if high == low else (change(place) - low) / (high - low)

    def groups(self, counted: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
        """Return the counted trials of each value; for more than six numbers, those of each quarter."""
        places, at = np.array(self.places), np.flatnonzero(counted)
        if self.is_number and len(np.unique(places[at])) > MOST_VALUES:
            places = quarters(places, places[at])
        return [at[places[at] == place] for place in np.unique(places[at])]

    def beside(self, members: NDArray[np.intp]) -> float:
        """Return where the mean of some trials is drawn: a little to the right of their middle place."""
        middle = float(np.median(np.array(self.places)[members]))
        if not self.is_number:
            return middle + 0.2
        change, back = (math.log, math.exp) if self.log else (float, float)
        return back(change(middle) + 0.035 * (change(max(self.places)) - change(min(self.places))))

    def text(self, place: float) -> str:
        """Return the value at a place as text for an axis."""
        if self.labels:
            return self.labels[int(place)]
        return str(int(place)) if self.dimension.integer else label(place)


def set_ticks(panel: Any, scale: Scale) -> None:
    """Put a tick at each value of a setting with few values."""
    from matplotlib.ticker import NullLocator

    if not scale.is_number:
        look: dict[str, Any] = {}
        if scale.is_slanted:
            rotation = 30 if len(scale.labels) <= 6 else 60
            look = {"rotation": rotation, "ha": "right", "rotation_mode": "anchor", "fontsize": 8}
        panel.set_xticks(range(len(scale.labels)), [cut(text, 24) for text in scale.labels], **look)
        panel.set_xlim(-0.6, len(scale.labels) - 0.4)
    elif len(values := sorted(set(scale.values))) <= 6:
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_xticks(values, [label(value) for value in values])
        panel.margins(x=0.15)


def label(value: Any) -> str:
    """Return a value as text for an axis."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def score_of(trial: Trial, result: StudyResult) -> float:
    """Return the score of a trial that has one."""
    score = trial.score(result.plan)
    assert score is not None
    return score


def importances(
    trials: Sequence[Trial], dimensions: Sequence[Dimension], result: StudyResult
) -> list[tuple[str, float]]:
    """Return the share of the scores' variance that each setting explains alone, largest first.

    Values of a setting are put into up to four groups of equal size. The share is the variance of the groups' means
    divided by the whole variance (the correlation ratio), as in a one-way analysis of variance. Shares need not add up
    to 1.
    """
    rows = [(dimension.name, explained(Scale(dimension, trials), result)) for dimension in dimensions]
    return sorted(rows, key=lambda row: -row[1])


def quarters(places: NDArray[np.floating], of: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return, for each place, the number (0 to 3) of its quarter among the places `of`."""
    return np.searchsorted(np.quantile(of, (0.25, 0.5, 0.75)), places).astype(np.float64)


def explained(scale: Scale, result: StudyResult) -> float:
    """Return the share of the variance of its trials' scores that one setting explains; 0 without variance."""
    scores, places = np.array([score_of(trial, result) for trial in scale.trials]), np.array(scale.places)
    if len(scores) == 0 or scores.var() == 0:
        return 0.0
    if scale.is_number and len(np.unique(places)) > 4:
        places = quarters(places, places)
    between = sum(np.mean(places == p) * (scores[places == p].mean() - scores.mean()) ** 2 for p in np.unique(places))
    return float(between / scores.var())
