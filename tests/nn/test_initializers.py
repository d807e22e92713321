"""Initializers: the moments that the papers prescribe, from fan-in and fan-out, and numbers from the seed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from barenet.nn.initializers import INITIALIZERS

FAN_IN, FAN_OUT = 500, 200


def draw(name, shape=(FAN_IN, FAN_OUT), seed=0, dtype=np.float64):
    weights = np.full(shape, np.nan, dtype)
    INITIALIZERS[name](weights, np.random.default_rng(seed))
    return weights


# With n = 100,000 draws the standard error of a mean is s / 316, of a normal's standard deviation s / 447.
@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("he", math.sqrt(2 / FAN_IN)),
        ("lecun", math.sqrt(1 / FAN_IN)),
        ("course", math.sqrt(1 / FAN_IN)),
        ("glorot", math.sqrt(2 / (FAN_IN + FAN_OUT))),  # of a uniform number within +-sqrt(6 / (in + out))
    ],
)
def test_mean_and_deviation_are_those_of_the_paper(name, deviation):
    weights = draw(name)
    assert abs(weights.mean()) < 4 * deviation / 316
    assert weights.std() == pytest.approx(deviation, rel=4 / 447)


@pytest.mark.parametrize("name", ["he", "lecun", "course"])
def test_normal_initializers_have_a_normal_share_beyond_two_deviations(name):
    weights = draw(name)
    share = np.mean(np.abs(weights) > 2 * weights.std())
    assert share == pytest.approx(math.erfc(2 / math.sqrt(2)), abs=4 * math.sqrt(0.0455 * 0.9545 / weights.size))


def test_glorot_fills_its_interval_and_nothing_else():
    limit = math.sqrt(6 / (FAN_IN + FAN_OUT))
    weights = draw("glorot")
    assert np.abs(weights).max() <= limit
    # 100,000 uniform draws: the chance that none lies in the outer ten-thousandth on a side is e^-5 or less.
    assert weights.max() > 0.999 * limit
    assert weights.min() < -0.999 * limit
    counts, _ = np.histogram(weights, bins=10, range=(-limit, limit))
    assert np.abs(counts - weights.size / 10).max() < 5 * math.sqrt(weights.size * 0.09)


def test_glorots_draws_are_numpys_uniform_ones_to_rounding():
    # NumPy's differ in the last bit from processor to processor.
    limit = math.sqrt(6 / (FAN_IN + FAN_OUT))
    expected = np.random.default_rng(0).uniform(-limit, limit, (FAN_IN, FAN_OUT))
    np.testing.assert_allclose(draw("glorot"), expected, rtol=0, atol=limit * 2**-52)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_weight_is_drawn_again_and_the_seed_decides(name):
    weights = draw(name, (30, 20))
    assert len(np.unique(weights)) == weights.size
    np.testing.assert_array_equal(weights, draw(name, (30, 20)))
    assert not np.intersect1d(weights, draw(name, (30, 20), seed=1)).size


@pytest.mark.parametrize("name", INITIALIZERS)
def test_float32_weights_are_the_float64_ones_rounded(name):
    np.testing.assert_array_equal(draw(name, dtype=np.float32), draw(name).astype(np.float32))


def test_the_course_project_starts_as_lecun_does():
    np.testing.assert_array_equal(draw("course"), draw("lecun"))
