"""How the score of a search depends on each setting: the trials at each value, and the share that it explains."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.plots.appearance import BLUE, GREY, INK, style, whole_numbers
from barenet.plots.letters import cut
from barenet.plots.tuning.scales import Scale, colours, importances, metric_name, score_of, set_ticks, shown
from barenet.tuning.space.dimensions import Dimension
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial

__all__ = ["COLUMNS", "draw_importance", "draw_setting", "draw_settings", "words_of_marks"]

COLUMNS = 3


def draw_settings(figure: Any, trials: Sequence[Trial], dimensions: Sequence[Dimension], result: StudyResult) -> None:
    """Draw the score of every trial against each setting, a panel for each, with words about the marks."""
    rows = -(-len(dimensions) // COLUMNS)
    columns = min(COLUMNS, len(dimensions))
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    has_means = False
    for panel, dimension in zip(panels, dimensions, strict=False):
        has_means |= draw_setting(panel, trials, dimension, result)
    for panel in panels[len(dimensions) :]:
        panel.set_visible(False)
    for panel in panels[::columns]:
        panel.set_ylabel(metric_name(result), color=INK)
    words = "; ".join(words_of_marks(trials, has_means=has_means))
    figure.supxlabel(textwrap.fill(words, 44 * columns), fontsize=9, color=GREY)


def words_of_marks(trials: Sequence[Trial], *, has_means: bool) -> list[str]:
    """Return what the marks in a panel of `draw_setting` mean."""
    words = ["each dot is a trial"]
    words += ["hollow: stopped early"] if any(trial.ended != "finished" for trial in trials) else []
    return words + (["◆ mean ± standard deviation of each value, or of each quarter of a range"] if has_means else [])


def draw_setting(panel: Any, trials: Sequence[Trial], dimension: Dimension, result: StudyResult) -> bool:
    """Draw the score of every trial against a setting, and the mean of each value with its standard deviation.

    Trials that were stopped early are hollow; means leave them out if any trial was finished. Returns whether there is
    a mean.
    """
    scale = Scale(dimension, trials)
    scores = [score_of(trial, result) for trial in scale.trials]
    x, y = np.array(scale.places), np.array([shown(result, score) for score in scores])
    full = np.array([trial.ended == "finished" for trial in scale.trials])
    groups = scale.groups(full if full.any() else np.ones(len(x), bool))
    if not scale.is_number:
        # Trials at one value are drawn side by side, in a fixed pattern.
        x = x - 0.12 + 0.18 * (np.arange(len(x)) * 0.618 % 1 - 0.5)
    style(panel, "", x=cut(dimension.name, 30) + (" (log scale)" if scale.log else ""))
    if scale.log:
        panel.set_xscale("log")
    elif dimension.integer:
        whole_numbers(panel, "x")
    tints = colours(result, scores)
    panel.scatter(x[full], y[full], c=tints[full], s=34, linewidths=0, zorder=3)
    panel.scatter(x[~full], y[~full], facecolors="none", edgecolors=GREY, s=26, linewidths=1)
    several = [members for members in groups if len(members) > 1]
    for members in several:
        draw_mean(panel, scale.beside(members), y[members])
    set_ticks(panel, scale)
    return bool(several)


def draw_mean(panel: Any, place: float, values: NDArray[np.floating]) -> None:
    """Draw the mean of some trials' scores with their standard deviation (n - 1)."""
    spread = float(np.std(values, ddof=1))
    look = {"marker": "D", "markersize": 5, "color": INK, "capsize": 3, "linewidth": 1.2, "zorder": 4}
    panel.errorbar([place], [float(np.mean(values))], yerr=[spread], **look)


def draw_importance(figure: Any, trials: Sequence[Trial], dimensions: Sequence[Dimension], result: StudyResult) -> None:
    """Draw how much of the scores' variance each setting explains alone."""
    # Stopped trials trained for fewer epochs, so only finished ones are compared if there are enough.
    finished = [trial for trial in trials if trial.ended == "finished"]
    compared = finished if len(finished) >= 8 else trials
    rows = importances(compared, dimensions, result)
    axes = figure.subplots()
    names, shares = [row[0] for row in reversed(rows)], [100 * row[1] for row in reversed(rows)]
    bars = axes.barh(range(len(names)), shares, color=BLUE, height=0.62)
    axes.set_yticks(range(len(names)), [cut(name, 30) for name in names])
    axes.bar_label(bars, [f"{share:.0f} %" for share in shares], padding=4, fontsize=9, color=INK)
    axes.set_xlim(0, 112)
    style(axes, "Share of the differences in score that each setting explains alone", x="% of the scores' variance")
    axes.grid(visible=False, axis="y")
    axes.set_xticks([0, 25, 50, 75, 100])
