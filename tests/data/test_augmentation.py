"""Mirrored and shifted images, against plain slicing."""

from __future__ import annotations

import numpy as np
import pytest

from barenet.data.augmentation import count_moves, draw_moves, draw_shares, mirror_images, mix, move, move_sources
from barenet.data.batches import TrainingImages

SHAPES = [(5, 7), (6, 4, 3)]


def shifted_by_hand(image, down, right):
    """Pad with the border by NumPy and cut out a slice, without index tables."""
    padded = np.pad(image, [(9, 9), (9, 9)] + [(0, 0)] * (image.ndim - 2), mode="edge")
    return padded[9 - down : 9 - down + image.shape[0], 9 - right : 9 - right + image.shape[1]]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shift_moves_the_image_and_repeats_its_border(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    images = np.stack([image.reshape(-1)] * 25)
    move(images, np.arange(25), move_sources(shape, 2, 0), np.empty_like(images))
    moves = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    for moved, (down, right) in zip(images, moves, strict=True):
        np.testing.assert_array_equal(moved.reshape(shape), shifted_by_hand(image, down, right))


def test_all_shifts_are_about_equally_frequent_and_drawn_again_in_each_epoch():
    drawn = draw_moves(90_000, seed=3, epoch=1, n_moves=count_moves(1, 0))
    counts = np.bincount(drawn, minlength=9)
    # Four standard deviations of a count around 10,000.
    assert np.abs(counts - 10_000).max() < 4 * np.sqrt(90_000 / 9 * 8 / 9)
    assert not np.array_equal(drawn, draw_moves(90_000, seed=3, epoch=2, n_moves=count_moves(1, 0)))
    np.testing.assert_array_equal(drawn, draw_moves(90_000, seed=3, epoch=1, n_moves=count_moves(1, 0)))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_are_mirrored_and_then_shifted(dtype):
    rng = np.random.default_rng(0)
    stored = rng.integers(0, 256, (20, 6 * 4)).astype(dtype)
    images = TrainingImages(stored, np.arange(20), image_shape=(6, 4), most_shift=1)
    order = np.stack([rng.permutation(20) for _ in range(2)])
    mirrored, moves = rng.random((2, 20)) < 0.5, rng.integers(0, 9, (2, 20))
    pixels = images.pixels(order.shape)
    images.prepare(order, mirrored, moves, pixels)
    for network in range(2):
        for i, row in enumerate(order[network]):
            image = stored[row].reshape(6, 4)[:, :: -1 if mirrored[network, i] else 1]
            down, right = divmod(int(moves[network, i]), 3)
            expected = shifted_by_hand(image, down - 1, right - 1)
            np.testing.assert_array_equal(pixels.floats[network, i].reshape(6, 4), expected)


@pytest.mark.parametrize("shape", [(28, 28), (21, 20, 3)])
@pytest.mark.parametrize(("shift", "share"), [(0, 0.05), (1, 0.05), (2, 0.3)])
def test_affine_maps_are_linear_up_to_rounding_and_are_zero_in_the_middle(shape, shift, share):
    sources = move_sources(shape, shift, share)
    assert sources.shape == (count_moves(shift, share), np.prod(shape))
    height, width, channels = (*shape, 1)[:3]
    row, column, channel = np.unravel_index(sources, (height, width, channels))
    middle = np.arange(np.prod(shape))
    assert (channel == middle % channels).all()
    np.testing.assert_array_equal(sources[len(sources) // 2], middle)
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1).reshape(-1, 2)
    grid = np.repeat(grid, channels, axis=0)
    centred = np.column_stack([np.ones(len(grid)), grid - (np.array([height, width]) - 1) / 2])
    for own_row, own_column in zip(row, column, strict=True):
        for own, size, place in ((own_row, height, 1), (own_column, width, 2)):
            inside = (own > 0) & (own < size - 1)
            fit, *_ = np.linalg.lstsq(centred[inside], own[inside] - (size - 1) / 2)
            # Each pixel is at most half a pixel away from its exact place, and a line fitted to all is far nearer.
            assert np.abs(centred[inside] @ fit - own[inside] + (size - 1) / 2).max() < 1
            assert abs(fit[0]) < shift + 0.2
            assert np.abs(fit[1:] - np.eye(2)[place - 1]).max() < share + 0.05


def test_affine_maps_reach_both_sides_of_what_is_asked():
    sources = move_sources((1, 101), 0, 0.1)
    ends = sources[:, 99] - sources[:, 1]  # 98 apart, stretched or shrunk by up to a tenth, inside the image
    assert 88 <= ends.min() <= 89
    corner = move_sources((29, 29), 3, 0.0)
    assert len(corner) == 49
    middle = move_sources((29, 29), 3, 1e-9)[:, 14 * 29 + 14]
    assert {0, 6} == {int(n) for rows in np.divmod(middle, 29) for n in (rows.min() - 11, rows.max() - 11)}


def test_affine_maps_do_not_depend_on_how_a_processor_rounds():
    # No position is so near to the middle of two pixels that another order of additions would choose the other pixel.
    height = width = 28
    found = move_sources((height, width), 1, 0.05)
    again = move_sources((height, width), 1, 0.05 * (1 + 1e-13))
    np.testing.assert_array_equal(found, again)


def test_without_shifts_no_table_is_made():
    assert TrainingImages(np.zeros((2, 4), np.uint8), np.zeros(2, int), image_shape=(2, 2)).sources is None


@pytest.mark.parametrize(
    ("shape", "image", "expected"),
    [
        ((2, 3), [1, 2, 3, 4, 5, 6], [3, 2, 1, 6, 5, 4]),
        ((1, 2, 3), [1, 2, 3, 4, 5, 6], [4, 5, 6, 1, 2, 3]),  # two pixels of three colours
        ((3, 1), [1, 2, 3], [1, 2, 3]),
    ],
)
def test_a_mirror_image_has_left_and_right_exchanged_and_the_image_stays(shape, image, expected):
    images = np.array([image, image], np.uint8)
    before = images.copy()
    np.testing.assert_array_equal(mirror_images(images, shape), [expected, expected])
    np.testing.assert_array_equal(images, before)
    assert mirror_images(images[:0], shape).shape == (0, len(image))


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0])
def test_shares_are_those_of_the_beta_distribution(alpha):
    drawn = draw_shares(20_000, seed=3, epoch=1, alpha=alpha)
    assert drawn.dtype == np.float32
    assert 0.5 <= drawn.min() <= drawn.max() <= 1
    # s from Beta(alpha, alpha) has the mean 1/2 and the variance 1 / (4 (2 alpha + 1)), and 1 - s is as far from 1/2.
    spread = (drawn.astype(np.float64) - 0.5) ** 2
    assert spread.mean() == pytest.approx(1 / (4 * (2 * alpha + 1)), abs=4 * spread.std() / np.sqrt(20_000))
    expected = np.random.default_rng(0).beta(alpha, alpha, 200_000)
    found = np.quantile(drawn, [0.1, 0.3, 0.5, 0.7, 0.9])
    np.testing.assert_allclose(
        found, np.quantile(np.maximum(expected, 1 - expected), [0.1, 0.3, 0.5, 0.7, 0.9]), atol=0.02
    )


def test_shares_are_drawn_again_in_each_epoch_and_are_reproducible():
    first = draw_shares(100, seed=3, epoch=1, alpha=0.01)
    np.testing.assert_array_equal(first, draw_shares(100, seed=3, epoch=1, alpha=0.01))
    assert not np.array_equal(first, draw_shares(100, seed=3, epoch=2, alpha=0.01))


def test_a_mixed_image_is_the_weighted_mean_of_two():
    first = np.array([[1.0, 2.0], [0.0, 8.0]], np.float32)
    mix(first, np.array([[5.0, 0.0], [4.0, 4.0]], np.float32), np.array([0.75, 0.5], np.float32))
    assert first.tolist() == [[2.0, 1.5], [2.0, 6.0]]
