"""HTML for a result in a cell of a notebook, with its plots; all texts are escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from barenet.messages import one_line
from barenet.plots.inspection import Inspection, sentences
from barenet.plots.learning_curves import learning_curves
from barenet.plots.rasters import data_uri
from barenet.plots.tuning.learning_rates import range_test_plot
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.results import RunResult
from barenet.training.setting_notes import training_label
from barenet.tuning.range_test.result import RangeTest
from barenet.tuning.space.dimensions import NAME
from barenet.tuning.study.results import StudyResult

__all__ = ["html_of"]

MOST_ROWS = 10
STUDY_PICTURES = ("points", "settings", "learning-curves", "heat-map")


def html_of(result: object) -> str | None:
    """Return HTML for a result, or None if a notebook shows its text."""
    return next((show(result) for kind, show in CELLS.items() if isinstance(result, kind)), None)


def show_run(result: RunResult) -> str:
    """Return a table with a row for each network, and the learning curves of the best one."""
    rows = []
    for network in result.networks:
        test = None if network.scores is None else network.scores.accuracy
        epochs = len(network.history)
        rows.append([network.seed, epochs, network.best_epoch, percent(network.validation_accuracy), percent(test)])
    if result.ensemble is not None:
        rows.append(["all, averaged", "", "", "", percent(result.ensemble.accuracy)])
    best = next(network for network in result.networks if network.model is result.model)
    picture = image(learning_curves(best.history, best.best_epoch, training_label(result.config)), "learning curves")
    head = f"Run {result.folder or 'in memory'}: {result.model.mlp.architecture}"
    names = ["seed", "epochs", "best epoch", "validation accuracy", "test accuracy"]
    return head_of(head) + table(names, rows) + picture


def show_inspection(found: Inspection) -> str:
    """Return the measurements, and all plots that are still on disk."""
    lines = "".join(f"<li>{text(line)}</li>" for line in [*sentences(found), *found.notes])
    return head_of(f"Inside {found.path}") + f"<ul>{lines}</ul>" + "".join(map(image_file, found.files))


def show_study(result: StudyResult) -> str:
    """Return the best trials, the verdict, and some plots of the study that are still on disk."""
    rows = []
    for rank, trial in enumerate(result.trials[:MOST_ROWS], start=1):
        loss, accuracy = trial.figures(result.plan)
        point = trial.point
        values = ", ".join(f"{name} = {value}" for name, value in point.items())
        settings = str(point[NAME]) if NAME in point else values
        rows.append([rank, trial.number, settings, trial.ended or "unfinished", percent(accuracy), number(loss)])
    left = len(result.trials) - len(rows)
    more = f"<p>{left} more in {text(result.folder / 'results.csv')}</p>" if left > 0 else ""
    names = ["rank", "trial", "settings", "ended", "validation accuracy", "validation loss"]
    files = [result.folder / "figures" / f"{name}.png" for name in STUDY_PICTURES]
    pictures = "".join(image_file(path) for path in files if path.exists())
    return head_of(f"Study {result.folder}") + table(names, rows) + more + f"<p>{text(result.verdict)}</p>" + pictures


def show_range_test(result: RangeTest) -> str:
    """Return the suggestion of a range test, and its plot."""
    lines = "".join(f"<li>{text(line)}</li>" for line in result.words)
    picture = image(range_test_plot(result), "loss at rising learning rates")
    return head_of(f"Range test of {len(result.rates):,} learning rates") + f"<ul>{lines}</ul>" + picture


def show_model(model: SavedModel) -> str:
    """Return a table with a row for each layer."""
    rows = [
        [i, f"{row.input_dim:,}", f"{row.output_dim:,}", row.functions, f"{row.n_parameters:,}"]
        for i, row in enumerate(model.mlp.architecture.rows, start=1)
    ]
    classes = model.info.class_names
    names = ", ".join([*classes[:MOST_ROWS], *["…"][: len(classes) - MOST_ROWS > 0]])
    return (
        head_of(f"Model {model.path}, epoch {model.info.epoch}")
        + table(["layer", "inputs", "outputs", "activation", "parameters"], rows)
        + f"<p>Classes: {text(names)}</p>"
    )


CELLS: dict[type, Callable[[Any], str]] = {
    RunResult: show_run,
    Inspection: show_inspection,
    StudyResult: show_study,
    RangeTest: show_range_test,
    SavedModel: show_model,
}


def text(value: object) -> str:
    """Return a value as escaped text in one line."""
    return escape(one_line(value))


def head_of(words: str) -> str:
    """Return the line above everything else."""
    return f"<p><strong>{text(words)}</strong></p>"


def percent(share: float | None) -> str:
    """Return a fraction as text in percent."""
    return "–" if share is None else f"{100 * share:.2f} %"


def number(value: float | None) -> str:
    """Return a loss as text."""
    return "–" if value is None else f"{value:.4f}"


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with these columns."""
    head = "".join(f"<th>{text(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def image(content: bytes, words: str) -> str:
    """Return a PNG as part of a page."""
    return f'<p><img src="{data_uri(content)}" alt="{text(words)}" style="max-width: 100%"></p>'


def image_file(path: Path) -> str:
    """Return a PNG on disk as part of a page, or a line that says why it cannot be read."""
    try:
        return image(path.read_bytes(), path.stem)
    except OSError as error:
        return f"<p>{text(path)}: {text(error.strerror or error)}</p>"
