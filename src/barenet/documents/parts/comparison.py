"""The comparison of several networks: their results in one table, their curves, and the settings that differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from barenet.analysis.statistics import mcnemar
from barenet.documents.blocks import Block, Figure, Heading, Note, Paragraph, Table
from barenet.documents.figures import comparison_curves
from barenet.documents.inputs.work import Work
from barenet.documents.parts.data import layers_text
from barenet.documents.parts.results import interval_of
from barenet.documents.parts.training import loss_text, percent
from barenet.documents.words import Name, Words
from barenet.pages.settings_table import differing_settings

__all__ = ["comparison_blocks"]

HEADINGS = {
    "networks": (
        *("Network", "Layers", "Parameters", "Validation accuracy", "Test accuracy", "95 % interval", "Test loss"),
    ),
    "settings": "Setting",
}


def comparison_blocks(works: Sequence[Work], words: Words) -> list[Block]:
    """Return the comparison, and what cannot be compared."""
    table = Table(("The networks and their results.",), HEADINGS["networks"], [row_of(work) for work in works], "ll")
    blocks: list[Block] = [Heading("Comparison"), *limits(works), table]
    curves = [(work.name, work.history) for work in works if any(r.valid_loss is not None for r in work.history)]
    if len(curves) > 1:
        drawing = comparison_curves(curves, words)
        caption = ("Validation loss (left) and validation accuracy (right) of the networks over the epochs.",)
        blocks.append(Figure("comparison", drawing, caption))
    configured = [work for work in works if work.config is not None]
    if len(configured) > 1:
        rows = [
            (Name(path), *map(Name, values))
            for path, values in differing_settings([w.config for w in configured if w.config is not None])
        ]
        if rows:
            names = [Name(work.name) for work in configured]
            blocks.append(
                Table(("The settings that differ.",), (str(HEADINGS["settings"]), *names), rows, "l" * (1 + len(names)))
            )
    return [*blocks, *test_between(works)]


def row_of(work: Work) -> tuple[str, ...]:
    """Return one network as a row."""
    best, scores = work.validation, work.scores
    tested = ("–", "–", "–")
    if scores is not None:
        _, low, high = interval_of(scores)
        interval = f"{low.removesuffix(' %')} – {high}"
        tested = (percent(scores["test_accuracy"]), interval, loss_text(scores["test_loss"]))
    valid = percent(best.valid_accuracy) if best is not None and not work.is_average else "–"
    layers = "–" if work.is_average else layers_text(work)
    size = f"{work.n_parameters:,}" if work.n_parameters else "–"
    return (Name(work.name), layers, size, valid, *tested)


def limits(works: Sequence[Work]) -> list[Block]:
    """Return what a reader must know before comparing: other data, other validation images."""
    known = [work for work in works if work.data is not None]
    prints = {work.data.fingerprint for work in known if work.data is not None}
    if len(prints) > 1:
        listed = ", ".join(f"{work.name} ({work.data.name})" for work in known if work.data is not None)
        return [
            Note(
                (
                    f"The networks have different data: {listed}.",
                    "Their accuracies are of different samples, so they cannot be compared.",
                )
            )
        ]
    splits = {(w.config.data.n_valid, w.config.data.split_seed) for w in works if w.config is not None}
    if len(splits) > 1 or any(work.is_homework for work in works):
        n_tested = sum(work.scores is not None for work in works)
        return [
            Note(
                (
                    "The networks may have different validation images, so their validation figures also differ for "
                    "that reason.",
                    *(["Their test results are of the same samples."] if n_tested > 1 else []),
                )
            )
        ]
    return []


def test_between(works: Sequence[Work]) -> list[Block]:
    """Return McNemar's test of the two networks that are best on validation, where both were tested on one data set."""
    tested = [work for work in works if work.right is not None and work.data is not None]
    if len({work.data.fingerprint for work in tested if work.data is not None}) != 1:
        return []
    ranked = sorted(tested, key=lambda w: -((w.validation and w.validation.valid_accuracy) or 0.0))[:2]
    if len(ranked) < 2:
        return []
    first, second = ranked
    assert first.right is not None
    assert second.right is not None
    if len(first.right) != len(second.right):
        return []
    found = mcnemar(first.right, second.right)
    p = "below 0.0001" if found.p_value < 0.0001 else f"{found.p_value:.2g}"
    better = first.name if np.sum(first.right) >= np.sum(second.right) else second.name
    verdict = (
        f"This is hardly chance: `{better}` is better on these samples."
        if found.p_value < 0.05
        else "This difference may be chance."
    )
    return [
        Paragraph(
            (
                f"Of the test samples, {found.only_first:,} are right for `{first.name}` alone and "
                f"{found.only_second:,} for `{second.name}` alone.",
                f"McNemar's exact test gives the probability {p} for such a difference by chance.",
                verdict,
            )
        )
    ]
