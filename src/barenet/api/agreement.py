"""Whether networks fit together: an average needs the same inputs, prepared alike, and the same classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from barenet.api.members import Candidate
from barenet.errors import CheckpointError
from barenet.messages import count, few
from barenet.notes import logger
from barenet.run_folders.checkpoint import SavedModel
from barenet.training.inputs.input_range import is_unit_range, read_range

__all__ = ["check_fit"]


def check_fit(members: Sequence[Candidate]) -> None:
    """Raise CheckpointError unless all networks take the same inputs, prepared alike, and give the same classes.

    Networks may differ in all else. Data that differ are noted.
    """
    first, *others = members
    for other in others:
        if words := difference(first.model, other.model):
            raise CheckpointError(f"{first.source} and {other.source} cannot be averaged: {words}")
    for other in others:
        one, two = first.model.info, other.model.info
        if one.data_fingerprint != two.data_fingerprint:
            logger.info(
                f"{first.source} and {other.source} were trained on other data ({one.data_name} and {two.data_name}): "
                f"one may have been trained on images that the other is tested on"
            )


def difference(one: SavedModel, other: SavedModel) -> str:
    """Return in words the first difference that makes two networks unfit for an average, "" if there is none."""
    return next((words for check in CHECKS if (words := check(one, other))), "")


def differing_classes(one: SavedModel, other: SavedModel) -> str:
    """Return how the classes differ."""
    first, second = one.info.class_names, other.info.class_names
    if len(first) != len(second):
        return f"one has {count(len(first), 'class', 'classes')}, the other {len(second)}"
    if first == second:
        return ""
    what = "come in another order" if sorted(first) == sorted(second) else "have other names"
    place = next(i for i in range(len(first)) if first[i] != second[i])
    return f"their classes {what}: class {place} is {few([first[place]])} and {few([second[place]])}"


def differing_columns(one: SavedModel, other: SavedModel) -> str:
    """Return how the columns of the tables differ; columns of images do not matter."""
    if len(one.info.image_shape) > 1 and len(other.info.image_shape) > 1:
        return ""
    first, second = (model.info.preprocessing for model in (one, other))
    if first.get("columns") != second.get("columns"):
        names = [{column["name"] for column in how.get("columns", {}).get("columns", [])} for how in (first, second)]
        alone = sorted(names[0] ^ names[1])
        return "their tables have other columns" + (f": {few(alone)} in one alone" if alone else " or values in them")
    words = [how.get("unknown", "error") for how in (first, second)]
    return "" if words[0] == words[1] else f"data.unknown is {words[0]} and {words[1]}"


def differing_inputs(one: SavedModel, other: SavedModel) -> str:
    """Return how the images or features differ."""
    first, second = one.info, other.info
    if first.image_shape != second.image_shape:
        return f"their inputs have the shapes {shape_of(one)} and {shape_of(other)}"
    if first.input_dtype != second.input_dtype:
        return f"they were trained on numbers of type {first.input_dtype} and {second.input_dtype}"
    turned = [info.settings.get("data", {}).get("transpose") for info in (first, second)]
    if turned[0] != turned[1] and first.data_fingerprint != second.data_fingerprint:
        return f"their images were turned in different ways: data.transpose is {turned[0]} and {turned[1]}"
    return ""


def shape_of(model: SavedModel) -> str:
    """Return the shape of a model's images, as (28, 28), or how many features it takes."""
    shape = model.info.image_shape
    return f"({', '.join(map(str, shape))})" if len(shape) > 1 else count(shape[0], "feature")


def differing_scales(one: SavedModel, other: SavedModel) -> str:
    """Return how the scaling or the ranges of the inputs differ."""
    first, second = one.info, other.info
    if first.scale != second.scale:
        return f"their pixels are multiplied by {first.scale:.6g} and {second.scale:.6g}"
    for name, words in (("value_range", "pictures of 16 bits a pixel"), ("has_float64", "numbers of 64 bits")):
        values = [info.preprocessing.get(name) for info in (first, second)]
        if values[0] != values[1]:
            return f"they take {words} in different ways: {name} is {values[0]} and {values[1]}"
    ranges = [read_range(info.preprocessing) for info in (first, second)]
    if [bool(known) and is_unit_range(known) for known in ranges].count(True) == 1 and first.input_dtype != "uint8":
        return f"their training images had values {ends_of(ranges[0])} and {ends_of(ranges[1])}"
    return ""


def ends_of(trained: dict[str, list[float]]) -> str:
    """Return in words the lowest and the highest value of training images, or that they are not known."""
    return f"{trained['values'][0]:.4g} to {trained['values'][1]:.4g}" if trained else "that are not known"


def differing_statistics(one: SavedModel, other: SavedModel) -> str:
    """Return how the standardisation of the inputs differs."""
    first, second = one.standardiser, other.standardiser
    if first is None or second is None:
        return "" if first is second else "one of them standardises its inputs, and the other does not"
    for name in ("mean", "deviation", "fill"):
        values: list[Any] = [getattr(standardiser, name) for standardiser in (first, second)]
        if values[0] is None or values[1] is None:
            if values[0] is values[1]:
                continue
            return "one of them fills in missing numbers, and the other does not"
        if len(places := np.flatnonzero(values[0] != values[1])):
            what = {"fill": "the value of missing numbers", "deviation": "the standard deviation"}.get(name, "the mean")
            numbers = " and ".join(f"{value[places[0]]:.6g}" for value in values)
            feature = few([one.feature_names[places[0]]])
            return (
                f"their inputs are standardised in different ways: {what} of {feature} is {numbers}; runs of the same "
                f"data, data.n_valid and data.split_seed agree"
            )
    return ""


CHECKS: tuple[Callable[[SavedModel, SavedModel], str], ...] = (
    differing_classes,
    differing_columns,
    differing_inputs,
    differing_scales,
    differing_statistics,
)
