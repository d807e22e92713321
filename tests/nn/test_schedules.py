"""Schedules: the course project's rule computed step by step, and known points of the others."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from barenet.errors import ConfigError
from barenet.nn.schedules import SCHEDULES, Schedule, count_decays


def walk_course_rule(learning_rate, decay_rate, decay_step, minimum, n_steps):
    """Return the rates of n_steps steps by the course project's rule, which keeps its rate from step to step.

    "Every decay_step steps lr *= decay_rate, but only while lr > minimum"; off unless 0 < decay_rate < 1.
    Returns None where a rate equals the minimum up to rounding, so that the result depends on the last bit.
    """
    lr, rates = learning_rate, []
    for step in range(n_steps):
        if step > 0 and step % decay_step == 0 and 0 < decay_rate < 1:
            if minimum > 0 and abs(lr / minimum - 1) < 1e-6:
                return None
            if lr > minimum:
                lr *= decay_rate
        rates.append(lr)
    return rates


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(
    learning_rate=st.floats(1e-4, 10),
    decay_rate=st.floats(0.01, 0.9999) | st.sampled_from([0.5, 0.9, 0.95, 1.0, 0.0, 1.5]),
    decay_step=st.integers(1, 40),
    minimum=st.floats(1e-6, 1) | st.sampled_from([0.0, 0.01]),
)
def test_step_decay_is_the_course_projects_rule(learning_rate, decay_rate, decay_step, minimum):
    expected = walk_course_rule(learning_rate, decay_rate, decay_step, minimum, 300)
    assume(expected is not None)
    schedule = Schedule("step", learning_rate, 300, decay_rate=decay_rate, decay_step=decay_step, minimum=minimum)
    # Below 1e-290 floats lose their precision.
    np.testing.assert_allclose(schedule.rates(np.arange(300)), expected, rtol=1e-9, atol=1e-290)


@pytest.mark.parametrize(
    ("learning_rate", "decay_rate", "minimum", "expected"),
    [
        # 0.05, 0.025, 0.0125 are above 0.01; 0.00625 is the first that is not, and stays.
        (0.05, 0.5, 0.01, [0.05, 0.025, 0.0125, 0.00625, 0.00625, 0.00625]),
        # Binary fractions meet the minimum exactly: 1/8 > 1/8 is false.
        (1.0, 0.5, 0.125, [1, 0.5, 0.25, 0.125, 0.125, 0.125]),
        # At or below the minimum from the start: nothing happens.
        (0.01, 0.5, 0.01, [0.01] * 6),
        (0.005, 0.5, 0.01, [0.005] * 6),
        # No minimum, and switched off.
        (1.0, 0.5, 0.0, [1, 0.5, 0.25, 0.125, 0.0625, 0.03125]),
        (1.0, 1.0, 0.01, [1] * 6),
        (1.0, 0.0, 0.01, [1] * 6),
        (1.0, 2.0, 0.01, [1] * 6),
    ],
)
def test_step_decay_by_hand(learning_rate, decay_rate, minimum, expected):
    schedule = Schedule("step", learning_rate, 60, decay_rate=decay_rate, decay_step=10, minimum=minimum)
    np.testing.assert_allclose(schedule.rates(np.arange(60)), np.repeat(expected, 10), rtol=1e-12)


@pytest.mark.parametrize(
    ("learning_rate", "decay_rate", "minimum", "expected"),
    [
        (0.1, 0.1, 0.01, [0.1, 0.01, 0.01, 0.01]),
        (0.05, 0.2, 0.01, [0.05, 0.01, 0.01, 0.01]),
        (1.0, 0.9, 0.729, [1, 0.9, 0.81, 0.729, 0.729, 0.729]),
    ],
)
def test_step_decay_stops_where_decimal_arithmetic_meets_the_minimum(learning_rate, decay_rate, minimum, expected):
    # 0.1 * 0.1 is 0.010000000000000002 in floating point, which would be above 0.01: the decimal numbers count.
    schedule = Schedule("step", learning_rate, 10, decay_rate=decay_rate, minimum=minimum)
    np.testing.assert_allclose(schedule.rates(np.arange(len(expected))), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("learning_rate", "decay_rate", "minimum"),
    [
        ("0.05", "0.5", "0.01"),
        ("0.3", "0.99", "0.0001"),
        ("0.05", "0.9999", "0.01"),
        ("1", "0.9", "0.531441"),  # 0.9^6
        ("0.7", "0.97", "0.6388711"),  # 0.7 * 0.97^3
        ("0.7", "0.97", "0.6388712"),
        ("0.7", "0.97", "0.6388710"),
        ("0.02", "0.1", "0.000000000002"),
        ("0.25", "1e-9", "0.1"),
        ("0.25", "0.5", "0.25"),
        ("0.25", "0.5", "0.2499999"),
    ],
)
def test_decays_are_counted_as_in_decimal_arithmetic(learning_rate, decay_rate, minimum):
    with localcontext(prec=60):
        rate, n = Decimal(learning_rate), 0
        while rate > Decimal(minimum):
            rate, n = rate * Decimal(decay_rate), n + 1
    assert count_decays(float(learning_rate), float(decay_rate), float(minimum)) == n


def test_decays_are_counted_where_there_are_billions_of_them():
    # 0.5 (1 - 1e-9)^K = 0.01 for K = ln 50 / 1e-9, up to one part in a billion.
    assert count_decays(0.5, 1 - 1e-9, 0.01) == pytest.approx(math.log(50) * 1e9, rel=1e-7)


def test_the_constant_rate_is_constant():
    assert Schedule("constant", 0.3, 100).rates(np.arange(100)).tolist() == [0.3] * 100


def test_exponential_decay_is_smooth_and_stops_at_the_minimum():
    schedule = Schedule("exponential", 0.8, 100, decay_rate=0.25, decay_step=10, minimum=0.01)
    # 0.8 / 4 after ten steps, by square roots in between, and 0.8 / 4^4 < 0.01.
    np.testing.assert_allclose(schedule.rates([0, 5, 10, 20, 40, 99]), [0.8, 0.4, 0.2, 0.05, 0.01, 0.01], rtol=1e-12)


def test_exponential_decay_keeps_its_precision_over_a_million_steps():
    rate, factor, steps = 0.8, 0.9999, [1, 10**3, 10**6 - 1]
    rates = Schedule("exponential", rate, 10**6, decay_rate=factor, decay_step=7).rates(steps)
    with localcontext(prec=50):
        expected = [Decimal(rate) * Decimal(factor) ** (Decimal(step) / 7) for step in steps]
    np.testing.assert_allclose(rates, [float(rate) for rate in expected], rtol=1e-14)


def test_the_cosine_goes_from_the_rate_to_the_minimum():
    schedule = Schedule("cosine", 1.0, 120, minimum=0.2)
    # (1 + cos) / 2 is 1, 3/4, 1/2, 1/4, 0 after 0, 1/3, 1/2, 2/3 and all of the way.
    np.testing.assert_allclose(schedule.rates([0, 40, 60, 80, 120, 500]), [1, 0.8, 0.6, 0.4, 0.2, 0.2], rtol=1e-12)


def test_the_cosine_starts_its_fall_after_the_warm_up():
    schedule = Schedule("cosine", 1.0, 130, warmup_steps=10)
    np.testing.assert_allclose(
        schedule.rates([0, 4, 9, 10, 50, 70, 90, 130]), [0.1, 0.5, 1, 1, 0.75, 0.5, 0.25, 0], atol=1e-15
    )


def test_one_cycle_rises_for_three_tenths_and_falls_to_nearly_zero():
    schedule = Schedule("one_cycle", 2.0, 100)
    rates = schedule.rates(np.arange(100))
    assert rates[0] == pytest.approx(2 / 25)
    assert rates[29] == pytest.approx(2)  # 0.3 * 100 - 1
    assert rates[99] == pytest.approx(2 / 25 / 1e4)
    assert rates[64] == pytest.approx((2 + 2 / 25 / 1e4) / 2)  # half-way down
    assert (np.diff(rates[:30]) > 0).all()
    assert (np.diff(rates[29:]) < 0).all()


@pytest.mark.parametrize("name", ["constant", "step", "exponential"])
def test_warm_up_rises_linearly_to_what_the_rate_would_be(name):
    cold = Schedule(name, 0.4, 50, decay_rate=0.5, decay_step=10)
    warm = Schedule(name, 0.4, 50, warmup_steps=20, decay_rate=0.5, decay_step=10)
    steps = np.arange(50)
    expected = [min(1, (step + 1) / 20) * float(cold.rates(step)) for step in steps]
    np.testing.assert_allclose(warm.rates(steps), expected, rtol=1e-13)
    assert warm.rates(0) == pytest.approx(0.02)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("warmup_steps", [0, 7])
def test_rates_are_the_same_asked_at_once_epoch_by_epoch_or_step_by_step(name, warmup_steps):
    schedule = Schedule(name, 0.37, 90, warmup_steps, decay_rate=0.83, decay_step=4, minimum=0.013)
    at_once = schedule.rates(np.arange(90))
    by_epoch = np.concatenate([schedule.rates(np.arange(start, start + 15)) for start in range(0, 90, 15)])
    by_step = np.array([float(schedule.rates(step)) for step in range(90)])
    assert at_once.tobytes() == by_epoch.tobytes()
    assert at_once.tobytes() == by_step.tobytes()
    assert at_once.dtype == np.float64


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_have_the_shape_of_the_steps_and_are_positive(name):
    schedule = Schedule(name, 0.5, 24, 3, decay_rate=0.9, decay_step=2)
    rates = schedule.rates(np.arange(24).reshape(4, 6))
    assert rates.shape == (4, 6)
    assert (rates > 0).all()
    assert rates.max() <= 0.5


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_the_shortest_trainings_have_finite_rates(name, n_steps):
    rates = Schedule(name, 0.5, n_steps, warmup_steps=n_steps).rates(np.arange(n_steps))
    assert np.isfinite(rates).all()
    assert (rates > 0).all()


def test_step_decay_survives_extreme_factors():
    def rates(decay_rate):
        return Schedule("step", 0.5, 10**9, decay_rate=decay_rate, minimum=0.01).rates([0, 1, 2, 10**9])

    np.testing.assert_allclose(rates(1e-300), [0.5, 5e-301, 5e-301, 5e-301])
    # (1 - 1e-12)^(1e9) = e^-0.001
    np.testing.assert_allclose(rates(1 - 1e-12), [0.5, 0.5, 0.5, 0.5 * math.exp(-1e-3)], rtol=1e-6)


def test_an_unknown_schedule_gets_the_nearest_known_one():
    with pytest.raises(ConfigError, match="unknown schedule 'cosin'; did you mean 'cosine'"):
        Schedule("cosin", 0.1, 10)
