"""Losses: against sums written out by hand, against central differences, at logits that would overflow."""

from __future__ import annotations

import math
from itertools import product

import families
import numpy as np
import pytest
import textbook

from barenet.errors import ConfigError
from barenet.nn.losses import LOSSES, Loss, make_loss
from barenet.nn.losses.logits import ones

CASES = {
    "cross_entropy": (make_loss("cross_entropy"), textbook.cross_entropy),
    "smoothed": (make_loss("cross_entropy", 0.1), lambda z, y: textbook.cross_entropy(z, y, 0.1)),
    "mse": (make_loss("mse"), textbook.mean_squared_error),
    "hinge": (make_loss("hinge"), textbook.hinge),
}
WEIGHTS = np.array([2, 0.5, 0, 1, 3.25, 0.75, 1, 8, 0.25, 1], np.float32)  # of classes


def weighted(case):
    """A loss with weights, and the mean of the weighted losses of single images."""
    loss, reference = CASES[case]

    def mean(z, y):
        return np.mean([float(WEIGHTS[y[i]]) * reference(z[i : i + 1], y[i : i + 1]) for i in range(len(y))])

    return loss.weighted(WEIGHTS), mean


CASES |= {f"{case}, weighted": weighted(case) for case in tuple(CASES)}
EACH = pytest.mark.parametrize("case", CASES)


