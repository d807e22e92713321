"""One picture: every format and mode is decoded to upright bytes; every error has a reason that ends a sentence."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from barenet.data.pictures.picture import border_of, decode, fit, is_blank, upright_size
from barenet.errors import DataError

RNG = np.random.default_rng(3)
GREY = RNG.integers(0, 256, (11, 7), np.uint8)
COLORS = RNG.integers(0, 256, (11, 7, 3), np.uint8)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def refusal(source: Path | bytes) -> str:
    with pytest.raises(DataError) as caught:
        decode(source, color=False)
    assert str(caught.value).isprintable()
    return str(caught.value)


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that promises a size and holds no pixel."""
    chunks = [b"IHDR" + struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0), b"IDAT"]
    packed = [struct.pack(">I", len(own) - 4) + own + struct.pack(">I", zlib.crc32(own)) for own in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "WEBP"])
def test_formats_without_loss_give_their_pixels_back(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(decode(saved(Image.fromarray(GREY), kind, **options), color=False).pixels, GREY)
    if kind != "GIF":  # which has 256 colours at most
        np.testing.assert_array_equal(
            decode(saved(Image.fromarray(COLORS), kind, **options), color=True).pixels, COLORS
        )


def test_a_jpeg_gives_nearly_its_pixels_back():
    smooth = np.add.outer(np.arange(40), np.arange(50)).astype(np.uint8)
    pixels = decode(saved(Image.fromarray(smooth), "JPEG", quality=95), color=False).pixels
    assert np.abs(pixels.astype(int) - smooth).max() <= 3


def test_grey_is_the_luma_of_colours():
    expected = COLORS @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
    pixels = decode(saved(Image.fromarray(COLORS)), color=False).pixels
    assert np.abs(pixels - expected).max() <= 1
    as_color = decode(saved(Image.fromarray(GREY)), color=True).pixels
    np.testing.assert_array_equal(as_color, np.repeat(GREY[..., None], 3, axis=-1))


def test_transparent_parts_are_white():
    alpha = np.zeros((11, 7), np.uint8)
    alpha[4:] = 255
    layers = np.dstack([COLORS, alpha])
    pixels = decode(saved(Image.fromarray(layers, "RGBA")), color=True).pixels
    assert (pixels[:4] == 255).all()
    np.testing.assert_array_equal(pixels[4:], COLORS[4:])
    palette = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    palette.putpalette([10, 10, 10, 20, 20, 20])
    assert decode(saved(palette, transparency=0), color=False).pixels.tolist() == [[255, 20]]


def test_sixteen_bits_are_scaled_and_not_clipped():
    deep = np.array([[0, 255, 256, 32768, 65535]], np.uint16)
    pixels = decode(saved(Image.fromarray(deep)), color=False).pixels
    assert pixels.tolist() == [[0, 0, 1, 128, 255]]


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "LA"])
def test_every_mode_is_understood(mode):
    image = Image.fromarray(GREY).convert("RGB").convert(mode)
    kind = "JPEG" if mode == "CMYK" else "PNG"
    for color in (False, True):
        assert decode(saved(image, kind), color=color).pixels.shape == ((11, 7, 3) if color else (11, 7))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_are_turned_upright_as_exif_says(orientation, kind, tmp_path):
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / "turned"
    path.write_bytes(saved(Image.fromarray(COLORS), kind, exif=exif))
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(decode(path, color=True).pixels, expected)
    assert upright_size(path) == expected.shape[:2]


def test_the_first_frame_of_an_animation_is_read():
    frames = [Image.new("L", (6, 5), shade) for shade in (40, 90, 200)]
    for kind in ("GIF", "PNG"):
        picture = decode(saved(frames[0], kind, save_all=True, append_images=frames[1:]), color=False)
        assert picture.is_animated
        assert (picture.pixels == 40).all()
    assert not decode(saved(frames[0]), color=False).is_animated


def test_a_large_jpeg_is_read_smaller_but_never_below_twice_what_is_needed():
    image = Image.fromarray(GREY).resize((800, 1600))
    assert decode(saved(image, "JPEG"), color=False, smallest=64).pixels.shape == (400, 200)
    assert decode(saved(image, "JPEG"), color=False, smallest=401).pixels.shape == (1600, 800)


