"""The learning curves of a search's trials: validation over the epochs, coloured by the setting that explains most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from barenet.plots.appearance import BLUE, GREY, INK, SERIES, style, whole_numbers
from barenet.plots.letters import cut
from barenet.plots.tuning.scales import MOST_VALUES, Scale, importances, limits, metric_name, shown
from barenet.training.records import EpochRecord
from barenet.tuning.space.dimensions import Dimension
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial, scores_of

__all__ = ["draw_curves", "setting_to_colour"]

MOST_CURVES = 400  # curves that are drawn; of more trials, an even choice
# The words and the colour in the legend for trials that were not finished; their curves end with a cross.
ENDS = {"stopped": ("stopped early", GREY), "diverged": ("diverged", INK), "failed": ("failed", INK)}


def draw_curves(
    figure: Any,
    dimensions: Sequence[Dimension],
    result: StudyResult,
    histories: Mapping[int, Sequence[EpochRecord]],
) -> None:
    """Draw validation over the epochs for all trials, the best in bold; trials not finished end with a cross."""
    from matplotlib.lines import Line2D

    trials = result.trials
    if len(trials) > MOST_CURVES:
        step = len(trials) / MOST_CURVES
        trials = [trials[int(i * step)] for i in range(MOST_CURVES)]
    axes = figure.subplots()
    chosen = setting_to_colour(result, dimensions)
    tints = Tints(None if chosen is None else Scale(chosen, trials))
    heights: list[float] = []
    seen: set[int] = set()
    for trial in reversed(trials):
        scores = scores_of(histories.get(trial.number, ()), result.plan)
        if not scores:
            continue
        epochs, figures = list(scores), [shown(result, score) for score in scores.values()]
        heights += figures
        seen.update(epochs)
        is_best = result.best is not None and trial.number == result.best.number
        marker = "o" if len(epochs) == 1 and trial.ended == "finished" else None
        look: dict[str, Any] = {"linewidth": 3.2, "zorder": 3} if is_best else {"linewidth": 1.1, "alpha": 0.75}
        axes.plot(epochs, figures, color=tints.of(trial), marker=marker, markersize=4, **look)
        if trial.ended in ENDS:
            mark = {"marker": "x", "markersize": 5, "linestyle": "none", "alpha": 0.8}
            # A trial that was stopped after its first validation has no line, so its cross has the setting's colour.
            tint = tints.of(trial) if trial.ended == "stopped" else ENDS[trial.ended][1]
            axes.plot(epochs[-1], figures[-1], color=tint, **mark)
    name = metric_name(result)
    by = "" if chosen is None else f", coloured by {cut(chosen.name, 30)}"
    style(axes, f"{name.removesuffix(', %').capitalize()} of each trial{by}", x="epoch", y=name)
    whole_numbers(axes, "x")
    if len(seen) == 1:
        axes.set_xlim(min(seen) - 1, max(seen) + 1)
    if heights:
        axes.set_ylim(*limits(result, heights))
    handles, words = [], []
    for value, tint in tints.legend.items():
        handles.append(Line2D([], [], color=tint, linewidth=1.6))
        words.append(cut(value, 24))
    if result.best is not None:
        handles.append(Line2D([], [], color=tints.of(result.best), linewidth=3.2))
        words.append(f"best: trial {result.best.number}")
    for how, (word, tint) in ENDS.items():
        if any(trial.ended == how for trial in trials):
            handles.append(Line2D([], [], color=tint, marker="x", linestyle="none"))
            words.append(word)
    tints.add_bar(figure, axes)
    title = None if chosen is None or not tints.legend else cut(chosen.name, 24)
    where = {"loc": "outside right upper", "fontsize": 9, "title_fontsize": 9, "alignment": "left"}
    figure.legend(handles, words, ncols=1 + len(words) // 18, title=title, frameon=False, labelcolor=INK, **where)


def setting_to_colour(result: StudyResult, dimensions: Sequence[Dimension]) -> Dimension | None:
    """Return the setting that explains most of the finished trials' scores, or None without settings.

    Of equal ones, the setting with most values is chosen. A setting that only some trials have comes last, since the
    other trials would have no colour.
    """
    compared = [trial for trial in result.trials if trial.ended == "finished" and trial.score(result.plan) is not None]
    shares = dict(importances(compared, dimensions, result))

    def rank(dimension: Dimension) -> tuple[bool, float, int]:
        values = [str(trial.point[dimension.name]) for trial in result.trials if dimension.name in trial.point]
        return len(values) == len(result.trials), round(shares[dimension.name], 9), len(set(values))

    return max(dimensions, key=rank, default=None)


class Tints:
    """The colour of each trial by one setting: one colour for each value, or a range of colours with a colour bar.

    legend: from each value, as text, to its colour; empty if there is a bar or no setting.
    """

    def __init__(self, scale: Scale | None) -> None:
        from matplotlib import colormaps

        self.scale, self.legend = scale, {}
        self.colours = colormaps["viridis"](np.linspace(0, 0.88, 256))  # its yellow end is too bright for paper
        places = sorted(set(scale.places)) if scale is not None else []
        self.has_bar = scale is not None and scale.is_number and len(places) > MOST_VALUES
        if scale is None or self.has_bar:
            return
        for i, place in enumerate(places):
            share = i / max(1, len(places) - 1)
            is_ordered = scale.is_number or len(places) > len(SERIES)
            tint = self.colours[round(255 * share)] if is_ordered else SERIES[i]
            self.legend[scale.text(place)] = tint

    def of(self, trial: Trial) -> Any:
        """Return the colour of a trial; grey if it lacks the setting."""
        if self.scale is None:
            return BLUE
        value = trial.point.get(self.scale.dimension.name)
        if self.scale.dimension.name not in trial.point or value not in self.scale.values:
            return GREY
        place = self.scale.place(value)
        return (
            self.colours[round(255 * self.scale.height(place))] if self.has_bar else self.legend[self.scale.text(place)]
        )

    def add_bar(self, figure: Any, axes: Any) -> None:
        """Add the colour bar of a range of numbers."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import ListedColormap, LogNorm, Normalize

        if self.scale is None or not self.has_bar:
            return
        ends = min(self.scale.places), max(self.scale.places)
        norm = LogNorm(*ends) if self.scale.log else Normalize(*ends)
        bar = figure.colorbar(ScalarMappable(norm, ListedColormap(self.colours)), ax=axes, fraction=0.03, pad=0.02)
        bar.outline.set_visible(False)
        bar.set_label(cut(self.scale.dimension.name, 30), color=INK)
