"""Each trial of a search as a line through its settings to its score (parallel coordinates)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from barenet.plots.appearance import INK, ORANGE, PAPER
from barenet.plots.letters import cut
from barenet.plots.tuning.scales import Scale, colours, metric_name, score_of, score_text, shown
from barenet.tuning.space.dimensions import Dimension
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial

__all__ = ["draw_parallel", "side_by_side"]

SPREAD = 0.06  # lines at one value are spread over twice this height
UNSET = -0.18  # the height of a trial that lacks a setting


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
    box = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
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
