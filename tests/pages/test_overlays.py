"""Curves of several networks in one plot: their mean, and an axis that a diverged run does not change."""

from __future__ import annotations

import numpy as np
import pytest
from families import slow_except

from barenet.pages.reports.overlays import mean_curves, overlaid_curves, shared_range, values_of
from barenet.training.records import EpochRecord


def history(*losses: float, every: int = 1) -> list[EpochRecord]:
    return [
        EpochRecord(
            *(0, epoch, 9 * epoch, 0.1, loss, 0.5, loss if epoch % every == 0 else None, 0.5, False, 1.0, 0.1, 9.0, 0.5)
        )
        for epoch, loss in enumerate(losses, start=1)
    ]


def test_a_mean_covers_the_epochs_that_all_networks_have():
    epochs, values = values_of([history(4, 2, 1), history(8, 6)], "train_loss", 1.0)
    assert epochs == [1, 2]
    assert np.mean(values, axis=0).tolist() == [6, 4]
    assert values_of([history(4, 2, 1, 1, every=2)], "valid_loss", 10.0)[0] == [2, 4]


def test_a_run_far_above_the_best_one_does_not_change_the_axis():
    good, bad = np.array([0.5, 0.4, 0.3]), np.full(10, 450.0)
    assert shared_range([bad, good]) == (0.3, 0.5)
    assert shared_range([np.array([2.3, 2.3]), good]) == (0.3, 2.3)
    assert shared_range([np.array([np.nan])]) is None
    loss, accuracy = overlaid_curves([("good", [history(0.5, 0.4, 0.3)]), ("bad", [history(450.0, 440.0)])])
    assert loss.caption == "Outside of the axis, marked at its edge: bad (up to 450)."
    assert accuracy.caption == ""


def test_a_run_without_a_history_has_no_line_and_the_others_keep_their_colours():
    loss, _ = overlaid_curves([("file", []), ("run", [history(0.5, 0.4)])])
    assert "var(--c1)" in loss.svg
    assert "var(--c0)" not in loss.svg
    assert overlaid_curves([("file", [])]) == []


@pytest.mark.parametrize("n_epochs", slow_except([1, 2, 3], 1))
def test_few_epochs_of_two_seeds_are_drawn(n_epochs):
    plots = mean_curves([history(*[2.3] * n_epochs), history(*[2.3] * n_epochs)])
    assert [("mean of 2 seeds" in plot.svg, plot.caption) for plot in plots] == [(True, ""), (True, "")]
