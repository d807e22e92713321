"""Gathering, mirroring and scaling training images, compared with indexing one image at a time."""

from __future__ import annotations

import numpy as np
import pytest

from barenet.data.augmentation import draw_mirrored, mirror
from barenet.data.batches import TrainingImages, to_float
from barenet.data.randomness import generator

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (700, 12), np.uint8)
LABELS = RNG.integers(0, 5, 700)


@pytest.mark.parametrize("lead", [(), (1,), (3,)])
@pytest.mark.parametrize("n", [1, 7, 650])
def test_chosen_images_are_gathered_and_scaled(lead, n):
    chosen = np.random.default_rng(1).integers(0, 700, (*lead, n))
    images = TrainingImages(BYTES, LABELS, scale=1 / 255)
    pixels = images.pixels(chosen.shape)
    images.prepare(chosen, None, None, pixels)
    assert pixels.floats.dtype == np.float32
    np.testing.assert_array_equal(pixels.floats, BYTES[chosen].astype(np.float32) * np.float32(1 / 255))


@pytest.mark.parametrize("channels", [(), (2,)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("lead", [(), (2,)])
def test_mirrored_images_have_their_columns_in_reverse(channels, dtype, lead):
    shape = (3, 4 if not channels else 2, *channels)
    stored = BYTES.astype(dtype)
    rng = np.random.default_rng(2)
    chosen = rng.integers(0, 700, (*lead, 60))
    mirrored = rng.random(chosen.shape) < 0.5
    images = TrainingImages(stored, LABELS, image_shape=shape)
    pixels = images.pixels(chosen.shape)
    images.prepare(chosen, mirrored, None, pixels)
    flat = zip(chosen.reshape(-1), mirrored.reshape(-1), pixels.floats.reshape(-1, 12), strict=True)
    for i, is_mirrored, found in flat:
        image = stored[i].reshape(shape)
        np.testing.assert_array_equal(found.reshape(shape), np.flip(image, axis=1) if is_mirrored else image)
    np.testing.assert_array_equal(stored, BYTES)  # the data set is left as it was


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_memory_is_used_again_and_its_rows_are_prepared_apart(dtype):
    images = TrainingImages(BYTES.astype(dtype), LABELS, image_shape=(3, 4), most_shift=1)
    chosen = np.random.default_rng(3).permutation(700)[:50]
    mirrored, moves = chosen % 2 == 0, chosen % 9
    whole, parts = images.pixels((50,)), images.pixels((50,))
    images.prepare(chosen, mirrored, moves, whole)
    for rows in (slice(20, 50), slice(0, 20), slice(0, 20)):  # in any order, and again
        images.prepare(chosen[rows], mirrored[rows], moves[rows], parts.rows(rows))
    np.testing.assert_array_equal(parts.floats, whole.floats)
    images.prepare(chosen, None, None, whole)
    np.testing.assert_array_equal(whole.floats, BYTES[chosen])


def test_ready_floats_are_gathered_into_the_result_itself():
    ready = TrainingImages(BYTES.astype(np.float32), LABELS).pixels((5,))
    assert ready.raw is ready.floats
    assert TrainingImages(BYTES, LABELS).pixels((5,)).raw.dtype == np.uint8
    assert TrainingImages(BYTES.astype(np.float32), LABELS, scale=0.5).pixels((5,)).raw is not ready.floats


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


def test_half_of_the_images_are_mirrored_by_seed_and_epoch():
    mirrored = draw_mirrored(10_000, seed=0, epoch=1)
    assert abs(mirrored.mean() - 0.5) < 0.02  # four standard deviations
    np.testing.assert_array_equal(mirrored, draw_mirrored(10_000, seed=0, epoch=1))
    for other in (draw_mirrored(10_000, seed=1, epoch=1), draw_mirrored(10_000, seed=0, epoch=2)):
        assert abs((mirrored == other).mean() - 0.5) < 0.02


def test_generators_depend_on_seed_purpose_and_epoch_only():
    keys = [(seed, purpose, epoch) for seed in (0, 1) for purpose in ("order", "mirror") for epoch in (0, 1)]
    draws = {key: generator(*key).random() for key in keys}
    assert len(set(draws.values())) == 8
    for key in reversed(keys):
        assert generator(*key).random() == draws[key]