def random_batch(*shape, seed=0, scale=3.0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return rng.normal(scale=scale, size=shape).astype(dtype), rng.integers(0, shape[-1], shape[:-1])


@EACH
def test_value_agrees_with_the_sum_written_out(case):
    loss, reference = CASES[case]
    logits, labels = random_batch(23, 7)
    assert float(loss(logits, labels)) == pytest.approx(reference(logits, labels), rel=1e-13)


@EACH
def test_gradient_agrees_with_central_differences(case):
    loss, reference = CASES[case]
    logits, labels = random_batch(6, 5, seed=1)
    dlogits = np.full_like(logits, np.nan)
    loss(logits, labels, dlogits=dlogits)
    expected = textbook.central_difference(lambda z: reference(z, labels), logits)
    np.testing.assert_allclose(dlogits, expected, rtol=1e-7, atol=1e-9)


@EACH
def test_float32_is_close_to_float64(case):
    loss, reference = CASES[case]
    logits, labels = random_batch(64, 10, seed=2, dtype=np.float32)
    dlogits, exact = np.empty_like(logits), np.empty(logits.shape)
    value = loss(logits, labels, dlogits=dlogits)
    loss(logits.astype(np.float64), labels, dlogits=exact)
    assert value.dtype == np.float32
    assert float(value) == pytest.approx(reference(logits, labels), rel=2e-6)
    np.testing.assert_allclose(dlogits, exact, rtol=1e-5, atol=1e-8)


def test_cross_entropy_of_equal_logits_is_the_logarithm_of_the_number_of_classes():
    dlogits = np.empty((2, 10))
    assert float(LOSSES["cross_entropy"](np.full((2, 10), 3.0), np.array([0, 9]), dlogits)) == pytest.approx(
        math.log(10), rel=1e-15
    )
    # (1/10 - one_hot) / 2
    np.testing.assert_allclose(dlogits[0], [-0.45] + [0.05] * 9, rtol=1e-14)
    np.testing.assert_allclose(dlogits[1], [0.05] * 9 + [-0.45], rtol=1e-14)


def test_label_smoothing_matches_a_hand_calculation():
    # C = 4, s = 0.2: q = 0.8 at the label + 0.05 everywhere = (0.85, 0.05, 0.05, 0.05).
    # Logits (ln 5, 0, 0, 0): p = (5, 1, 1, 1) / 8. Loss = ln 8 - 0.85 ln 5.
    # Gradient p - q = (0.625 - 0.85, 0.125 - 0.05, ...) = (-0.225, 0.075, 0.075, 0.075).
    dlogits = np.empty((1, 4))
    value = make_loss("cross_entropy", 0.2)(np.array([[math.log(5), 0, 0, 0]]), np.array([0]), dlogits)
    assert float(value) == pytest.approx(math.log(8) - 0.85 * math.log(5), rel=1e-14)
    np.testing.assert_allclose(dlogits, [[-0.225, 0.075, 0.075, 0.075]], rtol=1e-13)


def test_mean_squared_error_matches_a_hand_calculation():
    # z - one_hot = (0, 2), (3, -2): (0 + 4 + 9 + 4) / 4 = 17/4; gradient 2 (z - one_hot) / 4.
    dlogits = np.empty((2, 2))
    assert float(LOSSES["mse"](np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([0, 1]), dlogits)) == 17 / 4
    np.testing.assert_array_equal(dlogits, [[0, 1], [1.5, -1]])


def test_hinge_matches_a_hand_calculation():
    # Row 1, label 0: 1 + 1.5 - 2 = 0.5 and 1 - 1 - 2 < 0.   Row 2, label 2: 1 + 0 - 0.5 = 0.5 and 1 + 1 - 0.5 = 1.5.
    # Mean (0.5 + 2) / 2 = 1.25; each class inside the margin gets 1/2, the label minus their sum.
    dlogits = np.empty((2, 3))
    logits = np.array([[2.0, 1.5, -1.0], [0.0, 1.0, 0.5]])
    assert float(LOSSES["hinge"](logits, np.array([0, 2]), dlogits)) == 1.25
    np.testing.assert_array_equal(dlogits, [[-0.5, 0.5, 0], [0.5, 0.5, -1]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_of_extreme_logits_is_exact_and_finite(dtype):
    big = dtype(1e30)
    logits = np.array([[big, -big, 0], [big, -big, 0], [big, big, big]])
    dlogits = np.empty_like(logits)
    labels = np.array([0, 1, 2])
    # Losses 0, 2e30 and ln 3, of which 2e30 / 3 is left in the sum; p = (1, 0, 0), (1, 0, 0), (1, 1, 1) / 3.
    value = LOSSES["cross_entropy"](logits, labels, dlogits)
    assert float(value) == pytest.approx(2e30 / 3, rel=1e-6)
    np.testing.assert_allclose(dlogits * 3, [[0, 0, 0], [1, -1, 0], [1 / 3, 1 / 3, -2 / 3]], atol=1e-6)
    single = LOSSES["cross_entropy"](logits[2:], labels[2:])
    assert float(single) == pytest.approx(math.log(3), rel=1e-6)


# Not mse in float32: the square of 1e30 is beyond its range.
@pytest.mark.parametrize(
    ("case", "dtype"), [(case, np.float64) for case in CASES] + [(c, np.float32) for c in CASES if "mse" not in c]
)
def test_extreme_logits_give_finite_losses_and_gradients(case, dtype):
    logits = np.array([[1e30, -1e30, 0.0], [-1e30, 1e30, 1e30], [-1e30, -1e30, -1e30], [1e4, -1e4, 5e-324]], dtype)
    for labels in ([0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2]):
        dlogits = np.full_like(logits, np.nan)
        assert np.isfinite(CASES[case][0](logits, np.array(labels), dlogits))
        assert np.isfinite(dlogits).all()


@EACH
def test_logits_are_left_as_they_were(case):
    logits, labels = random_batch(3, 11, 7, seed=3)
    before, labels_before = logits.copy(), labels.copy()
    CASES[case][0](logits, labels, np.empty_like(logits))
    assert logits.tobytes() == before.tobytes()
    np.testing.assert_array_equal(labels, labels_before)


@EACH
def test_the_value_does_not_depend_on_asking_for_the_gradient(case):
    loss = CASES[case][0]
    logits, labels = random_batch(3, 11, 7, seed=4, dtype=np.float32)
    assert loss(logits, labels).tobytes() == loss(logits, labels, np.empty_like(logits)).tobytes()


@EACH
def test_a_stack_gives_each_network_the_bits_that_it_gets_alone(case):
    for shared, n_images in product((True, False), (1, 3, 16, 37, 128)):
        with families.case("shared labels" if shared else "labels of each network", n_images):
            check_bits(CASES[case][0], n_images, shared=shared)


def check_bits(loss, n_images, *, shared):
    """Check that each network of a stack gets the bits that it gets alone."""
    logits, own = random_batch(4, n_images, 10, seed=5, dtype=np.float32)
    labels = own[0] if shared else own
    dlogits = np.empty_like(logits)
    value = loss(logits, labels, dlogits)
    assert value.shape == (4,)
    for network in range(4):
        alone = np.empty_like(logits[network])
        one = loss(logits[network].copy(), labels if shared else labels[network], alone)
        assert one.shape == ()
        assert value[network].tobytes() == one.tobytes()
        assert dlogits[network].tobytes() == alone.tobytes()


@EACH
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_labels_may_be_any_integers(case, dtype):
    logits, labels = random_batch(5, 4, seed=6)
    loss, reference = CASES[case]
    assert float(loss(logits, labels.astype(dtype))) == pytest.approx(reference(logits, labels), rel=1e-13)


def test_a_batch_is_the_mean_of_its_images():
    for loss, _ in CASES.values():
        logits, labels = random_batch(8, 5, seed=7)
        singles = [float(loss(logits[i : i + 1], labels[i : i + 1])) for i in range(8)]
        assert float(loss(logits, labels)) == pytest.approx(math.fsum(singles) / 8, rel=1e-13)


def test_cross_entropy_includes_softmax_and_only_hinge_has_kinks():
    assert {name: (loss.output, loss.has_kinks) for name, loss in LOSSES.items()} == {
        "cross_entropy": ("softmax", False),
        "mse": ("identity", False),
        "hinge": ("identity", True),
    }
    assert make_loss("cross_entropy", 0.1).output == "softmax"


def test_an_unknown_loss_gets_the_nearest_known_one():
    with pytest.raises(ConfigError, match="unknown loss 'cross-entropy'; did you mean 'cross_entropy'"):
        make_loss("cross-entropy")


def test_label_smoothing_with_another_loss_is_refused():
    with pytest.raises(ConfigError, match=r"label_smoothing = 0.1 works with cross_entropy only, not mse"):
        make_loss("mse", 0.1)


@pytest.mark.parametrize("lead", [(), (3,)], ids=["alone", "stack"])
def test_a_custom_loss_is_two_plain_functions_that_get_the_labels_of_each_network(lead):
    seen = []

    def value(logits, labels):
        seen.append(labels.shape)
        return np.mean(np.sum(logits, axis=-1), axis=-1)

    own = Loss.custom("total", value, lambda logits, labels: np.full_like(logits, 0.25))
    logits = np.arange(np.prod([*lead, 4, 2]), dtype=np.float64).reshape(*lead, 4, 2)
    dlogits = np.empty_like(logits)
    result = own(logits, np.zeros(4, np.int64), dlogits)
    # 0 + 1 + ... + 7 = 28 over 4 images; each further network adds 8 x 8 = 64.
    np.testing.assert_array_equal(result, [7, 23, 39] if lead else 7)
    assert (dlogits == 0.25).all()
    assert seen == [(*lead, 4)]
    assert (own.name, own.is_custom, LOSSES["mse"].is_custom) == ("custom:total", True, False)


def test_weights_may_be_those_of_single_images():
    logits, classes = random_batch(9, 4, seed=8)
    rows, weights = np.array([3, 0, 8, 3]), np.arange(9, dtype=np.float64)
    loss = LOSSES["cross_entropy"].weighted(weights, classes)
    expected = np.mean(
        [w * textbook.cross_entropy(logits[[r]], classes[[r]]) for r, w in ((3, 3), (0, 0), (8, 8), (3, 3))]
    )
    assert float(loss(logits[rows], rows)) == pytest.approx(expected, rel=1e-13)


def test_weights_with_a_custom_loss_are_refused():
    own = Loss.custom("own", lambda z, y: np.zeros(z.shape[:-2]), lambda z, y: np.zeros_like(z))
    with pytest.raises(ConfigError, match="the loss 'custom:own' takes no class_weight: leave that out"):
        own.weighted(np.ones(3))


def test_ones_are_made_once_and_cannot_be_changed():
    row = ones(6, np.float32)
    assert row.shape == (1, 6)
    assert row.dtype == np.float32
    assert (row == 1).all()
    assert ones(6, np.float32) is row
    assert ones(6, np.float64) is not row
    with pytest.raises(ValueError, match="read-only"):
        row[...] = 2


# ------------------------------------------------------------------------------------------------------ soft labels

SMOOTHED = pytest.mark.parametrize("smoothing", [0.0, 0.15])


def soft_by_hand(logits, soft, smoothing):
    """-sum_c q_c log p_c, class after class, with softmax written out."""
    total = 0.0
    for z, row in zip(logits, soft, strict=True):
        p = np.exp(z) / np.exp(z).sum()
        for c in range(len(z)):
            total -= ((1 - smoothing) * row[c] + smoothing * row.sum() / len(z)) * np.log(p[c])
    return total / len(logits)


@SMOOTHED
def test_soft_labels_have_the_loss_written_out_and_its_gradient(smoothing):
    logits, _ = random_batch(6, 5, seed=1)
    soft = np.random.default_rng(2).random((6, 5))
    dlogits = np.full_like(logits, np.nan)
    value = make_loss("cross_entropy", smoothing)(logits, soft, dlogits)
    assert float(value) == pytest.approx(soft_by_hand(logits, soft, smoothing), rel=1e-13)
    expected = textbook.central_difference(lambda z: soft_by_hand(z, soft, smoothing), logits)
    np.testing.assert_allclose(dlogits, expected, rtol=1e-7, atol=1e-9)


@SMOOTHED
@pytest.mark.parametrize("is_weighted", [False, True])
def test_soft_labels_made_of_classes_count_as_the_classes(smoothing, is_weighted):
    logits, labels = random_batch(23, 10)
    loss = make_loss("cross_entropy", smoothing)
    loss = loss.weighted(WEIGHTS) if is_weighted else loss
    hard, soft = np.empty_like(logits), np.empty_like(logits)
    value = loss(logits, loss.soften(labels, 10), soft)
    assert float(value) == pytest.approx(float(loss(logits, labels, hard)), rel=1e-6)
    np.testing.assert_allclose(soft, hard, rtol=1e-6, atol=1e-8)


def test_soft_labels_of_a_stack_give_each_network_the_bits_that_it_gets_alone():
    logits, _ = random_batch(4, 16, 10, seed=5, dtype=np.float32)
    soft = np.random.default_rng(2).random((16, 10), np.float32)
    loss, dlogits = make_loss("cross_entropy", 0.1), np.empty_like(logits)
    value = loss(logits, soft, dlogits)
    for network in range(4):
        alone = np.empty_like(logits[network])
        assert value[network].tobytes() == loss(logits[network].copy(), soft, alone).tobytes()
        assert dlogits[network].tobytes() == alone.tobytes()


def test_only_cross_entropy_takes_soft_labels():
    assert [name for name, loss in LOSSES.items() if loss.of_soft_labels is not None] == ["cross_entropy"]
