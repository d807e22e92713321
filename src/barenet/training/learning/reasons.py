"""Why a network learned nothing: what was measured, in words, and what to try."""

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

__all__ = ["Cause", "TrainedNetwork", "describe_chance", "find_advice", "find_causes", "is_hardly_changed"]

GROWN = 10.0  # times the norm of the weights before training; training that works about doubles it
STILL = 0.01  # share of that norm; weights that change by less hardly change any answer
LARGE_STEP = 0.1  # share of the weights' norm, in one step; about 0.001 is usual
RISEN = 2.0  # times the loss before training
DEAD = 0.9  # share of a layer's units
ALL = 0.95  # share of the images that are predicted as one class
ALIKE = 0.01  # share of its mean activation by which a layer's units differ between images
UNEVEN = 0.7  # share of the most frequent class
FEW_STEPS = 20
LARGE_INPUT = 100.0  # initial weights are made for inputs of about 1
USUAL = "about 0.001 is usual"

Remedy = Literal["slower", "faster", "other units", "scale", "data", "steps", "classes"]


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network and the images that it was trained and validated on; images (n, D) are multiplied by `scale`.

    initial: the network before the first step. loss: as validation computes it, without label smoothing.
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
        """The network before training, in the form in which it is evaluated."""
        return with_own_statistics(self.initial, self.train_images, self.scale)


@dataclass(frozen=True)
class Cause:
    """A measured reason: a sentence without a full stop, and the kind of remedy for it."""

    words: str
    remedy: Remedy | None = None


def describe_chance(
    now: Measurement, untrained: Measurement | None = None, n_looks: int = 1, *, of: str = "test"
) -> list[str]:
    """Return sentences that compare accuracy and loss on the images `of` a part with answers that need no training."""
    share, what = now.most_frequent, "the share of the most frequent class"
    noise = noise_of(share, now.n, n_looks)
    if untrained is not None and now.accuracy > share + noise:
        share, what = untrained.accuracy, "that of the network before training"
        noise = noise_of(share, now.n, n_looks)
    near = now.accuracy >= share - noise
    place = f"within the noise (± {noise:.4f}) of {share:.4f}" if near else f"below {share:.4f}"
    which = {"test": "the test", "validation": "the validation"}[of]
    sentences = [f"{which} accuracy, {now.accuracy:.4f}, is {place}, {what}"]
    if now.loss is not None and now.constant_loss is not None and now.loss > now.constant_loss:
        entropy = f"ln {now.n_classes} = " if math.isclose(now.constant_loss, math.log(now.n_classes)) else ""
        sentences.append(
            f"{which} loss, {figure(now.loss)}, is above {entropy}{figure(now.constant_loss)}, "
            f"that of the same answer for every image"
        )
    return sentences


def figure(loss: float) -> str:
    """Return a loss with four decimals, or with four digits where it is large."""
    return f"{loss:.4f}" if abs(loss) < 100 else f"{loss:.4g}"


def find_causes(
    trained: TrainedNetwork, now: Measurement, untrained: Measurement, activity: Sequence[Activity], n_same: int
) -> list[Cause]:
    """Return the measured reasons why a network learned nothing.

    n_same: how many validation images get the same class as before the first step.
    """
    found = [
        same_answers(n_same, now.n),
        one_class(now, trained.class_names),
        *map(dead_units, activity),
        next(filter(None, map(equal_units, activity)), None),
        risen_loss(trained.history, untrained),
        *changed_weights(trained),
        few_steps(trained.history),
        *odd_inputs(trained),
    ]
    return [cause for cause in found if cause is not None]


def one_class(now: Measurement, class_names: Sequence[str]) -> Cause | None:
    """Return a cause where nearly every image is predicted as the same class."""
    if now.predicted is None or now.predicted.max() < ALL * now.n:
        return None
    name, n = class_names[int(np.argmax(now.predicted))], int(now.predicted.max())
    remedy: Remedy | None = "classes" if now.most_frequent > UNEVEN else None
    if n == now.n:
        return Cause(f"every image is taken for {name}", remedy)
    return Cause(f"{n:,} of {now.n:,} images are taken for {name}", remedy)


