"""Learning curves of several networks in one plot: those of several runs, or the mean of a run's seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from barenet.messages import count
from barenet.pages.reports.page_plots import PagePlot, make_plot
from barenet.plots.appearance import BLUE, INK, ORANGE, SERIES, style
from barenet.plots.learning_curves import JUMP, finite, marks, show_epochs
from barenet.plots.ranges import LEGEND_ROOM, bound, kept_range
from barenet.training.records import EpochRecord

__all__ = ["History", "mean_curves", "overlaid_curves"]

History = Sequence[EpochRecord]
LINES = ("-", "--", ":", "-.")
LONGEST = 24  # the largest number of letters of a name in a legend
WHAT = (("loss", 1.0, "loss"), ("accuracy", 100.0, "accuracy, %"))  # a value of records, its factor, its words


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a panel: the mean of values (n, epochs) over networks, with a band if n > 1."""

    label: str
    epochs: list[int]
    values: np.ndarray
    colour: str
    line: str = "-"

    @property
    def mean(self) -> np.ndarray:
        """The mean in each epoch."""
        return np.asarray(np.mean(self.values, axis=0))


def mean_curves(histories: Sequence[History]) -> list[PagePlot]:
    """Return plots of loss and accuracy of several seeds: their mean, and a band of one standard deviation."""
    parts = (("training", "train", BLUE), ("validation", "valid", ORANGE))
    plots = []
    for what, factor, words in WHAT:
        curves = [
            Curve(label, *values_of(histories, f"{part}_{what}", factor), colour) for label, part, colour in parts
        ]
        shown = kept_range([value for curve in curves for value in curve.mean], JUMP) if what == "loss" else None
        n = count(len(histories), "seed")
        label = f"Training and validation {what} over the epochs: mean and standard deviation of {n}."
        plots.append(overlay(curves, f"{words.capitalize()}: mean of {n}", words, label, shown))
    return plots


def overlaid_curves(runs: Sequence[tuple[str, Sequence[History]]]) -> list[PagePlot]:
    """Return plots of validation loss and accuracy of several runs; a run has a history for each of its seeds.

    The colour of a run is that of its place, as in the table. A run without a history has no line.
    """
    names = ", ".join([name for name, histories in runs if histories][:12])
    if not names:
        return []
    plots = []
    for what, factor, words in WHAT:
        curves = []
        for i, (name, histories) in enumerate(runs):
            if not histories:
                continue
            name_shown = f"{name}, mean of {len(histories)}" if len(histories) > 1 else name
            colour, line = SERIES[i % len(SERIES)], LINES[i // len(SERIES) % len(LINES)]
            curves.append(Curve(name_shown, *values_of(histories, f"valid_{what}", factor), colour, line))
        label = f"Validation {words} over the epochs of {names}; the best values are in the table."
        shown = shared_range([curve.mean for curve in curves]) if what == "loss" else None
        plots.append(overlay(curves, f"Validation {words}", words, label, shown))
    return plots


def overlay(curves: Sequence[Curve], title: str, words: str, label: str, shown: tuple[float, float] | None) -> PagePlot:
    """Return curves in one panel; if one leaves the shown range, its first point outside is marked at the edge."""
    beyond = {curve: np.flatnonzero(curve.mean > shown[1]) for curve in curves} if shown else {}
    beyond = {curve: places for curve, places in beyond.items() if places.size}
    points = [(curve.epochs[at[0]], float(curve.mean[at[0]]), curve.colour) for curve, at in beyond.items()]

    def show(axes: Any) -> None:
        style(axes, title, x="epoch", y=words)
        for curve in curves:
            if len(curve.values) > 1:
                spread = np.std(curve.values, axis=0, ddof=1)
                edges = (curve.mean - spread, curve.mean + spread)
                axes.fill_between(curve.epochs, *edges, color=curve.colour, alpha=0.2, linewidth=0)
            name = curve.label if len(curve.label) <= LONGEST else f"{curve.label[: LONGEST - 1]}…"
            look = {"color": curve.colour, "linestyle": curve.line, **marks(curve.epochs)}
            axes.plot(curve.epochs, curve.mean, label=name, **look)
        bound(axes, points, shown)
        if epochs := [epoch for curve in curves for epoch in curve.epochs]:
            show_epochs(axes, epochs)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, labelcolor=INK, fontsize=8, **LEGEND_ROOM)

    listed = [f"{curve.label} (up to {np.nanmax(curve.mean):.3g})" for curve in beyond]
    return make_plot(show, label, f"Outside of the axis, marked at its edge: {', '.join(listed)}." if listed else "")


def shared_range(means: Sequence[np.ndarray]) -> tuple[float, float] | None:
    """Return the range of losses that an axis shows: up to ten times the range of the run with the lowest loss."""
    known = [values[np.isfinite(values)] for values in means]
    known = [values for values in known if values.size]
    if not known:
        return None
    best = kept_range(known[int(np.argmin([values.min() for values in known]))], JUMP)
    assert best is not None
    return best[0], max(float(values[values <= JUMP * best[1]].max(initial=best[1])) for values in known)


def values_of(histories: Sequence[History], name: str, factor: float) -> tuple[list[int], np.ndarray]:
    """Return the epochs for which all networks have a value of this name, and the values (n, epochs) times `factor`."""
    found = [
        {
            record.epoch: factor * finite(value)
            for record in history
            if (value := getattr(record, name)) is not None and not record.diverged
        }
        for history in histories
    ]
    epochs = sorted(set.intersection(*(set(values) for values in found))) if found else []
    return epochs, np.array([[values[epoch] for epoch in epochs] for values in found]).reshape(len(found), len(epochs))
