"""Batches hold the images that the order says, scaled and mirrored, against indexing one image at a time."""

from __future__ import annotations

import numpy as np
import pytest

from barenet.data.augmentation import mirror, mirror_coins
from barenet.data.batches import CHUNK_IMAGES, Batches, to_float, with_following
from barenet.data.randomness import generator

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (700, 12), np.uint8)
LABELS = RNG.integers(0, 5, 700)


def collected(batches: Batches, order, coins=None):
    images, labels, sizes = [], [], []
    for x, y in batches.epoch(order, coins):
        assert x.shape[:-1] == y.shape[: x.ndim - 1]
        images.append(x.copy())
        labels.append(y.copy())
        sizes.append(x.shape[-2])
    return np.concatenate(images, axis=-2), np.concatenate(labels, axis=-1), sizes


@pytest.mark.parametrize("batch_size", [1, 7, 100, 256, 300, 700])
@pytest.mark.parametrize("n_networks", [None, 1, 3])
def test_batches_follow_the_order(batch_size, n_networks):
    lead = () if n_networks is None else (n_networks,)
    order = np.random.default_rng(1).integers(0, 700, (*lead, 650))
    images, labels, sizes = collected(Batches(BYTES, LABELS, batch_size, scale=1 / 255), order)
    expected = BYTES[order].astype(np.float32) * np.float32(1 / 255)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(labels, LABELS[order])
    full, rest = divmod(650, batch_size)
    assert sizes == [batch_size] * full + ([rest] if rest else [])


@pytest.mark.parametrize("channels", [(), (2,)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("lead", [(), (2,)])
def test_coins_mirror_the_columns_of_an_image(channels, dtype, lead):
    shape = (3, 4 if not channels else 2, *channels)
    images = BYTES.astype(dtype)
    before = images.copy()
    rng = np.random.default_rng(2)
    order = rng.integers(0, 700, (*lead, 600))
    coins = rng.random(order.shape) < 0.5
    found, _, _ = collected(Batches(images, LABELS, 50, image_shape=shape), order, coins)
    flat_order, flat_coins, flat_found = order.reshape(-1), coins.reshape(-1), found.reshape(-1, 12)
    for i in (*range(50), *range(len(flat_order) - 50, len(flat_order))):
        image = before[flat_order[i]].reshape(shape)
        expected = np.flip(image, axis=1) if flat_coins[i] else image
        np.testing.assert_array_equal(flat_found[i].reshape(shape), expected)
    np.testing.assert_array_equal(images, before)  # the data set is left as it was


def test_a_second_epoch_is_not_disturbed_by_the_first():
    batches = Batches(BYTES, LABELS, 64, image_shape=(3, 4))
    order = np.arange(700)
    collected(batches, order, np.ones(700, bool))
    np.testing.assert_array_equal(collected(batches, order)[0], BYTES)


def test_small_batches_are_views_of_two_chunks_that_take_turns():
    taken = [x for x, _ in Batches(BYTES, LABELS, 16).epoch(np.arange(700))]
    n = CHUNK_IMAGES // 16
    assert not np.shares_memory(taken[0], taken[1])
    assert not np.shares_memory(taken[n - 1], taken[n])  # the batch before stays while the next is prepared
    assert np.shares_memory(taken[0], taken[2 * n])


@pytest.mark.parametrize("size", [16, 64, 300])
@pytest.mark.parametrize("images", [BYTES, BYTES.astype(np.float32)])
def test_a_batch_holds_while_the_next_is_known(size, images):
    order = np.arange(700)[::-1]
    for i, (x, y, following) in enumerate(with_following(Batches(images, LABELS, size).epoch(order))):
        start = i * size
        np.testing.assert_array_equal(x, BYTES[order[start : start + size]])
        np.testing.assert_array_equal(y, LABELS[order[start : start + size]])
        after = BYTES[order[start + size : start + 2 * size]]
        assert (following is None) == (len(after) == 0)
        if following is not None:
            np.testing.assert_array_equal(following, after)


def test_floats_without_a_scale_are_not_copied_twice():
    images = BYTES.astype(np.float32)
    assert to_float(images, 1.0, out=images) is images
    np.testing.assert_array_equal(to_float(BYTES, 0.5), BYTES / 2)
    assert to_float(BYTES, 1.0, dtype=np.float64).dtype == np.float64


def test_mirroring_nothing_and_everything():
    images = np.arange(24, dtype=np.uint8).reshape(2, 12)
    mirror(images, np.zeros(2, bool), (3, 4), np.empty_like(images))
    np.testing.assert_array_equal(images, np.arange(24).reshape(2, 12))
    mirror(images, np.ones(2, bool), (3, 4), np.empty_like(images))
    assert images[0].tolist() == [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8]


def test_coins_are_fair_and_those_of_seed_and_epoch():
    coins = mirror_coins(10_000, seed=0, epoch=1)
    assert abs(coins.mean() - 0.5) < 0.02  # four standard deviations
    np.testing.assert_array_equal(coins, mirror_coins(10_000, seed=0, epoch=1))
    for other in (mirror_coins(10_000, seed=1, epoch=1), mirror_coins(10_000, seed=0, epoch=2)):
        assert abs((coins == other).mean() - 0.5) < 0.02


def test_generators_differ_by_seed_purpose_and_epoch_alone():
    keys = [(seed, purpose, epoch) for seed in (0, 1) for purpose in ("order", "mirror") for epoch in (0, 1)]
    draws = {key: generator(*key).random() for key in keys}
    assert len(set(draws.values())) == 8
    for key in reversed(keys):
        assert generator(*key).random() == draws[key]
