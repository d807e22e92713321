"""An axis is set by most of its points: single outliers are marked at its edge."""

from __future__ import annotations

import math

import pytest

from barenet.plots.appearance import new_figure
from barenet.plots.learning_curves import has_ratios, loss_range, ratio_range, show_loss, show_ratios, still_words
from barenet.plots.ranges import kept_range
from barenet.training.records import EpochRecord


def record(epoch: int, loss: float, rate: float = 0.1, ratio: float = 1e-3) -> EpochRecord:
    return EpochRecord(
        *(0, epoch, 10 * epoch, rate, loss, 0.5, loss, 0.5, False, 1.0, 0.1, 9.0, 0.5), update_ratios={"W1": ratio}
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([454, 0.5, 0.45, 0.44], (0.44, 0.5)),
        ([454, 0.5, 0.45], (0.45, 0.5)),
        ([454, 30, 5, 1, 0.5, 0.45], (0.45, 30)),
        ([2.3, 0.5, 0.45, 0.44, 0.43], (0.43, 2.3)),  # an ordinary start
        ([454, 0.5], (0.5, 454)),  # of two values none is single
        ([3.0], (3.0, 3.0)),
        ([2.3, 2.3, 2.3], (2.3, 2.3)),
        ([math.nan, 0.5, math.inf], (0.5, 0.5)),
        ([0.0, 0.0, 0.0, 1.0], (0.0, 1.0)),
        ([], None),
        ([math.nan], None),
    ],
)
def test_a_value_far_above_all_others_does_not_set_the_range(values, expected):
    assert kept_range(values, 10) == expected


def test_on_a_logarithmic_axis_a_value_far_below_does_not_set_the_range_either():
    assert kept_range([1e-2, 5e-3, 2e-3, 1e-10], 100, both_ends=True) == (2e-3, 1e-2)
    assert kept_range([1e-2, 5e-3, 2e-3, 1e-10], 100) == (1e-10, 1e-2)


@pytest.mark.parametrize("n_epochs", [2, 3, 6, 100])
def test_an_epoch_that_ends_without_a_learning_rate_does_not_set_the_axis_of_updates(n_epochs):
    records = [record(epoch, 1.0) for epoch in range(1, n_epochs)] + [record(n_epochs, 1.0, rate=1e-9, ratio=1e-10)]
    low, high = ratio_range(records)
    assert (low, high) == (1e-3, 1e-3)
    with new_figure(4, 3) as figure:
        axes = figure.subplots()
        show_ratios(axes, records)
        bottom, top = axes.get_ylim()
        marked = [line for line in axes.lines if line.get_marker() == "v"]
        assert (bottom, top) == pytest.approx((1e-4, 1e-2))
        assert [list(line.get_xdata()) for line in marked] == [[n_epochs]]
        assert axes.get_xlabel() == "epoch (▼ below the axis)"


@pytest.mark.parametrize(("second", "words"), [(0.0, "no update in epoch 2"), (math.nan, "no update in epoch 2")])
def test_an_epoch_that_a_chart_of_updates_cannot_show_keeps_its_place_and_is_named(second, words):
    records = [record(1, 1.0), record(2, 1.0, ratio=second)]
    with new_figure(4, 3) as figure:
        axes = figure.subplots()
        show_ratios(axes, records)
        low, high = axes.get_xlim()
        assert low < 1
        assert high > 2
        assert axes.get_xticks().tolist() == [1, 2]
        assert axes.get_xlabel() == f"epoch; {words}"
    assert still_words([record(1, 1.0)]) == ""


def test_a_legend_keeps_clear_of_the_marks_at_the_edge_of_an_axis():
    records = [record(1, 454.0), *(record(epoch, 1 / epoch) for epoch in range(2, 8))]
    with new_figure(4, 3) as figure:
        axes = figure.subplots()
        show_loss(axes, records, 7)
        figure.draw_without_rendering()
        box, marks = axes.get_legend().get_window_extent(), [m for m in axes.lines if m.get_marker() == "^"]
        tops = [m.get_transform().transform(m.get_xydata())[0][1] - m.get_markersize() * figure.dpi / 72 for m in marks]
        assert tops
        assert min(tops) > box.y1


def test_updates_of_nothing_make_no_chart():
    assert has_ratios([record(1, 1.0)])
    assert not has_ratios([record(1, 1.0, ratio=0.0), record(2, 1.0, ratio=math.nan)])
    assert not has_ratios([])
    biases_only = EpochRecord(*(0, 1, 9, 0.1, 1.0, 0.5, 1.0, 0.5, False, 1.0, 0.1, 9.0, 0.5), update_ratios={"b1": 0.5})
    assert not has_ratios([biases_only])


def test_a_lost_first_epoch_does_not_set_the_axis_of_losses():
    records = [record(1, 454.0), *(record(epoch, 1 / epoch) for epoch in range(2, 8))]
    assert loss_range(records) == (1 / 7, 0.5)
    with new_figure(4, 3) as figure:
        axes = figure.subplots()
        show_loss(axes, records, 7)
        assert axes.get_ylim()[1] < 0.6
        assert axes.get_xlabel() == "epoch (▲ above the axis)"


@pytest.mark.parametrize("n_epochs", [1, 2, 3])
def test_a_constant_curve_keeps_its_axis(n_epochs):
    with new_figure(4, 3) as figure:
        axes = figure.subplots()
        show_loss(axes, [record(epoch, 2.3) for epoch in range(1, n_epochs + 1)], 1)
        bottom, top = axes.get_ylim()
        assert bottom < 2.3 < top
        assert axes.get_xlabel() == "epoch"
