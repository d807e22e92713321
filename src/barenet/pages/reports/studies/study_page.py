"""The page about a search, made from the records of its study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from barenet.analysis.saved_study import SavedStudy, read_saved_study
from barenet.analysis.statistics import wilson_interval
from barenet.language.choice import ENGLISH
from barenet.messages import count
from barenet.notes import logger
from barenet.pages.page import render
from barenet.pages.reports.studies.plots import curve_plots, setting_means, setting_plots, whole_plots
from barenet.pages.reports.studies.space import base_tables, file_rows, how_rows, searched_words, space_rows
from barenet.pages.reports.studies.trials import (
    column_names,
    lost_rows,
    ordered,
    score_words,
    spread_words,
    trial_rows,
    value_text,
)
from barenet.pages.reports.studies.words import (
    again_command,
    edge_words,
    noise_words,
    numbers,
    resume_command,
    status_words,
    winner_commands,
)
from barenet.pages.settings_table import show
from barenet.tuning.space.dimensions import NAME
from barenet.tuning.study.results import unlearned_words

__all__ = ["study_page"]


def study_page(path: Path, language: str = ENGLISH) -> str:
    """Return the page about the search in the study's folder `path`, in a language."""
    saved = read_saved_study(path)
    for sentence in saved.notes:
        logger.info(sentence)
    result = saved.result
    rows, lost = trial_rows(saved), lost_rows(saved)
    n_scored, n_lost = len(ordered(result)), sum(trial.lost for trial in result.trials)
    return render(
        "study.html",
        language,
        title=path.resolve().name,
        notes=saved.notes,
        saved=saved,
        folder=str(path),
        again=again_command(saved),
        searched=searched_words(saved),
        status=status_words(saved),
        resume=resume_command(saved),
        lead=lead(saved),
        verdict=result.verdict,
        unlearned=unlearned_words(result),
        numbers=numbers(saved),
        winner=winner(saved),
        edge_words=edge_words(saved),
        columns=column_names(result),
        has_names=bool(saved.space.listed),
        has_repeats=bool(result.repeated),
        noise="" if result.noise is None else noise_words(result),
        rows=rows,
        n_left_out=n_scored - len(rows),
        curves=curve_plots(saved),
        setting_plots=setting_plots(saved),
        means=setting_means(saved) if not saved.space.listed and n_scored > 1 else [],
        metric="validation accuracy in percent" if result.plan.metric == "acc" else "validation loss",
        whole_plots=whole_plots(saved),
        lost=lost,
        n_lost=n_lost,
        space=space_rows(saved),
        tables={"the search": how_rows(saved), **base_tables(saved), **machine_tables(saved)},
        files=file_rows(saved),
    )


def lead(saved: SavedStudy) -> tuple[str, str] | None:
    """Return the winner's figure and what it is, None if no trial was finished."""
    result = saved.result
    best = result.best
    if best is None:
        return None
    what = "validation accuracy" if result.plan.metric == "acc" else "validation loss"
    unit = " %" if result.plan.metric == "acc" else ""
    of = f"trial {best.number} of {len(result.trials):,}"
    if result.repeated:
        first = result.repeated[0]
        figure = f"{spread_words(first, result)}{unit}"
        return (
            figure,
            f"{what}: {of}, the best mean of {len(result.repeated)} trials with {count(first.n, 'other seed')} each",
        )
    score = best.score(result.plan)
    return ("–" if score is None else score_words(score, result)), f"{what}: {of}, the best of one training each"


def winner(saved: SavedStudy) -> dict[str, Any] | None:
    """Return the winner's settings, its test results and what can be done with it; None if no trial was finished."""
    best, tested = saved.result.best, saved.tested
    if best is None:
        return None
    test = None
    if tested is not None:
        n, accuracy = tested["images"], tested["test_accuracy"]
        test = {"n": n, "accuracy": accuracy, "loss": tested["test_loss"]}
        test["interval"] = wilson_interval(round(accuracy * n), n)
    return {
        "number": best.number,
        "name": str(best.point.get(NAME, "")),
        "settings": [(name, value_text(best.point, name)) for name in best.point if name != NAME],
        "test": test,
        "commands": winner_commands(saved),
    }


def machine_tables(saved: SavedStudy) -> dict[str, dict[str, str]]:
    """Return the time of training, and the machine that wrote the best run."""
    result = saved.result
    epochs = sum(trial.last.epochs for trial in result.trials if trial.last)
    trained = sum(trial.seconds for trial in result.trials)
    time = {"training, all trials": f"{result.seconds:.1f} s", "epochs": f"{epochs:,}"}
    if result.repeated:
        time["of these seconds, other seeds"] = f"{result.seconds - trained:.1f} s"
    if epochs:
        time["seconds per epoch"] = f"{trained / epochs:.3f}"
    machine = saved.machine or {"machine": "recorded with the best run"}
    return {"time": time, "machine": {name: show(value) for name, value in machine.items()}}
