"""The estimator if parameters change between fits, a fold lacks a class, or few rows can be held out."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

from barenet.errors import BarenetError, ConfigError, DataError

pytest.importorskip("sklearn")

from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.utils.class_weight import compute_class_weight

from barenet.config.tables import TABLES
from barenet.sklearn import BarenetClassifier

pytestmark = pytest.mark.extra

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 3)), np.arange(60) % 3
SORTED = np.sort(Y)


def quick(**parameters) -> BarenetClassifier:
    return BarenetClassifier(**{"hidden_sizes": 4, "epochs": 2, "batch_size": 20, "random_state": 0, **parameters})


# ------------------------------------------------------------------------------------ parameters changed, warm start

# What each parameter is before a first fit and before a second.
REFUSED = {
    "hidden_sizes": ({}, {"hidden_sizes": 5}),
    "activation": ({}, {"activation": "tanh"}),
    "optimizer": ({}, {"optimizer": "adamw"}),
    "momentum": ({"optimizer": "sgd"}, {"momentum": 0.9}),
    "average_decay": ({}, {"average_decay": 0.9}),
    "standardize": ({}, {"standardize": False}),
}
TAKEN_UP = {
    "learning_rate": ({}, {"learning_rate": 0.1}),
    "schedule": ({}, {"schedule": "constant"}),
    "epochs": ({}, {"epochs": 3}),
    "batch_size": ({}, {"batch_size": 10}),
    "alpha": ({}, {"alpha": 10.0}),
    "weight_decay": ({"optimizer": "adamw"}, {"weight_decay": 0.5}),
    "label_smoothing": ({}, {"label_smoothing": 0.2}),
    "class_weight": ({}, {"class_weight": {0: 1, 1: 5, 2: 1}}),
    "early_stopping": ({}, {"early_stopping": True}),
    "validation_fraction": ({"early_stopping": True}, {"validation_fraction": 0.3}),
    "patience": ({"early_stopping": True, "epochs": 12, "learning_rate": 0.5}, {"patience": 1}),
    "random_state": ({}, {"random_state": 1}),
    "warm_start": ({}, {"warm_start": False}),
    "momentum of some size": ({"optimizer": "sgd", "momentum": 0.9}, {"momentum": 0.5}),
    "average_decay of some size": ({"average_decay": 0.9}, {"average_decay": 0.5}),
}


def test_every_parameter_is_covered_below():
    names = set(inspect.signature(BarenetClassifier).parameters)
    assert names == set(REFUSED) | {name for name in TAKEN_UP if " " not in name}


@pytest.mark.parametrize("name", REFUSED)
def test_a_network_that_exists_refuses_another(name):
    before, after = REFUSED[name]
    model = quick(warm_start=True, **before).fit(X, Y)
    probabilities = model.predict_proba(X)
    with pytest.raises(ConfigError, match=f"cannot go on with another {name}: it began with .*set warm_start=False"):
        model.set_params(**after).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), probabilities)  # it is still the network that was trained
    fresh = quick(**{**before, **after}).fit(X, Y)
    np.testing.assert_array_equal(model.set_params(warm_start=False).fit(X, Y).predict_proba(X), fresh.predict_proba(X))


@pytest.mark.parametrize("name", TAKEN_UP)
def test_another_value_of_other_parameters_counts_from_the_next_fit_on(name):
    before, after = TAKEN_UP[name]
    as_before, changed = quick(warm_start=True, **before).fit(X, Y), quick(warm_start=True, **before).fit(X, Y)
    as_before.fit(X, Y)
    changed.set_params(**after).fit(X, Y)
    assert np.any(changed.predict_proba(X) != as_before.predict_proba(X))


def test_partial_fit_refuses_another_network_too():
    model = quick().partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ConfigError, match=r"another hidden_sizes: it began with \(4,\), not \(8, 8\); make a new"):
        model.set_params(hidden_sizes=(8, 8)).partial_fit(X, Y)


def test_the_same_sizes_in_other_words_are_no_change():
    model = quick(warm_start=True, hidden_sizes=4).fit(X, Y)
    model.set_params(hidden_sizes=np.array([4]), activation="relu").fit(X, Y)
    assert model.n_iter_ == 4


@pytest.mark.parametrize(("x", "y", "message"), [(X[:, :2], Y, "2 features"), (X, Y + 1, "not classes of this")])
def test_a_warm_start_refuses_other_features_and_classes(x, y, message):
    model = quick(warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        model.fit(x, y)


def test_rows_held_out_stay_the_same_in_a_warm_start():
    model = quick(warm_start=True, early_stopping=True, validation_fraction=0.3).fit(X, Y)
    lowest = min(model.validation_loss_curve_)  # of the weights that were taken
    model.set_params(random_state=5, epochs=1, learning_rate=1e-9).fit(X, Y)
    assert model.validation_loss_curve_[-1] == pytest.approx(lowest, rel=1e-5)


def test_a_fit_that_fails_leaves_no_network_to_predict_with():
    model = quick().fit(X, Y)
    with pytest.raises(ConfigError):
        model.set_params(class_weight={7: 1.0}).fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict(X)


# ------------------------------------------------------------------------------------- class_weight and missing classes


def test_a_fold_without_a_class_is_scored_as_scikit_learn_does():
    weights = {0: 1.0, 1: 2.0, 2: 4.0}
    folds = KFold(3)  # of rows sorted by class: each fold trains on two of three
    ours = cross_val_score(quick(class_weight=weights), X, SORTED, cv=folds, error_score="raise")
    theirs = cross_val_score(LogisticRegression(class_weight=weights), X, SORTED, cv=folds, error_score="raise")
    np.testing.assert_array_equal(ours, theirs)  # all 0: the class of each fold was never seen


@pytest.mark.parametrize(
    "class_weight", [None, {}, "balanced", {0: 2.0}, {0: 1, 1: 3, 2: 5, 9: 7}, {"cat": 1, 0: 1, 1: 2, 2: 0.5}]
)
def test_factors_are_those_of_scikit_learn(class_weight):
    y = np.r_[Y, [0, 0, 0, 1]]
    x = RNG.normal(size=(len(y), 3))
    factors = compute_class_weight(class_weight, classes=np.unique(y), y=y)
    by_hand = quick().fit(x, y, sample_weight=factors[y])
    model = quick(class_weight=class_weight).fit(x, y)
    np.testing.assert_allclose(model.predict_proba(x), by_hand.predict_proba(x), rtol=1e-6)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({"car": 1.0, "dgo": 2.0}, "class_weight names dgo, .* no factor for dog .*; did you mean 'dog'"),
        ({"bird": 2.0}, "class_weight names bird, .* no factor for car, dog .*; known: car, dog"),
    ],
)
def test_a_name_that_may_be_misspelt_is_refused_as_scikit_learn_does(class_weight, message):
    labels = np.array(["car", "dog"])[Y % 2]
    with pytest.raises(ConfigError, match=message):
        quick(class_weight=class_weight).fit(X, labels)
    with pytest.raises(ValueError, match="not in class_weight"):
        LogisticRegression(class_weight=class_weight).fit(X, labels)


def test_balanced_pieces_are_refused_as_scikit_learn_does():
    with pytest.raises(ConfigError, match="class_weight='balanced' needs all rows"):
        quick(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])
    two = X[Y < 2], Y[Y < 2]  # a piece that lacks a class is no error, with factors for all
    quick(class_weight={0: 1, 1: 2, 2: 3}).partial_fit(*two, classes=[0, 1, 2])


# ----------------------------------------------------------------------------------------------- predict_log_proba


def test_log_probabilities_are_logarithms_and_finite_where_probabilities_round_to_zero():
    model = quick(epochs=20).fit(X, Y)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(model.predict_proba(X)), rtol=1e-5, atol=1e-6)
    sure = quick(standardize=False).fit(X, Y)
    far = X * 1e6
    assert np.any(sure.predict_proba(far) == 0)
    logarithms = sure.predict_log_proba(far)
    assert logarithms.dtype == np.float32
    assert np.isfinite(logarithms).all()
    np.testing.assert_array_equal(logarithms.argmax(axis=1), sure.predict_proba(far).argmax(axis=1))


# --------------------------------------------------------------------------------- messages in the estimator's words

THREE = np.array([0, 0, 1, 1, 2])
CASES = {
    "a fraction of no row": ({"early_stopping": True, "validation_fraction": 0.01}, X[:12], Y[:12]),
    "a fraction that takes a class": ({"early_stopping": True, "validation_fraction": 0.9}, X[:12], Y[:12]),
    "one row a class": ({"early_stopping": True}, X[:3], Y[:3]),
    "wrong hidden sizes": ({"hidden_sizes": (4, -1)}, X, Y),
    "no batch": ({"batch_size": 0}, X, Y),
    "no epoch": ({"epochs": 1.5}, X, Y),
    "no rate": ({"learning_rate": "fast"}, X, Y),
    "decay of another optimizer": ({"weight_decay": 0.1}, X, Y),
    "momentum of another optimizer": ({"momentum": 0.5}, X, Y),
    "too much smoothing": ({"label_smoothing": 1.0}, X, Y),
    "too much averaging": ({"average_decay": 1.0}, X, Y),
    "a truth value": ({"learning_rate": True}, X, Y),
    "no schedule": ({"schedule": "exponential"}, X, Y),
    "no optimizer": ({"optimizer": None}, X, Y),
    "no activation": ({"activation": None}, X, Y),
    "one class": ({}, X, np.zeros(60)),
    "too far": ({"standardize": False}, X * 1e39, Y),
    "diverging": ({"optimizer": "sgd", "learning_rate": 1e30}, X, Y),
}
# Names of barenet's settings, and words for other inputs, that are no parameters of the estimator.
PARAMETERS = set(inspect.signature(BarenetClassifier).parameters)
FOREIGN = {name for table in TABLES.values() for name in table.model_fields} - PARAMETERS - {"name", "path", "loss"}
FOREIGN -= {"unknown", "label", "drop", "keep"}  # settings, but plain words as well
FOREIGN |= {rf"{table}\." for table in TABLES} | {"images?", "trainer", "n_seeds", "beta1"}


@pytest.mark.parametrize("case", CASES)
def test_messages_name_parameters_that_the_estimator_has(case):
    parameters, x, y = CASES[case]
    with pytest.raises(BarenetError) as caught:
        quick(**parameters).fit(x, y)
    message = str(caught.value)
    assert "\n" not in message
    assert re.search(rf"\b({'|'.join(FOREIGN)})\b", message) is None, message


@pytest.mark.parametrize(
    ("fraction", "n_rows", "message"),
    [
        (0.01, 12, r"validation_fraction is 0\.01 of 12 different rows, which is less than one row; take a larger one"),
        (0.9, 12, r"validation_fraction is 0\.9 of 12 different rows, which is 11, and each of 3 classes keeps one"),
        (0.5, 3, "each of which is the only one of its class; set early_stopping=False, or pass X_val and y_val"),
    ],
)
def test_an_impossible_hold_out_is_an_error_in_the_estimator_s_words(fraction, n_rows, message):
    model = quick(early_stopping=True, validation_fraction=fraction)
    with pytest.raises(ConfigError, match=message):
        model.fit(X[:n_rows], Y[:n_rows])
    model.fit(X[:n_rows], Y[:n_rows], X_val=X, y_val=Y)  # as the message says


def test_the_only_row_of_a_class_is_never_held_out():
    model = quick(early_stopping=True, validation_fraction=0.4).fit(X[:5], THREE)
    assert list(model.classes_) == [0, 1, 2]
    with pytest.raises(DataError, match="y has labels that are not classes"):
        model.set_params(warm_start=True).fit(X[:5], THREE + 1)
