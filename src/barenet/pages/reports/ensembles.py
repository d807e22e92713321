"""The page about an ensemble: what the average of its members gives, and what each of them gives alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from barenet.analysis.images import Source
from barenet.messages import as_typed, count
from barenet.nn import Activation, Loss
from barenet.notes import logger
from barenet.pages.page import render
from barenet.pages.reports.contestants import Contestant, Network, judge_average, read_contestant
from barenet.pages.reports.judgement import judged_parts, without_examples
from barenet.pages.reports.overlays import overlaid_curves
from barenet.pages.reports.rows import network_rows, spread
from barenet.pages.reports.untested import Untested
from barenet.pages.settings_table import differing_settings, show_tables
from barenet.plots.canvas import SERIES
from barenet.run_folders.finding import name_of_run
from barenet.storage.ensembles import read_members

__all__ = ["ensemble_page"]


def ensemble_page(
    path: Path,
    *,
    dataset: Source | None,
    activations: Sequence[Activation],
    loss: Loss | None,
) -> str:
    """Return the page about the ensemble at `path`."""
    whole = read_contestant(path, name_of_run(path), activations, loss)
    named = names_of(whole)
    notes = [f"{own.source} learned nothing" for own in whole.networks if not own.learned]
    notes += [problem for own in whole.networks for problem in own.problems]
    judgement = judge_average(whole, dataset, notes)
    if judgement is not None and not any(own.learned for own in whole.networks):
        judgement = without_examples(judgement)
    for sentence in notes:
        logger.info(sentence)
    configs = [config for _, config in whole.member_settings]
    curves = [(name, [own.history]) for name, own in named if own.history]
    tested = [own.result["test_accuracy"] for own in whole.networks if own.result is not None]
    n_networks = count(len(named), "network")
    return render(
        "ensemble.html",
        title=whole.name,
        data_name=whole.models[0].info.data_name,
        notes=notes,
        n_networks=n_networks,
        parameters=f"{sum(model.mlp.parameters.size for model in whole.models):,}",
        alone=spread(tested, 100, 2) if tested else "",
        best_alone=f"{100 * max(tested):.2f}" if tested else "",
        rows=member_rows(whole, named),
        colours=[f"var(--c{i % len(SERIES)})" for i in range(len(named))],
        curves=overlaid_curves(curves) if curves else [],
        j=judgement,
        untested=untested_words(path),
        names=[name for name, _ in named],
        differing=differing_settings(configs),
        settings=show_tables(configs[0]),
        **judged_parts(judgement, f": the average of {n_networks}"),
    )


def names_of(whole: Contestant) -> list[tuple[str, Network]]:
    """Return how the page calls each member: by its number, and by the run that it comes from."""
    return [(f"{number} {own.source}", own) for number, own in enumerate(whole.networks)]


def member_rows(whole: Contestant, named: Sequence[tuple[str, Network]]) -> list[dict[str, Any]]:
    """Return a row for each member, with its layers."""
    rows = network_rows(whole, named)
    return [row | {"layers": str(model.mlp.architecture)} for row, model in zip(rows, whole.models, strict=True)]


def untested_words(path: Path) -> Untested:
    """Return why an ensemble has no test results, and how it gets them."""
    again = " ".join(as_typed(member.source) for member in read_members(path))
    why = "its data have no test images, or were not at hand when it was made"
    return Untested(why, "To have them, make it again where they are:", f"barenet ensemble {again}")
