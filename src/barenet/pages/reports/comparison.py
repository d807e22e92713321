"""`report A B C`: a page that compares runs, or the seeds of one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from barenet.analysis.images import Source, find_labels
from barenet.analysis.statistics import mcnemar
from barenet.config.tables import Config
from barenet.errors import RunError
from barenet.language.choice import ENGLISH
from barenet.messages import count
from barenet.nn import Activation, Loss
from barenet.notes import logger
from barenet.pages.page import render
from barenet.pages.reports.held_out_results import HeldOutResults, results_parts, without_examples
from barenet.pages.reports.overlays import mean_curves, overlaid_curves
from barenet.pages.reports.page_plots import PagePlot
from barenet.pages.reports.rows import run_row, seed_rows, seeds_of, unlearned_words
from barenet.pages.reports.run_summaries import (
    Network,
    RunSummary,
    read_run_summary,
    results_from_file,
    results_of_average,
)
from barenet.pages.reports.untested import untested_words
from barenet.pages.settings_table import differing_settings, show_tables
from barenet.plots.appearance import SERIES
from barenet.run_folders.finding import name_of_run
from barenet.training.records import EpochRecord
from barenet.tuning.study.results import accuracy_noise, seeds_noise

__all__ = ["compare", "two_best"]

ALONE = 8  # at most so many seeds are drawn one by one
MATRICES = (8, 30)  # a comparison of at most so many runs and classes contains their confusion matrices


def compare(
    paths: Sequence[Path],
    *,
    dataset: Source | None,
    activations: Sequence[Activation],
    loss: Loss | None,
    language: str = ENGLISH,
) -> str:
    """Return the page that compares several runs, or the seeds of a single run, in a language."""
    if len({path.resolve() for path in paths}) < len(paths):
        raise RunError("a run is named twice; name each once")
    names = names_of(paths)
    runs = [read_run_summary(path, name, activations, loss) for path, name in zip(paths, names, strict=True)]
    alone = len(runs) == 1
    notes = find_notes(runs, alone)
    test = None if alone else compare_best(runs, dataset, notes)
    held_out = results_of_average(runs[0], dataset, notes) if alone else None
    if held_out is not None and not any(network.learned for network in runs[0].networks):
        held_out = without_examples(held_out)
    for sentence in notes:
        logger.info(sentence)
    rows = seed_rows(runs[0]) if alone else [run_row(run) for run in runs]
    return render(
        "comparison.html",
        language,
        title=names[0] if alone else f"{len(runs)} runs compared",
        alone=alone,
        notes=notes,
        rows=rows,
        summary=run_row(runs[0]) if alone else None,
        colours=[f"var(--c{i % len(SERIES)})" for i in range(len(rows))],
        curves=curves(runs, alone),
        test=test,
        names=names,
        has_ensemble=any(run.is_ensemble for run in runs),
        columns=[name for name, _ in settings_of(runs)],
        differing=[] if alone else differing_settings([config for _, config in settings_of(runs)]),
        settings=show_tables(runs[0].config),
        n_seeds=len(runs[0].models),
        j=held_out,
        untested=untested_words(paths[0], runs[0].config, shortest_history(runs[0]), None),
        tested=[] if alone else tested_runs(runs),
        **results_parts(held_out, f": the average of {count(len(runs[0].models), 'network')}"),
    )


def shortest_history(run: RunSummary) -> list[EpochRecord]:
    """Return the shortest history of a run's networks."""
    return min((network.history for network in run.networks), key=len, default=[])


