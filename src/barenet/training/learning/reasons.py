"""Why a network learned nothing: what was measured, in plain words, and what to try."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.nn import MLP, Loss
from barenet.training.learning.activity import Activity
from barenet.training.learning.measurement import Measurement, noise_of
from barenet.training.learning.remedies import any_other_rate, memory_advice, more_steps, slower, steeper
from barenet.training.learning.untrained import change_of_weights, with_own_statistics
from barenet.training.records import EpochRecord

__all__ = ["Cause", "Subject", "describe_chance", "find_advice", "find_causes", "is_hardly_changed"]

GROWN = 10.0  # times the norm of the weights before training; training that works doubles it or so
STILL = 0.01  # of that norm, by which the weights must change for anything to change
LARGE_STEP = 0.1  # of the weights' norm, in one step; about 0.001 is usual
RISEN = 2.0  # times the loss before training
DEAD = 0.9  # share of a layer's units
ALL = 0.95  # share of the images that are taken for one class
ALIKE = 0.01  # of its mean activation, by which a layer's units differ from image to image
UNEVEN = 0.7  # share of the most frequent class
FEW_STEPS = 20
LARGE_INPUT = 100.0  # initial weights are made for inputs of about 1
USUAL = "about 0.001 is usual"

Remedy = Literal["slower", "faster", "other units", "scale", "data", "steps", "classes"]


@dataclass(frozen=True)
class Subject:
    """A trained network and what it was trained and validated on; images (n, D) are multiplied by `scale`.

    initial: its weights before the first step. loss: as validation computes it, without label smoothing.
    """

    mlp: MLP
    initial: MLP
    loss: Loss
    scale: float
    valid_images: NDArray[np.generic]
    valid_labels: NDArray[np.int64]
    train_images: NDArray[np.generic]
    train_labels: NDArray[np.int64]
    class_names: Sequence[str]
    history: Sequence[EpochRecord]
    config: Config

    @cached_property
    def untrained(self) -> MLP:
        """The network before training as it would be evaluated."""
        return with_own_statistics(self.initial, self.train_images, self.scale)


@dataclass(frozen=True)
class Cause:
    """Something that was measured: a sentence without a full stop, and which kind of remedy it asks for."""

    words: str
    remedy: Remedy | None = None


def describe_chance(
    now: Measurement, untrained: Measurement | None = None, n_looks: int = 1, *, of: str = "test"
) -> list[str]:
    """Return accuracy, and the loss if it is known, on the images `of` a part, beside answers that need no training."""
    share, what = now.most_frequent, "the share of the most frequent class"
    noise = noise_of(share, now.n, n_looks)
    if untrained is not None and now.accuracy > share + noise:
        share, what = untrained.accuracy, "that of the network before training"
        noise = noise_of(share, now.n, n_looks)
    place = f"within the noise (± {noise:.4f}) of" if now.accuracy >= share - noise else "below"
    told = [f"the {of} accuracy, {now.accuracy:.4f}, is {place} {share:.4f}, {what}"]
    if now.loss is not None and now.constant_loss is not None and now.loss > now.constant_loss:
        entropy = f"ln {now.n_classes} = " if math.isclose(now.constant_loss, math.log(now.n_classes)) else ""
        told.append(
            f"the {of} loss, {figure(now.loss)}, is above {entropy}{figure(now.constant_loss)}, "
            f"that of the same answer for every image"
        )
    return told


def figure(loss: float) -> str:
    """Return a loss with four decimals, or with four digits where it is large."""
    return f"{loss:.4f}" if abs(loss) < 100 else f"{loss:.4g}"


def find_causes(
    subject: Subject, now: Measurement, untrained: Measurement, activity: Sequence[Activity], n_same: int
) -> list[Cause]:
    """Return what can be measured of why a network learned nothing.

    n_same: how many validation images get the class that they got before the first step.
    """
    found = [
        same_answers(n_same, now.n),
        one_class(now, subject.class_names),
        *map(dead_units, activity),
        next(filter(None, map(equal_units, activity)), None),
        risen_loss(subject.history, untrained),
        *changed_weights(subject),
        few_steps(subject.history),
        *odd_inputs(subject),
    ]
    return [cause for cause in found if cause is not None]


def one_class(now: Measurement, class_names: Sequence[str]) -> Cause | None:
    """Say so where nearly every image is taken for the same class."""
    if now.predicted is None or now.predicted.max() < ALL * now.n:
        return None
    name, n = class_names[int(np.argmax(now.predicted))], int(now.predicted.max())
    remedy: Remedy | None = "classes" if now.most_frequent > UNEVEN else None
    if n == now.n:
        return Cause(f"every image is taken for {name}", remedy)
    return Cause(f"{n:,} of {now.n:,} images are taken for {name}", remedy)


def dead_units(layer: Activity) -> Cause | None:
    """Say so where most units of a layer are dead."""
    if layer.n_dead < DEAD * layer.n_units:
        return None
    which = f"all {layer.n_units}" if layer.n_dead == layer.n_units else f"{layer.n_dead} of {layer.n_units}"
    words = f"{which} units of layer {layer.layer} are dead: {layer.activation} is flat there for every image"
    return Cause(words, "slower")


def equal_units(layer: Activity) -> Cause | None:
    """Say so where a layer that is alive gives nearly the same for every image."""
    if layer.n_dead >= DEAD * layer.n_units or layer.spread >= ALIKE:
        return None
    words = f"the units of layer {layer.layer} give nearly the same for every image"
    return Cause(f"{words}: they differ by {layer.spread:.2g} of their size", "other units")


def risen_loss(history: Sequence[EpochRecord], untrained: Measurement) -> Cause | None:
    """Say so where an epoch's training loss is far above the loss before training."""
    losses = [(r.train_loss, r.epoch) for r in history if math.isfinite(r.train_loss)]
    peak, epoch = max(losses, default=(0.0, 0))
    if untrained.loss is None or peak <= RISEN * abs(untrained.loss):
        return None
    words = f"the loss rose from {figure(untrained.loss)} before training to {figure(peak)} in epoch {epoch}"
    return Cause(words, "slower")


