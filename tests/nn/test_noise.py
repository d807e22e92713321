"""The numbers behind dropout: against the same hash in plain integers, and as random as dropout needs.

Statistical tests have fixed seeds, so they always pass or always fail. Their bounds are four standard deviations of
what independent fair numbers give.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from barenet.nn.layers import Dropout
from barenet.nn.noise import Noise, hash_with_keys, keys_of_steps, mix_64, position_table

# Plain Python integers, from the module's description


def lowbias32(x):
    x = (x ^ (x >> 16)) * 0x7FEB352D % 2**32
    x = (x ^ (x >> 15)) * 0x846CA68B % 2**32
    return x ^ (x >> 16)


def splitmix64(state):
    """Return the output of SplitMix64 whose state was `state` before the call."""
    z = (state + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def number(seed, layer, step, position, unit):
    # A generator with this seed gives output `layer` from 0; that seeds another, which gives output `step` from -1.
    golden = 0x9E3779B97F4A7C15
    key = splitmix64(splitmix64(seed + layer * golden) + (step - 1) * golden)
    high, low = divmod(key, 2**32)
    x = lowbias32((position * 0x9E3779B1 + lowbias32(unit + 1)) % 2**32)
    x = (x ^ high) * 0x7FEB352D % 2**32
    x ^= x >> 15
    return (x + low) * 0x846CA68B % 2**32


def numbers(shape, seed=0, layer=1, step=0):
    """Return the numbers of a batch (B, H) for one network."""
    noise = Noise([seed])
    noise.step = step
    out, scratch = np.empty((2, *shape), np.uint32)
    hash_with_keys(position_table(*shape), noise.keys(layer).reshape(2), out=out, scratch=scratch)
    return out


def test_mixing_gives_the_published_outputs_of_splitmix64():
    # The first outputs with seed 1234567, as in the reference implementation and java.util.SplittableRandom.
    golden = 0x9E3779B97F4A7C15
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [mix_64(1234567 + (i + 1) * golden) for i in range(4)] == published
    assert [splitmix64(1234567 + i * golden) for i in range(4)] == published


@pytest.mark.parametrize(("seed", "layer", "step"), [(0, 0, 0), (1, 2, 3), (2**63 + 5, 1, 10**9), (2**70 + 1, 7, 1)])
def test_numbers_are_those_of_plain_integers(seed, layer, step):
    expected = [[number(seed, layer, step, position, unit) for unit in range(17)] for position in range(9)]
    np.testing.assert_array_equal(numbers((9, 17), seed, layer, step), expected)


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1, 2**32, 2**63 - 1, 2**63 + 5, 2**64 - 1, 2**64, 2**70 + 1])
def test_keys_of_many_steps_are_those_of_each_step(seed):
    steps = np.array([0, 1, 2, 7, 1000, 2**31, 2**32 + 1, 10**12])
    noise = Noise([seed])
    for layer in (0, 1, 2, 9):
        found = keys_of_steps(seed, layer, steps)
        assert found.dtype == np.uint32
        for noise.step, keys in zip(steps.tolist(), found, strict=True):
            assert keys.tolist() == noise.keys(layer)[:, 0].tolist()


def test_a_stack_gives_each_network_the_numbers_of_its_seed():
    noise = Noise([5, 6, 5])
    noise.step = 3
    out, scratch = np.empty((2, 3, 4, 8), np.uint32)
    hash_with_keys(position_table(4, 8), noise.keys(2).reshape(2, 3, 1, 1), out=out, scratch=scratch)
    for own, seed in zip(out, noise.seeds, strict=True):
        np.testing.assert_array_equal(own, numbers((4, 8), seed, 2, 3))


def test_a_larger_table_begins_with_a_smaller_one():
    np.testing.assert_array_equal(position_table(40, 70)[:9, :33], position_table(9, 33))


def test_hardly_any_two_values_share_a_constant():
    # n values in 2^32 places: n^2 / 2^33 = 32 equal pairs are expected.
    n = 512 * 1024
    assert n - len(np.unique(position_table(512, 1024))) < 32 + 4 * np.sqrt(32)


# How random they are

STEPS, B, H = 16, 64, 1024


def kept(rate, n_steps=STEPS, shape=(B, H), seed=0, number=1, first_step=0):
    """Return what a dropout layer keeps in some steps, (steps, B, H)."""
    noise = Noise([seed])
    layer = Dropout(rate, (), shape[-1], noise, number)
    slot = layer.make_slot(np.ones(shape, np.float32), needs_dx=False)
    found = np.empty((n_steps, *shape), bool)
    for step in range(n_steps):
        noise.step = first_step + step
        layer.forward(slot, training=True)
        found[step] = slot.y != 0
    return found


def correlation(a, b, p):
    """Return r of two samples with mean p, in standard deviations of what independent samples give."""
    return float(np.mean((a - p) * (b - p)) / (p * (1 - p)) * np.sqrt(a.size))


@pytest.mark.parametrize("first_step", [0, 50_000])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_of_kept_units_is_one_minus_the_rate(rate, first_step):
    sample = kept(rate, first_step=first_step)
    assert sample.size > 10**6
    assert abs(sample.mean() - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / sample.size)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("axis", ["steps", "positions", "units"])
def test_every_step_position_and_unit_keeps_its_share(axis, rate):
    # The sum of squared deviations is chi-square with a degree of freedom each: mean n, variance 2 n.
    sample = kept(rate)
    others = tuple({0, 1, 2} - {["steps", "positions", "units"].index(axis)})
    count = sample.size / sample.any(axis=others).size
    deviations = (sample.mean(axis=others) - (1 - rate)) * np.sqrt(count / (rate * (1 - rate)))
    assert abs(np.sum(deviations**2) - len(deviations)) < 4 * np.sqrt(2 * len(deviations))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("distance", [1, 2, 8])
@pytest.mark.parametrize("axis", [0, 1, 2], ids=["steps", "positions", "units"])
def test_neighbours_are_not_correlated(axis, distance, rate):
    sample = np.moveaxis(kept(rate), axis, 0)
    assert abs(correlation(sample[distance:], sample[:-distance], 1 - rate)) < 4


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"seed": 2}, {"seed": 2**32}, {"number": 0}, {"number": 2}, {"seed": 1, "number": 0}],
    ids=str,
)
def test_seeds_and_layers_are_not_correlated(other, rate):
    assert abs(correlation(kept(rate), kept(rate, **other), 1 - rate)) < 4


def test_a_seed_and_layer_do_not_follow_another_pair_some_steps_later():
    one = kept(0.5)
    for seed, number, lag in itertools.product([0, 1], [0, 1, 2], [1, 2, 3]):
        other = kept(0.5, seed=seed, number=number)
        assert abs(correlation(one[lag:], other[:-lag], 0.5)) < 4, (seed, number, lag)


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["steps", "positions", "units"])
def test_all_patterns_of_eight_neighbours_are_equally_frequent(axis):
    # Chi-square with 255 degrees of freedom: mean 255, variance 510.
    bits = np.moveaxis(kept(0.5), axis, -1).reshape(-1, 8)
    counts = np.bincount(np.packbits(bits, axis=-1)[:, 0], minlength=256)
    expected = len(bits) / 256
    assert abs(np.sum((counts - expected) ** 2 / expected) - 255) < 4 * np.sqrt(510)


@pytest.mark.parametrize("distance", [1, 2, 8])
@pytest.mark.parametrize("axes", [(0, 1), (0, 2), (1, 2)], ids=["steps positions", "steps units", "positions units"])
def test_the_corners_of_rectangles_are_independent(axes, distance):
    # A hash that only adds or xors a part for the step and a part for the unit has no pairs that agree too often, but
    # three corners determine the fourth: the number of kept ones among the four is even more often than half the time.
    sample = np.moveaxis(kept(0.5), axes, (0, 1))
    near, far = sample[distance:], sample[:-distance]
    odd = near[:, distance:] ^ near[:, :-distance] ^ far[:, distance:] ^ far[:, :-distance]
    assert abs(odd.mean() - 0.5) < 4 * np.sqrt(0.25 / odd.size)


@pytest.mark.parametrize("bit", range(32))
def test_one_other_bit_of_the_step_or_the_seed_gives_independent_numbers(bit):
    # With a hash that mixes badly, a bit of the output depends on one bit of the input.
    here = numbers((64, 64)) >> 31
    for there in (numbers((64, 64), step=2**bit) >> 31, numbers((64, 64), seed=2**bit) >> 31):
        assert abs(correlation(here.astype(float), there.astype(float), 0.5)) < 4
