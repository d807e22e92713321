"""The picture of a range test: what is drawn of it, and that there is one of any test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from families import slow_except

from barenet.plots.appearance import new_figure
from barenet.plots.tuning.learning_rates import range_test_plot, show_range_test
from barenet.tuning.range_test.result import RangeTest

RATES = np.geomspace(1e-5, 1, 200)
LOSSES = np.interp(np.arange(200), [0, 60, 120, 160, 199], [2.4, 2.3, 1.0, 1.0, 9.0])
FOUND = RangeTest(RATES, LOSSES, LOSSES, 0.0023, 4e-4, 1.5e-3, 0.007, 0.02, ("suggestion",))


def drawn(result):
    """Return what a panel has of a result: its lines, its texts, its limits."""
    with new_figure(6, 4) as figure:
        axes = figure.subplots()
        show_range_test(axes, result)
        return axes, [text.get_text() for text in axes.texts], [line.get_xdata() for line in axes.lines]


def test_the_suggestion_the_fall_and_the_loss_of_half_are_marked_at_their_rates():
    axes, words, lines = drawn(FOUND)
    assert words == ["the loss falls", "suggestion 0.0023", "half is lost"]
    assert axes.get_xscale() == "log"
    assert list(lines[0]) == list(lines[1]) == RATES.tolist()
    assert [line[0] for line in lines[2:]] == [0.0023, 0.02]
    (shaded,) = axes.patches
    assert shaded.get_x() == 4e-4
    assert shaded.get_x() + shaded.get_width() == pytest.approx(0.007)


def test_a_loss_that_blows_up_does_not_set_the_axis():
    axes, *_ = drawn(FOUND)
    low, high = axes.get_ylim()
    assert 0.5 < low < 1.0
    assert 2.4 < high < 4


def test_without_a_suggestion_the_losses_alone_are_drawn():
    nothing = replace(
        FOUND, suggestion=None, falls_from=None, falls_fastest_at=None, smallest_at=None, half_lost_at=None
    )
    axes, words, lines = drawn(nothing)
    assert (words, len(lines), len(axes.patches)) == ([], 2, 0)
    assert axes.get_ylim()[1] > 9


@pytest.mark.parametrize("n", slow_except([0, 1, 2], 1))
@pytest.mark.parametrize("loss", slow_except([2.3, 3e38], 3e38))
def test_a_test_that_ended_at_once_has_a_picture_too(n, loss):
    losses = np.full(n, loss)
    result = RangeTest(RATES[:n], losses, losses, None, None, None, None, None, ("no suggestion",))
    assert range_test_plot(result).startswith(b"\x89PNG")
    assert range_test_plot(result) == range_test_plot(result)
