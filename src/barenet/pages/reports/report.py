"""`report`: one page about a run, made from its files; `comparison` makes the page about several runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from barenet.analysis.images import Source
from barenet.analysis.learning import verdict_of
from barenet.analysis.saved_run import SavedRun, is_seeds, read_saved_run
from barenet.errors import RunError
from barenet.language.choice import ENGLISH, language_named
from barenet.messages import as_typed, count
from barenet.nn import Activation, Loss
from barenet.notes import logger
from barenet.pages.page import page_path, render, write_page
from barenet.pages.reports.comparison import compare
from barenet.pages.reports.ensembles import ensemble_page
from barenet.pages.reports.held_out_results import (
    HeldOutResults,
    Thumbnails,
    find_results,
    results_parts,
    without_examples,
)
from barenet.pages.reports.inside import network_parts
from barenet.pages.reports.page_plots import curve_plots
from barenet.pages.reports.studies.study_page import study_page
from barenet.pages.reports.untested import untested_words
from barenet.pages.settings_table import show, show_tables
from barenet.plots.inspection import Inspection, look
from barenet.run_folders.finding import Named, describe_names, find_run, find_study, is_ensemble, is_member, name_of_run
from barenet.run_folders.folder import RunFolder
from barenet.training.records import EpochRecord, format_loss, training_seconds
from barenet.training.setting_notes import training_label

__all__ = ["report", "report_page"]

MAX_ROWS = 60  # rows in the table of epochs


def report(
    *paths: Named,
    output: str | Path | None = None,
    dataset: Source | None = None,
    activations: Sequence[Activation] = (),
    loss: Loss | None = None,
    language: str = ENGLISH,
) -> Path:
    """Write a page about a run, an ensemble or a search, or one that compares several, and return its path.

    A study alone gives the page about its search; among other runs it counts as its best run.
    Args and errors: see `barenet.report`.
    """
    language = language_named(language, "language")
    target = None if output is None else page_path(output)
    study = find_study(paths[0]) if len(paths) == 1 else None
    if study is not None:
        target = target or study / "report.html"
        write_page(target, study_page(study, language))
        return target
    runs = [check_run(find_run(path)) for path in paths or (None,)]
    first, alone = runs[0], len(runs) == 1
    target = target or (first / "report.html" if alone else first.parent / "comparison.html")
    if alone and is_ensemble(first):
        text = ensemble_page(first, dataset=dataset, activations=activations, loss=loss, language=language)
    elif alone and not is_seeds(first):
        saved = read_saved_run(first, dataset=dataset, activations=activations, loss=loss)
        for sentence in saved.notes:
            logger.info(sentence)
        text = report_page(saved, language)
    else:
        text = compare(runs, dataset=dataset, activations=activations, loss=loss, language=language)
    write_page(target, text)
    return target


def check_run(path: Path) -> Path:
    """Return the folder of a run or an ensemble, or raise RunError."""
    if not path.exists():
        raise RunError(f"{path} does not exist: {describe_names(path)}")
    if not path.is_dir():
        raise RunError(f"{path} is a file, but a report needs a run folder; barenet inspect takes model files")
    if is_member(path):
        raise RunError(f"{path} is a member of an ensemble; the report of the ensemble shows it: name {path.parent}")
    if is_ensemble(path):
        return path
    if not RunFolder(path).config.exists():
        raise RunError(f"{path} is not a run folder: it has no config.toml")
    return path


def report_page(saved: SavedRun, language: str = ENGLISH) -> str:
    """Return the page about one network in a language."""
    thumbnails = Thumbnails(saved)
    held_out = find_results(saved, thumbnails)
    found = look(saved)
    verdict = verdict_of(saved)
    if verdict is not None and not verdict.learned:
        # Confidences, doubts, neurons and the best epoch of such a network say nothing about the images.
        held_out, found = held_out and without_examples(held_out), replace(found, portrait=None)
    learned = verdict is None or verdict.learned
    history, best = saved.history, saved.best_epoch if learned else 0
    rows = thin(history, best)
    return render(
        "report.html",
        language,
        title=name_of_run(saved.path),
        inspect_another=inspect_another(saved.path, found),
        data_name=saved.model.info.data_name,
        notes=saved.notes,
        lost=saved.lost,
        untested=untested_words(saved.path, saved.config, saved.history, saved.data),
        verdict=verdict,
        learned=learned,
        j=held_out,
        numbers=numbers(saved, held_out, learned=learned),
        training_words=training_words(saved, learned=learned),
        curves=curve_plots(history, best, training_label(saved.config)) if history else [],
        epochs=rows,
        epochs_left_out=len(history) - len(rows),
        best_epoch=best,
        **results_parts(held_out),
        settings=(show_tables(saved.config) if saved.config else {}) | timing(saved),
        **network_parts(saved, found, thumbnails),
    )


def inspect_another(path: Path, found: Inspection) -> str:
    """Return the command for the neuron after that on the page, or "" if the network has no other hidden neuron."""
    if found.portrait is None:
        return ""
    neurons = [(layer.layer, unit) for layer in found.layers for unit in range(layer.n_units)]
    at = neurons.index((found.portrait.layer, found.portrait.unit))
    layer, unit = neurons[(at + 1) % len(neurons)]
    return f"barenet inspect {as_typed(path)} --neuron {layer}:{unit}" if len(neurons) > 1 else ""


def numbers(saved: SavedRun, held_out: HeldOutResults | None, *, learned: bool = True) -> list[tuple[str, str, str]]:
    """Return the figures at the top of the page: name, value, detail."""
    shown = []
    metrics, history = saved.model.info.metrics, saved.history
    if held_out is not None and held_out.loss is not None:
        shown.append((f"{held_out.of} loss", format_loss(held_out.loss), ""))
    if metrics:
        accuracy, loss = metrics["validation_accuracy"], metrics["validation_loss"]
        shown.append(("validation accuracy", f"{100 * accuracy:.2f} %", f"loss {format_loss(loss)}"))
    if history and metrics and learned:
        shown.append(("best epoch", f"{saved.best_epoch}", f"of {history[-1].epoch}"))
    shown.append(("parameters", f"{saved.model.mlp.parameters.size:,}", ""))
    if history:
        seconds = training_seconds([history])
        short = f", {saved.shared.short}" if saved.shared and saved.shared.short else ""
        shown.append(("training time", f"{seconds:.1f} s", f"{seconds / len(history):.2f} s per epoch{short}"))
    return shown


def training_words(saved: SavedRun, *, learned: bool = True) -> str:
    """Return in words how training ended, and what the curves show."""
    history = saved.history
    if not history:
        return ""
    words = f"{count(len(history), 'epoch')}. "
    stopped = history[-1].stopped
    if stopped is not None and stopped.kind != "finished":
        words += f"Training {stopped}. "
    if saved.model.info.metrics and learned:
        words += f"The ring marks epoch {saved.best_epoch}, the best on validation, whose weights are kept. "
    if saved.config is not None and saved.config.model.loss == "cross_entropy":
        words += "The loss is the cross-entropy. "
    words += "Training figures are running means over an epoch; each batch is measured before its step"
    smoothing = saved.model.info.label_smoothing
    words += f", the loss with labels smoothed by {smoothing:g}" if smoothing else ""
    words += ", on mixed images" if saved.config is not None and saved.config.data.mixup else ""
    has_factors = saved.config is not None and saved.config.model.class_weight is not None
    return words + (", the loss with a weight for each class." if has_factors else ".")


def thin(history: Sequence[EpochRecord], best_epoch: int) -> list[EpochRecord]:
    """Return about `MAX_ROWS` records at most, including the first, the best and the last."""
    step = 1 + (len(history) - 1) // MAX_ROWS
    last = history[-1].epoch if history else 0
    return [r for i, r in enumerate(history) if i % step == 0 or r.epoch in (best_epoch, last)]


def timing(saved: SavedRun) -> dict[str, dict[str, str]]:
    """Return the time of training, and the machine."""
    history, seconds = saved.history, training_seconds([saved.history])
    took = {"epochs": f"{len(history)}", "seconds": f"{seconds:.1f}"}
    if saved.shared is not None and saved.shared.words:
        took["these seconds are"] = saved.shared.words
    if history:
        images = history[-1].step * (saved.config.data.batch_size if saved.config else 0)
        took |= {"seconds per epoch": f"{seconds / len(history):.2f}", "steps": f"{history[-1].step:,}"}
        if images and seconds > 0 and (saved.shared is None or saved.shared.is_known):
            took["images per second"] = f"about {round(images / seconds, -2) or images / seconds:,.0f}"
    machine = saved.machine or {"machine": "not recorded by this run"}
    return {"time": took, "machine": {name: show(value) for name, value in machine.items()}}
