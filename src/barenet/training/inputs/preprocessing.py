"""Prepare a data set for the network: check settings for pictures, and standardise features.

A model remembers facts about its training images, so that later images can be converted to look like them. A model file
holds them as a dictionary, in which older files and other kinds of data lack some entries or all:

    border             brightness (0-255) at the border of most training images, 0 for Fashion-MNIST
    were_scaled        whether most training images were pictures that were resized
    border_agreement   share (0-1) of them whose border is on the same side of mid-grey
    values             the lowest and the highest value of all training images, in their original units
    minima, maxima     1 % and 99 % quantiles of each image's lowest and highest value, see `input_range`
    value_range        the values that became 0 and 255, in training pictures with 16 bits for each pixel
    mean, deviation    those of each feature, by which features are standardised
    fill               for each feature, the value in place of a missing number: the median of the rows trained on
    columns, unknown   of a table: see `data.tables.columns`; what to do with a text that training never saw
    has_float64        whether features were float64, since float32 would have merged some of their values
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.checks import BRIGHT
from barenet.data.datasets import Dataset
from barenet.data.pictures.picture import border_of
from barenet.data.standardising import Standardiser, count_merged
from barenet.data.tables.labels import LISTED
from barenet.errors import ConfigError, DataError
from barenet.messages import few
from barenet.notes import logger
from barenet.training.inputs.input_range import PIXEL_SCALE, fit_images, is_unit_range, measure_range, read_range

__all__ = [
    "MID_GREY",
    "border_brightness",
    "check_other_images",
    "check_picture_settings",
    "look_at_features",
    "measure_border",
    "preprocess",
    "read_standardiser",
    "resolve_picture_settings",
    "resolve_scale",
]

MID_GREY = 127.5
SMALL = 2.0  # floats up to this value count as scaled already
WIDE = 10.0  # floats with negative values and a larger standard deviation are not scaled yet
FAR = 20.0  # standard deviations from the mean; values in the units of training rarely lie further
NARROW = 0.05  # standardised rows with a smaller deviation have a larger unit; in training it is 1
FEW_ROWS = 20  # with fewer rows, no note is given about their deviation
MERGED = 0.05  # share of the rows whose values of a feature become the same; above it, a note says so
SAMPLE = 500  # training images, spread evenly, from which the brightness at the border is measured


def preprocess(
    config: Config, dataset: Dataset, train_rows: NDArray[np.int64], valid_images: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], dict[str, Any]]:
    """Return all training images, validation images, and what the model shall remember of the rows trained on.

    Features are standardised with the mean and deviation of the rows trained on, and images stay as they are, unless
    `data.standardize` says something else.
    """
    images = dataset.train_images
    remembered: dict[str, Any] = {}
    if dataset.columns is not None:
        remembered |= {"columns": dataset.columns.as_dict(), "unknown": config.data.unknown}
    if dataset.kind == "features" or config.data.standardize:
        standardise = make_standardiser(dataset, images[train_rows], standardize=config.data.standardize is not False)
        standardised = standardise(images)
        note_merged(dataset, images, standardised)
        remembered |= {"mean": standardise.mean.tolist(), "deviation": standardise.deviation.tolist()}
        if images.dtype == np.float64:
            remembered["has_float64"] = True
        if standardise.fill is not None:
            remembered["fill"] = standardise.fill.tolist()
        for what, others in (("validation", dataset.valid_images), ("test", dataset.test_images)):
            some = others[:: len(others) // SAMPLE + 1] if others is not None else images[:0]
            for sentence in look_at_features(standardise(some), feature_names(dataset)).values():
                logger.info(f"{dataset.name}: of the {what} rows {sentence}")
        return standardised, standardise(valid_images), remembered
    sample = train_rows[np.unique(np.linspace(0, len(train_rows) - 1, SAMPLE).astype(int))]
    remembered |= measure_range(images, train_rows)
    remembered |= measure_border(images[sample], dataset.image_shape, is_unit_range(remembered))
    if dataset.value_range is not None:
        remembered["value_range"] = list(dataset.value_range)
    return images, valid_images, remembered | ({"were_scaled": True} if dataset.were_scaled else {})


def make_standardiser(dataset: Dataset, trained_on: NDArray[Any], *, standardize: bool) -> Standardiser:
    """Return what converts features (n, D): it standardises them, or only replaces missing numbers."""
    columns = dataset.columns
    if dataset.kind != "features":
        return Standardiser.of(trained_on.astype(np.float32, copy=False))
    if not standardize:
        return Standardiser.nothing(trained_on, may_be_missing=columns is not None)
    if columns is None:
        return Standardiser.of(trained_on)
    return Standardiser.of(trained_on, may_be_missing=True, stay=columns.is_indicator)


def note_merged(dataset: Dataset, images: NDArray[Any], standardised: NDArray[np.float32]) -> None:
    """Note features where many different values become the same, because a few values lie far from all others."""
    if dataset.kind != "features":
        return
    merged = count_merged(images, standardised)
    names = feature_names(dataset)
    if bad := [f"{names[i]} ({merged[i]})" for i in np.flatnonzero(merged > MERGED * len(images))]:
        logger.info(
            f"{dataset.name}: different values become the same when they are standardised, because a few others are "
            f"far from them: {few(bad)}; take their logarithm, or clean them"
        )


def feature_names(dataset: Dataset) -> list[str]:
    """Return the names of a data set's features."""
    return dataset.columns.features if dataset.columns else [f"feature {i + 1}" for i in range(dataset.n_inputs)]


