"""Decide whether a trained network learned anything, and how its validation loss changed.

It learned something if, on the validation images, it is better than answers that need no training: those of its first
weights, and one answer for all images. If training hardly changed its weights and its answers stay the same, it learned
nothing, even if many answers are right. Where there are too few validation images to decide, the training images
decide. Where there are enough, and the network is good on its training images alone, it fits those and nothing else.
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
    TrainedNetwork,
    describe_chance,
    find_advice,
    find_causes,
    is_hardly_changed,
)
from barenet.training.learning.remedies import memory_advice
from barenet.training.learning.trends import find_trend

__all__ = ["MAX_IMAGES", "TrainedNetwork", "Verdict", "judge", "thin"]

MAX_IMAGES = 5000  # training images and validation images that are evaluated; more change nothing
CLEAR = 0.5  # times the loss of one answer for all images; with a lower loss a network has learned something
MOST = 0.75  # share of the answers that stay the same where only the statistics of batch normalisation change
CARRIED_OVER = 0.5  # share of the gain on training images that validation must be able to show


@dataclass(frozen=True)
class Verdict:
    """Whether a network learned anything. If not: measured reasons, and what to try. If so: the trend of validation.

    Sentences have no full stop. fits_training: it learned its training images, and nothing that helps with others.
    advice: what to try against the reasons, or for the trend.
    """

    learned: bool
    reasons: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    trend: str | None = None
    fits_training: bool = False

    @property
    def headline(self) -> str:
        """The sentence above the reasons."""
        if self.fits_training:
            return "this network learned nothing that helps with images that it was not trained on"
        return "this network learned nothing"

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict for `--json`."""
        return {"learned": self.learned, "reasons": self.reasons, "advice": self.advice, "trend": self.trend}


def judge(trained: TrainedNetwork) -> Verdict:
    """Return whether a network learned anything, why not, and how its validation loss changed."""
    trend = find_trend(trained.history)
    advice = trend.advice(trained.config) if trend else []
    learned = Verdict(True, [], advice, trend.words if trend else None)
    images, labels = thin(trained.valid_images), thin(trained.valid_labels)
    n_looks = max(1, sum(record.valid_loss is not None for record in trained.history))
    now = look(trained, trained.mlp, images, labels)
    if now.loss is not None and now.constant_loss is not None and now.loss < CLEAR * now.constant_loss:
        return learned
    untrained = look(trained, trained.untrained, images, labels)
    if not now.can_tell or has_low_loss(trained, now, untrained):
        return learned
    is_still = gives_the_same(trained, images) and gives_the_same(trained, trained.train_images)
    if not is_still and is_beyond_chance(now, untrained, n_looks):
        return learned
    seen = look(trained, trained.mlp, trained.train_images, trained.train_labels)
    seen_untrained = look(trained, trained.untrained, trained.train_images, trained.train_labels)
    sentences = describe_chance(now, untrained, n_looks, of="validation")
    gained = max([seen.accuracy, *(r.train_accuracy for r in trained.history)])
    by_accuracy = replace(seen, accuracy=gained, link=None, loss=None)
    fits_by_accuracy = is_beyond_chance(by_accuracy, seen_untrained, max(1, len(trained.history)))
    if not is_still and (fits_by_accuracy or is_beyond_chance(seen, seen_untrained)):
        if not (fits_by_accuracy and now.is_enough and is_left_behind(trained, now, untrained, gained)):
            return learned
        fits = f"it got {100 * gained:.1f} % of the training images right: it fits only those"
        return Verdict(False, [*sentences, fits], memory_advice(), fits_training=True)
    activity = look_at_layers(trained.mlp, images, trained.scale)
    n_same = int(np.sum(answers_of(trained, trained.mlp, images) == answers_of(trained, trained.untrained, images)))
    causes = find_causes(trained, now, untrained, activity, n_same)
    return Verdict(False, [*sentences, *(cause.words for cause in causes)], find_advice(causes, trained.config))


def answers_of(trained: TrainedNetwork, mlp: MLP, images: NDArray[np.generic]) -> NDArray[np.intp]:
    """Return the class that a network predicts for each image."""
    with np.errstate(all="ignore"):
        return np.asarray(np.argmax(compute_outputs(mlp, images, trained.scale), axis=-1))


def gives_the_same(trained: TrainedNetwork, images: NDArray[np.generic]) -> bool:
    """Whether the weights hardly changed, and the answers are those before the first step.

    Such a network has learned nothing, even if its first weights happen to give many right answers.
    """
    if not is_hardly_changed(trained):
        return False
    same = answers_of(trained, trained.mlp, images) == answers_of(trained, trained.untrained, images)
    # With batch normalisation the statistics before training are measured; they differ from the running ones.
    return bool(np.mean(same) >= MOST if trained.untrained is not trained.initial else same.all())


def look(trained: TrainedNetwork, mlp: MLP, images: NDArray[np.generic], labels: NDArray[np.int64]) -> Measurement:
    """Return the measured results of a network on images."""
    with np.errstate(all="ignore"):
        outputs = compute_outputs(mlp, images, trained.scale)
    return measure(outputs, labels, trained.loss)


def has_low_loss(trained: TrainedNetwork, now: Measurement, untrained: Measurement) -> bool:
    """Whether the validation loss was once well below that of one answer for all images and that before training.

    Where one class is frequent, the best epoch by accuracy may be the first, before anything was learned.
    """
    losses = [r.valid_loss for r in trained.history if r.valid_loss is not None]
    if not losses or now.constant_loss is None or untrained.loss is None:
        return False
    return min(losses) < (1 - LEAST_GAIN) * now.constant_loss and min(losses) < (1 - LEAST_GAIN) * untrained.loss


def is_left_behind(trained: TrainedNetwork, now: Measurement, untrained: Measurement, gained: float) -> bool:
    """Whether validation shows no gain, although it has enough images to show half of the gain on training images.

    gained: the accuracy on training images, that of the best weights or the highest in training, whichever is higher.
    Where nothing is learned, chance decides which epoch is the best; so the mean of the second half of all validations
    is compared.
    """
    accuracies = [r.valid_accuracy for r in trained.history if r.valid_accuracy is not None] or [now.accuracy]
    usual = float(np.mean(accuracies[len(accuracies) // 2 :]))
    share = max(now.most_frequent, untrained.accuracy)
    error = standard_error(share, now.n)
    return usual <= share + error and usual + 2 * error < share + CARRIED_OVER * (gained - share)


def thin(rows: NDArray[Any]) -> NDArray[Any]:
    """Return at most `MAX_IMAGES` rows, spread evenly, since files may be sorted by class."""
    return rows[:: max(1, -(-len(rows) // MAX_IMAGES))]
