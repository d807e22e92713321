"""Change a picture to look like the training images of a model: crop, pad, resize or invert it.

Each step is reported, and each can be switched off. A picture with the size of the model's images, and with a similar
background, is not changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.pictures.picture import border_of, fit
from barenet.errors import CheckpointError
from barenet.messages import count
from barenet.run_folders.checkpoint import ModelInfo
from barenet.training.inputs.preprocessing import MID_GREY, border_brightness

__all__ = ["Frame", "Steps", "frame_of"]

Pixels = NDArray[np.uint8]

# A picture is inverted if its border is this near to white (or black), and that of the training images is on the other
# side of grey. With this rule all 60,000 training images of Fashion-MNIST stay as they are, and 59,995 of their
# negatives are inverted.
NEAR_WHITE = 191
AGREEMENT = 0.9  # pictures are inverted only if the borders of so many training images (share) agree
# Larger pictures are not cropped: a model is not trained on small things cut out of large empty pictures.
LARGEST_CROP = 2


@dataclass(frozen=True)
class Steps:
    """Which steps may be taken.

    crop: None crops only if the training images were not resized, since then they kept their borders. invert: True
    always, False never, None if the picture's border is clearly unlike that of the training images.
    """

    crop: bool | None = None
    pad: bool = True
    resize: bool = True
    invert: bool | None = None


@dataclass(frozen=True)
class Frame:
    """The form of the pictures that a model takes.

    shape: (height, width), or (height, width, 1 or 3). border: brightness (0-255) at the border of nearly all training
    images; None where they differ or the model does not know it.
    """

    shape: tuple[int, ...]
    border: float | None
    steps: Steps = Steps()

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.shape[0], self.shape[1]

    @property
    def color(self) -> bool:
        """Whether the model takes colours."""
        return self.shape[2:] == (3,)

    def __call__(self, pixels: Pixels) -> tuple[Pixels, list[str]]:
        """Return a picture (height, width) or (height, width, 3) in the model's shape, and what was done to it.

        Raises DataError if the allowed steps cannot do that; the message continues a sentence that begins with the
        picture's name.
        """
        done = []
        if pixels.shape[:2] != self.size and self.steps.crop is not False:
            cropped = crop_border(pixels, self.size)
            if cropped.shape != pixels.shape:
                done.append("cropped by an even border")
            pixels = cropped
        if pixels.shape[:2] != self.size:
            done.append(self.describe_fit(pixels.shape[:2]))
            pixels = fit(pixels, self.size, pad=self.steps.pad, resize=self.steps.resize)
        if self.steps.invert or (self.steps.invert is None and self.has_opposite_border(pixels)):
            done.append("inverted" if self.steps.invert else self.reason_to_invert())
            pixels = 255 - pixels
        return pixels.reshape(self.shape), done

    def describe_fit(self, before: tuple[int, ...]) -> str:
        """Return in words what `fit` will do."""
        is_alike = before[0] * self.size[1] == before[1] * self.size[0]
        padded = "padded" if self.steps.pad and not is_alike else ""
        resized = f"resized to {self.size[0]}x{self.size[1]}" if self.steps.resize else ""
        return " and ".join(step for step in (padded, resized) if step) or "brought to shape"

    def has_opposite_border(self, pixels: Pixels) -> bool:
        """Whether a picture's border is clearly bright and that of the training images dark, or the reverse."""
        if self.border is None or self.color:
            return False
        brightness = border_brightness(pixels)
        return brightness > NEAR_WHITE if self.border < MID_GREY else brightness < 255 - NEAR_WHITE

    def reason_to_invert(self) -> str:
        """Return why a picture was inverted."""
        found, usual = ("bright", "dark") if (self.border or 0) < MID_GREY else ("dark", "bright")
        return f"inverted: a {found} border, where the training images have a {usual} one (--no-invert)"


def frame_of(info: ModelInfo, steps: Steps) -> Frame:
    """Return the form of the pictures that a model takes; raise CheckpointError if it takes no pictures."""
    shape = tuple(info.image_shape)
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3)):
        raise CheckpointError(
            f"the model takes {count(int(np.prod(shape)), 'number')} in shape {shape}, not pictures: give an .npy "
            f"or .csv file"
        )
    remembered: dict[str, Any] = info.preprocessing
    agrees = remembered.get("border_agreement", 0.0) >= AGREEMENT
    if steps.crop is None:
        steps = replace(steps, crop=not remembered.get("were_scaled", False))
    return Frame(shape, remembered["border"] if agrees else None, steps)


def crop_border(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Return a part of `size` of a larger picture if only border of one colour is cut off; otherwise the picture.

    The part is taken from the middle, moved as little as needed to hold everything inside the border.
    """
    if any(length > LARGEST_CROP * side for length, side in zip(pixels.shape, size, strict=False)):
        return pixels
    background = np.rint(np.median(border_of(pixels), axis=0)).astype(np.uint8)
    is_content = pixels != background
    if pixels.ndim == 3:
        is_content = is_content.any(axis=-1)
    window = []
    for axis, side in enumerate(size):
        length = pixels.shape[axis]
        occupied = np.flatnonzero(is_content.any(axis=1 - axis))
        if length <= side:
            window.append(slice(None))
            continue
        if not len(occupied) or occupied[-1] - occupied[0] >= side:
            return pixels
        middle = (length - side) // 2
        start = min(max(middle, int(occupied[-1]) + 1 - side), int(occupied[0]))
        window.append(slice(start, start + side))
    return pixels[tuple(window)]
