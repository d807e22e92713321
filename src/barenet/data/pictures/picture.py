"""Decode one picture, PNG, JPEG, WebP, BMP or GIF, into upright bytes, and change its size.

`folders` finds the pictures of a data set, `cache` keeps the decoded ones.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.pictures.deep import WHOLE_RANGE, as_bytes, has_deep_color, other_scale, range_of
from barenet.errors import DataError
from barenet.messages import one_line
from barenet.reading.borders import open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "SUFFIXES",
    "Picture",
    "border_of",
    "decode",
    "decode_alike",
    "fit",
    "is_blank",
    "quiet_pillow",
    "upright_size",
]

Pixels = NDArray[np.uint8]

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
# Pillow warns of decompression bombs from 89 million pixels on: barenet's message comes first.
MAX_PIXELS = 80_000_000
# A pixel takes up to 8 bytes of memory while it is decoded: so many pixels, 50 MB, may come from any file.
FREE_PIXELS = 6_000_000
PIXELS_PER_BYTE = 12  # screenshots and drawings as PNG have 5 to 40 pixels a byte, a bomb 1,000
# How to undo EXIF's orientations: https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf, tag 274.
ORIENTATION = 274
UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}


@dataclass(frozen=True)
class Picture:
    """Upright pixels, (height, width) or (height, width, 3) uint8, and whether they are the first frame of several.

    extremes: the lowest and highest value of a picture with 16 bits a pixel, None for others. lost_bits: it had 16
    bits, and only the upper 8 could be read: a picture in colour.
    """

    pixels: Pixels
    is_animated: bool
    extremes: tuple[int, int] | None = None
    lost_bits: bool = False


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Hide Pillow's warnings about unusual metadata, and make those about huge pictures errors; for one thread."""
    from PIL.Image import DecompressionBombWarning

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", DecompressionBombWarning)
        yield


def decode(
    source: Path | bytes,
    *,
    color: bool,
    smallest: int | None = None,
    value_range: tuple[int, int] | None = None,
) -> Picture:
    """Read a picture, turned upright as its EXIF says, transparent parts white, in grey or colour.

    With `smallest`, a JPEG may be read at half, a quarter or an eighth of its size, while both sides stay at least
    twice that many pixels: it will be scaled down anyway. `value_range` are the values of 16 bits a pixel that become 0
    and 255, by default their whole range. Raises DataError with a reason that follows the picture's name
    ("is truncated ...").
    """
    with opened(source) as image:
        is_animated = bool(getattr(image, "is_animated", False))
        if smallest is not None:
            image.draft(None, (2 * smallest, 2 * smallest))
        lost_bits = has_deep_color(image)  # first: reading EXIF may decode the picture
        orientation = orientation_of(image)
        pixels, extremes = plain_pixels(image, color, value_range or WHOLE_RANGE)
        if lost_bits:
            extremes = int(pixels.min()) << 8, int(pixels.max()) << 8 | 255
    turned = UPRIGHT[orientation](pixels) if orientation in UPRIGHT else pixels
    return Picture(np.ascontiguousarray(turned), is_animated, extremes, lost_bits)


def decode_alike(
    source: Path | bytes, value_range: tuple[int, int] | None, *, color: bool, smallest: int | None = None
) -> tuple[Picture, list[str]]:
    """Decode a picture for a model, and return notes on how 16 bits became 8: as in training, or else by its values."""
    picture = decode(source, color=color, smallest=smallest, value_range=value_range)
    if picture.extremes is None:
        return picture, []
    lowest, highest = value_range or range_of(*picture.extremes)
    if picture.lost_bits and (lowest, highest) != WHOLE_RANGE:
        raise DataError(f"has 16 bits a colour and values up to {picture.extremes[1]} only: save it with 8 bits")
    if value_range is None and (lowest, highest) != WHOLE_RANGE:
        picture = decode(source, color=color, smallest=smallest, value_range=(lowest, highest))
    why = "as in training" if value_range else "the values found, as no training picture had 16 bits"
    assert picture.extremes is not None
    scale = other_scale(picture.extremes, (lowest, highest))
    sentence = f"16 bits a pixel: {lowest} to {highest} taken as 0 to 255, {why}"
    return picture, [f"{sentence}; {scale}" if scale else sentence]


def upright_size(path: Path) -> tuple[int, int]:
    """Return (height, width) from the header and EXIF, without decoding; raise DataError."""
    with opened(path) as image:
        width, height = image.size
        return (width, height) if orientation_of(image) in (5, 6, 7, 8) else (height, width)


