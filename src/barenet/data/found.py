"""What a reader finds at a path, before any check: arrays by part, and facts about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from barenet.errors import DataError

__all__ = ["Found", "turned"]


@dataclass(frozen=True)
class Found:
    """Images or features and labels by part: "train", and "val" and "test" if there are such parts.

    parts: for each part the images, then the labels, by their names in messages. what: what was recognised ("CIFAR-10
    binary batches"), empty if nothing was guessed. name: of the data set, by default that of its folder or file.
    is_transposed: whether the images are known to be transposed. took_label: whether the reader has used the setting
    `label`. as_before: reads the data as earlier versions did, for models that they trained. facts: further keywords of
    `datasets.checked`, such as class_names.
    """

    parts: Mapping[str, Mapping[str, np.ndarray]]
    what: str = ""
    name: str = ""
    is_transposed: bool = False
    took_label: bool = False
    as_before: Callable[[], Found] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def turned(parts: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, dict[str, np.ndarray]]:
    """Return parts with height and width of every image swapped, labels as they are."""
    upright = {}
    for part, arrays in parts.items():
        (images_from, images), *labels = arrays.items()
        if images.ndim < 3:
            raise DataError(f"data.transpose is true, but {images_from} has shape {images.shape}: it is for images")
        upright[part] = {images_from: np.ascontiguousarray(images.swapaxes(1, 2)), **dict(labels)}
    return upright
