"""A run, one of its seeds or a member of an ensemble as a row of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from barenet.analysis.statistics import wilson_interval
from barenet.pages.reports.run_summaries import Network, RunSummary
from barenet.training.records import training_seconds

__all__ = ["network_rows", "run_row", "seed_rows", "seeds_of", "spread", "unlearned_words"]


def unlearned_words(run: RunSummary) -> str:
    """Return words about the networks of a run that learned nothing, or "" if all learned something."""
    n, n_empty = len(run.networks), sum(not network.learned for network in run.networks)
    if n_empty == 0:
        return ""
    return "the network learned nothing" if n == 1 else f"{n_empty} of {n} networks learned nothing"


def spread(values: Sequence[float], factor: float, digits: int) -> str:
    """Return a value as text, or mean ± standard deviation of several values."""
    if not values:
        return "–"
    mean = f"{factor * np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {factor * np.std(values, ddof=1):.{digits}f}"


def run_row(run: RunSummary) -> dict[str, Any]:
    """Return one run as a row of the table."""
    results = [network.result for network in run.networks if network.result is not None]
    if run.is_ensemble:  # it counts as one model with its test results
        results = [] if run.scores is None else [run.scores]
    accuracies = [result["test_accuracy"] for result in results]
    histories = [network.history for network in run.networks if network.history]
    interval = ""
    if len(results) == 1:
        n = results[0]["images"]
        low, high = wilson_interval(round(accuracies[0] * n), n)
        interval = f"{100 * low:.2f} to {100 * high:.2f}"
    elif run.scores is not None:
        interval = f"the average: {100 * run.scores['test_accuracy']:.2f}"
    return {
        "name": run.name,
        "networks": len(run.networks),
        "unlearned": unlearned_words(run).removeprefix("the network "),
        "validation_accuracy": spread(run.validation("accuracy"), 100, 2),
        "validation_loss": spread(run.validation("loss"), 1, 4),
        "test_accuracy": spread(accuracies, 100, 2),
        "interval": interval,
        "test_loss": spread([result["test_loss"] for result in results], 1, 4),
        "best_epoch": ", ".join(str(model.info.epoch) for model in run.models) or "–",
        "parameters": f"{parameters_of(run):,}" if run.models else "–",
        "seconds": f"{training_seconds(histories):.1f}" if histories else "–",
        "sharing": ", ".join(dict.fromkeys(network.sharing for network in run.networks if network.sharing)),
    }


def parameters_of(run: RunSummary) -> int:
    """Return the number of parameters of one network of a run, or of all members of an ensemble."""
    sizes = [model.mlp.parameters.size for model in run.models]
    return sum(sizes) if run.is_ensemble else sizes[0]


def seeds_of(run: RunSummary) -> list[tuple[str, Network]]:
    """Return the name and the network of each seed that has best weights."""
    return [(f"seed-{n.model.info.seed}", n) for n in run.networks if n.model is not None]


def seed_rows(run: RunSummary) -> list[dict[str, Any]]:
    """Return a row for each seed of one run."""
    return network_rows(run, seeds_of(run))


def network_rows(run: RunSummary, networks: Sequence[tuple[str, Network]]) -> list[dict[str, Any]]:
    """Return a row for each network of a run, by its name."""
    alone = replace(run, probabilities=None, scores=None, is_ensemble=False)
    return [run_row(replace(alone, name=name, networks=[network])) for name, network in networks]
