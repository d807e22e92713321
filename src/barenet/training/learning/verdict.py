"""Did a trained network learn anything? And how did its validation go?

It learned something if, on the validation images, it beats what needs no training: its own answers before the first
step, and one answer for all images. If its weights are nearly those before the first step and give the same answers, it
learned nothing, however many of them are right. Where these images are too few to tell, the images that it was trained
on decide; where they are enough, and it does well on those alone, it fits its training images and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.nn import MLP
from barenet.training.evaluation import compute_outputs
from barenet.training.learning.activity import look_at_layers
from barenet.training.learning.measurement import LEAST_GAIN, Measurement, is_beyond_chance, measure, standard_error
from barenet.training.learning.reasons import (
    Subject,
    describe_chance,
    find_advice,
    find_causes,
    is_hardly_changed,
)
from barenet.training.learning.remedies import memory_advice
from barenet.training.learning.trends import find_trend

__all__ = ["MAX_IMAGES", "Subject", "Verdict", "judge", "thin"]

MAX_IMAGES = 5000  # of those trained on, and of validation, that are looked at: more tell no more
CLEAR = 0.5  # times the loss of one answer for all images: below it, no network is untrained
MOST = 0.75  # share of the answers that stay where nothing but statistics changes
CARRIED_OVER = 0.5  # share of the gain on training images that validation must be able to show


@dataclass(frozen=True)
class Verdict:
    """Whether a network learned anything; if not, why, as measured, and what to try; if so, how validation went.

    Sentences have no full stop. fits_training: it learned its training images, and nothing that helps with others.
    advice goes with the reasons, or with the trend.
    """

    learned: bool
    reasons: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    trend: str | None = None
    fits_training: bool = False

    @property
    def headline(self) -> str:
        """What stands above the reasons."""
        if self.fits_training:
            return "this network learned nothing that helps with images that it was not trained on"
        return "this network learned nothing"

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict for `--json`."""
        return {"learned": self.learned, "reasons": self.reasons, "advice": self.advice, "trend": self.trend}


def judge(subject: Subject) -> Verdict:
    """Return whether a network learned anything, why not, and how its validation went."""
    trend = find_trend(subject.history)
    advice = trend.advice(subject.config) if trend else []
    learned = Verdict(True, [], advice, trend.words if trend else None)
    images, labels = thin(subject.valid_images), thin(subject.valid_labels)
    n_looks = max(1, sum(record.valid_loss is not None for record in subject.history))
    now = look(subject, subject.mlp, images, labels)
    if now.loss is not None and now.constant_loss is not None and now.loss < CLEAR * now.constant_loss:
        return learned
    untrained = look(subject, subject.untrained, images, labels)
    if not now.can_tell or has_low_loss(subject, now, untrained):
        return learned
    is_still = gives_the_same(subject, images) and gives_the_same(subject, subject.train_images)
    if not is_still and is_beyond_chance(now, untrained, n_looks):
        return learned
    seen = look(subject, subject.mlp, subject.train_images, subject.train_labels)
    seen_untrained = look(subject, subject.untrained, subject.train_images, subject.train_labels)
    told = describe_chance(now, untrained, n_looks, of="validation")
    gained = max([seen.accuracy, *(r.train_accuracy for r in subject.history)])
    by_accuracy = replace(seen, accuracy=gained, link=None, loss=None)
    fits_by_accuracy = is_beyond_chance(by_accuracy, seen_untrained, max(1, len(subject.history)))
    if not is_still and (fits_by_accuracy or is_beyond_chance(seen, seen_untrained)):
        if not (fits_by_accuracy and now.is_enough and is_left_behind(subject, now, untrained, gained)):
            return learned
        fits = f"of the training images it got {100 * gained:.1f} % right: it fits these alone"
        return Verdict(False, [*told, fits], memory_advice(), fits_training=True)
    activity = look_at_layers(subject.mlp, images, subject.scale)
    n_same = int(np.sum(answers_of(subject, subject.mlp, images) == answers_of(subject, subject.untrained, images)))
    causes = find_causes(subject, now, untrained, activity, n_same)
    return Verdict(False, [*told, *(cause.words for cause in causes)], find_advice(causes, subject.config))


def answers_of(subject: Subject, mlp: MLP, images: NDArray[np.generic]) -> NDArray[np.intp]:
    """Return the class that a network takes each image for."""
    with np.errstate(all="ignore"):
        return np.asarray(np.argmax(compute_outputs(mlp, images, subject.scale), axis=-1))


def gives_the_same(subject: Subject, images: NDArray[np.generic]) -> bool:
    """Whether hardly changed weights take every image for what they took it for before the first step.

    Such a network has learned nothing, however many images its start happened to name right.
    """
    if not is_hardly_changed(subject):
        return False
    same = answers_of(subject, subject.mlp, images) == answers_of(subject, subject.untrained, images)
    # With batch normalisation the statistics before training are measured, and are not those that training followed.
    return bool(np.mean(same) >= MOST if subject.untrained is not subject.initial else same.all())


def look(subject: Subject, mlp: MLP, images: NDArray[np.generic], labels: NDArray[np.int64]) -> Measurement:
    """Return what a network says of images."""
    with np.errstate(all="ignore"):
        outputs = compute_outputs(mlp, images, subject.scale)
    return measure(outputs, labels, subject.loss)


def has_low_loss(subject: Subject, now: Measurement, untrained: Measurement) -> bool:
    """Whether the validation loss was ever well below that of one answer for all images, and below that of the start.

    Where one class is frequent, the best epoch by accuracy may be the first, before anything was learned.
    """
    losses = [r.valid_loss for r in subject.history if r.valid_loss is not None]
    if not losses or now.constant_loss is None or untrained.loss is None:
        return False
    return min(losses) < (1 - LEAST_GAIN) * now.constant_loss and min(losses) < (1 - LEAST_GAIN) * untrained.loss


def is_left_behind(subject: Subject, now: Measurement, untrained: Measurement, gained: float) -> bool:
    """Whether validation, with images enough to show half of what was gained in training, shows none of it.

    gained: the accuracy on images trained on, in the best epoch or while it trained, whichever is higher. Which epoch
    is the best is chance where nothing is learned; the mean of the second half of all validations is not chosen.
    """
    accuracies = [r.valid_accuracy for r in subject.history if r.valid_accuracy is not None] or [now.accuracy]
    usual = float(np.mean(accuracies[len(accuracies) // 2 :]))
    share = max(now.most_frequent, untrained.accuracy)
    error = standard_error(share, now.n)
    return usual <= share + error and usual + 2 * error < share + CARRIED_OVER * (gained - share)


def thin(rows: NDArray[Any]) -> NDArray[Any]:
    """Return at most `MAX_IMAGES` rows, spread evenly: files may have one class after the other."""
    return rows[:: max(1, -(-len(rows) // MAX_IMAGES))]
