"""A picture is changed to look like the training images of a model, and no step is taken without a reason."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from fashion_pictures import fashion_model

import barenet
from barenet.deploy.framing import Frame, Steps, crop_border, frame_of
from barenet.errors import CheckpointError, DataError
from barenet.training.inputs.input_range import PIXEL_SCALE
from barenet.training.inputs.preprocessing import border_brightness, measure_border

DARK = Frame((8, 8), 0.0)
BRIGHT = Frame((8, 8), 255.0)
SHAPE = np.pad(np.random.default_rng(0).integers(100, 200, (4, 4)).astype(np.uint8), 2)  # 8 x 8, its border black


def test_a_picture_like_the_training_images_is_not_changed():
    pixels, done = DARK(SHAPE)
    np.testing.assert_array_equal(pixels, SHAPE)
    assert done == []


@pytest.mark.parametrize(("frame", "picture"), [(DARK, 255 - SHAPE), (BRIGHT, SHAPE)])
def test_a_picture_with_the_opposite_border_is_inverted(frame, picture):
    pixels, done = frame(picture)
    np.testing.assert_array_equal(pixels, 255 - picture)
    assert len(done) == 1
    assert done[0].startswith("inverted: a bright border" if frame is DARK else "inverted: a dark border")


def test_a_picture_with_a_grey_border_is_not_inverted():
    for shade in (70, 128, 190):
        assert Frame((8, 8), 0.0)(np.full((8, 8), shade, np.uint8))[1] == []


@pytest.mark.slow
def test_nothing_is_inverted_where_the_training_borders_differ_or_are_colours_or_are_not_known():
    mixed = {"border": 0.0, "border_agreement": 0.8}
    model = fashion_model()
    assert frame_of(replace(model.info, preprocessing=mixed), Steps()).border is None
    assert frame_of(replace(model.info, preprocessing={}), Steps()).border is None
    assert frame_of(model.info, Steps()).border == 0
    assert Frame((8, 8), None)(255 - SHAPE)[1] == []
    assert Frame((8, 8, 3), 0.0)(np.full((8, 8, 3), 255, np.uint8))[1] == []


def test_inverting_can_be_switched_on_and_off():
    never, always = Frame((8, 8), 0.0, Steps(invert=False)), Frame((8, 8), None, Steps(invert=True))
    np.testing.assert_array_equal(never(255 - SHAPE)[0], 255 - SHAPE)
    pixels, done = always(SHAPE)
    np.testing.assert_array_equal(pixels, 255 - SHAPE)
    assert done == ["inverted"]


@pytest.mark.parametrize(
    "padding", [((1, 1), (1, 1)), ((2, 2), (0, 0)), ((0, 0), (4, 4)), ((8, 0), (3, 5)), ((0, 3), (2, 0))]
)
def test_an_even_border_is_cropped_so_that_nothing_is_lost(padding):
    padded = np.pad(SHAPE, padding, constant_values=0)
    pixels, done = DARK(padded)
    assert done == ["cropped by an even border"]
    assert pixels.shape == (8, 8)
    assert np.sort(pixels[pixels > 0]).tolist() == np.sort(SHAPE[SHAPE > 0]).tolist()
    if all(before == after for before, after in padding):
        np.testing.assert_array_equal(pixels, SHAPE)


def test_content_is_never_cropped_away_and_small_things_are_not_cut_out():
    noise = np.random.default_rng(1).integers(0, 256, (12, 12), np.uint8)
    assert crop_border(noise, (8, 8)) is noise
    blank = np.zeros((12, 12), np.uint8)
    assert crop_border(blank, (8, 8)) is blank
    large = np.zeros((40, 40), np.uint8)
    large[18:22, 18:22] = 200
    assert crop_border(large, (8, 8)) is large
    assert DARK(np.pad(SHAPE, 1))[0].shape == (8, 8)
    assert Frame((8, 8), 0.0, Steps(crop=False))(np.pad(SHAPE, 1))[1] == ["resized to 8x8"]


def test_colours_are_cropped_by_the_colour_of_their_border():
    inside = np.random.default_rng(2).integers(0, 256, (8, 8, 3), np.uint8)
    sky = np.empty((12, 10, 3), np.uint8)
    sky[...] = [10, 200, 90]
    sky[2:10, 1:9] = inside
    pixels, _ = Frame((8, 8, 3), None)(sky)
    np.testing.assert_array_equal(pixels, inside)


@pytest.mark.parametrize(
    ("size", "done"),
    [((16, 16), "resized to 8x8"), ((4, 4), "resized to 8x8"), ((16, 8), "padded and resized to 8x8")],
)
def test_other_sizes_are_padded_and_resized(size, done):
    noise = np.random.default_rng(3).integers(90, 160, size).astype(np.uint8)
    pixels, steps = DARK(noise)
    assert pixels.shape == (8, 8)
    assert steps == [done]


def test_a_picture_that_the_allowed_steps_cannot_fit_is_refused():
    noise = np.random.default_rng(3).integers(90, 160, (16, 12)).astype(np.uint8)
    with pytest.raises(DataError, match="larger than 8x8, and resizing is off"):
        Frame((8, 8), None, Steps(resize=False))(noise)
    stretched, steps = Frame((8, 8), None, Steps(pad=False))(noise)
    assert (stretched.shape, steps) == ((8, 8), ["resized to 8x8"])


def test_a_last_axis_of_one_channel_is_kept():
    assert Frame((8, 8, 1), None)(SHAPE)[0].shape == (8, 8, 1)


@pytest.mark.parametrize("shape", [[64], [1, 8, 8], [2, 2, 2, 2]])
def test_a_model_of_other_data_takes_no_pictures(shape):
    with pytest.raises(CheckpointError, match=r"not pictures: give an \.npy or \.csv file"):
        frame_of(replace(fashion_model().info, image_shape=shape), Steps())


# What a model remembers


def test_the_border_is_measured_on_the_outermost_pixels():
    images = np.stack([np.full((6, 6), shade, np.uint8) for shade in (10, 20, 30, 240)])
    images[:, 1:-1, 1:-1] = 128
    assert measure_border(images.reshape(4, 36), (6, 6)) == {"border": 25.0, "border_agreement": 0.75}
    colors = np.zeros((1, 6, 6, 3), np.uint8)
    colors[..., 0] = 90
    assert measure_border(colors.reshape(1, -1), (6, 6, 3)) == {"border": 30.0, "border_agreement": 1.0}


@pytest.mark.parametrize("shape", [(6, 5), (2, 7), (5, 4, 1), (5, 6, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_border_of_many_images_is_the_median_of_that_of_each(shape, dtype):
    images = np.random.default_rng(3).integers(0, 256, (8, math.prod(shape)))
    images = images.astype(np.uint8) if dtype == np.uint8 else (images / 255).astype(np.float32)
    shades = images if dtype == np.uint8 else images / PIXEL_SCALE
    alone = [border_brightness(image.reshape(shape)) for image in shades]
    assert measure_border(images, shape, are_unit=dtype != np.uint8)["border"] == np.median(alone)


def test_only_pictures_have_a_border():
    assert measure_border(np.zeros((3, 36), np.float32), (6, 6)) == {}
    assert measure_border(np.zeros((3, 36), np.uint8), (36,)) == {}


def test_the_rule_for_borders_separates_training_images_from_their_negatives():
    # The threshold was chosen on these images, not on the test images.
    images = barenet.load_dataset().train_images[::20].reshape(-1, 28, 28)
    frame = frame_of(fashion_model().info, Steps())
    assert not any(frame.has_opposite_border(image) for image in images)
    assert np.mean([frame.has_opposite_border(255 - image) for image in images]) > 0.999


def test_pictures_are_resized_and_not_cropped_if_the_training_images_were_resized():
    info = replace(fashion_model().info, image_shape=[8, 8], preprocessing={"were_scaled": True})
    padded = np.pad(SHAPE, 2)
    assert frame_of(info, Steps())(padded)[1] == ["resized to 8x8"]
    assert frame_of(info, Steps(crop=True))(padded)[1] == ["cropped by an even border"]
    assert frame_of(replace(info, preprocessing={}), Steps())(padded)[1] == ["cropped by an even border"]
