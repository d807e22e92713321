"""scikit-learn's own checks of an estimator: how many ran, how many were skipped, and that none failed."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.utils.estimator_checks import check_estimator

from barenet.sklearn import BarenetClassifier

# Checks that cannot run here, each with its reason. None is expected to fail.
SKIPPED = {
    "check_array_api_input": "needs SCIPY_ARRAY_API to be set before SciPy is first imported",
    "check_classifier_data_not_an_array": "needs pandas",
    "check_sample_weights_pandas_series": "needs pandas",
}


@pytest.mark.parametrize(
    "estimator",
    [
        BarenetClassifier(),
        BarenetClassifier(early_stopping=True, validation_fraction=0.2, average_decay=0.9),
        BarenetClassifier(hidden_sizes=(16, 8), optimizer="sgd", momentum=0.9, learning_rate=0.1, activation="gelu"),
    ],
    ids=["defaults", "early stopping", "sgd"],
)
def test_every_check_of_scikit_learn_passes(estimator, capsys):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    counts = Counter(result["status"] for result in results)
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    failed = {result["check_name"]: repr(result["exception"]) for result in results if result["status"] == "failed"}
    with capsys.disabled():
        print(
            f"\ncheck_estimator: {len(results)} checks, {counts['passed']} passed, {counts['skipped']} skipped", skipped
        )
    assert failed == {}
    assert skipped <= set(SKIPPED)
    assert counts["passed"] == len(results) - len(skipped) >= 40
