from types import SimpleNamespace

import numpy as np
import pytest

from barenet.nn import LOSSES
from barenet.training.learning.measurement import measure_figures
from barenet.training.learning.verdict import has_low_loss


@pytest.mark.parametrize("kind", ["good", "good, normalised", "rare", "weighted", "hinge", "late", "forty rows"])
def test_networks_that_learned_something_are_recognised(network_of, kind):
    verdict = network_of(kind).verdict
    assert verdict.learned
    assert verdict.reasons == []


@pytest.mark.parametrize(
    ("kind", "reason", "advice"),
    [
        ("fast", "the loss rose from ", "a learning rate much smaller, such as learning_rate=0.1"),
        ("fast", "the norm of the weights grew from ", "learning_rate=0.1"),
        ("fast", "is taken for ", "learning_rate=0.1"),
        ("fast", "are dead: relu is flat there for every image", "learning_rate=0.1"),
        ("slow", "training changed the weights by ", "a larger learning rate, such as learning_rate=0.001"),
        ("slow, normalised", "training changed the weights by ", "a larger learning rate, such as learning_rate=0.001"),
        ("lucky start, normalised", "training changed the weights by ", "=0.001"),
        ("lucky start", "the answers to all 120 validation images are those of the weights before", "=0.001"),
        ("luckier start", "the answers to 119 of 120 validation images are those of the weights", "=0.001"),
        ("deep", "give nearly the same for every image", 'activation="relu"'),
        ("shuffled", "it got ", "check that each label belongs to its image"),
        ("equal", "all images are the same", "look at the data"),
        ("one class", "is taken for 0", 'class_weight="balanced", or metric="loss"'),
        ("short", "training took 1 step in all", "more epochs, epochs=10, or smaller batches, batch_size=120"),
    ],
)
def test_networks_that_learned_nothing_get_the_measured_reason_and_what_to_try(network_of, kind, reason, advice):
    verdict = network_of(kind).verdict
    assert not verdict.learned
    assert [words for words in verdict.reasons if reason in words]
    assert [words for words in verdict.advice if advice in words]
    assert verdict.reasons[0].startswith("the validation accuracy, ")
    assert verdict.trend is None


def test_a_network_that_fits_only_its_training_images_has_another_headline_than_one_that_fits_nothing(network_of):
    assert network_of("shuffled").verdict.fits_training
    assert "not trained on" in network_of("shuffled").verdict.headline
    assert network_of("fast").verdict.headline == "this network learned nothing"


def test_lucky_first_weights_do_not_count_as_learned(network_of):
    network = network_of("luckier start")
    frequent = 150 / 480  # at most, of four classes that are nearly as frequent
    assert min(record.train_accuracy for record in network.history) > frequent + 0.08
    assert not network.learned


def test_the_json_of_a_result_holds_the_verdict(network_of):
    good, fast = network_of("good").as_dict(), network_of("fast").as_dict()
    assert (good["learned"], good["reasons"]) == (True, [])
    assert fast["learned"] is False
    assert len(fast["reasons"]) > 2
    assert fast["advice"] == ["a learning rate much smaller, such as learning_rate=0.1"]
    assert fast["trend"] is None
    assert not network_of("fast").learned


@pytest.mark.parametrize(
    ("losses", "has_learned"), [([0.4, 0.2, 0.5], True), ([0.4, 0.33], False), ([None, None], False)]
)
def test_an_epoch_with_a_low_loss_counts_even_if_another_epoch_was_kept(losses, has_learned):
    counts = np.array([90, 10])  # one answer for all images has a loss of 0.3251
    kept, start = (measure_figures(0.9, counts, loss, LOSSES["cross_entropy"]) for loss in (0.4, 0.7))
    history = [SimpleNamespace(valid_loss=loss) for loss in losses]
    assert has_low_loss(SimpleNamespace(history=history), kept, start) == has_learned
