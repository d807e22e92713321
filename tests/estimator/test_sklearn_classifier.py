"""BarenetClassifier works as scikit-learn's users expect, with any labels, weights and tools."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from barenet.errors import BarenetError, ConfigError, DataError, DivergedError

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris, make_moons
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from barenet.sklearn import BarenetClassifier

pytestmark = pytest.mark.extra

X, Y = make_moons(200, noise=0.2, random_state=0)


def quick(**parameters) -> BarenetClassifier:
    return BarenetClassifier(**{"hidden_sizes": 16, "epochs": 20, "random_state": 0, **parameters})


@pytest.fixture(scope="module")
def fitted() -> BarenetClassifier:
    return quick().fit(X, Y)


def naive_cross_entropy(model, x, codes, weights=None):
    shares = model.predict_proba(x).astype(np.float64)
    return np.average(-np.log(shares[np.arange(len(x)), codes]), weights=weights)


# -------------------------------------------------------------------------------------------- what it learns and says


def test_it_learns_its_training_rows(fitted):
    assert fitted.score(X, Y) > 0.9
    shares = fitted.predict_proba(X)
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[shares.argmax(axis=1)])


def test_the_order_of_rows_only_changes_rounding(fitted):
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(fitted.predict_proba(X[order]), fitted.predict_proba(X)[order], rtol=1e-5, atol=1e-7)


def test_attributes_are_those_of_scikit_learn(fitted):
    assert fitted.n_features_in_ == 2
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 20
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]
    assert fitted.validation_loss_curve_ == []
    np.testing.assert_array_equal(fitted.classes_, [0, 1])


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(fitted):
    np.testing.assert_array_equal(quick().fit(X, Y).predict_proba(X), fitted.predict_proba(X))
    assert np.any(quick(random_state=1).fit(X, Y).predict_proba(X) != fitted.predict_proba(X))
    generator = quick(random_state=np.random.RandomState(3))
    assert np.any(generator.fit(X, Y).predict_proba(X) != generator.fit(X, Y).predict_proba(X))


@pytest.mark.parametrize(
    "labels",
    [np.array(["no", "yes"]), np.array(["no", "yes"], object), np.array([False, True]), np.array([-7, 3.0])],
    ids=["text", "objects", "bools", "floats"],
)
def test_predictions_have_the_type_of_the_labels(labels, fitted):
    model = quick().fit(X, labels[Y])
    np.testing.assert_array_equal(model.classes_, labels)
    assert model.predict(X).dtype == labels.dtype
    np.testing.assert_array_equal(model.predict(X), labels[fitted.predict(X)])


def test_a_data_frame_s_names_are_kept_and_checked():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["height", "width"])
    model = quick().fit(frame, pandas.Series(Y).map({0: "no", 1: "yes"}))
    assert list(model.feature_names_in_) == ["height", "width"]
    assert set(model.predict(frame)) == {"no", "yes"}
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"width": "depth"}))


def test_features_in_other_units_give_the_same_classes():
    other = X * [1e-6, 1e7] + [0, 1e9]
    np.testing.assert_allclose(
        quick().fit(other, Y).predict_proba(other), quick().fit(X, Y).predict_proba(X), atol=0.05
    )
    raw = quick(standardize=False).fit(X, Y)
    assert raw.scaler_ is None
    assert raw.score(X, Y) > 0.85


def test_a_naive_network_of_the_same_parameters_gives_the_same_probabilities(fitted):
    values = fitted.state_.values[0].astype(np.float64)
    W1, W2, b1, b2 = np.split(values, np.cumsum([2 * 16, 16 * 2, 16]))
    x = (X - X.mean(axis=0)) / X.std(axis=0)
    z = np.maximum(x @ W1.reshape(2, 16) + b1, 0) @ W2.reshape(16, 2) + b2
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict_proba(X), expected, atol=1e-5)


# -------------------------------------------------------------------------------------------------- weights of rows


@pytest.mark.parametrize("batch_size", [8, 200])
def test_weights_have_the_same_effect_as_repeated_rows_to_the_last_bit(batch_size):
    weights = np.random.default_rng(0).integers(0, 4, len(X))
    weighted = quick(batch_size=batch_size).fit(X, Y, sample_weight=weights)
    repeated = quick(batch_size=batch_size).fit(X.repeat(weights, axis=0), Y.repeat(weights))
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))
    assert weighted.loss_curve_ == repeated.loss_curve_
    assert np.any(weighted.predict_proba(X) != quick(batch_size=batch_size).fit(X, Y).predict_proba(X))


def test_equal_weights_and_the_order_of_rows_change_nothing(fitted):
    for model in (quick().fit(X, Y, sample_weight=np.full(len(X), 1.0)), quick().fit(X[::-1], Y[::-1])):
        np.testing.assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))
    doubled = quick(alpha=2.0).fit(X, Y, sample_weight=np.full(len(X), 2.0))  # the prior counts against twice the rows
    np.testing.assert_array_equal(doubled.predict_proba(X), fitted.predict_proba(X))


def test_the_reported_loss_is_the_weighted_one():
    weights = np.random.default_rng(1).uniform(0, 3, len(X))
    model = quick(learning_rate=1e-12, batch_size=64, epochs=1).fit(X, Y, sample_weight=weights)
    # So small steps do not change the network: the loss of the epoch is the loss at its end.
    assert model.loss_curve_[0] == pytest.approx(naive_cross_entropy(model, X, Y, weights), rel=2e-2)
    full = quick(learning_rate=1e-12, batch_size=200, epochs=1).fit(X, Y, sample_weight=weights)
    assert full.loss_curve_[0] == pytest.approx(naive_cross_entropy(full, X, Y, weights), rel=1e-5)


def test_a_class_weight_has_the_same_effect_as_a_weight_of_each_row():
    few = np.r_[np.flatnonzero(Y == 0), np.flatnonzero(Y == 1)[:10]]
    x, y = X[few], Y[few]
    by_hand = quick().fit(x, y, sample_weight=np.where(y == 0, 110 / 200, 110 / 20))
    for class_weight in ("balanced", {0: 110 / 200, 1: 110 / 20}):
        model = quick(class_weight=class_weight).fit(x, y)
        np.testing.assert_allclose(model.predict_proba(X), by_hand.predict_proba(X), rtol=1e-6)
    plain = quick().fit(x, y)
    rare = Y == 1
    assert by_hand.predict_proba(X)[rare, 1].mean() > plain.predict_proba(X)[rare, 1].mean()


# ------------------------------------------------------------------------------------- validation, and going on


def test_early_stopping_ends_training_and_takes_the_best_weights():
    x, y = np.random.default_rng(0).normal(size=(120, 10)), np.random.default_rng(1).integers(0, 2, 120)
    model = quick(epochs=200, alpha=0.0, schedule="constant", early_stopping=True, patience=3)
    model.fit(x[:80], y[:80], X_val=x[80:], y_val=y[80:])
    curve = model.validation_loss_curve_
    assert model.n_iter_ == len(curve) == int(np.argmin(curve)) + 1 + 3 < 200
    # Noise cannot be learnt, so the best weights are early ones, with the lowest loss of the curve.
    assert naive_cross_entropy(model, x[80:], y[80:]) == pytest.approx(min(curve), rel=1e-5)


def test_rows_are_held_out_if_no_validation_rows_are_given():
    model = quick(early_stopping=True, epochs=5).fit(X, Y)
    assert len(model.validation_loss_curve_) == model.n_iter_ == 5
    assert np.any(model.predict_proba(X) != quick(epochs=5).fit(X, Y).predict_proba(X))


def test_validation_rows_without_early_stopping_change_nothing(fitted):
    model = quick().fit(X, Y, X_val=X[:50], y_val=Y[:50])
    np.testing.assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))
    assert len(model.validation_loss_curve_) == 20
    assert model.validation_loss_curve_[-1] == pytest.approx(naive_cross_entropy(model, X[:50], Y[:50]), rel=1e-5)


def test_a_warm_start_continues_and_a_cold_one_starts_again():
    warm = quick(warm_start=True, epochs=5).fit(X, Y)
    before = warm.predict_proba(X)
    warm.fit(X, Y)
    assert warm.n_iter_ == len(warm.loss_curve_) == 10
    assert warm.loss_curve_[5] < warm.loss_curve_[0]
    cold = quick(epochs=5).fit(X, Y)
    np.testing.assert_array_equal(cold.predict_proba(X), before)
    np.testing.assert_array_equal(cold.fit(X, Y).predict_proba(X), before)
    with pytest.raises(ConfigError, match="training cannot go on with another optimizer"):
        warm.set_params(optimizer="sgd").fit(X, Y)
    with pytest.raises(DataError, match="y has labels that are not classes of this classifier: 2"):
        warm.set_params(optimizer="adam").fit(X, Y + 1)


def test_partial_fit_takes_the_data_piece_by_piece():
    model = quick(learning_rate=0.02, alpha=0.1)
    for epoch in range(10):
        for start in range(0, 200, 50):
            piece = slice(start, start + 50)
            model.partial_fit(X[piece], Y[piece], classes=[0, 1] if epoch == start == 0 else None)
    assert model.n_iter_ == len(model.loss_curve_) == 40
    assert model.score(X, Y) > 0.9
    np.testing.assert_allclose(model.scaler_.mean_, X.mean(axis=0), rtol=1e-6)
    model.partial_fit(X[Y == 0], Y[Y == 0])  # a piece may have only one class


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("average_decay", [0.0, 0.9])
def test_every_optimizer_and_an_average_work(optimizer, average_decay):
    extra = {"momentum": 0.9} if optimizer == "sgd" else {}
    model = quick(optimizer=optimizer, average_decay=average_decay, learning_rate=0.03, epochs=40, **extra)
    assert model.fit(X, Y).score(X, Y) > 0.85
    again = pickle.loads(pickle.dumps(quick(optimizer=optimizer, average_decay=average_decay, **extra)))
    again.partial_fit(X, Y, classes=[0, 1]).partial_fit(X, Y)
    assert again.n_iter_ == 2


# ------------------------------------------------------------------------------------------- scikit-learn's tools


@pytest.mark.slow
def test_it_works_in_pipelines_searches_and_calibration():
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    search = GridSearchCV(
        make_pipeline(MinMaxScaler(), quick()),
        {"barenetclassifier__hidden_sizes": [8, (16, 8)], "barenetclassifier__alpha": [0.1, 1]},
        cv=3,
    )
    assert search.fit(x, names).best_score_ > 0.9
    assert cross_val_score(quick(), x, names, cv=3, scoring="neg_log_loss").mean() > -0.3
    calibrated = CalibratedClassifierCV(quick(), cv=3).fit(x, names)
    assert calibrated.score(x, names) > 0.9
    np.testing.assert_allclose(calibrated.predict_proba(x).sum(axis=1), 1, rtol=1e-6)


def test_pickles_and_clones_are_the_same_estimator(fitted):
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(X), fitted.predict_proba(X))
    assert clone(fitted).get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        clone(fitted).predict(X)


def test_only_importing_the_estimator_needs_scikit_learn():
    script = """
