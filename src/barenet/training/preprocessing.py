"""Between a data set and the network: pictures as the settings want them, features standardised.

And what a model remembers of its training images, so that others can be brought to look like them. A model file holds
it as a dictionary, in which older files and other kinds of data lack some entries or all:

    border             brightness (0-255) at the border of most training images, 0 for Fashion-MNIST
    were_scaled        whether most training images were pictures brought from other sizes
    border_agreement   share (0-1) of them whose border is on the same side of mid-grey
    values             the lowest and the highest value of all training images, in the units that they came in
    minima, maxima     1 % and 99 % quantiles of each image's lowest and highest value, see `input_range`
    mean, deviation    of each feature, by which features are standardised
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.data.pictures.picture import border_of
from barenet.data.standardising import Standardiser
from barenet.errors import ConfigError, DataError
from barenet.training.input_range import PIXEL_SCALE, fit_images, is_unit_range, measure_range, read_range

__all__ = [
    "MID_GREY",
    "border_brightness",
    "check_other_images",
    "check_picture_settings",
    "measure_border",
    "preprocess",
    "read_standardiser",
    "resolve_picture_settings",
]

MID_GREY = 127.5
SAMPLE = 500  # training images, spread evenly, that tell the brightness at the border


def preprocess(
    dataset: Dataset, train_rows: NDArray[np.int64], valid_images: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], dict[str, Any]]:
    """Return all training images, validation images, and what the model is to remember of the rows trained on.

    Features are standardised by the rows trained on alone; images stay as they are.
    """
    images = dataset.train_images
    if dataset.kind == "features":
        standardise = Standardiser.of(images[train_rows])
        remembered = {"mean": standardise.mean.tolist(), "deviation": standardise.deviation.tolist()}
        return standardise(images), standardise(valid_images), remembered
    sample = train_rows[np.unique(np.linspace(0, len(train_rows) - 1, SAMPLE).astype(int))]
    remembered = dict[str, Any](measure_range(images, train_rows))
    remembered |= measure_border(images[sample], dataset.image_shape, is_unit_range(remembered))
    return images, valid_images, remembered | ({"were_scaled": True} if dataset.were_scaled else {})


def check_other_images(
    dataset: Dataset, scale: float, remembered: Mapping[str, Any], note: Callable[[str], None]
) -> None:
    """Raise DataError for validation or test images of clearly another scale than the training images; note doubts."""
    trained = read_range(remembered)
    for what, images in (("validation", dataset.valid_images), ("test", dataset.test_images)):
        if images is None or not trained:
            continue
        where = f"{dataset.name}: the {what} images do not go with the training images"
        try:
            _, factor, told = fit_images(images, images.dtype == np.uint8, scale, trained)
        except ValueError as error:
            raise DataError(f"{where}: {error}") from None
        if factor != scale:
            ends = f"{float(images.min()):.5g} to {float(images.max()):.5g}"
            lowest, highest = trained["values"]
            raise DataError(f"{where}: they go from {ends}, those from {lowest:.5g} to {highest:.5g}; scale them alike")
        for sentence in told.values():
            note(f"{where}: {sentence}")


def check_picture_settings(config: Config, dataset: Dataset) -> None:
    """Raise ConfigError where a setting for pictures in folders goes with other data, which it would not change."""
    shape, size = dataset.image_shape, config.data.image_size
    if size is not None and (dataset.kind == "features" or size != shape[:2]):
        raise ConfigError(
            f"data.image_size is {size[0]}x{size[1]}, but the images of {dataset.name} have shape {shape}: it brings "
            f"pictures in folders to a size, nothing else"
        )
    if config.data.color and (len(shape), *shape[2:]) != (3, 3):
        raise ConfigError(
            f"data.color is true, but the images of {dataset.name} have shape {shape}: it is for pictures in folders"
        )


def resolve_picture_settings(config: Config, dataset: Dataset) -> dict[str, Any]:
    """Return the size and colour that pictures in folders came in, so that they come so again."""
    if dataset.kind != "pictures":
        return {}
    return {"data__image_size": list(dataset.image_shape[:2]), "data__color": len(dataset.image_shape) == 3}


def measure_border(images: NDArray[Any], image_shape: tuple[int, ...], are_unit: bool = False) -> dict[str, Any]:
    """Return `border` and `border_agreement` of images (n, D); {} unless they are pictures of bytes, or of 0 to 1.

    An image's border is as bright as the median of its outermost pixels, of colours their mean.
    """
    is_picture = len(image_shape) == 2 or (len(image_shape) == 3 and image_shape[-1] in (1, 3))
    if not is_picture or not (images.dtype == np.uint8 or are_unit):
        return {}
    images = images if images.dtype == np.uint8 else images / PIXEL_SCALE
    brightness = np.array([border_brightness(image.reshape(image_shape)) for image in images])
    border = float(np.median(brightness))
    return {
        "border": border,
        "border_agreement": float(np.mean((brightness > MID_GREY) == (border > MID_GREY))),
    }


def border_brightness(pixels: NDArray[Any]) -> float:
    """Return the brightness (0-255) at the border of one picture (height, width) or (height, width, channels)."""
    border = border_of(pixels)
    return float(np.median(border if border.ndim == 1 else border.mean(axis=-1)))


def read_standardiser(preprocessing: Mapping[str, Any]) -> Standardiser | None:
    """Return what standardises features as in training, or None for images."""
    if "mean" not in preprocessing:
        return None
    return Standardiser(*(np.asarray(preprocessing[name], np.float64) for name in ("mean", "deviation")))
