"""Splits: exact counts, worked out by hand, and no class left without training images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from told import listen

from barenet.data.splits import resolve_n_valid, stratified_split
from barenet.errors import ConfigError, DataError

TEN_EACH = np.repeat(np.arange(10), 10)


def counts_of(labels: list[int], n_valid: int | float, seed: int = 0) -> list[int]:
    labels = np.array(labels)
    _, valid = stratified_split(labels, n_valid, seed)
    return np.bincount(labels[valid], minlength=labels.max() + 1).tolist()


def test_train_and_validation_share_the_images_between_them_in_order():
    train, valid = stratified_split(TEN_EACH, 20, seed=3)
    assert (train.dtype, valid.dtype) == (np.int64, np.int64)
    assert (len(train), len(valid)) == (80, 20)
    assert sorted([*train, *valid]) == list(range(100))
    assert train.tolist() == sorted(train)
    assert valid.tolist() == sorted(valid)


def test_equal_classes_get_equal_shares():
    assert counts_of(TEN_EACH, 20) == [2] * 10


def test_shares_follow_the_largest_remainders():
    # 10 of 100: 5.3, 3.1 and 1.6 images; 5 + 3 + 1 are certain, and 0.6 is the largest remainder.
    assert counts_of([0] * 53 + [1] * 31 + [2] * 16, 10) == [5, 3, 2]
    # 7 of 100: 3.71, 2.17 and 1.12: 0.71 wins.
    assert counts_of([0] * 53 + [1] * 31 + [2] * 16, 7) == [4, 2, 1]


def test_of_equal_remainders_the_earlier_class_wins():
    assert counts_of([0] * 5 + [1] * 5 + [2] * 5, 2) == [1, 1, 0]


def test_the_only_image_of_a_class_is_never_held_out():
    # 2 of 5: 0.4 of each single and 1.2 of the rest; both singles have the larger remainder and may not go.
    assert counts_of([0, 1, 2, 2, 2], 2) == [0, 0, 2]


def test_a_class_without_images_takes_no_share():
    assert counts_of([1] * 6 + [3] * 4, 5) == [0, 3, 0, 2]


def test_a_fraction_is_a_share_of_the_images_rounded_half_up():
    assert sum(counts_of(TEN_EACH, 0.2)) == 20
    assert sum(counts_of([0] * 5 + [1] * 5, 0.25)) == 3  # 2.5
    assert sum(counts_of([0] * 5 + [1] * 5, 0.24)) == 2  # 2.4


def test_numpy_scalars_are_numbers_too():
    assert sum(counts_of(TEN_EACH, np.int64(7))) == 7
    assert sum(counts_of(TEN_EACH, np.float32(0.5))) == 50


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    first, again, other = (stratified_split(TEN_EACH, 20, seed)[1].tolist() for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_the_choice_of_images_is_even_within_a_class():
    """Over 2000 seeds each of 10 images is held out 400 times on average; 5 standard deviations are 90."""
    labels = np.repeat([0, 1], 10)
    times = np.zeros(20)
    for seed in range(2000):
        times[stratified_split(labels, 4, seed)[1]] += 1
    assert times.sum() == 8000
    assert np.abs(times - 400).max() < 90


@given(st.data())
def test_any_split_is_exact_and_leaves_every_class_a_training_image(data):
    labels = np.array(data.draw(st.lists(st.integers(0, 6), min_size=2, max_size=60)))
    n_classes = len(set(labels.tolist()))
    n_spare = len(labels) - n_classes
    if n_spare == 0:
        with pytest.raises(ConfigError):
            stratified_split(labels, 1, 0)
        return
    n_valid = data.draw(st.integers(1, n_spare))
    train, valid = stratified_split(labels, n_valid, data.draw(st.integers(0, 2**32)))
    assert len(valid) == n_valid
    assert sorted([*train, *valid]) == list(range(len(labels)))
    assert set(labels[train].tolist()) == set(labels.tolist())


@pytest.mark.parametrize(
    "n_valid", [0, -3, 0.0, 1.0, -0.1, 1.5, 100.0, float("nan"), float("inf"), True, False, np.True_, "10", None]
)
def test_an_n_valid_that_is_neither_count_nor_fraction_is_refused(n_valid):
    for refuse in (lambda: stratified_split(TEN_EACH, n_valid, 0), lambda: resolve_n_valid(TEN_EACH, n_valid, False)):
        with pytest.raises(ConfigError) as caught:
            refuse()
        message = str(caught.value)
        assert "\n" not in message
        assert f"n_valid is {n_valid!r}: expected a count" in message


@pytest.mark.parametrize("n_valid", [91, 100, 1000, 0.95])
def test_an_n_valid_that_would_empty_a_class_is_refused(n_valid):
    assert len(stratified_split(TEN_EACH, 90, 0)[0]) == 10
    with pytest.raises(ConfigError, match=rf"n_valid is {n_valid}, but 100 images of 10 classes .* at most 90"):
        stratified_split(TEN_EACH, n_valid, 0)


def test_a_fraction_that_rounds_to_no_image_is_refused():
    with pytest.raises(ConfigError, match=r"n_valid is 0\.004, which of 100 images is none"):
        stratified_split(TEN_EACH, 0.004, 0)


@pytest.mark.parametrize("labels", [np.zeros(0, int), np.zeros((3, 1), int), np.zeros(3), np.array(["a", "b"])])
def test_wrong_labels_are_refused(labels):
    for refuse in (lambda: stratified_split(labels, 1, 0), lambda: resolve_n_valid(labels, 1, True)):
        with pytest.raises(DataError) as caught:
            refuse()
        assert f"got {labels.dtype} of {labels.shape}" in str(caught.value)


@pytest.mark.parametrize(("n_valid", "expected"), [(10, 10), (20, 20), (21, 20), (10_000, 20), (0.1, 0.1), (0.5, 20)])
def test_a_default_beyond_a_fifth_of_the_images_shrinks_to_a_fifth_with_a_note(n_valid, expected):
    notes = listen()
    assert resolve_n_valid(TEN_EACH, n_valid, is_default=True) == expected
    if expected == n_valid:
        assert notes == []
    else:
        assert notes == [f"holding out 20 of 100 images for validation, not the default of {n_valid}"]


def test_a_default_shrinks_to_one_image_at_least_and_never_takes_the_last_of_a_class():
    assert resolve_n_valid(np.array([0, 0, 1]), 10_000, is_default=True) == 1
    # 0.1 of 4 images rounds to none.
    assert resolve_n_valid(np.array([0, 0, 0, 1]), 0.1, is_default=True) == 1
    # A fifth of 10 is 2, but 9 classes can spare a single image.
    assert resolve_n_valid(np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 8]), 10_000, is_default=True) == 1


def test_a_default_with_no_image_to_spare_is_an_error():
    with pytest.raises(DataError, match="2 images of 2 classes leave none for validation"):
        resolve_n_valid(np.array([0, 1]), 10_000, is_default=True)


def test_a_given_value_is_kept_or_is_an_error():
    notes = listen()
    assert resolve_n_valid(TEN_EACH, 80, is_default=False) == 80
    assert resolve_n_valid(TEN_EACH, 0.8, is_default=False) == 0.8
    with pytest.raises(ConfigError, match="at most 90"):
        resolve_n_valid(TEN_EACH, 10_000, is_default=False)
    assert notes == []
