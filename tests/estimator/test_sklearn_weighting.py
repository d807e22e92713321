"""Merged and weighted rows, compared with a loop over single rows."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn")

from barenet.errors import DataError
from barenet.sklearn.fitting import even_batch_size
from barenet.sklearn.rows import Rows, make_rows, merge_equal_rows, scale
from barenet.sklearn.weighting import labels_and_loss, losses_of

pytestmark = pytest.mark.extra

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 2, (1, 6, 3))
ROWS = Rows(RNG.normal(size=(8, 2)), np.array([0, 2, 1, 1, 0, 2, 2, 1]), np.array([1, 2, 0.5, 3, 1, 1, 4, 2.0]))
BATCH = np.array([7, 0, 3, 6, 1, 2])


def naive_loss(logits, smoothing):
    """Return the weighted sum over the batch, row by row, divided by its size and the mean weight of all rows."""
    total = 0.0
    for z, row in zip(logits, BATCH, strict=True):
        log_shares = z - np.log(np.sum(np.exp(z)))
        target = np.full(3, smoothing / 3)
        target[ROWS.codes[row]] += 1 - smoothing
        total -= ROWS.weights[row] * np.dot(target, log_shares)
    return total / len(BATCH) / ROWS.weights.mean()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_weighted_loss_and_its_gradient_are_those_of_a_loop_over_rows(smoothing):
    labels, loss = labels_and_loss(ROWS, smoothing)
    gradient = np.empty_like(LOGITS)
    value = loss(LOGITS, labels[BATCH], dlogits=gradient)
    assert value.shape == (1,)
    assert value[0] == pytest.approx(naive_loss(LOGITS[0], smoothing), rel=1e-6)
    for place in np.ndindex(6, 3):
        step = np.zeros((6, 3))
        step[place] = 1e-5
        slope = (naive_loss(LOGITS[0] + step, smoothing) - naive_loss(LOGITS[0] - step, smoothing)) / 2e-5
        assert gradient[0][place] == pytest.approx(slope, abs=1e-6)


def test_equal_weights_give_the_plain_loss():
    labels, loss = labels_and_loss(Rows(ROWS.X, ROWS.codes, np.full(8, 3.0)), 0.0)
    np.testing.assert_array_equal(labels, ROWS.codes)
    shares = np.exp(LOGITS[0]) / np.exp(LOGITS[0]).sum(axis=1, keepdims=True)
    each = -np.log(shares[np.arange(6), labels[:6]])
    assert loss(LOGITS, labels[:6])[0] == pytest.approx(each.mean())
    np.testing.assert_allclose(losses_of(loss, LOGITS[0], labels[:6]), each)


def test_equal_rows_are_merged_and_those_without_weight_left_out():
    x = np.array([[1, 2], [0.0, 1], [1, 2], [1, 2], [3, 3], [-0.0, 1]], np.float32)
    codes = np.array([0, 1, 0, 1, 0, 1])
    merged = merge_equal_rows(Rows(x, codes, np.array([1, 2, 3, 1, 0, 5.0])))
    found = sorted(zip(merged.X.tolist(), merged.codes.tolist(), merged.weights.tolist(), strict=True))
    assert found == [([0, 1], 1, 7), ([1, 2], 0, 4), ([1, 2], 1, 1)]
    # The order of rows and their precision change nothing.
    again = merge_equal_rows(Rows(x[::-1].astype(np.float64), codes[::-1], np.array([5, 0, 1, 3, 2, 1.0])))
    np.testing.assert_array_equal(again.X, merged.X)
    np.testing.assert_array_equal(again.weights, merged.weights)


def test_balanced_classes_have_the_same_total_weight():
    rows = make_rows(ROWS, np.array(["a", "b", "c"]), "balanced")
    np.testing.assert_allclose(np.bincount(rows.codes, rows.weights), ROWS.weights.sum() / 3)
    halved = make_rows(ROWS, np.array(["a", "b", "c"]), {"c": 0.5})
    np.testing.assert_allclose(
        np.bincount(halved.codes, halved.weights), np.bincount(ROWS.codes, ROWS.weights) * [1, 1, 0.5]
    )


def test_rows_without_any_weight_are_refused():
    with pytest.raises(DataError, match="no row of any class to train on: all weights are zero"):
        make_rows(Rows(ROWS.X, ROWS.codes, np.zeros(8)), np.arange(3), None)


def test_values_beyond_float32_are_refused():
    with pytest.raises(DataError, match="too large for float32"):
        scale(None, np.array([[1e39]]))


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "expected"), [(65, 64, 33), (64, 64, 64), (10, 64, 10), (100, 32, 25), (1, 8, 1)]
)
def test_batches_are_cut_evenly(n_rows, batch_size, expected):
    assert even_batch_size(n_rows, batch_size) == expected
