"""Standardising: the same statistics for every layout of the rows in memory."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from barenet.data.augmentation import mirror_images
from barenet.data.standardising import ROWS, Standardiser


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 2, 9])
def test_rows_have_the_same_statistics_however_they_lie_in_memory(dtype, width):
    rows = np.random.default_rng(0).normal(3, 5, (2 * ROWS + 7, width)).astype(dtype)
    wide = np.full((len(rows), 2 * width), np.nan, dtype)
    wide[:, ::2] = rows
    for same in (np.asfortranarray(rows), wide[:, ::2], rows[::-1][::-1], rows.T.copy().T):
        np.testing.assert_array_equal(same, rows)
        ours, others = Standardiser.of(rows), Standardiser.of(same)
        assert ours.mean.tobytes() == others.mean.tobytes()
        assert ours.deviation.tobytes() == others.deviation.tobytes()
        assert ours(rows).tobytes() == others(same).tobytes()


def test_mean_and_deviation_are_those_of_exact_fractions():
    rows = np.random.default_rng(1).normal(1e5, 2, (300, 2))
    standardise = Standardiser.of(rows)
    for column, mean, deviation in zip(rows.T, standardise.mean, standardise.deviation, strict=True):
        numbers = [Fraction(float(number)) for number in column]
        exact = sum(numbers) / len(numbers)
        variance = sum((number - exact) ** 2 for number in numbers) / len(numbers)
        assert mean == pytest.approx(float(exact), rel=1e-14)
        assert deviation == pytest.approx(math.sqrt(variance), rel=1e-12)


def test_a_mirrored_standardiser_gives_the_mirror_image_of_the_standardised_mirror_image():
    images = np.random.default_rng(2).normal(5, 3, (40, 12)).astype(np.float32)
    images[3, 4] = np.nan
    standardise = Standardiser.of(images, may_be_missing=True)
    expected = standardise(mirror_images(images, (3, 4)))
    assert mirror_images(standardise.mirrored((3, 4))(images), (3, 4)).tobytes() == expected.tobytes()
    assert standardise(images).tobytes() != mirror_images(expected, (3, 4)).tobytes()  # its places differ
