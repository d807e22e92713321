"""The plots of a page: SVG with a caption, a text for screen readers, and points to hover over.

Hovering needs the page's script; the tables show the same figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from barenet.analysis.statistics import Calibration
from barenet.messages import count
from barenet.plots.appearance import BLUE, GREY, ORANGE, new_figure, style, svg, whole_numbers
from barenet.plots.learning_curves import (
    finite,
    has_ratios,
    loss_range,
    ratio_range,
    ratios_of,
    show_accuracy,
    show_loss,
    show_rate,
    show_ratios,
    still_words,
)
from barenet.training.records import EpochRecord, format_loss

__all__ = ["PagePlot", "curve_plots", "make_plot", "reliability_plots"]

PANEL = (4.4, 3.1)  # inches; with 72 points per inch the letters have the right size on a phone
MAX_HOVER = 400


@dataclass(frozen=True)
class PagePlot:
    """One plot of a page. hover: JSON of points [x, y, text] in the coordinates of the SVG.

    is_beside: the caption is placed beside the plot if the window is wide enough.
    """

    svg: str
    caption: str = ""
    hover: str = "[]"
    is_beside: bool = False


def make_plot(
    show: Callable[[Any], None],
    label: str,
    caption: str = "",
    points: Iterable[tuple[float, float, str]] = (),
    size: tuple[float, float] = PANEL,
) -> PagePlot:
    """Return the plot that `show` draws on axes. `points` are (x, y, text) in the data's coordinates."""
    with new_figure(*size, dpi=72) as figure:
        axes = figure.subplots()
        show(axes)
        text = svg(figure, label)
        kept = [point for point in points if np.isfinite(point[:2]).all()]
        bottom, top = sorted(axes.get_ylim())
        shown = [(x, min(max(y, bottom), top)) for x, y, _ in kept]  # points outside of an axis are marked at its edge
        places: Any = axes.transData.transform(shown) if kept else []
        height = 72 * size[1]
        hover = [
            [round(float(x), 1), round(float(height - y), 1), point[2]]
            for (x, y), point in zip(places, kept, strict=True)
        ]
    step = 1 + len(hover) // MAX_HOVER
    return PagePlot(text, caption, json.dumps(hover[::step]))


def curve_plots(history: Sequence[EpochRecord], best_epoch: int, training: str) -> list[PagePlot]:
    """Return the learning curves of one network, and its update ratios if they were recorded."""
    first, last = history[0], history[-1]
    span = f"epoch {first.epoch}" if len(history) == 1 else f"epochs {first.epoch} to {last.epoch}"
    kept = [record for record in history if not record.diverged]
    losses = [(r.epoch, finite(loss)) for r in history for loss in (r.train_loss, r.valid_loss)]
    plots = [
        make_plot(
            lambda axes: show_loss(axes, history, best_epoch, training),
            f"Loss over {span}: {ends(kept, 'loss')}.",
            outside_words(losses, loss_range(history)),
            points=[(r.epoch, finite(pick(r, "loss")), line_of(r, "loss")) for r in history],
        ),
        make_plot(
            lambda axes: show_accuracy(axes, history, best_epoch),
            f"Accuracy over {span}: {ends(kept, 'accuracy')}.",
            points=[(r.epoch, 100 * pick(r, "accuracy"), line_of(r, "accuracy")) for r in kept],
        ),
        make_plot(
            lambda axes: show_rate(axes, history),
            f"Learning rate over {span}, from {first.learning_rate:.3g} to {last.learning_rate:.3g}.",
            points=[(r.epoch, r.learning_rate, f"epoch {r.epoch}: {r.learning_rate:.4g}") for r in history],
        ),
    ]
    if has_ratios(history):
        ratios = [(r.epoch, ratio) for pairs in ratios_of(history).values() for r, ratio in pairs]
        plot = make_plot(
            lambda axes: show_ratios(axes, history),
            f"Norm of each epoch's last update divided by the norm of the weights, a line for each layer, over {span}.",
            "The size of each epoch's last update, compared with the weights. About 0.001, the dotted line, is common; "
            "far above it training is unstable, far below it the weights hardly change. "
            + " ".join(filter(None, [outside_words(ratios, ratio_range(history)), still_sentence(history)])),
        )
        plots.append(replace(plot, is_beside=True))
    return plots


