"""The curve of a range test: its smoothed loss by hand, and the marks on a made-up curve."""

from __future__ import annotations

import numpy as np
import pytest

from barenet.tuning.range_test.curve import (
    BLEW_UP,
    FELL_AT_ONCE,
    NO_FALL,
    STILL_FALLING,
    Marks,
    count_kept,
    find_marks,
    smooth,
    span_of,
)

N = 300
STEPS = np.arange(N)
# Falls from 2 to 1 in 100 steps, stays for 40, and rises again by 1 in 40.
VALLEY = np.interp(STEPS, [100, 200, 240, 280], [2.0, 1.0, 1.0, 2.0])


def noise(size: float, seed: int = 0) -> np.ndarray:
    return size * np.random.default_rng(seed).normal(size=N)


def test_the_smoothed_loss_is_that_of_a_calculation_by_hand():
    # Means 1, 2.5, 5.25 with k = 1/2; they are divided by 1/2, 3/4, 7/8.
    assert smooth(np.array([2.0, 4.0, 8.0]), 2) == pytest.approx([2, 10 / 3, 6], rel=1e-15)


def test_a_constant_loss_is_its_smoothed_loss_from_the_first_step_on():
    assert smooth(np.full(50, 2.5), 10) == pytest.approx(np.full(50, 2.5))


def test_the_mean_goes_over_the_same_part_of_every_test():
    assert [span_of(n) for n in (60, 300, 3000)] == [2, 10, 100]


def test_the_marks_of_a_made_up_curve_are_where_a_calculation_has_them():
    # With span 10, k = 0.9. After a ramp of slope a has begun j steps ago, the mean is behind it by 9 a (1 - 0.9^j):
    #   a tenth of the fall, 0.1 with a = 0.01: j - 9 (1 - 0.9^j) < 10 up to j = 17, so step 117;
    #   the end of the fall, 0.09 above it at step 200: 0.09 * 0.9^j < 0.05 from j = 6 on, so step 206;
    #   the first of the rise, 0.05 with a = 1/40: j - 9 (1 - 0.9^j) < 2 up to j = 6, so step 246;
    #   half of the fall, 0.5: j - 9 (1 - 0.9^j) > 20 from j = 29 on, so step 269.
    marks = find_marks(VALLEY, N)
    assert isinstance(marks, Marks)
    assert marks.falls_from == 117
    assert marks.smallest == (206 + 246) / 2
    assert marks.half_lost == 269
    # Once 0.9^j is nearly 0, the mean falls as steeply as the ramp, up to the ramp's end.
    assert 150 < marks.steepest <= 200


def test_the_marks_of_a_curve_with_noise_are_near_those_without():
    marks, plain = find_marks(VALLEY + noise(0.05), N), find_marks(VALLEY, N)
    assert isinstance(marks, Marks)
    assert isinstance(plain, Marks)
    for name in ("falls_from", "smallest", "half_lost"):
        assert abs(getattr(marks, name) - getattr(plain, name)) <= 10, name


def test_the_steepest_step_is_that_of_the_steepest_fall():
    curve = 2 - 1 / (1 + np.exp(-(STEPS - 120) / 8)) + np.maximum(0, STEPS - 220) / 30
    marks = find_marks(curve, N)
    assert isinstance(marks, Marks)
    assert marks.steepest == pytest.approx(120 + 9, abs=3)  # the losses in the mean are 9 steps old on average


def test_half_of_the_fall_is_lost_at_a_loss_that_is_not_finite():
    marks = find_marks(VALLEY[:240], N)
    assert isinstance(marks, Marks)
    assert marks.half_lost == 240


@pytest.mark.parametrize(
    ("losses", "why"),
    [
        (VALLEY[:15], BLEW_UP),
        (VALLEY[:0], BLEW_UP),
        (np.full(N, 2.0), NO_FALL),
        (2 + noise(0.3, seed=1), NO_FALL),
        (2 + noise(0.3, seed=2), NO_FALL),
        (np.interp(STEPS, [0, 200], [2.0, 9.0]), NO_FALL),
        # The first rates raise the loss; then it falls, but never below its first value.
        (np.concatenate([[2.0], np.interp(STEPS[1:], [0, 5, 100, 150], [2.0, 90.0, 3.0, 80.0])]), NO_FALL),
        (np.interp(STEPS, [100, N], [2.0, 1.0]), STILL_FALLING),
        (np.interp(STEPS, [100, 200], [2.0, 1.0]), STILL_FALLING),
        (np.interp(STEPS, [0, 60, 200, N], [2.0, 1.0, 1.0, 5.0]), FELL_AT_ONCE),
    ],
)
def test_a_curve_without_marks_gives_the_reason(losses, why):
    assert find_marks(losses, N) == why


def test_a_loss_blows_up_where_it_is_not_finite():
    for bad in (np.nan, np.inf):
        assert count_kept(np.array([2.0, 1.5, 1.0, bad, 1.0]), 2) == 3
    assert count_kept(np.array([np.nan, 2.0]), 2) == 0


def test_a_loss_blows_up_where_its_mean_is_four_times_its_smallest_and_above_its_beginning():
    losses = np.array([1.0, 1.0, 1.0, 1.0, 3.0, 6.0, 9.0, 9.0])
    # Bias-corrected means with k = 1/2 from the fifth step on: 2.03, 4.05, 6.54: the sixth is above 4.
    assert count_kept(losses, 2) == 5
    nearly_learnt = np.array([2.0, 2.0, 0.5, 0.01, 0.01, 0.01, 0.01, 0.5, 0.5, 0.5])
    assert count_kept(nearly_learnt, 2) == len(nearly_learnt)
