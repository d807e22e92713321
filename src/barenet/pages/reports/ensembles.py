"""The page about an ensemble: the results of the average of its members, and of each member alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from barenet.analysis.images import Source
from barenet.language.choice import ENGLISH
from barenet.messages import as_typed, count
from barenet.nn import Activation, Loss
from barenet.notes import logger
from barenet.pages.page import render
from barenet.pages.reports.held_out_results import results_parts, without_examples
from barenet.pages.reports.overlays import overlaid_curves
from barenet.pages.reports.rows import network_rows, spread
from barenet.pages.reports.run_summaries import Network, RunSummary, read_run_summary, results_of_average
from barenet.pages.reports.untested import Untested
from barenet.pages.settings_table import differing_settings, show_tables
from barenet.plots.appearance import SERIES
from barenet.run_folders.finding import name_of_run
from barenet.storage.ensembles import read_members

__all__ = ["ensemble_page"]


def ensemble_page(
    path: Path,
    *,
    dataset: Source | None,
    activations: Sequence[Activation],
    loss: Loss | None,
    language: str = ENGLISH,
) -> str:
    """Return the page about the ensemble at `path` in a language."""
    whole = read_run_summary(path, name_of_run(path), activations, loss)
    named = names_of(whole)
    notes = [f"{member.source} learned nothing" for member in whole.networks if not member.learned]
    notes += [problem for member in whole.networks for problem in member.problems]
    held_out = results_of_average(whole, dataset, notes)
    if held_out is not None and not any(member.learned for member in whole.networks):
        held_out = without_examples(held_out)
    for sentence in notes:
        logger.info(sentence)
    configs = [config for _, config in whole.member_settings]
    curves = overlaid_curves([(name, [member.history] if member.history else []) for name, member in named])
    tested = [member.result["test_accuracy"] for member in whole.networks if member.result is not None]
    n_networks = count(len(named), "network")
    return render(
        "ensemble.html",
        language,
        title=whole.name,
        data_name=whole.models[0].info.data_name,
        notes=notes,
        n_networks=n_networks,
        parameters=f"{sum(model.mlp.parameters.size for model in whole.models):,}",
        alone=spread(tested, 100, 2) if tested else "",
        best_alone=f"{100 * max(tested):.2f}" if tested else "",
        rows=member_rows(whole, named),
        colours=[f"var(--c{i % len(SERIES)})" for i in range(len(named))],
        curves=curves,
        j=held_out,
        untested=untested_words(path),
        names=[name for name, _ in named],
        differing=differing_settings(configs),
        settings=show_tables(configs[0]),
        **results_parts(held_out, f": the average of {n_networks}"),
    )


def names_of(whole: RunSummary) -> list[tuple[str, Network]]:
    """Return the name of each member in the page: its number, and the run that it comes from."""
    return [(f"{number} {member.source}", member) for number, member in enumerate(whole.networks)]


def member_rows(whole: RunSummary, named: Sequence[tuple[str, Network]]) -> list[dict[str, Any]]:
    """Return a row for each member, with its layers."""
    rows = network_rows(whole, named)
    return [row | {"layers": str(model.mlp.architecture)} for row, model in zip(rows, whole.models, strict=True)]


def untested_words(path: Path) -> Untested:
    """Return why an ensemble has no test results, and the command for them."""
    again = " ".join(as_typed(member.source) for member in read_members(path))
    why = "its data have no test images, or were not found when it was made"
    return Untested(why, "To have them, make it again where the data are:", f"barenet ensemble {again}")