def dead_units(layer: Activity) -> Cause | None:
    """Return a cause where most units of a layer are dead."""
    if layer.n_dead < DEAD * layer.n_units:
        return None
    which = f"all {layer.n_units}" if layer.n_dead == layer.n_units else f"{layer.n_dead} of {layer.n_units}"
    words = f"{which} units of layer {layer.layer} are dead: {layer.activation} is flat there for every image"
    return Cause(words, "slower")


def equal_units(layer: Activity) -> Cause | None:
    """Return a cause where a layer that is not dead gives nearly the same for every image."""
    if layer.n_dead >= DEAD * layer.n_units or layer.spread >= ALIKE:
        return None
    words = f"the units of layer {layer.layer} give nearly the same for every image"
    return Cause(f"{words}: they differ by {layer.spread:.2g} of their size", "other units")


def risen_loss(history: Sequence[EpochRecord], untrained: Measurement) -> Cause | None:
    """Return a cause where an epoch's training loss is far above the loss before training."""
    losses = [(r.train_loss, r.epoch) for r in history if math.isfinite(r.train_loss)]
    peak, epoch = max(losses, default=(0.0, 0))
    if untrained.loss is None or peak <= RISEN * abs(untrained.loss):
        return None
    words = f"the loss rose from {figure(untrained.loss)} before training to {figure(peak)} in epoch {epoch}"
    return Cause(words, "slower")


def changed_weights(trained: TrainedNetwork) -> list[Cause]:
    """Return causes where training, or one step, changed the weights far too much or far too little."""
    initial = trained.initial.parameters.values.astype(np.float64)
    before = float(np.linalg.norm(initial))
    history = [r for r in trained.history if math.isfinite(r.weight_norm) and math.isfinite(r.update_norm)]
    norm = max((r.weight_norm for r in history), default=0.0)
    step = max((r.update_norm / r.weight_norm for r in history if r.weight_norm > 0), default=None)
    found = []
    if norm > GROWN * before > 0:
        found.append(Cause(f"the norm of the weights grew from {before:.4g} to {norm:.4g}", "slower"))
    if step is not None and step > LARGE_STEP:
        found.append(Cause(f"a step changed the weights by {step:.2g} of their size; {USUAL}", "slower"))
    if is_hardly_changed(trained):
        a_step = "" if step is None else f", a step by at most {step:.2g} ({USUAL})"
        words = f"training changed the weights by {change_of(trained):.2g} of their size in all{a_step}"
        found.append(Cause(words, "faster"))
    return found


def change_of(trained: TrainedNetwork) -> float:
    """Return the norm of the change of the weights in training, divided by their norm before."""
    return change_of_weights(trained.mlp, trained.initial)


def is_hardly_changed(trained: TrainedNetwork) -> bool:
    """Whether training hardly changed the weights."""
    return change_of(trained) < STILL


def same_answers(n_same: int, n: int) -> Cause | None:
    """Return a cause where nearly all of n answers, `n_same`, are those of the weights before the first step."""
    if n_same < ALL * n:
        return None
    if n_same == n:
        return Cause(f"the answers to all {n:,} validation images are those of the weights before the first step")
    return Cause(f"the answers to {n_same:,} of {n:,} validation images are those of the weights before the first step")


def few_steps(history: Sequence[EpochRecord]) -> Cause | None:
    """Return a cause where training took very few steps."""
    n = history[-1].step if history else 0
    return Cause(f"training took {n} step{'s' if n != 1 else ''} in all", "steps") if n < FEW_STEPS else None


def odd_inputs(trained: TrainedNetwork) -> list[Cause]:
    """Return a cause where inputs are the same in all images, or far too large for the initial weights."""
    if not np.ptp(trained.train_images, axis=0).any():
        return [Cause("all images are the same: no input differs between them", "data")]
    largest = float(np.max(np.abs(trained.train_images.astype(np.float64)))) * trained.scale
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
