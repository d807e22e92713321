"""The scores of a grid of two settings as a map of colours."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from barenet.plots.appearance import BLUE, DARK, GREY, INK
from barenet.plots.letters import cut
from barenet.plots.tuning.scales import colour_range, label, metric_name, score_of, score_text, shown
from barenet.tuning.space.dimensions import Dimension
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial

__all__ = ["draw_heat_map"]


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
        axes.text(j, i, text, ha="center", va="center", fontsize=9, color=DARK)
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
