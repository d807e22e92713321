import math

import numpy as np
import pytest

from barenet.config.tables import Config
from barenet.training.learning.trends import find_trend
from barenet.training.records import EpochRecord, Stop


def history(losses, every=1, stopped=None):
    """Return records with these validation losses, one every `every` epochs."""
    records = []
    for epoch in range(1, every * len(losses) + 1):
        loss = float(losses[epoch // every - 1]) if epoch % every == 0 else None
        accuracy = None if loss is None else 0.5
        figures = (epoch, epoch * 10, 0.1, 1.0, 0.5, loss, accuracy, False, 1.0, 0.1, 10.0, 1.0)
        records.append(EpochRecord(0, *figures, stopped=stopped if epoch == every * len(losses) else None))
    return records


def noisy(curve, noise, seed):
    return curve * (1 + noise * np.random.default_rng(seed).normal(size=len(curve)))


EPOCHS = np.arange(1, 31)
FALLING = 0.3 + 0.7 * np.exp(-EPOCHS / 10)
FLAT = 0.3 + 0.7 * np.exp(-EPOCHS / 3)
RISING = np.where(EPOCHS < 9, 0.7 - 0.05 * EPOCHS, 0.3 + 0.02 * (EPOCHS - 8))


def test_the_trend_of_a_loss_that_rises_names_the_epoch_where_it_begins():
    trend = find_trend(history(RISING))
    assert trend.words == "validation loss rises from epoch 9 on, from 0.3 to 0.74"
    assert trend.advice(Config())[0].startswith("--patience")


def test_a_rise_is_found_if_validations_are_several_epochs_apart():
    trend = find_trend(history([0.5, 0.4, 0.45, 0.5, 0.55], every=10))
    assert (trend.kind, trend.epoch) == ("rises", 30)


def test_a_loss_that_still_falls_at_the_end_is_a_trend():
    assert find_trend(history(FALLING)).kind == "falls"
    assert find_trend(history([0.42, 0.34])).kind == "falls"
    assert find_trend(history([0.42, 0.34])).words.endswith("fell from 0.42 to 0.34 in the last validations")


def test_a_flat_end_and_a_single_validation_are_no_trend():
    assert find_trend(history(FLAT)) is None
    assert find_trend(history([0.4])) is None
    assert find_trend(history([])) is None


def test_the_flat_end_of_a_schedule_that_ends_at_a_rate_of_zero_is_no_trend():
    # The sum of the rates of a cosine schedule is half a cosine.
    progress = EPOCHS / 30
    assert find_trend(history(0.3 + 0.2 * (1 - progress - np.sin(np.pi * progress) / np.pi))) is None


def test_a_rise_of_a_few_percent_is_no_trend():
    assert find_trend(history(np.where(EPOCHS < 20, FLAT, FLAT * (1 + 0.003 * (EPOCHS - 20))))) is None


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.15])
def test_noise_around_a_flat_curve_is_rarely_found_to_be_a_trend(noise):
    found = [find_trend(history(noisy(np.full(30, 0.3), noise, seed))) for seed in range(200)]
    assert sum(trend is not None for trend in found) <= 6


@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_a_rise_with_noise_is_found_near_the_epoch_where_it_begins(noise):
    found = [find_trend(history(noisy(RISING, noise, seed))) for seed in range(100)]
    assert all(trend is not None and trend.kind == "rises" for trend in found)
    assert np.mean([abs(trend.epoch - 9) <= 2 for trend in found]) > 0.9


def test_a_single_bad_validation_at_the_end_is_no_rise():
    losses = noisy(FLAT, 0.02, 0)
    losses[-1] *= 1.3
    assert find_trend(history(losses)) is None


def test_infinite_losses_and_lost_networks_are_left_out():
    assert find_trend(history([0.5, math.nan, 0.4])).kind == "falls"
    assert find_trend(history([0.5, 0.4, 9.0, 1e9], stopped=Stop("diverged", "diverged in epoch 4"))) is None
