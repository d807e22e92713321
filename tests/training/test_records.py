"""The training time of several networks by their records, and the line of an epoch."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest

from barenet.training.records import EpochRecord, training_seconds

RECORD = EpochRecord(**{f.name: 1 for f in fields(EpochRecord)} | {"update_ratios": {}, "stopped": None})


def history(*seconds):
    return [replace(RECORD, epoch=epoch, seconds=value) for epoch, value in enumerate(seconds, start=1)]


@pytest.mark.parametrize(
    ("histories", "expected"),
    [
        ([], 0.0),
        ([history(1.5, 2.5)], 4.0),
        ([history(1.5, 1.5)], 3.0),  # two epochs that took equally long
        ([history(1.5, 2.5), history(1.5, 2.5), history(1.5)], 4.0),  # together; the third stopped early
        ([history(1.5), history(1.5, 2.5, 0.5)], 4.5),  # the first stopped early
        ([history(1.5, 2.5), history(3.0, 2.5)], 7.0),  # each alone, then together
        ([history(1.5, math.nan)], 1.5),  # a time that was not measured
    ],
)
def test_seconds_that_networks_trained_together_count_once(histories, expected):
    assert training_seconds(histories) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("loss", "written"),
    [
        (0.60351, "0.6035"),
        (454.0, "454.0000"),
        (999_999.0, "999999.0000"),
        (110821745468504880.0, "1.11e+17"),
        (-2e6, "-2.00e+06"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_a_line_has_four_decimals_unless_the_number_is_huge(loss, written):
    line = replace(RECORD, train_loss=loss, valid_loss=loss, valid_accuracy=0.5).as_line()
    assert f"| Train Loss: {written} |" in line
    assert f"| Valid Loss: {written} |" in line
