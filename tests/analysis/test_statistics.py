"""Intervals, tests and calibration against textbook values and hand calculations."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from barenet.analysis.statistics import calibrate, label_doubts, mcnemar, wilson_interval


def test_wilson_intervals_are_the_published_ones():
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    for right, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson_interval(right, n) == pytest.approx((low, high), abs=5e-5)


def test_without_images_anything_is_possible():
    assert wilson_interval(0, 0) == (0, 1)


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (0, 6), (3, 3), (7, 2), (40, 60), (900, 1100)])
def test_mcnemar_agrees_with_sums_of_the_binomial_distribution(only_first, only_second):
    first = np.array([True] * (only_first + 5) + [False] * only_second + [False] * 3)
    second = np.array([False] * only_first + [True] * 5 + [True] * only_second + [False] * 3)
    result = mcnemar(first, second)
    n = only_first + only_second
    tail = sum(Fraction(comb(n, i), 2**n) for i in range(min(only_first, only_second) + 1))
    assert (result.only_first, result.only_second) == (only_first, only_second)
    assert result.p_value == pytest.approx(float(min(Fraction(1), 2 * tail)), rel=1e-12)


def test_calibration_error_of_four_images_by_hand():
    # Bins of 1/15: 0.62 and 0.65 lie in (9/15, 10/15], 0.95 twice in (14/15, 1].
    shares = np.array([[0.62, 0.38], [0.35, 0.65], [0.95, 0.05], [0.95, 0.05]])
    result = calibrate(shares, np.array([0, 0, 0, 1]))
    assert result.counts.tolist() == [0] * 9 + [2, 0, 0, 0, 0, 2]
    assert result.confidence[[9, 14]] == pytest.approx([0.635, 0.95])
    assert result.accuracy[[9, 14]] == pytest.approx([0.5, 0.5])
    assert result.error == pytest.approx((2 * 0.135 + 2 * 0.45) / 4)


def test_full_confidence_lies_in_the_last_bin():
    result = calibrate(np.eye(3), np.arange(3))
    assert result.counts[-1] == 3
    assert result.error == 0


def test_a_label_is_doubted_if_another_class_is_predicted_with_its_usual_confidence():
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.05, 0.95], [0.45, 0.55]])
    labels = np.array([0, 0, 1, 1, 0, 0])
    # Usual confidence in class 1: (0.9 + 0.7) / 2 = 0.8. Image 4 reaches it, image 5 (0.55) does not.
    assert label_doubts(shares, labels).tolist() == [4]
