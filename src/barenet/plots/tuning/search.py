"""Plots of a study: how the score depends on each setting and on pairs of them, and the trials' learning curves."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.plots.appearance import BLUE, GREY, INK, ORANGE, new_figure, png, style, whole_numbers
from barenet.plots.letters import cut
from barenet.plots.tuning.curves import draw_curves
from barenet.plots.tuning.points import MOST_ROWS, draw_points, height_of
from barenet.plots.tuning.scales import (
    Scale,
    colour_range,
    colours,
    importances,
    label,
    metric_name,
    score_of,
    score_text,
    set_ticks,
    shown,
)
from barenet.storage.files import replace_file
from barenet.training.records import EpochRecord
from barenet.tuning.space.dimensions import Dimension
from barenet.tuning.space.search_space import Space
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial

__all__ = ["write_search_plots"]

COLUMNS = 3
MOST_COLOURED = 16  # of so many listed points, each curve has a different colour
SPREAD = 0.06  # lines at one value are spread over twice this height
UNSET = -0.18  # the height of a trial that lacks a setting


def write_search_plots(
    result: StudyResult, space: Space, histories: Mapping[int, Sequence[EpochRecord]], folder: Path
) -> list[Path]:
    """Write a study's plots as PNGs into `folder`, and return their paths. The same study gives the same bytes.

    settings.png, parallel.png, importance.png, learning-curves.png, and heat-map.png for a grid of two settings. For a
    list of points only learning-curves.png and points.png, since each point has a name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trials = [trial for trial in result.trials if trial.score(result.plan) is not None]
    dimensions = [d for d in space if len({str(trial.point.get(d.name)) for trial in trials}) > 1]
    if space.listed:
        dimensions = dimensions[:1] if len(space.listed) <= MOST_COLOURED else []  # the first is the name
    n = len(dimensions)
    plots: dict[str, tuple[float, float, Callable[[Any], None]]] = {
        "learning-curves": (9.5, 4.0, partial(draw_curves, dimensions=dimensions, result=result, histories=histories))
    }
    if space.listed:
        height = height_of(min(len(space.listed), MOST_ROWS))
        plots["points"] = (8.2, height, partial(draw_points, trials=result.trials, result=result))
    elif n and len(trials) > 1:
        shared: dict[str, Any] = {"trials": trials, "dimensions": dimensions, "result": result}
        height = 4.2 if any(Scale(dimension, trials).is_slanted for dimension in dimensions) else 3.2
        width = max(4.4, 3.8 * min(COLUMNS, n))
        plots["settings"] = (width, height * -(-n // COLUMNS), partial(draw_settings, **shared))
        plots["parallel"] = (1.9 * (n + 1) + 1.4, 4.6, partial(draw_parallel, **shared))
        plots["importance"] = (6.6, 1.2 + 0.42 * n, partial(draw_importance, **shared))
        if n == 2 and result.plan.strategy == "grid":
            width = max(5.4, 2.4 + 0.95 * len(dimensions[1].grid_values()))
            height = max(3.4, 1.6 + 0.6 * len(dimensions[0].grid_values()))
            plots["heat-map"] = (width, height, partial(draw_heat_map, **shared))
    paths = []
    for name, (width, height, draw) in plots.items():
        paths.append(folder / f"{name}.png")
        with new_figure(width, height) as figure:
            draw(figure)
            replace_file(paths[-1], png(figure))
    return paths


def draw_settings(figure: Any, trials: Sequence[Trial], dimensions: Sequence[Dimension], result: StudyResult) -> None:
    """Draw the score of every trial against each setting, and the mean of each value with its standard deviation.

    Trials that were stopped early are hollow; means leave them out if any trial was finished.
    """
    rows = -(-len(dimensions) // COLUMNS)
    columns = min(COLUMNS, len(dimensions))
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    has_means = False
    for panel, dimension in zip(panels, dimensions, strict=False):
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
        for members in groups:
            if len(members) > 1:
                has_means = True
                draw_mean(panel, scale.beside(members), y[members])
        set_ticks(panel, scale)
    for panel in panels[len(dimensions) :]:
        panel.set_visible(False)
    for panel in panels[::columns]:
        panel.set_ylabel(metric_name(result), color=INK)
    words = ["each dot is a trial"]
    words += ["hollow: stopped early"] if any(trial.ended != "finished" for trial in trials) else []
    words += ["◆ mean ± standard deviation of each value, or of each quarter of a range"] if has_means else []
    figure.supxlabel(textwrap.fill("; ".join(words), 44 * columns), fontsize=9, color=GREY)


def draw_mean(panel: Any, place: float, values: NDArray[np.floating]) -> None:
    """Draw the mean of some trials' scores with their standard deviation (n - 1)."""
    spread = float(np.std(values, ddof=1))
    look = {"marker": "D", "markersize": 5, "color": INK, "capsize": 3, "linewidth": 1.2, "zorder": 4}
    panel.errorbar([place], [float(np.mean(values))], yerr=[spread], **look)


def draw_parallel(figure: Any, trials: Sequence[Trial], dimensions: Sequence[Dimension], result: StudyResult) -> None:
    """Draw each trial as a line through its settings to its score, the best on top.

    Lines at the same value are drawn side by side, the best above the others, so that all are visible.
    """
    axes = figure.subplots()
    scales = [Scale(dimension, trials) for dimension in dimensions]
    scores = [score_of(t, result) for t in trials]
    low, high = min(scores), max(scores)
    tints = colours(result, scores)
    n = len(dimensions)
    heights = [side_by_side(scale, trials, result) for scale in scales]
    heights.append([0.5 if high == low else (score - low) / (high - low) for score in scores])
    for i in reversed(range(len(trials))):
        is_best = result.best is not None and trials[i].number == result.best.number
        look: dict[str, Any] = {"linewidth": 2.6, "zorder": 3} if is_best else {"linewidth": 1.1, "alpha": 0.8}
        axes.plot(range(n + 1), [places[i] for places in heights], color=ORANGE if is_best else tints[i], **look)
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
    for i, scale in enumerate(scales):
        places = sorted(set(scale.places))
        for place in (
            places
            if len(places) <= (6 if scale.is_number else 14)
            else (places[0], places[len(places) // 2], places[-1])
        ):
            write_beside(axes, cut(scale.text(place), 24), (i, scale.height(place)), bbox=box)
        if len(scale.trials) < len(trials):
            write_beside(axes, "not set", (i, UNSET), bbox=box)
    for height, value in ((0, low), (1, high)) if high > low else ((0.5, low),):
        write_beside(axes, score_text(shown(result, value), result), (n, height))
    for i in range(n + 1):
        axes.axvline(i, color=INK, linewidth=0.8)
    names = [cut(d.name, 24) + (" (log)" if scale.log else "") for d, scale in zip(dimensions, scales, strict=True)]
    axes.set_xticks(range(n + 1), [*names, metric_name(result)], color=INK, fontsize=9)
    axes.set_yticks([])
    axes.set_xlim(-0.1, n + 0.35)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    title = "Each line is a trial, the best in bold; equal values side by side"
    axes.set_title(title, loc="left", fontsize=11, color=INK)


def side_by_side(scale: Scale, trials: Sequence[Trial], result: StudyResult) -> list[float]:
    """Return the height of each trial on the axis of a setting; trials at the same value are spread a little."""
    name = scale.dimension.name
    at: dict[float, list[int]] = {}
    for i, trial in enumerate(trials):
        at.setdefault(scale.height(scale.place(trial.point[name])) if name in trial.point else UNSET, []).append(i)
    ordered = sorted(at)
    gaps = [b - a for a, b in itertools.pairwise(ordered)]
    band = min([SPREAD, *(0.35 * gap for gap in gaps)])
    heights = [0.0] * len(trials)
    for place, members in at.items():
        members.sort(key=lambda i: (result.plan.sign * score_of(trials[i], result), -trials[i].number))
        for rank, i in enumerate(members):
            heights[i] = place + (0.0 if len(members) == 1 else band * (2 * rank / (len(members) - 1) - 1))
    return heights


def write_beside(axes: Any, text: str, place: tuple[float, float], **style: Any) -> None:
    """Write a small text to the right of a place."""
    axes.annotate(text, place, xytext=(5, 0), textcoords="offset points", fontsize=8, va="center", color=INK, **style)


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


def draw_heat_map(figure: Any, trials: Sequence[Trial], dimensions: Sequence[Dimension], result: StudyResult) -> None:
    """Draw the scores of a grid of two settings with a frame around the best; colours span at least the noise."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Rectangle

    across, down = dimensions[1], dimensions[0]
    columns, rows = across.grid_values(), down.grid_values()
    values = np.full((len(rows), len(columns)), np.nan)
    for trial in trials:
        if trial.ended == "finished" and across.name in trial.point and down.name in trial.point:
            place = rows.index(trial.point[down.name]), columns.index(trial.point[across.name])
            values[place] = shown(result, score_of(trial, result))
    axes = figure.subplots()
    low, high, words = colour_range(values, result)
    # On the darkest third of the colours, the figures would be hard to read.
    tints = colormaps["YlOrBr"](np.linspace(0, 0.67, 256))
    image = axes.imshow(values, cmap=ListedColormap(tints[:: result.plan.sign]), aspect="auto", vmin=low, vmax=high)
    bar = figure.colorbar(image, ax=axes, fraction=0.06, pad=0.03)
    bar.outline.set_visible(False)
    bar.set_label(metric_name(result), color=INK)
    for (i, j), value in np.ndenumerate(values):
        text = "lost" if np.isnan(value) else score_text(value, result)
        axes.text(j, i, text, ha="center", va="center", fontsize=9, color=INK)
    figure.supxlabel(textwrap.fill(words, max(48, 10 * len(columns))), fontsize=9, color=GREY)
    best = np.unravel_index(np.nanargmax(values * result.plan.sign), values.shape)
    axes.add_patch(Rectangle((best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, edgecolor=BLUE, linewidth=3))
    axes.set_xticks(range(len(columns)), [cut(label(v), 24) for v in columns], rotation=30 if len(columns) > 7 else 0)
    axes.set_yticks(range(len(rows)), [cut(label(v), 24) for v in rows])
    axes.set_xlabel(across.name, color=INK)
    axes.set_ylabel(down.name, color=INK)
    axes.tick_params(length=0, colors=INK)
    axes.spines[:].set_visible(False)
    axes.set_title(metric_name(result).capitalize(), loc="left", fontsize=11, color=INK)