@contextmanager
def opened(source: Path | bytes) -> Iterator[Image]:
    """Open a picture, refuse a huge one by its header, and turn every error while it is read into a DataError."""
    from PIL import Image, UnidentifiedImageError

    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        content = io.BytesIO(source) if isinstance(source, bytes) else open_regular(source)
        with content, Image.open(content, formats=FORMATS) as image:
            check_size(image, len(source) if isinstance(source, bytes) else os.fstat(content.fileno()).st_size)
            yield image
    except DataError:
        raise
    except bombs as error:
        raise DataError(f"has more than {MAX_PIXELS / 1e6:.0f} million pixels") from error
    except UnidentifiedImageError as error:
        n_bytes = len(source) if isinstance(source, bytes) else source.stat().st_size
        fault = "is not a PNG, JPEG, WebP, BMP or GIF picture" if n_bytes else "is empty (0 bytes)"
        raise DataError(fault) from error
    except OSError as error:
        # An error without a number is from the decoder, one with a number from the disk.
        fault = "is truncated or damaged" if error.errno is None else "cannot be read"
        raise DataError(f"{fault} ({one_line(error.strerror or error, 80)})") from error
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        raise DataError(f"is damaged ({one_line(error, 80) or type(error).__name__})") from error


def check_size(image: Image, n_bytes: int) -> None:
    """Raise DataError for a picture that needs more memory, by its header, than its file of `n_bytes` justifies."""
    n_pixels = image.width * image.height
    if n_pixels > MAX_PIXELS:
        raise DataError(f"has {n_pixels / 1e6:.0f} million pixels, more than {MAX_PIXELS / 1e6:.0f} million")
    if n_pixels < FREE_PIXELS:
        return
    # A JPEG is read in strips, and at a smaller size if that is wanted, except a progressive one.
    is_in_strips = image.format == "JPEG" and not image.info.get("progressive")
    most = FREE_PIXELS + n_bytes * PIXELS_PER_BYTE
    if not is_in_strips and n_pixels > most:
        few, size = f"at most {most / 1e6:.0f} million", f"{n_pixels / 1e6:.0f} million pixels in {n_bytes:,} bytes"
        raise DataError(f"has {size}, more than a photograph; {few} are read of such a file: save it smaller")


def orientation_of(image: Image) -> int:
    """Return the EXIF orientation, 1 if there is none or it cannot be read."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # damaged metadata; the picture itself may be undamaged
        return 1


def plain_pixels(image: Image, color: bool, value_range: tuple[int, int]) -> tuple[Pixels, tuple[int, int] | None]:
    """Return 8-bit pixels of the first frame, (height, width) or (height, width, 3), not turned.

    Also the lowest and the highest value, if there are 16 bits a pixel.
    """
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits a pixel; Pillow's conversion would clip values above 255
        deep: NDArray[Any] = np.asarray(image)
        grey = as_bytes(deep, value_range)
        extremes = int(deep.min()), int(deep.max())
        return (np.repeat(grey[..., None], 3, axis=-1) if color else grey), extremes
    wanted = "RGB" if color else "L"
    if image.has_transparency_data:
        over = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    return np.asarray(image if image.mode == wanted else image.convert(wanted)), None


def fit(pixels: Pixels, size: tuple[int, int], *, pad: bool = True, resize: bool = True) -> Pixels:
    """Return a picture with `size` (height, width): scaled with its proportions, the rest filled like its border.

    Without `pad` the two sides are scaled separately; without `resize` a smaller picture is only padded. The filter is
    Lanczos's. Raises DataError for a picture that does not fit without scaling.
    """
    from PIL import Image

    height, width = pixels.shape[:2]
    if (height, width) == size:
        return pixels
    inner = size
    if pad:
        scale = min(size[0] / height, size[1] / width)
        inner = (max(1, round(height * scale)), max(1, round(width * scale))) if resize else (height, width)
    if inner != (height, width):
        if not resize:
            raise DataError(f"is {height}x{width}, not {size[0]}x{size[1]}, and padding and resizing are off")
        image = Image.fromarray(pixels).resize(inner[::-1], Image.Resampling.LANCZOS)
        pixels = np.asarray(image)
    if inner == size:
        return pixels
    if inner[0] > size[0] or inner[1] > size[1]:
        raise DataError(f"is {height}x{width}, larger than {size[0]}x{size[1]}, and resizing is off")
    padded = np.empty((*size, *pixels.shape[2:]), np.uint8)
    padded[...] = np.rint(np.median(border_of(pixels), axis=0))
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    padded[top : top + inner[0], left : left + inner[1]] = pixels
    return padded


def border_of(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the outermost pixels (n,) or (n, 3) of a picture, each once."""
    if min(pixels.shape[:2]) < 3:
        return pixels.reshape(-1, *pixels.shape[2:])
    return np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])


def is_blank(pixels: Pixels) -> bool:
    """Whether every pixel is the same."""
    return bool((pixels == pixels[:1, :1]).all())
