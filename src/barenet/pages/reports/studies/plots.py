"""The plots of a search as SVG for its page, and the means behind them as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from barenet.analysis.saved_study import SavedStudy
from barenet.messages import few
from barenet.pages.reports.page_plots import PagePlot, make_plot
from barenet.pages.reports.studies.trials import ordered
from barenet.plots.appearance import GREY, SERIES, new_figure, style, svg
from barenet.plots.learning_curves import finite, show_epochs
from barenet.plots.tuning.scales import Scale, importances, limits, metric_name, score_of, score_text, shown
from barenet.plots.tuning.search import compared, search_plots, varied
from barenet.plots.tuning.settings import draw_importance, draw_setting
from barenet.training.records import EpochRecord
from barenet.tuning.space.dimensions import Dimension
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial

__all__ = ["SettingMeans", "WidePlot", "curve_plots", "setting_means", "setting_plots", "shares_of", "whole_plots"]

MOST_CURVES = 150  # curves of other trials behind those of the best
MOST_MARKS = 300  # of more trials, lines and dots are drawn as an image, which is smaller
SHARP = 160  # dots per inch of such an image
PIXELS = (62, 88)  # least and most pixels an inch of a wide plot, at which its letters can be read
WIDE = 10.0  # inches; a wider plot is drawn smaller
LINE = {"linewidth": 0.8, "color": GREY, "zorder": 1}
WORDS = {
    "parallel": "Each line is a trial, through its settings to its score.",
    "heat-map": "The scores of all combinations of the two settings.",
    "points": "The score of each point.",
}


@dataclass(frozen=True)
class SettingMeans:
    """The means of the trials at each value of a setting: the value as text, the number of trials, and the score."""

    name: str
    rows: list[tuple[str, int, str]]


@dataclass(frozen=True)
class WidePlot:
    """A plot that keeps its size on a page, between two widths in pixels; a narrow screen scrolls it."""

    plot: PagePlot
    least: int
    most: int


def curve_plots(saved: SavedStudy) -> list[PagePlot]:
    """Return the validation accuracy and loss of the trials over the epochs; the best have the colours of the table."""
    trials = ordered(saved.result)
    best, others = trials[: len(SERIES)], trials[len(SERIES) :]
    step = 1 + len(others) // MOST_CURVES
    plots = []
    for metric, name, factor in (("acc", "accuracy", 100.0), ("loss", "loss", 1.0)):
        curves = {trial.number: curve_of(saved.histories[trial.number], name, factor) for trial in trials}
        heights = [value for _, values in curves.values() for value in values]
        if not heights:
            continue
        plan = saved.result.plan.model_copy(update={"metric": metric})
        bounds = limits(replace(saved.result, plan=plan), heights)
        draw = partial(draw_curves, best=best, others=others[::step], curves=curves, name=name, bounds=bounds)
        listed = few([f"trial {trial.number}" for trial in best], len(SERIES))
        epochs, values = curves[best[0].number]
        digits = 2 if metric == "acc" else 4
        unit = " %" if metric == "acc" else ""
        points = [
            (float(x), y, f"epoch {x}: trial {best[0].number} {y:.{digits}f}{unit}")
            for x, y in zip(epochs, values, strict=True)
        ]
        label = f"Validation {name} over the epochs of {listed}; the table has their last values."
        plots.append(make_plot(draw, label, points=points))
    return plots


def curve_of(history: Sequence[EpochRecord], name: str, factor: float) -> tuple[list[int], list[float]]:
    """Return the validated epochs of a trial, and their finite values times `factor`."""
    found = [
        (record.epoch, factor * float(value))
        for record in history
        if (value := getattr(record, f"valid_{name}")) is not None and np.isfinite(finite(value))
    ]
    return [epoch for epoch, _ in found], [value for _, value in found]


def draw_curves(
    axes: Any,
    *,
    best: Sequence[Trial],
    others: Sequence[Trial],
    curves: Mapping[int, tuple[list[int], list[float]]],
    name: str,
    bounds: tuple[float, float],
) -> None:
    """Draw a curve for each trial: the best in colours, the others in grey, those that were stopped early lighter."""
    style(axes, f"Validation {name}", x="epoch", y=f"{name}, %" if name == "accuracy" else name)
    for trial in others:
        axes.plot(
            *curves[trial.number], alpha=0.3 if trial.ended == "stopped" else 0.6, **marker(trial, curves), **LINE
        )
    for trial, colour in reversed(list(zip(best, SERIES, strict=False))):
        look = {"linewidth": 2.4 if trial is best[0] else 1.4, "alpha": 0.5 if trial.ended == "stopped" else 1.0}
        axes.plot(*curves[trial.number], color=colour, zorder=3, **marker(trial, curves), **look)
    axes.set_ylim(*bounds)
    show_epochs(axes, [epoch for epochs, _ in curves.values() for epoch in epochs])


def marker(trial: Trial, curves: Mapping[int, tuple[list[int], list[float]]]) -> dict[str, Any]:
    """Return the look of a curve of one epoch, which has no line."""
    return {"marker": "o", "markersize": 3} if len(curves[trial.number][0]) == 1 else {}


def setting_plots(saved: SavedStudy) -> list[PagePlot]:
    """Return a plot for each setting that differs between trials, and the share that each setting explains."""
    result, trials = saved.result, compared(saved.result)
    dimensions = varied(saved.space, trials)
    if saved.space.listed or not dimensions or len(trials) < 2:
        return []
    plots = []
    for dimension, means in zip(dimensions, setting_means(saved), strict=True):
        told = "; ".join(f"{value}: {score}" for value, _, score in means.rows)
        label = f"{metric_name(result).capitalize()} of each trial over {dimension.name}. Means: {told}."
        draw = partial(draw_panel, trials=trials, dimension=dimension, result=result)
        height = 3.6 if Scale(dimension, trials).is_slanted else 3.1
        plots.append(figure_plot(draw, label, (4.4, height), len(trials)))
    shares = ", ".join(f"{name} {share:.0%}" for name, share in shares_of(result, dimensions))
    draw = partial(draw_shares, trials=trials, dimensions=dimensions, result=result)
    label = f"Share of the variance of the scores that each setting explains alone: {shares}."
    importance = figure_plot(draw, label, (4.4, max(1.9, 1.2 + 0.36 * len(dimensions))), 0)
    return [*plots, importance]


def draw_panel(figure: Any, trials: Sequence[Trial], dimension: Dimension, result: StudyResult) -> None:
    """Draw the scores over one setting."""
    axes = figure.subplots()
    draw_setting(axes, trials, dimension, result)
    axes.set_ylabel(metric_name(result))
    axes.set_ylim(*limits(result, [shown(result, score_of(trial, result)) for trial in trials]))


def draw_shares(figure: Any, trials: Sequence[Trial], dimensions: Sequence[Dimension], result: StudyResult) -> None:
    """Draw how much each setting explains, with a title that fits a small plot."""
    draw_importance(figure, trials, dimensions, result)
    figure.axes[0].set_title("What each setting explains", loc="left", fontsize=11)


def shares_of(result: StudyResult, dimensions: Sequence[Dimension]) -> list[tuple[str, float]]:
    """Return the share of the scores' variance that each setting explains alone, largest first, as the plot has it."""
    trials = compared(result)
    finished = [trial for trial in trials if trial.ended == "finished"]
    return importances(finished if len(finished) >= 8 else trials, dimensions, result)