def changed_weights(subject: Subject) -> list[Cause]:
    """Say how much training changed the weights, and a step, where that is far too much or far too little."""
    initial = subject.initial.parameters.values.astype(np.float64)
    before = float(np.linalg.norm(initial))
    history = [r for r in subject.history if math.isfinite(r.weight_norm) and math.isfinite(r.update_norm)]
    norm = max((r.weight_norm for r in history), default=0.0)
    step = max((r.update_norm / r.weight_norm for r in history if r.weight_norm > 0), default=None)
    found = []
    if norm > GROWN * before > 0:
        found.append(Cause(f"the norm of the weights grew from {before:.4g} to {norm:.4g}", "slower"))
    if step is not None and step > LARGE_STEP:
        found.append(Cause(f"a step changed the weights by {step:.2g} of their size; {USUAL}", "slower"))
    if is_hardly_changed(subject):
        a_step = "" if step is None else f", a step by at most {step:.2g} ({USUAL})"
        words = f"training changed the weights by {change_of(subject):.2g} of their size in all{a_step}"
        found.append(Cause(words, "faster"))
    return found


def change_of(subject: Subject) -> float:
    """Return the norm of what training changed the weights by, over their norm before."""
    return change_of_weights(subject.mlp, subject.initial)


def is_hardly_changed(subject: Subject) -> bool:
    """Whether the weights are nearly those before the first step."""
    return change_of(subject) < STILL


def same_answers(n_same: int, n: int) -> Cause | None:
    """Say so where nearly all answers are those of the weights before the first step; both figures as counted."""
    if n_same < ALL * n:
        return None
    which = f"all {n:,}" if n_same == n else f"{n_same:,} of {n:,}"
    return Cause(f"the answers to {which} validation images are those of the weights before the first step")


def few_steps(history: Sequence[EpochRecord]) -> Cause | None:
    """Say so where training was hardly begun."""
    n = history[-1].step if history else 0
    return Cause(f"training took {n} step{'s' if n != 1 else ''} in all", "steps") if n < FEW_STEPS else None


def odd_inputs(subject: Subject) -> list[Cause]:
    """Say so where inputs are the same in all images, or far larger than initial weights are made for."""
    if not np.ptp(subject.train_images, axis=0).any():
        return [Cause("all images are the same: no input differs between them", "data")]
    largest = float(np.max(np.abs(subject.train_images.astype(np.float64)))) * subject.scale
    if largest <= LARGE_INPUT:
        return []
    return [Cause(f"inputs are as large as {largest:.4g}; initial weights are made for about 1", "scale")]


def find_advice(causes: Sequence[Cause], config: Config) -> list[str]:
    """Return what to try, as flags of the command line with their values."""
    remedies = {cause.remedy for cause in causes}
    found = []
    if "data" in remedies:
        return ["look at the data: inputs that are the same for all images tell nothing"]
    if "scale" in remedies:
        found.append("inputs brought to mean 0 and deviation 1: --data.standardize")
    if "slower" in remedies:
        found.append(slower(config))
    elif "faster" in remedies:
        found.append(steeper(config))
    if "steps" in remedies and "slower" not in remedies:
        found.append(more_steps(config))
    if "classes" in remedies:
        found.append(
            "--model.class-weight balanced, or --trainer.metric loss: one class decides the accuracy of every epoch"
        )
    if "other units" in remedies:
        found.append("--activation relu, or fewer hidden layers")
    return found or [any_other_rate(config), *memory_advice()]
