"""Pictures of a study: how accuracy depends on each setting, how settings go together, and how the trials learnt."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from barenet.plots.canvas import BLUE, GREY, INK, ORANGE, new_figure, png, style
from barenet.plots.search_scales import Scale, colours, importances, label, limits, metric_name, score_of, shown
from barenet.run_folders.files import replace_file
from barenet.training.records import EpochRecord
from barenet.tuning.space.dimensions import Dimension
from barenet.tuning.space.search_space import Space
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial, scores_of

__all__ = ["draw_search_figures"]

COLUMNS = 3
MOST_CURVES = 400  # of a large study an even choice
# What the legend of the curves says of trials by how they ended.
LOOKS: dict[str, dict[str, Any]] = {
    "finished": {"color": BLUE, "label": "finished"},
    "stopped": {"color": GREY, "marker": "x", "label": "stopped early"},
    "diverged": {"color": INK, "marker": "x", "linestyle": "none", "label": "diverged"},
}


def draw_search_figures(
    result: StudyResult, space: Space, histories: Mapping[int, Sequence[EpochRecord]], folder: Path
) -> list[Path]:
    """Draw a study's pictures as PNGs into `folder`, and return their paths. The same study gives the same bytes.

    settings.png, parallel.png, importance.png, learning-curves.png, and for a grid of two settings heat-map.png.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trials = [trial for trial in result.trials if trial.score(result.plan) is not None]
    dimensions = [d for d in space if len({str(trial.point.get(d.name)) for trial in trials}) > 1]
    n = len(dimensions)
    pictures: dict[str, tuple[float, float, Callable[[Any], None]]] = {
        "learning-curves": (9.5, 4.0, partial(draw_curves, result=result, histories=histories))
    }
    if n and len(trials) > 1:
        own: dict[str, Any] = {"trials": trials, "dimensions": dimensions, "result": result}
        pictures["settings"] = (max(4.4, 3.8 * min(COLUMNS, n)), 3.2 * -(-n // COLUMNS), partial(draw_settings, **own))
        pictures["parallel"] = (1.9 * (n + 1) + 1.4, 4.2, partial(draw_parallel, **own))
        pictures["importance"] = (6.6, 1.2 + 0.42 * n, partial(draw_importance, **own))
        if n == 2 and result.plan.strategy == "grid":
            width = max(4.6, 1.6 + 0.95 * len(dimensions[1].grid_values()))
            height = max(3.2, 1.4 + 0.6 * len(dimensions[0].grid_values()))
            pictures["heat-map"] = (width, height, partial(draw_heat_map, **own))
    paths = []
    for name, (width, height, draw) in pictures.items():
        paths.append(folder / f"{name}.png")
        with new_figure(width, height) as figure:
            draw(figure)
            replace_file(paths[-1], png(figure))
    return paths


def draw_settings(figure: Any, trials: Sequence[Trial], dimensions: Sequence[Dimension], result: StudyResult) -> None:
    """Draw the score of every trial against each setting; hollow are trials that were stopped early."""
    rows = -(-len(dimensions) // COLUMNS)
    columns = min(COLUMNS, len(dimensions))
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for panel, dimension in zip(panels, dimensions, strict=False):
        scale = Scale(dimension, trials)
        scores = [score_of(trial, result) for trial in scale.trials]
        x, y = np.array(scale.places), np.array([shown(result, score) for score in scores])
        if not scale.is_number:
            # Beside each other where many would lie on one another: a fixed pattern, not chance.
            x = x + 0.18 * (np.arange(len(x)) * 0.618 % 1 - 0.5)
        full = np.array([trial.ended == "finished" for trial in scale.trials])
        tints = colours(result, scores)
        panel.scatter(x[full], y[full], c=tints[full], s=34, linewidths=0, zorder=3)
        panel.scatter(x[~full], y[~full], facecolors="none", edgecolors=GREY, s=26, linewidths=1)
        style(panel, dimension.name)
        if scale.log:
            panel.set_xscale("log")
        elif dimension.integer:
            panel.xaxis.get_major_locator().set_params(integer=True)
        set_ticks(panel, scale)
    for panel in panels[len(dimensions) :]:
        panel.set_visible(False)
    for panel in panels[::columns]:
        panel.set_ylabel(metric_name(result), color=INK)
    if any(trial.ended != "finished" for trial in trials):
        figure.supxlabel("hollow: stopped early", fontsize=9, color=GREY)


def set_ticks(panel: Any, scale: Scale) -> None:
    """Put a tick at each value of a setting with few of them."""
    from matplotlib.ticker import NullLocator

    if not scale.is_number:
        panel.set_xticks(range(len(scale.labels)), scale.labels)
        panel.set_xlim(-0.6, len(scale.labels) - 0.4)
        if sum(map(len, scale.labels)) > 24:
            panel.tick_params(axis="x", rotation=30)
    elif len(values := sorted(set(scale.values))) <= 6:
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_xticks(values, [label(value) for value in values])
        panel.margins(x=0.15)


def draw_parallel(figure: Any, trials: Sequence[Trial], dimensions: Sequence[Dimension], result: StudyResult) -> None:
    """Draw each trial as a line through its settings to its score, the best on top."""
    axes = figure.subplots()
    scales = [Scale(dimension, trials) for dimension in dimensions]
    scores = [score_of(t, result) for t in trials]
    low, high = min(scores), max(scores)
    tints = colours(result, scores)
    n = len(dimensions)
    for i in reversed(range(len(trials))):
        trial = trials[i]
        heights = [
            scale.height(scale.place(trial.point[d.name])) if d.name in trial.point else math.nan
            for d, scale in zip(dimensions, scales, strict=True)
        ]
        heights.append(0.5 if high == low else (scores[i] - low) / (high - low))
        is_best = i == 0
        axes.plot(
            range(n + 1),
            heights,
            color=ORANGE if is_best else tints[i],
            linewidth=2.6 if is_best else 1.1,
            alpha=1 if is_best else 0.7,
        )
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
    for i, scale in enumerate(scales):
        places = sorted(set(scale.places))
        for place in places if len(places) <= 6 else (places[0], places[len(places) // 2], places[-1]):
            write_beside(axes, scale.text(place), (i, scale.height(place)), bbox=box)
    for height, value in ((0, low), (1, high)):
        write_beside(axes, f"{shown(result, value):.4g}", (n, height))
    for i in range(n + 1):
        axes.axvline(i, color=INK, linewidth=0.8)
    axes.set_xticks(range(n + 1), [*(d.name for d in dimensions), metric_name(result)], color=INK)
    axes.set_yticks([])
    axes.set_xlim(-0.1, n + 0.35)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title("A line a trial, the best in bold", loc="left", fontsize=11, color=INK)


def write_beside(axes: Any, text: str, place: tuple[float, float], **style: Any) -> None:
    """Write a small text to the right of a place."""
    axes.annotate(text, place, xytext=(5, 0), textcoords="offset points", fontsize=8, va="center", color=INK, **style)


def draw_importance(figure: Any, trials: Sequence[Trial], dimensions: Sequence[Dimension], result: StudyResult) -> None:
    """Draw how much of the scores' variance each setting explains alone."""
    # Stopped trials were compared after fewer epochs: only equals are compared where there are enough.
    finished = [trial for trial in trials if trial.ended == "finished"]
    compared = finished if len(finished) >= 8 else trials
    rows = importances(compared, dimensions, result)
    axes = figure.subplots()
    names, shares = [row[0] for row in reversed(rows)], [100 * row[1] for row in reversed(rows)]
    bars = axes.barh(names, shares, color=BLUE, height=0.62)
    axes.bar_label(bars, [f"{share:.0f} %" for share in shares], padding=4, fontsize=9, color=INK)
    axes.set_xlim(0, 112)
    style(axes, "Share of the differences in score that each setting explains alone")
    axes.grid(visible=False, axis="y")
    axes.set_xticks([0, 25, 50, 75, 100])


def draw_heat_map(figure: Any, trials: Sequence[Trial], dimensions: Sequence[Dimension], result: StudyResult) -> None:
    """Draw the scores of a grid of two settings, the best framed."""
    across, down = dimensions[1], dimensions[0]
    columns, rows = across.grid_values(), down.grid_values()
    values = np.full((len(rows), len(columns)), np.nan)
    for trial in trials:
        if trial.ended == "finished" and across.name in trial.point and down.name in trial.point:
            place = rows.index(trial.point[down.name]), columns.index(trial.point[across.name])
            values[place] = shown(result, score_of(trial, result))
    axes = figure.subplots()
    low, high = np.nanmin(values * result.plan.sign), np.nanmax(values * result.plan.sign)
    # The darkest third of the colours would drown the figures.
    axes.imshow(values * result.plan.sign, cmap="YlOrBr", aspect="auto", vmin=low, vmax=high + 0.5 * (high - low))
    for (i, j), value in np.ndenumerate(values):
        text = "lost" if np.isnan(value) else f"{value:.4g}"
        axes.text(j, i, text, ha="center", va="center", fontsize=9, color=INK)
    from matplotlib.patches import Rectangle

    best = np.unravel_index(np.nanargmax(values * result.plan.sign), values.shape)
    axes.add_patch(Rectangle((best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, edgecolor=BLUE, linewidth=3))
    axes.set_xticks(range(len(columns)), [label(v) for v in columns], rotation=30 if len(columns) > 7 else 0)
    axes.set_yticks(range(len(rows)), [label(v) for v in rows])
    axes.set_xlabel(across.name, color=INK)
    axes.set_ylabel(down.name, color=INK)
    axes.tick_params(length=0, colors=INK)
    axes.spines[:].set_visible(False)
    axes.set_title(metric_name(result).capitalize(), loc="left", fontsize=11, color=INK)


def draw_curves(figure: Any, result: StudyResult, histories: Mapping[int, Sequence[EpochRecord]]) -> None:
    """Draw validation over the epochs for all trials, those that were stopped early ending in a cross."""
    trials = result.trials
    if len(trials) > MOST_CURVES:
        step = len(trials) / MOST_CURVES
        trials = [trials[int(i * step)] for i in range(MOST_CURVES)]
    axes = figure.subplots()
    best = result.best
    heights: list[float] = []
    for trial in reversed(trials):
        scores = scores_of(histories.get(trial.number, ()), result.plan)
        if not scores:
            continue
        epochs, figures = list(scores), [shown(result, score) for score in scores.values()]
        heights += figures
        is_best = best is not None and trial.number == best.number
        tint = ORANGE if is_best else (BLUE if trial.ended == "finished" else GREY)
        marker = "o" if len(epochs) == 1 and trial.ended == "finished" else None
        line = {"linewidth": 2.4, "zorder": 3} if is_best else {"linewidth": 1, "alpha": 0.55}
        axes.plot(epochs, figures, color=tint, marker=marker, markersize=4, **line)
        if trial.ended in ("stopped", "diverged", "failed"):
            mark = {"marker": "x", "markersize": 5, "linestyle": "none", "alpha": 0.8}
            axes.plot(epochs[-1], figures[-1], color=GREY if trial.ended == "stopped" else INK, **mark)
    style(axes, metric_name(result).capitalize())
    axes.set_xlabel("epoch", color=INK)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if heights:
        axes.set_ylim(*limits(result, heights))
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=ORANGE, linewidth=2.4, label=f"best: trial {best.number}" if best else "best")]
    handles += [Line2D([], [], **look) for how, look in LOOKS.items() if any(trial.ended == how for trial in trials)]
    axes.legend(handles=handles, frameon=False, labelcolor=INK, fontsize=9, loc="best")