def names_of(paths: Sequence[Path]) -> list[str]:
    """Return the runs' names, or their paths if two names are the same."""
    names = [name_of_run(path) for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def settings_of(runs: Sequence[RunSummary]) -> list[tuple[str, Config]]:
    """Return the settings of each run by name; for an ensemble, those of each member."""
    return [
        (f"{run.name}, {name}" if run.is_ensemble else run.name, config)
        for run in runs
        for name, config in (run.member_settings if run.is_ensemble else [("", run.config)])
    ]


def find_notes(runs: Sequence[RunSummary], alone: bool) -> list[str]:
    """Return notes that a reader must know before comparing."""
    notes = [
        f"{run.name}: {network.history[-1].stopped}{f' (network {i})' if len(run.networks) > 1 else ''}"
        for run in runs
        for i, network in enumerate(run.networks)
        if network.history and network.history[-1].diverged
    ]
    notes += [problem for run in runs for network in run.networks for problem in network.problems]
    notes += [f"of {run.name}, {words}" for run in runs if (words := unlearned_words(run))]
    if alone:
        return notes
    known = [run for run in runs if run.models]
    if len({run.data_fingerprint for run in known}) > 1:
        listed = ", ".join(f"{run.name} on {run.models[0].info.data_name}" for run in known)
        notes.append(
            f"these runs have different data ({listed}): their settings and curves can be compared, but their "
            "accuracies are for different images, and no test can say which run is better"
        )
    elif len({(run.config.data.n_valid, run.config.data.split_seed) for run in known}) > 1:
        notes.append(
            "these runs held out different images for validation, so their validation figures also differ for that "
            "reason"
        )
    return notes


def curves(runs: Sequence[RunSummary], alone: bool) -> list[PagePlot]:
    """Return plots with the validation curves of all runs; for a single run, the mean of its seeds and a few seeds."""
    if not alone:
        return overlaid_curves([(run.name, histories_of(run.networks)) for run in runs])
    seeds = seeds_of(runs[0])
    histories = histories_of([network for _, network in seeds])
    if not histories:
        return []
    each = overlaid_curves([(name, histories_of([network])) for name, network in seeds]) if len(seeds) <= ALONE else []
    return mean_curves(histories) + each[1:]


def histories_of(networks: Sequence[Network]) -> list[list[EpochRecord]]:
    """Return the histories of networks, without those of model files, which have no records."""
    return [network.history for network in networks if network.history]


def tested_runs(runs: Sequence[RunSummary]) -> list[tuple[str, HeldOutResults]]:
    """Return the runs with test results, by name, if they have the same classes and are few enough."""
    most_runs, most_classes = MATRICES
    found = [(run.name + average_word(run), held_out) for run in runs if (held_out := results_from_file(run))]
    classes = {tuple(row["class"] for row in held_out.classes) for _, held_out in found}
    is_small = len(found) <= most_runs and all(len(names) <= most_classes for names in classes)
    return found if len(classes) == 1 and is_small else []


def average_word(run: RunSummary) -> str:
    """Return the words after a run's name that say that its average is meant."""
    return " (its average)" if len(run.models) > 1 and not run.is_ensemble else ""


def two_best(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Return the two tested runs, or fewer, that are best on validation; the test images are not used."""
    tested = [run for run in runs if run.probabilities is not None and run.models]
    return sorted(tested, key=lambda run: -float(np.mean(run.validation("accuracy"))))[:2]


def compare_best(runs: Sequence[RunSummary], dataset: Source | None, notes: list[str]) -> dict[str, Any] | None:
    """Return McNemar's test between the two best runs, or None; `notes` gets the reason."""
    best = two_best(runs)
    if len({run.data_fingerprint for run in runs if run.models}) > 1:
        return None
    if len(best) < 2:
        notes.append("fewer than two of these runs have test results, so there is no test between runs")
        return None
    labels = find_labels(best[0].models[0], best[0].config, dataset)
    shares = [run.probabilities for run in best if run.probabilities is not None]
    if labels is None or any(len(share) != len(labels) for share in shares):
        notes.append("the test images were not found, so there is no test between the two best runs")
        return None
    right = [np.argmax(share, axis=-1) == labels for share in shares]
    result, accuracies = mcnemar(right[0], right[1]), [float(np.mean(one)) for one in right]
    return {
        "names": [run.name + average_word(run) for run in best],
        "accuracies": accuracies,
        "both": int(np.sum(right[0] & right[1])),
        "neither": int(np.sum(~right[0] & ~right[1])),
        "only": [result.only_first, result.only_second],
        "p": result.p_value,
        "chance": chance_words(result.p_value),
        "is_within_seeds": abs(accuracies[0] - accuracies[1]) <= noise_of(best, accuracies[0], len(labels)),
    }


def chance_words(probability: float) -> str:
    """Return a probability as text; a very small one is not written as 0."""
    return "less than 0.0001" if probability < 0.0001 else f"{probability:.2g}"


def noise_of(runs: Sequence[RunSummary], accuracy: float, n_images: int) -> float:
    """Return how much other seeds may change the difference of two accuracies on `n_images` test images.

    It is estimated from the seeds of the runs, if a run has several, and is at least the noise of so many images: seeds
    with the same settings rarely differ by more.
    """
    seeds = [run for run in runs if not run.is_ensemble]
    tested = [[n.result["test_accuracy"] for n in run.networks if n.result is not None] for run in seeds]
    variances = [float(np.var(values, ddof=1)) for values in tested if len(values) > 1]
    return max(accuracy_noise(accuracy, n_images), seeds_noise(variances))
