import math

import numpy as np
import pytest

from barenet.nn import LOSSES, Loss
from barenet.training.learning.measurement import (
    is_beyond_chance,
    measure,
    measure_counts,
    measure_figures,
    measure_link,
    noise_of,
)

CROSS_ENTROPY = LOSSES["cross_entropy"]


def softmax(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


def test_the_link_of_two_classes_is_the_difference_of_their_mean_probabilities():
    shares = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.5, 0.5], [0.2, 0.8]])
    labels = np.array([0, 0, 1, 1, 1])
    link, _ = measure_link(shares, labels)
    assert link == pytest.approx((0.7 + 0.5 + 0.8) / 3 - (0.1 + 0.4) / 2)


def test_the_link_is_one_for_sure_and_right_answers_and_zero_for_the_same_answer():
    labels = np.array([0, 1, 2, 2, 1, 0])
    assert measure_link(np.eye(3)[labels], labels)[0] == pytest.approx(1)
    assert measure_link(np.full((6, 3), 1 / 3), labels) == (pytest.approx(0), pytest.approx(0))


def test_the_error_of_the_link_is_its_deviation_over_shuffled_labels():
    rng = np.random.default_rng(0)
    shares, labels = softmax(rng.normal(size=(60, 3))), rng.choice(3, 60, p=[0.6, 0.3, 0.1])
    shuffled = [measure_link(shares, rng.permutation(labels))[0] for _ in range(3000)]
    assert measure_link(shares, labels)[1] == pytest.approx(np.std(shuffled), rel=0.05)
    assert np.mean(shuffled) == pytest.approx(0, abs=0.005)


@pytest.mark.parametrize(
    ("name", "counts", "expected"),
    [
        ("cross_entropy", [10, 10, 10, 10], math.log(4)),
        ("cross_entropy", [90, 10], -0.9 * math.log(0.9) - 0.1 * math.log(0.1)),
        ("cross_entropy", [5, 0, 5], math.log(2)),  # a class without images is never predicted
        ("mse", [30, 10], (1 - 0.75**2 - 0.25**2) / 2),  # the variance of an indicator, twice, over two classes
        ("hinge", [10, 10, 10], 2),  # all margins are missed by 1, two for each image
        ("hinge", [90, 10], 0.2),  # the most frequent class: 0 on its images, 2 on the others
    ],
)
def test_the_loss_of_one_answer_for_all_images_is_known_for_each_loss(name, counts, expected):
    found = measure_figures(0.5, np.array(counts), 1.0, LOSSES[name])
    assert found.constant_loss == pytest.approx(expected, rel=1e-6)


def test_a_custom_loss_gets_batches_as_in_training():
    def loss(logits, labels):
        assert logits.ndim == 2
        assert labels.shape == logits.shape[:-1]
        return np.mean(-np.take_along_axis(logits, labels[..., None], -1)[..., 0])

    custom = Loss.custom("own", loss, lambda logits, labels: np.zeros_like(logits))
    outputs, labels = np.eye(3)[[0, 1, 2, 0]], np.array([0, 1, 2, 0])
    found = measure(outputs, labels, custom)
    assert found.loss == pytest.approx(-1)
    assert found.accuracy == 1


def test_answers_that_are_the_same_for_all_images_are_no_better_than_chance():
    labels = np.random.default_rng(0).choice(3, 500, p=[0.7, 0.2, 0.1])
    for answer in ([5.0, 0, 0], np.log([0.7, 0.2, 0.1]), [0, 9.0, 0], [1e30, 0, 0]):
        assert not is_beyond_chance(measure(np.tile(answer, (500, 1)), labels, CROSS_ENTROPY))


@pytest.mark.parametrize(("n", "n_classes"), [(10, 2), (35, 3), (1000, 10)])
def test_random_answers_are_hardly_ever_beyond_chance(n, n_classes):
    rng = np.random.default_rng(1)
    taken = 0
    for _ in range(100):
        labels = rng.integers(0, n_classes, n)
        taken += is_beyond_chance(measure(rng.normal(size=(n, n_classes)), labels, CROSS_ENTROPY))
    assert taken <= 2  # one in a thousand is allowed; with few images the normal distribution is an approximation


def test_a_rare_class_with_higher_probabilities_on_its_images_is_learned_even_if_it_is_never_predicted():
    rng = np.random.default_rng(2)
    labels = (rng.random(2000) < 0.05).astype(int)
    shown = 0.04 + 0.08 * labels * rng.random(2000)
    found = measure(np.log(np.column_stack([1 - shown, shown])), labels, CROSS_ENTROPY)
    assert found.accuracy == found.most_frequent
    assert is_beyond_chance(found)


def test_class_weights_that_lower_the_accuracy_do_not_hide_what_was_learned():
    rng = np.random.default_rng(3)
    labels = (rng.random(2000) < 0.05).astype(int)
    names_rare = rng.random(2000) < np.where(labels == 1, 0.8, 0.2)
    found = measure(np.where(names_rare[:, None], [0.0, 1], [1.0, 0]), labels, CROSS_ENTROPY)
    assert found.accuracy < found.most_frequent - 0.1
    assert found.loss > found.constant_loss
    assert is_beyond_chance(found)


def test_outputs_that_follow_the_labels_but_hardly_differ_say_nothing():
    labels = np.arange(1000) % 10
    outputs = np.tile(np.linspace(0, 0.1, 10), (1000, 1)) + 1e-5 * np.eye(10)[labels]
    assert not is_beyond_chance(measure(outputs, labels, CROSS_ENTROPY))


def test_what_a_network_had_before_training_is_not_learned():
    rng = np.random.default_rng(4)
    labels = np.arange(1000) % 10
    lucky = np.eye(10)[labels] * 0.3 + rng.normal(size=(1000, 10))
    before, after = measure(lucky, labels, CROSS_ENTROPY), measure(lucky * (1 + 1e-6), labels, CROSS_ENTROPY)
    assert is_beyond_chance(after)
    assert not is_beyond_chance(after, before)
    assert is_beyond_chance(measure(lucky + np.eye(10)[labels], labels, CROSS_ENTROPY), before)


def test_images_of_one_class_can_tell_nothing():
    assert not measure_counts(np.array([[50, 0], [0, 0]])).can_tell
    assert measure_counts(np.array([[50, 0], [1, 0]])).can_tell


def test_without_outputs_the_accuracy_or_a_loss_below_that_of_one_answer_decides():
    counts = np.array([900, 100])
    entropy = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    assert is_beyond_chance(measure_figures(0.96, counts, 2.0, CROSS_ENTROPY))
    assert is_beyond_chance(measure_figures(0.9, counts, 0.8 * entropy, CROSS_ENTROPY))
    assert not is_beyond_chance(measure_figures(0.9, counts, 1.0001 * entropy, CROSS_ENTROPY))
    assert not is_beyond_chance(measure_figures(0.9, counts))


def test_the_noise_is_that_of_a_binomial_count_and_grows_with_the_number_of_validations():
    # P(X >= 130) = 0.00134 and P(X >= 131) = 0.00097 for X binomial with n = 1000 and p = 0.1 (scipy.stats.binom.sf).
    assert 0.1 + noise_of(0.1, 1000) == pytest.approx(0.1305, abs=0.002)
    assert noise_of(0.1, 1000, 100) == pytest.approx(noise_of(0.1, 1000) * 4.2649 / 3.0902, rel=1e-4)