def look_at_features(standardised: NDArray[np.float32], names: Sequence[str]) -> dict[str, str]:
    """Return a note, as "unusual", where standardised features (n, D) seem to have other units than in training.

    They do if most values of a feature lie further from the mean than in training, or if all rows are nearly the same.
    """
    if not (n := len(standardised)):
        return {}
    some = standardised[:: n // SAMPLE + 1]
    medians = np.median(np.abs(some), axis=0)
    if len(far := np.flatnonzero(medians > FAR)):
        listed = few([f"{names[i]} ({medians[i]:.3g})" for i in map(int, far)], LISTED)
        return {
            "unusual": f"most values lie more than {FAR:g} standard deviations from the mean of the rows trained on: "
            f"{listed}; they may have other units"
        }
    spread = float(np.sqrt(some.var(axis=0, dtype=np.float64).mean()))
    if len(some) >= FEW_ROWS and 0 < spread < NARROW:
        return {
            "unusual": f"all are nearly the same: they differ {1 / spread:.3g} times less than those trained on; "
            f"they may have other units"
        }
    return {}


def check_other_images(dataset: Dataset, scale: float, remembered: Mapping[str, Any]) -> None:
    """Raise DataError for validation or test images of clearly another scale than the training images; note doubts."""
    trained = read_range(remembered)
    for what, images in (("validation", dataset.valid_images), ("test", dataset.test_images)):
        if images is None or not trained:
            continue
        where = f"{dataset.name}: the {what} images do not match the training images"
        try:
            _, factor, notes = fit_images(images, images.dtype == np.uint8, scale, trained)
        except ValueError as error:
            raise DataError(f"{where}: {error}") from None
        if factor != scale:
            ends = f"{float(images.min()):.5g} to {float(images.max()):.5g}"
            lowest, highest = trained["values"]
            raise DataError(f"{where}: they go from {ends}, not from {lowest:.5g} to {highest:.5g}; scale both alike")
        for sentence in notes.values():
            logger.info(f"{where}: {sentence}")


def resolve_scale(dataset: Dataset, images: NDArray[Any]) -> float:
    """Return the factor that scales pixels to 0-1: 1 / 255 for bytes, and for others by their range.

    Dark bytes, such as 0 and 1, are scaled by their range too. Large floats with negative values are scaled to -1 to 1.
    Features, and floats that are small already, stay as they are.
    """
    if dataset.kind == "features" or images is not dataset.train_images:
        return PIXEL_SCALE if images.dtype == np.uint8 else 1.0
    low, high = float(images.min()), float(images.max())
    if images.dtype == np.uint8:
        if dataset.kind == "pictures" or high > BRIGHT or high == 0:
            return PIXEL_SCALE
        whole = high  # 0 and 1, or 0 to 16: divided by 255 they would be black
    elif low < 0:
        spread = float(images[:: len(images) // SAMPLE + 1].std(dtype=np.float64))
        if spread <= WIDE:
            return 1.0
        whole = max(-low, high)
    elif high <= SMALL:
        return 1.0
    else:
        whole = next(most for most in (255.0, 4_095.0, 65_535.0, high) if most / 2 < high <= most)
    logger.info(f"{dataset.name}: pixels from {low:g} to {high:g} are divided by {whole:g}")
    return 1 / whole


def check_picture_settings(config: Config, dataset: Dataset) -> None:
    """Raise ConfigError where a setting for pictures in folders is given for other data."""
    shape, size = dataset.image_shape, config.data.image_size
    if size is not None and (dataset.kind == "features" or size != shape[:2]):
        raise ConfigError(
            f"data.image_size is {size[0]}x{size[1]}, but the images of {dataset.name} have shape {shape}: it resizes "
            f"pictures in folders, nothing else"
        )
    if config.data.color and (len(shape), *shape[2:]) != (3, 3):
        raise ConfigError(
            f"data.color is true, but the images of {dataset.name} have shape {shape}: it is for pictures in folders"
        )


def resolve_picture_settings(config: Config, dataset: Dataset) -> dict[str, Any]:
    """Return the size and colour of pictures in folders, so that they are read in the same way again."""
    if dataset.kind != "pictures":
        return {}
    return {"data__image_size": list(dataset.image_shape[:2]), "data__color": len(dataset.image_shape) == 3}


def measure_border(images: NDArray[Any], image_shape: tuple[int, ...], are_unit: bool = False) -> dict[str, Any]:
    """Return `border` and `border_agreement` of images (n, D); {} unless they are pictures of bytes, or of 0 to 1.

    The brightness of an image's border is the median of its outermost pixels; colours count by their mean.
    """
    is_picture = len(image_shape) == 2 or (len(image_shape) == 3 and image_shape[-1] in (1, 3))
    if not is_picture or not (images.dtype == np.uint8 or are_unit):
        return {}
    images = images if images.dtype == np.uint8 else images / PIXEL_SCALE
    pictures = np.moveaxis(images.reshape(-1, *image_shape), 0, 2)  # (height, width, n) or (height, width, n, channels)
    pixels = np.ascontiguousarray(border_of(pictures))
    brightness = np.median(pixels if pixels.ndim == 2 else pixels.mean(axis=-1), axis=0).astype(np.float64)
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
    mean, deviation = (np.asarray(preprocessing[name], np.float64) for name in ("mean", "deviation"))
    fill = np.asarray(preprocessing["fill"], np.float64) if "fill" in preprocessing else None
    return Standardiser(mean, deviation, fill)
