"""Class weights and the loss with them, and soft labels.

`class_weight` has the same meaning as in scikit-learn, and the same rule for names that are not classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.errors import ConfigError, nearest
from barenet.messages import few
from barenet.nn import Loss
from barenet.notes import logger

MOST_SHOWN = 20  # of the classes, in a message

__all__ = ["check_soft_labels", "class_factors", "soft_labels", "weigh_classes", "with_class_names"]


def class_factors(
    class_weight: Mapping[Any, float] | str | None, classes: Sequence[Any], totals: NDArray[np.number]
) -> NDArray[np.float64]:
    """Return the factor (C,) by which each class counts.

    "balanced" is n / (C * total) over the classes that have rows, so that all count the same. A mapping gives factors;
    the other classes have 1. A name that is not a class is ignored if every class has a factor, since a fold may lack a
    class. Otherwise it is an error, since it may be misspelt.

    `classes` are the C labels, `totals` (C,) the number of rows of each class, or their weight. Raises ConfigError.
    """
    factors = np.ones(len(classes))
    if class_weight is None:
        return factors
    if isinstance(class_weight, str) and class_weight == "balanced":
        present = totals > 0
        np.divide(totals.sum() / max(1, np.count_nonzero(present)), totals, out=factors, where=present)
        return factors
    if not isinstance(class_weight, Mapping):
        raise ConfigError(f"class_weight must be None, 'balanced' or a dictionary, got {class_weight!r}")
    known = {label: number for number, label in enumerate(classes)}
    for label, factor in class_weight.items():
        if isinstance(factor, bool) or not isinstance(factor, Real) or not 0 <= float(factor) < math.inf:
            raise ConfigError(f"class_weight of {label!r} must be a number, 0 or more, got {factor!r}")
        if label in known:
            factors[known[label]] = factor
    known_names = [str(label) for label in classes]
    unknown = [str(label) for label in class_weight if label not in known]
    without = [str(label) for label in classes if label not in class_weight]
    if unknown and without:
        raise ConfigError(
            f"class_weight names {few(unknown)}, which is not a class here, and has no factor for {few(without)} (a "
            f"class without rows may be named if all others are); {nearest(unknown[0], known_names[:MOST_SHOWN])}"
        )
    return factors


def with_class_names(
    class_weight: Mapping[str, float] | str | None, class_names: Sequence[str]
) -> Mapping[str, float] | str | None:
    """Return `class_weight` by class names; it may name classes by their numbers, counted from 0.

    A number that is the name of a class means that class. Where all class names are numbers, nothing is changed.
    """
    if not isinstance(class_weight, Mapping) or all(name.lstrip("-").isdecimal() for name in class_names):
        return class_weight
    named: dict[str, float] = {}
    for label, factor in class_weight.items():
        is_number = label not in class_names and label.isdecimal() and int(label) < len(class_names)
        name = class_names[int(label)] if is_number else label
        if name in named:
            raise ConfigError(f"model.class_weight has class {name!r} twice, by its name and by its number {label}")
        named[name] = factor
    return named


def weigh_classes(
    loss: Loss, class_weight: Mapping[str, float] | str | None, class_names: Sequence[str], labels: NDArray[np.integer]
) -> Loss:
    """Return the loss with class weights, for training on images of these labels (n,).

    Over all images it is sum(w_i loss_i) / sum(w_i). The sum over a batch is divided by the batch size and by the mean
    weight of all images, not by the weights of the batch: so the parts of a batch add up, and a batch with many images
    of rare classes changes the parameters more. The factors are noted.

    Raises:
        ConfigError: a name is not a class, or no image counts.
    """
    if class_weight is None:
        return loss
    counts = np.bincount(labels, minlength=len(class_names))
    factors = class_factors(with_class_names(class_weight, class_names), class_names, counts)
    # Not `factors @ counts`: other processors add it in another order.
    mean = float((factors * counts).sum()) / len(labels)
    if not mean:
        raise ConfigError("model.class_weight is 0 for every class that has training images; nothing would be learnt")
    shown = [f"{name}: {factor:.3g}" for name, factor in zip(class_names, factors, strict=True)]
    logger.info(f"factors of classes in the training loss: {few(shown, MOST_SHOWN)}")
    return loss.weighted((factors / mean).astype(np.float32))


def check_soft_labels(config: Config, loss: Loss) -> None:
    """Raise ConfigError where the settings ask for soft labels and the loss cannot use them."""
    if loss.of_soft_labels is not None:
        return
    if config.data.mixup:
        mixup = f"data.mixup = {config.data.mixup:g}"
        raise ConfigError(f"{mixup} mixes labels, which works with cross_entropy only, not {loss.name}; set it to 0")
    if config.model.teacher is not None:
        raise ConfigError(f"model.teacher works with cross_entropy only, not {loss.name}; leave it out")


def soft_labels(
    config: Config,
    loss: Loss,
    labels: NDArray[np.integer],
    n_classes: int,
    teacher: NDArray[np.float32] | None = None,
) -> NDArray[np.float32] | None:
    """Return the soft labels (n, C) of all images, or None where training uses plain labels.

    teacher: the teacher's probabilities (n, C), where the settings name a teacher.
    """
    if config.model.teacher is None:
        return loss.soften(labels, n_classes) if config.data.mixup else None
    if teacher is None:
        raise ConfigError(f"the probabilities that model.teacher {config.model.teacher} gives are missing here")
    return loss.soften(labels, n_classes, teacher, config.model.teacher_weight)