def still_sentence(history: Sequence[EpochRecord]) -> str:
    """Return which epochs have no point in the chart of updates, or "" if all have one."""
    words = still_words(history)
    return f"{words[0].upper()}{words[1:]}: a logarithmic axis shows neither 0 nor infinite values." if words else ""


def outside_words(points: Sequence[tuple[int, float]], shown: tuple[float, float] | None) -> str:
    """Return which epochs lie outside of an axis, and their values, or "" if none does."""
    if shown is None:
        return ""
    outside = [(epoch, value) for epoch, value in points if value < shown[0] or value > shown[1]]
    if not outside:
        return ""
    epochs, values = sorted({epoch for epoch, _ in outside}), sorted(value for _, value in outside)
    listed = ", ".join(map(str, epochs[:5])) + (f" and {len(epochs) - 5} more" if len(epochs) > 5 else "")
    ends = " to ".join(dict.fromkeys(f"{value:.3g}" for value in (values[0], values[-1])))
    if len(epochs) == 1:
        return f"Outside of the axis, marked at its edge: epoch {listed} ({ends})."
    return f"Outside of the axis, marked at its edge: epochs {listed} ({ends})."


def pick(record: EpochRecord, what: str) -> float:
    """Return the validation value of an epoch, or the training value where there was no validation."""
    valid = getattr(record, f"valid_{what}")
    return float(getattr(record, f"train_{what}") if valid is None else valid)


def ends(kept: Sequence[EpochRecord], what: str) -> str:
    """Return the last values of training and validation, in words; `kept`: the records without divergence."""
    if not kept:
        return "no epoch was finished"
    train, valid = getattr(kept[-1], f"train_{what}"), getattr(kept[-1], f"valid_{what}")
    if valid is None:
        return f"training ends at {figure(train, what)}"
    return f"training ends at {figure(train, what)} and validation at {figure(valid, what)}"


def line_of(record: EpochRecord, what: str) -> str:
    """Return the text for hovering over an epoch."""
    text = f"epoch {record.epoch}: training {figure(getattr(record, f'train_{what}'), what)}"
    valid = getattr(record, f"valid_{what}")
    return text if valid is None else f"{text}, validation {figure(valid, what)}"


def figure(value: float, what: str) -> str:
    """Return a loss or an accuracy as text."""
    return format_loss(value) if what == "loss" else f"{value:.2%}"


def reliability_plots(calibration: Calibration) -> list[PagePlot]:
    """Return the reliability diagram, and a histogram of confidences."""
    middles = (calibration.edges[:-1] + calibration.edges[1:]) / 2
    filled = calibration.counts > 0

    def show_reliability(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
        axes.bar(middles[filled], calibration.accuracy[filled], 1 / len(middles) * 0.92, color=BLUE, alpha=0.8)
        axes.plot(
            *(calibration.confidence[filled], calibration.accuracy[filled]), color=ORANGE, marker="o", markersize=4
        )
        axes.set(xlim=(0, 1), ylim=(0, 1))
        style(axes, "Reliability diagram", x="how sure it is (confidence)", y="how often it is right")

    def show_counts(axes: Any) -> None:
        axes.stairs(calibration.counts, calibration.edges, fill=True, color=BLUE, alpha=0.8)
        axes.set_xlim(0, 1)
        style(axes, "How sure it is", x="how sure it is (confidence)", y="number of images")
        whole_numbers(axes, "y")

    points = [
        (float(c), float(a), f"{count(n, 'image')}, {c:.1%} sure, {a:.1%} right")
        for c, a, n in zip(calibration.confidence, calibration.accuracy, calibration.counts, strict=True)
    ]
    label = f"Reliability diagram in 15 bins; the expected calibration error is {calibration.error:.2%}."
    return [
        make_plot(show_reliability, label, points=points),
        make_plot(show_counts, "Histogram of the confidences of all images."),
    ]
