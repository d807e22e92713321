"""What was searched, and how, in words for a page."""

from __future__ import annotations

from dataclasses import dataclass

from barenet.analysis.saved_study import SavedStudy
from barenet.messages import count, one_line
from barenet.pages.reports.studies.trials import value_text
from barenet.pages.settings_table import show, show_tables
from barenet.tuning.space.dimensions import Dimension

__all__ = ["SpaceRow", "base_tables", "file_rows", "how_rows", "searched_words", "space_rows", "strategy_words"]

SEARCHED = "searched"
STRATEGIES = {
    "grid": "all combinations (grid)",
    "random": "random points",
    "tpe": "points near those of good earlier trials (tpe)",
}
FILES = {
    "results.csv": "all trials with settings, validation, epochs and seconds",
    "results.json": "counts, the best, means and deviations of the repeats, the verdict",
    "gridsearch_results.json": "settings and validation of finished trials, in the form of the course project",
    "best": "the best trial as a run folder",
    "retrained": "the winner, trained once more and tested",
    "figures": "the plots as PNG files",
    "space.toml": "what was searched, as a file for barenet search",
    "config.toml": "the settings that trials start from",
    "study.db": "the record for optuna-dashboard",
    "study.json": "what was asked for",
    "rounds": "the points of the trials",
    "trials": "the results of each trial, epoch by epoch",
    "teacher.safetensors": "the probabilities of the teacher",
}


@dataclass(frozen=True)
class SpaceRow:
    """A searched setting as a row of a table: its values, its condition, and the value of the winner."""

    name: str
    values: str
    condition: str
    winner: str


def space_rows(saved: SavedStudy) -> list[SpaceRow]:
    """Return a row for each searched setting; none for a list of points, whose trials are the list."""
    if saved.space.listed:
        return []
    best = saved.result.best
    return [
        SpaceRow(
            dimension.name,
            values_words(dimension),
            " and ".join(f"{name} is {' or '.join(map(show, allowed))}" for name, allowed in dimension.when.items()),
            "" if best is None else value_text(best.point, dimension.name),
        )
        for dimension in saved.space
    ]


def values_words(dimension: Dimension) -> str:
    """Return the values of a setting in words."""
    if dimension.choices:
        return ", ".join(value_text({dimension.name: value}, dimension.name) for value in dimension.choices)
    scale = ", on a logarithmic scale" if dimension.log else ""
    points = f", divided into {count(dimension.points, 'value')}" if dimension.points else ""
    return f"{dimension.low:g} to {dimension.high:g}{scale}{points}"


def strategy_words(saved: SavedStudy) -> str:
    """Return in words how the points were chosen."""
    return "a list of points" if saved.space.listed else STRATEGIES[saved.request.plan.strategy]


def searched_words(saved: SavedStudy) -> str:
    """Return what was searched, on which images."""
    settings = [] if saved.space.listed else [f"settings: {', '.join(saved.space.names)}"]
    how = f"{count(saved.n_planned, 'trial')}: {strategy_words(saved)}"
    return "; ".join([how, *settings, f"images: {data_words(saved)}"])


def data_words(saved: SavedStudy) -> str:
    """Return where the images came from."""
    if saved.request.from_arrays:
        return "arrays given in Python"
    return "Fashion-MNIST" if saved.base.data.path is None else one_line(saved.base.data.path)


def how_rows(saved: SavedStudy) -> dict[str, str]:
    """Return how the search was done, by name."""
    plan, rungs = saved.request.plan, saved.rungs()
    metric = "accuracy" if plan.metric == "acc" else "loss"
    rows = {"trials": f"{saved.n_planned:,}", "points": strategy_words(saved)}
    if "trainer.epochs" not in saved.space.targets:
        rows["epochs"] = f"{rungs[-1]}"
    if len(rungs) > 1:
        stages = ", ".join(map(str, rungs[:-1]))
        rows["halving"] = f"compared after {stages} of {rungs[-1]} epochs; one of {plan.eta} trials continues each time"
    best, last = f"validation {metric} of the best epoch", f"validation {metric} of the last epoch"
    rows["score"] = best if plan.score == "best" else last
    if plan.repeats:
        rows["repeats"] = f"the best {plan.repeat_best} trained again with {count(plan.repeats, 'other seed')} each"
    rows["test"] = "the winner is trained once more and tested" if plan.retrain else "no test images are used"
    if plan.strategy != "grid":
        rows["seed of the search"] = f"{plan.search_seed}"
    rows["images"] = data_words(saved)
    if saved.result.n_valid is not None:
        rows["validation images"] = f"{saved.result.n_valid:,}"
    return rows


def base_tables(saved: SavedStudy) -> dict[str, dict[str, str]]:
    """Return the settings that all trials start from, as texts; those that are searched have no value."""
    tables = show_tables(saved.base)
    for target in saved.space.targets:
        table, _, name = target.partition(".")
        if name:
            tables[table][name] = SEARCHED
    if any("." not in target for target in saved.space.targets):  # single layers
        tables["model"] |= {"hidden_sizes": SEARCHED} if touches(saved, "hidden") else {}
        tables["model"] |= {"activation": SEARCHED} if touches(saved, "activation") else {}
    return tables


def touches(saved: SavedStudy, what: str) -> bool:
    """Whether the sizes ("hidden") or the activations of single layers are searched."""
    return any("." not in target and what in target for target in saved.space.targets)


def file_rows(saved: SavedStudy) -> list[tuple[str, str]]:
    """Return the files of the study's folder that are there, with what they hold."""
    return [(name, words) for name, words in FILES.items() if (saved.path / name).exists()]
