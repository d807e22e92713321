"""The batches of an epoch: each holds the images that the order gives, no matter which part is asked for first."""

from __future__ import annotations

import numpy as np
import pytest

from barenet.data.batches import TrainingImages
from barenet.engine.numpy_engine.feed import CHUNK_IMAGES, Feed
from barenet.engine.parts import split
from barenet.engine.protocol import EpochPlan

BYTES = np.random.default_rng(0).integers(0, 256, (700, 12), np.uint8)
LABELS = np.random.default_rng(1).integers(0, 5, 700)
IMAGES = TrainingImages(BYTES, LABELS, image_shape=(3, 4))


def make_feed(batch_size, lead, n_images=650, seed=1):
    rng = np.random.default_rng(seed)
    order = rng.integers(0, 700, (*lead, n_images))
    mirrored = rng.random(order.shape) < 0.5
    n_networks = lead[0] if lead else 1
    feed = Feed(IMAGES, batch_size, n_networks)
    n_steps = -(-n_images // batch_size)
    feed.begin(EpochPlan(0, np.ones((n_steps, n_networks)), order, mirrored))
    flipped = BYTES[order].reshape(*order.shape, 3, 4)[..., ::-1].reshape(*order.shape, 12)
    return feed, np.where(mirrored[..., None], flipped, BYTES[order]).astype(np.float32), LABELS[order]


@pytest.mark.parametrize("batch_size", [1, 7, 16, 64, 100, 300, 650, 700])
@pytest.mark.parametrize(("lead", "n_parts"), [((), 1), ((), 3), ((3,), 1)])  # only single networks are cut
def test_batches_follow_the_order(lead, batch_size, n_parts):
    feed, expected, labels = make_feed(batch_size, lead)
    for step in range(-(-650 // batch_size)):
        places = slice(step * batch_size, min((step + 1) * batch_size, 650))
        assert feed.positions(step) == places
        x = feed.batch(step)
        for rows in reversed(split(x.shape[-2], n_parts if batch_size >= CHUNK_IMAGES else 1)):
            feed.prepare(step, rows)
        np.testing.assert_array_equal(x, expected[..., places, :])
        np.testing.assert_array_equal(feed.labels(places), labels[..., places])


@pytest.mark.parametrize("batch_size", [16, 100])
def test_an_epoch_may_be_entered_anywhere_and_left(batch_size):
    feed, expected, _ = make_feed(batch_size, ())
    for step in (3, 1, 6, 5, 5, 0):
        feed.prepare(step, slice(0, batch_size))
        start = step * batch_size
        np.testing.assert_array_equal(feed.batch(step), expected[start : start + batch_size])


def test_images_that_are_ready_are_not_prepared_again(monkeypatch):
    feed, _, _ = make_feed(16, ())
    prepared = []

    def count(chosen, *args):
        prepared.append(chosen.shape)
        return TrainingImages.prepare(IMAGES, chosen, *args)

    monkeypatch.setattr(IMAGES, "prepare", count)
    for step in (0, 0, 1, 2, 3):  # networks that share a feed ask for the same step one after the other
        feed.prepare(step, slice(0, 16))
    assert prepared == [(CHUNK_IMAGES,)]
    feed.prepare(4, slice(0, 16))
    assert len(prepared) == 2


def test_another_epoch_does_not_use_the_prepared_batches():
    feed, _, _ = make_feed(16, ())
    feed.prepare(0, slice(0, 16))
    order = np.arange(700)[::-1]
    feed.begin(EpochPlan(0, np.ones((44, 1)), order))
    feed.prepare(0, slice(0, 16))
    np.testing.assert_array_equal(feed.batch(0), BYTES[order[:16]])


@pytest.mark.parametrize("batch_size", [1, 5, 16, 21, 32, 64, 100])
def test_images_that_are_prepared_early_do_not_overwrite_those_in_use(batch_size):
    feed, expected, _ = make_feed(batch_size, ())
    feed.allow_following()
    n_steps = 650 // batch_size
    for step in range(n_steps - 1):
        rows = slice(0, batch_size)
        feed.prepare(step, rows)
        x = feed.batch(step)
        feed.prepare(step + 1, rows)  # while threads still read x
        np.testing.assert_array_equal(x, expected[step * batch_size : (step + 1) * batch_size])
