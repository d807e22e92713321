"""The scores of named points, a row for each: the mean over seeds, the standard deviation, and each seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from barenet.plots.appearance import BLUE, FAINT, GREY, INK, ORANGE, style
from barenet.plots.letters import cut
from barenet.plots.tuning.scales import limits, metric_name, score_text, shown
from barenet.tuning.space.points import describe
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial, rank

__all__ = ["MOST_ROWS", "Row", "draw_points", "draw_rows", "height_of"]

MOST_ROWS = 60  # of a longer list, the best points are drawn
LONGEST = 48  # characters of a name


@dataclass(frozen=True)
class Row:
    """A row of the plot: a name, its scores, one for each seed, and figures or words at the right.

    is_best: drawn in the colour of the best. is_whole: trained to the end; otherwise its marker is hollow.
    """

    name: str
    scores: tuple[float, ...]
    words: str
    is_best: bool = False
    is_whole: bool = True


def height_of(n_rows: int) -> float:
    """Return the height, in inches, of a plot with `n_rows` rows."""
    return 0.9 + 0.27 * n_rows


def draw_points(figure: Any, trials: Sequence[Trial], result: StudyResult) -> None:
    """Draw the points of a list in its order; repeated points have the scores of their repeats."""
    chosen = {trial.number for trial in rank(trials, result.plan)[:MOST_ROWS]}
    rows = [row_of(t, result) for t in sorted(trials, key=lambda t: t.number) if t.number in chosen]
    axes = figure.subplots()
    title = "The points, as they are listed"
    if len(rows) < len(trials):
        title = f"The best {len(rows)} of {len(trials)} points"
    if any(len(row.scores) > 1 for row in rows):
        title += "; bars: standard deviation over seeds"
    style(axes, title, x=metric_name(result))
    draw_rows(axes, rows)
    scores = [score for row in rows for score in row.scores]
    if scores:
        axes.set_xlim(*limits(result, scores))


def row_of(trial: Trial, result: StudyResult) -> Row:
    """Return the row of a trial."""
    is_best = result.best is not None and result.best.number == trial.number
    repeated = next((one for one in result.repeated if one.trial.number == trial.number), None)
    score = trial.score(result.plan)
    if repeated is not None:
        scores = tuple(shown(result, score) for score in repeated.scores)
        spread = f" ± {score_text(shown(result, repeated.std), result)}" if len(scores) > 1 else ""
        return Row(describe(trial.point), scores, score_text(float(np.mean(scores)), result) + spread, is_best)
    if score is None:
        return Row(describe(trial.point), (), trial.ended or "unfinished")
    place = shown(result, score)
    words = score_text(place, result)
    if trial.ended == "stopped":
        return Row(describe(trial.point), (place,), f"{words}, stopped", is_whole=False)
    return Row(describe(trial.point), (place,), words, is_best)


def draw_rows(axes: Any, rows: Sequence[Row]) -> None:
    """Draw rows on a panel, the first at the top: the mean, a bar of ± the standard deviation, and the seeds."""
    for y, row in enumerate(rows):
        tint = ORANGE if row.is_best else BLUE
        if len(row.scores) > 1:
            mean, spread = float(np.mean(row.scores)), float(np.std(row.scores, ddof=1))
            axes.plot([mean - spread, mean + spread], [y, y], color=tint, linewidth=4.5, alpha=0.35, zorder=2)
            axes.plot(row.scores, [y] * len(row.scores), "o", color=tint, markersize=3, alpha=0.6, mew=0, zorder=3)
        if row.scores:
            face = tint if row.is_whole else "none"
            mean = float(np.mean(row.scores))
            axes.plot(mean, y, "o", markersize=7, mec=tint if row.is_whole else GREY, mfc=face, zorder=4)
        look = {"xycoords": axes.get_yaxis_transform(), "fontsize": 9, "va": "center", "color": INK}
        axes.annotate(row.words, (1.015, y), annotation_clip=False, fontweight="bold" if row.is_best else None, **look)
    axes.set_yticks(range(len(rows)), [cut(row.name, LONGEST) for row in rows], fontsize=9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.hlines(range(len(rows)), *(0, 1), transform=axes.get_yaxis_transform(), color=FAINT, linewidth=0.5, zorder=0)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