def setting_means(saved: SavedStudy) -> list[SettingMeans]:
    """Return the mean score at each value of each setting; of more than six numbers, of each quarter of the trials.

    Trials that were stopped early are left out if any trial was finished, as in the plots.
    """
    result, trials = saved.result, compared(saved.result)
    tables = []
    for dimension in varied(saved.space, trials):
        scale = Scale(dimension, trials)
        full = np.array([trial.ended == "finished" for trial in scale.trials])
        scores = np.array([shown(result, score_of(trial, result)) for trial in scale.trials])
        rows = []
        for members in scale.groups(full if full.any() else np.ones(len(scores), bool)):
            places = np.array(scale.places)[members]
            ends = dict.fromkeys(scale.text(place) for place in (places.min(), places.max()))
            mean = score_text(float(scores[members].mean()), result)
            spread = f" ± {score_text(float(scores[members].std(ddof=1)), result)}" if len(members) > 1 else ""
            rows.append((" to ".join(ends), len(members), mean + spread))
        tables.append(SettingMeans(dimension.name, rows))
    return tables


def whole_plots(saved: SavedStudy) -> list[WidePlot]:
    """Return the plots that are about all settings together: parallel coordinates, heat map, points of a list."""
    plots = search_plots(saved.result, saved.space)
    trials = compared(saved.result)
    pages = []
    for name, words in WORDS.items():
        if name in plots and trials:
            plot = plots[name]
            label = " ".join((words, f"{metric_name(saved.result).capitalize()}.", "The tables have the same figures."))
            size = min(plot.width, WIDE), plot.height
            page = figure_plot(plot.draw, label, size, len(trials) if name == "parallel" else 0)
            pages.append(WidePlot(page, *(round(pixels * size[0]) for pixels in PIXELS)))
    return pages


def figure_plot(draw: Callable[[Any], None], label: str, size: tuple[float, float], n_marks: int) -> PagePlot:
    """Return the plot that `draw` puts on a figure; with many marks, they are an image inside of the SVG."""
    is_image = n_marks > MOST_MARKS
    with new_figure(*size, dpi=SHARP if is_image else 72) as figure:
        draw(figure)
        for axes in figure.axes if is_image else ():
            for artist in (*axes.lines, *axes.collections):
                artist.set_rasterized(True)
        return PagePlot(svg(figure, label), hover="[]")
