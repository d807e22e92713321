"""Results on test images, compared with counts made by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from safetensors.numpy import load_file

from barenet.data.datasets import from_arrays
from barenet.errors import CheckpointError, DataError
from barenet.run_folders.run import start_run
from barenet.run_folders.scores import average_scores, make_scores, score_model
from barenet.training.metrics import accuracy, confusion_matrix, per_class, probabilities

LABELS = np.array([0, 0, 0, 1, 1, 3])
PREDICTED = np.array([0, 0, 1, 1, 3, 0])
#          predicted  0  1  2  3
CONFUSION = np.array([[2, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]])


def test_the_confusion_matrix_has_a_row_for_each_true_class():
    np.testing.assert_array_equal(confusion_matrix(PREDICTED, LABELS, 4), CONFUSION)


def test_accuracy_is_a_fraction_for_each_network():
    both = np.stack([PREDICTED, LABELS])
    assert accuracy(both, LABELS).tolist() == [0.5, 1.0]
    assert accuracy(PREDICTED, LABELS) == 0.5


def test_precision_recall_and_f1_by_hand():
    rows = per_class(CONFUSION, ["a", "b", "c", "d"])
    assert [row["class"] for row in rows] == ["a", "b", "c", "d"]
    assert [row["images"] for row in rows] == [3, 2, 0, 1]
    assert [row["precision"] for row in rows] == [2 / 3, 1 / 2, None, 0.0]
    assert [row["recall"] for row in rows] == [2 / 3, 1 / 2, None, 0.0]
    assert [row["f1"] for row in rows] == [pytest.approx(2 / 3), pytest.approx(1 / 2), None, 0.0]


def test_a_class_without_images_that_was_predicted_has_precision_but_no_recall():
    row = per_class(np.array([[1, 1], [0, 0]]), ["a", "b"])[1]
    assert (row["images"], row["precision"], row["recall"], row["f1"]) == (0, 0.0, None, 0.0)


def test_probabilities_do_not_overflow_and_sum_to_one():
    shares = probabilities(np.array([[1e4, 1e4 + math.log(3)], [-1e30, 0.0]]), are_probabilities=False)
    np.testing.assert_allclose(shares, [[0.25, 0.75], [0.0, 1.0]], atol=1e-9)
    given = np.array([[0.3, 0.7]])
    np.testing.assert_array_equal(probabilities(given, are_probabilities=True), given)


def test_an_ensemble_averages_probabilities_and_not_votes():
    # Two networks slightly prefer class 1, and the third is sure of class 0: the mean is 0.6 for class 0.
    shares = [[[0.4, 0.6]], [[0.4, 0.6]], [[1.0, 0.0]]]
    labels = np.array([0])
    results = [make_scores(np.array(s), 0.0, labels, ["a", "b"], 1) for s in shares]
    assert [result.accuracy for result in results] == [0, 0, 1]
    ensemble = average_scores(results, labels, ["a", "b"])
    np.testing.assert_allclose(ensemble.probabilities, [[0.6, 0.4]], rtol=1e-6)
    assert ensemble.accuracy == 1
    assert ensemble.loss == pytest.approx(-math.log(0.6), rel=1e-6)
    assert ensemble.epoch is None


def test_an_ensemble_that_is_sure_and_wrong_has_a_finite_loss():
    labels = np.array([1])
    result = make_scores(np.array([[1.0, 0.0]]), 0.0, labels, ["a", "b"], 1)
    assert math.isfinite(average_scores([result, result], labels, ["a", "b"]).loss)


@pytest.fixture(scope="module")
def run(dataset, make_config, tmp_path_factory):
    return start_run(make_config(n_seeds=2, epochs=3, lr=0.01), dataset, output=tmp_path_factory.mktemp("runs"))


def read(path):
    return json.loads(path.read_text("utf-8"))


def test_test_json_agrees_with_the_probabilities_beside_it(run, dataset):
    for network in run.networks:
        held = read(network.folder / "test.json")
        shares = load_file(network.folder / "test-probabilities.safetensors")["probabilities"]
        assert shares.shape == (120, 4)
        np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
        predicted, labels = shares.argmax(axis=1), dataset.test_labels
        assert held["images"] == 120
        assert held["test_accuracy"] == (predicted == labels).mean() > 0.5
        assert held["test_loss"] == pytest.approx(-np.log(shares[np.arange(120), labels]).mean(), rel=1e-5)
        counts = [[int(((labels == t) & (predicted == p)).sum()) for p in range(4)] for t in range(4)]
        assert held["confusion_matrix"] == counts
        assert [row["images"] for row in held["per_class"]] == [int((labels == c).sum()) for c in range(4)]
        assert held["epoch"] == network.best_epoch


def test_the_run_s_test_json_holds_the_ensemble(run, dataset):
    held = read(run.folder / "test.json")
    parts = [load_file(n.folder / "test-probabilities.safetensors")["probabilities"] for n in run.networks]
    mean = np.mean(parts, axis=0)
    expected = (mean.argmax(axis=1) == dataset.test_labels).mean()
    assert held["ensemble_test_accuracy"] == held["ensemble"]["test_accuracy"] == expected
    accuracies = [read(n.folder / "test.json")["test_accuracy"] for n in run.networks]
    assert held["test_accuracy"] == pytest.approx(np.mean(accuracies))
    # The standard deviation of two numbers is their distance divided by the square root of two.
    assert held["test_accuracy_std"] == pytest.approx(abs(accuracies[0] - accuracies[1]) / math.sqrt(2))
    np.testing.assert_allclose(
        load_file(run.folder / "test-probabilities.safetensors")["probabilities"], mean, rtol=1e-6
    )


def test_the_model_of_a_run_is_the_best_on_validation(run):
    best = max(run.networks, key=lambda network: network.validation_accuracy)
    assert run.model.info.seed == best.seed


def test_test_images_of_another_shape_are_refused(run, arrays):
    small = from_arrays(*(arrays[n][:, :7, :7] if n.startswith("x") else arrays[n] for n in arrays), name="small")
    with pytest.raises(CheckpointError, match="takes 64 pixels and knows 4 classes; small has 49 and 4") as caught:
        score_model(run.model, small)
    assert str(caught.value).isprintable()


def test_data_without_test_images_have_no_score(run, arrays):
    with pytest.raises(DataError, match="arrays has no test part"):
        score_model(run.model, from_arrays(arrays["x"], arrays["y"]))