import sys
import barenet
assert not any(name.split(".")[0] == "sklearn" for name in sys.modules)
sys.modules["sklearn"] = None
try:
    import barenet.sklearn
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, encoding="utf-8")
    assert done.stdout == (
        'barenet.sklearn needs scikit-learn 1.6 or newer, which is not installed: pip install "barenet[sklearn]"\n'
    )


# --------------------------------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden_sizes": (16, 0)}, r"hidden_sizes.* entry 2 must be .*greater than 0, got 0"),
        ({"hidden_sizes": 1.5}, "hidden_sizes must be"),
        ({"activation": "rulu"}, "activation: unknown activation 'rulu'; did you mean 'relu'"),
        ({"optimizer": "adan"}, "optimizer: unknown optimizer 'adan'; did you mean 'adam'"),
        ({"schedule": "cosinus"}, "schedule: unknown schedule 'cosinus'; did you mean 'cosine'"),
        ({"learning_rate": -1}, "learning_rate must be greater than 0, got -1"),
        ({"epochs": 0}, "epochs must be greater than 0, got 0"),
        ({"batch_size": "all"}, "batch_size must be a whole number, got 'all'"),
        ({"alpha": -1}, "alpha must be a number, 0 or more, got -1"),
        ({"alpha": np.nan}, "alpha must be a number, 0 or more, got nan"),
        ({"patience": 0}, "patience must be a whole number, 1 or more, got 0"),
        ({"validation_fraction": 1.0}, r"validation_fraction must be a number between 0 and 1, got 1\.0"),
        ({"weight_decay": 0.1}, "belongs to adamw"),
        ({"class_weight": "even"}, "class_weight must be None, 'balanced' or a dictionary, got 'even'"),
        ({"class_weight": {2: 1.0}}, "class_weight names 2, which is not a class here, and has no factor for 0, 1"),
        ({"class_weight": {1: -1.0}}, r"class_weight of 1 must be a number, 0 or more, got -1\.0"),
        ({"class_weight": {1: "2"}}, "class_weight of 1 must be a number, 0 or more, got '2'"),
        ({"class_weight": {1: np.inf}}, "class_weight of 1 must be a number, 0 or more, got inf"),
        ({"momentum": 0.9}, r"momentum = 0\.9 belongs to sgd, not to adam"),
        ({"schedule": "step"}, "schedule: unknown schedule 'step'; .*cosine"),
        ({"optimizer": "custom:adam"}, "optimizer: unknown optimizer 'custom:adam'"),
        ({"activation": "custom:cube"}, "activation: unknown activation 'custom:cube'"),
    ],
)
def test_a_wrong_parameter_is_named_when_fitting(parameters, message):
    model = quick(**parameters)
    with pytest.raises(ConfigError, match=message) as caught:
        model.fit(X, Y)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": np.zeros(len(X))}, "needs 2 classes or more, got 1 class"),
        ({"sample_weight": Y}, "rows of one class only have a weight above 0"),
        ({"sample_weight": np.zeros(len(X))}, "weights? .*zero"),
        ({"sample_weight": -np.ones(len(X))}, "[Nn]egative"),
        ({"X_val": X}, "X_val and y_val go together"),
        ({"y_val": Y}, "X_val and y_val go together"),
        ({"X_val": X, "y_val": Y + 1}, "y_val has labels that are not classes of this classifier: 2"),
        ({"X_val": X[:, :1], "y_val": Y}, "1 features.* expecting 2 features"),
        ({"X": np.full(X.shape, np.nan)}, "contains NaN"),
        ({"X": X[:10]}, "inconsistent numbers of samples"),
    ],
)
def test_wrong_data_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(**{"X": X, "y": Y, **arguments})


def test_sparse_rows_are_refused_as_scikit_learn_does():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"[Ss]parse data was passed.*but dense data is required"):
        quick().fit(sparse.csr_array(X), Y)


def test_partial_fit_says_what_it_lacks():
    with pytest.raises(DataError, match="the first call of partial_fit needs classes"):
        quick().partial_fit(X, Y)
    model = quick().partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(DataError, match="classes are not those of the first call, 0, 1"):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(DataError, match="y has labels that are not classes of this classifier: 2"):
        model.partial_fit(X, Y + 1)


def test_training_that_diverges_says_so():
    model = quick(optimizer="sgd", learning_rate=1e30)
    with pytest.raises(
        DivergedError, match=r"training diverged in epoch \d+: .*choose a smaller learning_rate than 1e\+30"
    ):
        model.fit(X, Y)
    with pytest.raises(BarenetError, match="too large for float32"):
        quick(standardize=False).fit(X * 1e39, Y)
