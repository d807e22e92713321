"""A search for hyper-parameters: its ranking as a table, and the charts of `plots.tuning`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from barenet.documents.blocks import Block, Figure, Heading, Note, Paragraph, Table
from barenet.documents.figures import drawn
from barenet.documents.inputs.searches import SearchRecord
from barenet.documents.parts.training import loss_text, percent
from barenet.documents.words import Name, Words
from barenet.pages.reports.studies.trials import spread_words
from barenet.plots.tuning.curves import draw_curves
from barenet.plots.tuning.heat_map import draw_heat_map
from barenet.plots.tuning.parallel import draw_parallel
from barenet.plots.tuning.points import MOST_ROWS as MOST_POINTS
from barenet.plots.tuning.points import draw_points, height_of
from barenet.plots.tuning.search import compared
from barenet.plots.tuning.settings import draw_importance, draw_settings
from barenet.tuning.space.dimensions import NAME
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.trial import Trial

__all__ = ["search_blocks"]

MOST_ROWS = 20
MOST_SETTINGS = 6  # columns of settings in the table
COLUMNS = 3  # panels in a row
HEADINGS = {
    "facts": ("Setting", "Value"),
    "ranking": ("Rank", "Validation loss", "Validation accuracy", "Trial ended"),
    "repeats": ("Settings", "Seeds"),
}
VALUES = ("finished", "stopped", "diverged", "failed", "unfinished")  # how trials ended


def search_blocks(search: SearchRecord, words: Words) -> list[Block]:
    """Return what was searched, the ranking, and charts."""
    result, n = search.result, len(search.result.trials)
    order = (
        "They are ranked by validation accuracy."
        if result.plan.metric == "acc"
        else "They are ranked by validation loss."
    )
    done = (
        "One combination of hyper-parameters was trained."
        if n == 1
        else f"{n:,} combinations of hyper-parameters were trained and compared on the validation set."
    )
    sentences = (
        done,
        *([order] if n > 1 else []),
        *(["The test set was not used."] if search.is_study else []),
    )
    blocks: list[Block] = [Heading("Hyper-parameter search"), Paragraph(sentences)]
    if search.unfinished:
        blocks.append(Note((search.unfinished,)))
    facts = [(name, Name(str(value))) for name, value in search.facts.items() if value is not None]
    if facts:
        blocks.append(Table(("What all trials share.",), HEADINGS["facts"], facts, "ll"))
    blocks.append(ranking(search))
    if result.best is not None:
        blocks.append(Paragraph(winner(result.best, result)))
    if result.repeated:
        blocks.append(repeats(result))
    return [*blocks, *charts(search, compared(result), words)]


def winner(best: Trial, result: StudyResult) -> tuple[str, ...]:
    """Return the best combination, its figures, and how sure it is that it is the best."""
    names = result.names or list(best.point)
    chosen = ", ".join(f"{name} = {value}" for name, value in best.point.items() if name in names)
    loss, accuracy = best.figures(result.plan)
    return (
        *([f"The best combination is `{chosen}`."] if chosen else []),
        *(["It has the best mean of the trainings with other seeds."] if result.repeated else []),
        f"It reaches a validation accuracy of {percent(accuracy)} and a validation loss of {loss_text(loss)}.",
        *([f"How sure this is: {result.verdict}."] if result.verdict else []),
    )


def ranking(search: SearchRecord) -> Table:
    """Return the trials, best first."""
    result = search.result
    names = [NAME] if any(NAME in trial.point for trial in result.trials) else result.names[:MOST_SETTINGS]
    kept = result.trials[:MOST_ROWS]
    is_mixed = any(trial.ended != "finished" for trial in kept)
    rows = []
    for rank, trial in enumerate(kept, start=1):
        loss, accuracy = trial.figures(result.plan)
        values = [Name(str(trial.point.get(name, "–"))) for name in names]
        row = [f"{rank}", *values, loss_text(loss), percent(accuracy)]
        rows.append([*row, trial.ended or "unfinished"] if is_mixed else row)
    first, *others = HEADINGS["ranking"]
    header = [first, *map(Name, names), *(others if is_mixed else others[:2])]
    caption = ["The combinations, best first."]
    if left := len(result.trials) - len(kept):
        caption.append(f"{left:,} others are left out.")
    return Table(tuple(caption), header, rows)


def repeats(result: StudyResult) -> Table:
    """Return the settings that were trained with several seeds."""
    header = (*HEADINGS["repeats"], "Validation accuracy" if result.plan.metric == "acc" else "Validation loss")
    unit = " %" if result.plan.metric == "acc" else ""
    rows = [
        (
            Name(", ".join(f"{name} = {value}" for name, value in one.trial.point.items())),
            f"{one.n}",
            Name(spread_words(one, result) + unit),
        )
        for one in result.repeated
    ]
    return Table(("The best settings with several seeds: mean ± standard deviation.",), header, rows)


def charts(search: SearchRecord, scored: list[Trial], words: Words) -> list[Block]:
    """Return the charts that a search allows, each with its caption."""
    result, dimensions = search.result, list(search.dimensions)
    is_listed = any(NAME in trial.point for trial in result.trials)
    shared: dict[str, Any] = {"trials": scored, "dimensions": dimensions, "result": result}
    n = len(dimensions)
    found: list[Block] = []

    def add(name: str, width: float, height: float, draw: Callable[[Any], None], *caption: str) -> None:
        share = min(1.0, width / 8.0)
        found.append(Figure(f"{name}-{search.name}", drawn(width, height, words, draw), caption, share))

    if is_listed:
        draw = partial(draw_points, trials=result.trials, result=result)
        add("points", 7.6, height_of(min(len(result.trials), MOST_POINTS)), draw, "The score of each point.")
    elif n and len(scored) > 1:
        if n == 2 and is_grid(search):
            across, down = (len(d.grid_values()) for d in reversed(dimensions))
            add(
                *("heat-map", max(5.0, 2.4 + 0.95 * across), max(3.0, 1.4 + 0.6 * down)),
                partial(draw_heat_map, **shared),
                "The score of each combination; a frame marks the best one.",
            )
        add(
            *("settings", max(4.4, 2.9 * min(COLUMNS, n)), 3.2 * -(-n // COLUMNS)),
            partial(draw_settings, **shared),
            "The score of each trial by the value of each setting.",
            "A diamond is the mean of the trials with this value, with its standard deviation.",
        )
        if n > 2:
            add(
                *("parallel", min(9.5, 1.6 * (n + 1) + 1.4), 4.2),
                partial(draw_parallel, **shared),
                "Each line is a trial: its settings, and at the right its score.",
                "The best trial is drawn in bold.",
            )
        if n > 1:
            add(
                *("importance", 6.2, 1.2 + 0.42 * n),
                partial(draw_importance, **shared),
                "The share of the differences in score that each setting explains alone.",
            )
    if any(len(history) > 1 for history in search.histories.values()):
        used = [] if is_listed and len(result.trials) > 16 else dimensions
        draw_all = partial(draw_curves, dimensions=used, result=result, histories=search.histories)
        add("curves", 8.0, 3.4, draw_all, "Validation over the epochs of each trial; the best one in bold.")
    return found


def is_grid(search: SearchRecord) -> bool:
    """Whether the trials are all combinations of their settings' values."""
    sizes = [
        len(dimension.grid_values()) if dimension.choices or dimension.points else 0 for dimension in search.dimensions
    ]
    n_values = 1
    for size in sizes:
        n_values *= size
    points = {tuple(str(t.point.get(d.name)) for d in search.dimensions) for t in search.result.trials}
    return n_values == len(points) == len(search.result.trials)
