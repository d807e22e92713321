"""The estimator scales features by the rule for files and arrays: pixels stay pixels, all else is standardised."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from barenet.errors import ConfigError, DataError, InputWarning
from barenet.sklearn import BarenetClassifier
from barenet.sklearn.rows import scale

pytestmark = pytest.mark.extra

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (60, 64)).astype(np.uint8)
Y = np.arange(60) % 2


def quick(**parameters):
    return BarenetClassifier((4,), epochs=2, random_state=0, **parameters)


def test_bytes_and_their_fractions_come_to_the_network_alike():
    by_bytes, by_fractions = quick().fit(PIXELS, Y), quick().fit(PIXELS / 255, Y)
    np.testing.assert_array_equal(scale(by_bytes.scaler_, PIXELS), (PIXELS / 255).astype(np.float32))
    np.testing.assert_array_equal(scale(by_fractions.scaler_, PIXELS / 255), (PIXELS / 255).astype(np.float32))
    standardised = quick(standardize=True).fit(PIXELS, Y)
    assert isinstance(standardised.scaler_, StandardScaler)
    assert clone(by_bytes).standardize == "auto"


def test_features_and_pixels_are_told_apart_by_their_number_and_range():
    for x in (PIXELS[:, :10], PIXELS / 16, PIXELS / 255 - 0.5):
        assert isinstance(quick().fit(x, Y).scaler_, StandardScaler)


def test_pixels_of_another_scale_than_in_training_are_refused():
    with pytest.raises(DataError, match="X goes up to 255, the rows trained on go from 0 to 1: divide it by 255"):
        quick().fit(PIXELS / 255, Y).predict(PIXELS)
    with pytest.raises(DataError, match="X goes up to 1, the rows trained on up to 255: multiply it by 255"):
        quick().fit(PIXELS, Y).predict(PIXELS / 255)


def test_numbers_of_0_to_16_get_no_advice_about_255():
    with pytest.raises(DataError, match="X goes up to 16, the rows trained on go from 0 to 1: scale it as in training"):
        quick().fit(PIXELS / 255, Y).predict(PIXELS // 16 + 1)


def test_features_in_other_units_than_in_training_give_a_warning():
    sixteenths = PIXELS // 16  # which are features by the rule
    estimator = quick().fit(sixteenths, Y)
    with pytest.warns(InputWarning, match="X: all are nearly the same: .* they may have other units"):
        estimator.predict(sixteenths / 255)
    with pytest.warns(InputWarning, match=r"X: most values lie more than 20 standard deviations .*: feature 1 \("):
        estimator.predict(sixteenths * 100.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimator.predict(sixteenths.astype(float))


def test_standardised_pixels_give_a_warning_for_a_model_of_pixels():
    for trained in (PIXELS, PIXELS / 255):
        with pytest.warns(InputWarning, match=r"X has values down to -1\..*, the rows trained on none below 0"):
            quick().fit(trained, Y).predict((PIXELS - PIXELS.mean()) / PIXELS.std())


def test_another_word_for_the_scaling_is_refused():
    with pytest.raises(ConfigError, match="standardize must be True, False or 'auto', got 'minmax'"):
        quick(standardize="minmax").fit(PIXELS, Y)