# Wrong input


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty (0 bytes)"),
        (b"hello", "is not a PNG, JPEG, WebP, BMP or GIF picture"),
        (saved(Image.new("L", (50, 50)), "TIFF"), "is not a PNG, JPEG, WebP, BMP or GIF picture"),
        (saved(Image.fromarray(RNG.integers(0, 256, (50, 50), np.uint8)))[:900], "is truncated or damaged"),
        (saved(Image.fromarray(RNG.integers(0, 256, (50, 50), np.uint8)), "JPEG")[:900], "is truncated or damaged"),
    ],
)
def test_damaged_pictures_are_refused(content, reason):
    assert refusal(content).startswith(reason)


@pytest.mark.parametrize(("width", "height"), [(10_000, 10_000), (9_000, 9_000), (2_000_000_000, 2_000_000_000)])
def test_a_huge_picture_is_refused_by_its_header(width, height):
    # The file holds no pixels at all: a reader that went beyond the header would call it truncated.
    assert "million pixels" in refusal(png_header(width, height))


def test_every_cut_and_many_flipped_bytes_are_refused_or_read_with_no_other_exception():
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP"):
        content = saved(Image.fromarray(GREY), kind)
        for n in range(0, len(content), 7):
            damaged = bytearray(content)
            damaged[n] ^= 0xFF
            for source in (content[:n], bytes(damaged)):
                with suppress(DataError):
                    assert decode(source, color=False).pixels.dtype == np.uint8


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert refusal(tmp_path / "nowhere.png").startswith("cannot be read (No such file")


# Sizes


def test_a_picture_in_the_right_size_is_left_alone():
    assert fit(GREY, (11, 7)) is GREY


@pytest.mark.parametrize("shape", [(40, 20), (20, 40), (300, 200, 3), (1, 50), (8, 8, 3)])
def test_a_picture_is_scaled_as_a_whole_and_padded_like_its_border(shape):
    picture = np.full(shape, 50, np.uint8)
    fitted = fit(picture, (16, 16))
    assert fitted.shape == (16, 16, *shape[2:])
    assert (fitted == 50).all()
    picture[shape[0] // 4 : -(shape[0] // 4) or None, shape[1] // 4 : -(shape[1] // 4) or None] = 250
    fitted = fit(picture, (16, 16))
    if min(shape[:2]) > 1:
        rows, columns = np.where(fitted.reshape(16, 16, -1)[..., 0] > 150)
        ratio = (np.ptp(rows) + 1) / (np.ptp(columns) + 1)
        assert ratio == pytest.approx(shape[0] / shape[1], rel=0.35)  # sizes are whole pixels, and the edge is blurred


def test_scaling_down_averages_pixels():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 200
    fitted = fit(stripes, (8, 8)).astype(int)
    assert np.abs(fitted[2:-2, 2:-2] - 100).max() <= 6


def test_padding_and_resizing_can_be_switched_off():
    assert fit(np.zeros((4, 8), np.uint8), (6, 6), pad=False).shape == (6, 6)
    padded = fit(np.full((4, 2), 9, np.uint8), (6, 6), resize=False)
    assert (padded == 9).all()
    with pytest.raises(DataError, match="is 7x2, larger than 6x6, and resizing is off"):
        fit(np.zeros((7, 2), np.uint8), (6, 6), resize=False)
    with pytest.raises(DataError, match="is 4x2, not 6x6, and padding and resizing are off"):
        fit(np.zeros((4, 2), np.uint8), (6, 6), pad=False, resize=False)


def test_the_border_holds_each_outermost_pixel_once():
    numbered = np.arange(20).reshape(4, 5)
    assert sorted(border_of(numbered)) == [0, 1, 2, 3, 4, 5, 9, 10, 14, 15, 16, 17, 18, 19]
    assert sorted(border_of(numbered[:2]).tolist()) == list(range(10))
    assert border_of(COLORS).shape == (2 * 11 + 2 * 7 - 4, 3)


def test_blank_is_one_value_throughout():
    assert is_blank(np.full((3, 4), 255, np.uint8))
    assert is_blank(np.full((3, 4, 3), [1, 2, 3], np.uint8))
    assert not is_blank(GREY)
