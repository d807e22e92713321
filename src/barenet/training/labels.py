"""What counts as label in training, and how much: factors of classes, and a loss with them; soft labels.

`class_weight` means what it means in scikit-learn, from which the rule for names that do not fit is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.errors import ConfigError, nearest
from barenet.messages import few
from barenet.nn import Loss

MOST_SHOWN = 20  # of the classes, in a message

__all__ = ["check_soft_labels", "class_factors", "soft_labels", "weigh_classes", "with_class_names"]


def class_factors(
    class_weight: Mapping[Any, float] | str | None, classes: Sequence[Any], totals: NDArray[np.number]
) -> NDArray[np.float64]:
    """Return the factor (C,) by which each class counts.

    "balanced" is n / (C * total) over the classes that have rows: all count the same. A mapping names factors, 1 for
    the others. A name that is no class, as where a fold lacks a class, is left out if every class has its factor, and
    an error if not: then it may be a misspelt one.

    `classes` are the C labels, `totals` (C,) the weight of each one's rows, or how many there are. Raises ConfigError.
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
    strangers = [str(label) for label in class_weight if label not in known]
    without = [str(label) for label in classes if label not in class_weight]
    if strangers and without:
        raise ConfigError(
            f"class_weight names {few(strangers)}, which is no class here, and has no factor for {few(without)} (a "
            f"missing class may be named where all others are); {nearest(strangers[0], known_names[:MOST_SHOWN])}"
        )
    return factors


def with_class_names(
    class_weight: Mapping[str, float] | str | None, class_names: Sequence[str]
) -> Mapping[str, float] | str | None:
    """Return `class_weight` by class names, where it may have the numbers of the classes, counted from 0.

    A number that is itself the name of a class is that name; where all names are numbers, others mean nothing.
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
    loss: Loss,
    class_weight: Mapping[str, float] | str | None,
    class_names: Sequence[str],
    labels: NDArray[np.integer],
    note: Callable[[str], None] = lambda message: None,
) -> Loss:
    """Return the loss with which each class counts as asked, for training on images of these labels (n,).

    Over all of them it is sum(w_i loss_i) / sum(w_i). A batch is divided by its size and the mean weight of all images,
    not by its own weights: so the parts of a batch add up, and a batch with many rare images moves the weights more.
    `note` gets the factors.

    Raises:
        ConfigError: a name is no class, or no image counts.
    """
    if class_weight is None:
        return loss
    counts = np.bincount(labels, minlength=len(class_names))
    factors = class_factors(with_class_names(class_weight, class_names), class_names, counts)
    # Not `factors @ counts`, which is added in another order on other processors.
    mean = float((factors * counts).sum()) / len(labels)
    if not mean:
        raise ConfigError("model.class_weight is 0 for every class that has training images; nothing would be learnt")
    shown = [f"{name}: {factor:.3g}" for name, factor in zip(class_names, factors, strict=True)]
    note(f"factors of classes in the training loss: {few(shown, MOST_SHOWN)}")
    return loss.weighted((factors / mean).astype(np.float32))


def check_soft_labels(config: Config, loss: Loss) -> None:
    """Raise ConfigError where the settings ask for soft labels, which the loss does not take."""
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
    """Return the soft labels (n, C) that training needs of all images, None where labels are enough.

    teacher: (n, C) the probabilities that the teacher gives, where the settings name one.
    """
    if config.model.teacher is None:
        return loss.soften(labels, n_classes) if config.data.mixup else None
    if teacher is None:
        raise ConfigError(f"the probabilities that model.teacher {config.model.teacher} gives are missing here")
    return loss.soften(labels, n_classes, teacher, config.model.teacher_weight)
