"""Plots of a study: how the score depends on each setting and on pairs of them, and the trials' learning curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from barenet.plots.appearance import new_figure, png
from barenet.plots.tuning.curves import draw_curves
from barenet.plots.tuning.heat_map import draw_heat_map
from barenet.plots.tuning.parallel import draw_parallel
from barenet.plots.tuning.points import MOST_ROWS, draw_points, height_of
from barenet.plots.tuning.scales import Scale
from barenet.plots.tuning.settings import COLUMNS, draw_importance, draw_settings
from barenet.storage.files import replace_file
from barenet.training.records import EpochRecord
from barenet.tuning.space.dimensions import Dimension
from barenet.tuning.space.search_space import Space
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial

__all__ = ["SearchPlot", "compared", "search_plots", "varied", "write_search_plots"]

MOST_COLOURED = 16  # of so many listed points, each curve has a different colour


@dataclass(frozen=True)
class SearchPlot:
    """A plot of a search: its size in inches, and the function that draws it on a figure."""

    width: float
    height: float
    draw: Callable[[Any], None]


def write_search_plots(
    result: StudyResult, space: Space, histories: Mapping[int, Sequence[EpochRecord]], folder: Path
) -> list[Path]:
    """Write a study's plots as PNGs into `folder`, and return their paths. The same study gives the same bytes.

    learning-curves.png and those of `search_plots`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dimensions = varied(space, compared(result))
    if space.listed:
        dimensions = dimensions[:1] if len(space.listed) <= MOST_COLOURED else []  # the first is the name
    curves = partial(draw_curves, dimensions=dimensions, result=result, histories=histories)
    paths = []
    for name, plot in {"learning-curves": SearchPlot(9.5, 4.0, curves), **search_plots(result, space)}.items():
        paths.append(folder / f"{name}.png")
        with new_figure(plot.width, plot.height) as figure:
            plot.draw(figure)
            replace_file(paths[-1], png(figure))
    return paths


def compared(result: StudyResult) -> list[Trial]:
    """Return the trials of a study that have a score, best first."""
    return [trial for trial in result.trials if trial.score(result.plan) is not None]


def varied(space: Space, trials: Sequence[Trial]) -> list[Dimension]:
    """Return the settings that differ between trials."""
    return [d for d in space if len({str(trial.point.get(d.name)) for trial in trials}) > 1]


def search_plots(result: StudyResult, space: Space) -> dict[str, SearchPlot]:
    """Return the plots of a study without its learning curves, by their names.

    settings, parallel and importance; heat-map for a grid of two settings; for a list of points only points, since each
    point has a name.
    """
    if space.listed:
        height = height_of(min(len(space.listed), MOST_ROWS))
        return {"points": SearchPlot(8.2, height, partial(draw_points, trials=result.trials, result=result))}
    trials = compared(result)
    dimensions = varied(space, trials)
    n = len(dimensions)
    if n == 0 or len(trials) < 2:
        return {}
    shared: dict[str, Any] = {"trials": trials, "dimensions": dimensions, "result": result}
    height = 4.2 if any(Scale(dimension, trials).is_slanted for dimension in dimensions) else 3.2
    width = max(4.4, 3.8 * min(COLUMNS, n))
    plots = {
        "settings": SearchPlot(width, height * -(-n // COLUMNS), partial(draw_settings, **shared)),
        "parallel": SearchPlot(1.9 * (n + 1) + 1.4, 4.6, partial(draw_parallel, **shared)),
        "importance": SearchPlot(6.6, 1.2 + 0.42 * n, partial(draw_importance, **shared)),
    }
    if n == 2 and result.plan.strategy == "grid":
        width = max(5.4, 2.4 + 0.95 * len(dimensions[1].grid_values()))
        height = max(3.4, 1.6 + 0.6 * len(dimensions[0].grid_values()))
        plots["heat-map"] = SearchPlot(width, height, partial(draw_heat_map, **shared))
    return plots
