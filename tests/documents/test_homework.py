"""Files of other programs: recognised, read and refused."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest
from told import listen

from barenet.documents.inputs.given import recognise_all
from barenet.documents.inputs.histories import read_history_table
from barenet.documents.inputs.homework import HomeworkFiles, read_homework
from barenet.documents.inputs.searches import read_grid_results
from barenet.errors import CheckpointError, ConfigError, DataError, RunError


@pytest.mark.parametrize(
    "text",
    [
        "epoch,train_loss,valid_loss,train_acc,valid_acc\n1,0.9,0.8,0.6,0.7\n2,0.5,0.6,0.8,0.75\n",
        "\nEpoch;Train Loss;Val Loss;Train Accuracy (%);Val Accuracy (%)\n1;0.9;0.8;60;70\n2;0.5;0.6;80;75\n",
        "\ufeffloss\taccuracy\tval_loss\tval_accuracy\n0.9\t60%\t0.8\t70%\n0.5\t80%\t0.6\t75%\n\n",
        ",loss,acc,validation_loss,validation_acc,lr\n0,0.9,0.6,0.8,0.7,0.1\n1,0.5,0.8,0.6,0.75,0.1\n",
    ],
)
def test_usual_columns_are_recognised(text, tmp_path):
    (tmp_path / "h.csv").write_text(text, "utf-8")
    first, second = read_history_table(tmp_path / "h.csv")
    assert (first.epoch, second.epoch) == (1, 2)
    assert (first.train_loss, first.valid_loss) == (0.9, 0.8)
    assert [first.train_accuracy, first.valid_accuracy] == pytest.approx([0.6, 0.7])
    assert [second.train_accuracy, second.valid_accuracy] == pytest.approx([0.8, 0.75])


def test_a_column_or_a_cell_that_is_not_there_is_left_out(tmp_path):
    (tmp_path / "h.csv").write_text("epoch,train_loss,val_acc\n10,0.5,\n20,0.4,0.8\n", "utf-8")
    first, second = read_history_table(tmp_path / "h.csv")
    assert (first.valid_accuracy, second.valid_accuracy, second.valid_loss) == (None, 0.8, None)
    assert math.isnan(second.train_accuracy)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "is no history: expected columns such as epoch, train_loss, .* found a, b"),
        ("", "is no history: .* found nothing"),
        ("epoch,loss\n", "has no epochs"),
        ("epoch,loss\n1,high\n", "row 2 holds 'high', expected a number"),
        ("epoch,loss\n2,1\n1,1\n", "rising whole numbers"),
        ("epoch,loss\ninf,1\n", "rising whole numbers"),
        ("epoch,acc\n1,1.2\n", "the highest accuracy is 1.2, expected 0 to 1 or 0 to 100"),
        ("epoch,acc\n1,300\n", "train_accuracy goes from 300 to 300, expected 0 to 1 or 0 to 100"),
        (b"\xff\xfe", "is not UTF-8 at byte 0"),
    ],
)
def test_a_table_that_is_no_history_is_refused(text, message, tmp_path):
    (tmp_path / "h.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=message):
        read_history_table(tmp_path / "h.csv")


def test_results_of_the_course_are_ranked_by_accuracy(tmp_path):
    rows = [[{"lr": 0.1, "sizes": [8, 4]}, 0.5, 80.0], [{"lr": 0.01, "sizes": [8, 4]}, 0.6, 85.0]]
    (tmp_path / "g.json").write_text(json.dumps(rows), "utf-8")
    found = read_grid_results(tmp_path / "g.json")
    assert [trial.point["lr"] for trial in found.result.trials] == [0.01, 0.1]
    assert found.result.trials[0].figures(found.result.plan) == (0.6, 0.85)
    assert [dimension.name for dimension in found.dimensions] == ["lr"]
    assert found.facts == {"Number of trials": 2, "sizes": "8-4"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[1, 2]]", r"row 1 is a value of type list, expected \[settings, loss, accuracy\]"),
        ('[[{"lr": 1}, 0.1, 0.5], [{"lr": 1}, NaN, 0.5]]', "row 2 is"),
        (f'[[{{"lr": 1}}, 1{"0" * 400}, 0.5]]', "row 1 is"),
        ('[[{"lr": 1}, 0.1, 500]]', "row 1 has the accuracy 500"),
        ('[[{"lr": 1}, 0.1', "is not JSON, or is cut short"),
        ("[]", "expected a list of"),
    ],
)
def test_other_results_are_refused(text, message, tmp_path):
    (tmp_path / "g.json").write_text(text, "utf-8")
    with pytest.raises(DataError, match=message):
        read_grid_results(tmp_path / "g.json")


def test_arguments_are_recognised_and_grouped(homework, study):
    weights, history = homework / "weights.npz", homework / "history.csv"
    first, second, third, folder = recognise_all([weights, history, study, weights, homework])
    assert first == HomeworkFiles("weights", weights, [weights], history)
    assert second == study
    assert third == HomeworkFiles("weights", weights, [weights])
    assert folder.initial == homework / "initial.npz"
    assert folder.trained == weights
    assert folder.search == homework / "gridsearch_results.json"


def test_of_the_models_of_several_epochs_the_last_is_taken(homework, tmp_path):
    for name in ("model_epoch_0", "model_epoch_9", "model_epoch_10"):
        shutil.copy(homework / "weights.npz", tmp_path / f"{name}.npz")
    [found] = recognise_all([tmp_path])
    assert (found.initial.stem, found.trained.stem) == ("model_epoch_0", "model_epoch_10")
    shutil.copy(homework / "weights.npz", tmp_path / "other.npz")
    with pytest.raises(ConfigError, match="holds several models"):
        read_homework(recognise_all([tmp_path])[0], None, [])


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("a.txt", b"hello", ConfigError, "is of no known kind"),
        ("a.json", b'{"a": 1}', ConfigError, "is of no known kind"),
        ("gone.npz", None, RunError, "does not exist"),
        ("empty", "folder", RunError, "holds no weights, history or search results: found nothing"),
    ],
)
def test_other_arguments_are_refused(name, content, error, message, tmp_path):
    if content == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        recognise_all([tmp_path / name])


def test_search_results_of_another_form_are_refused_by_what_is_expected(tmp_path):
    (tmp_path / "gridsearch_results.json").write_text('[{"lr": 0.05, "acc": 0.8}]', "utf-8")
    [found] = recognise_all([tmp_path])
    with pytest.raises(DataError, match=r"row 1 is a value of type dict, expected \[settings, loss, accuracy\]"):
        read_homework(found, None, [])


def test_a_file_in_a_folder_that_is_left_out_is_noted(homework, tmp_path):
    shutil.copy(homework / "weights.npz", tmp_path / "weights.npz")
    (tmp_path / "notes.json").write_text('{"a": 1}', "utf-8")
    notes = listen()
    recognise_all([tmp_path])
    assert notes == [f"left out: {tmp_path / 'notes.json'} holds neither layers nor search results"]


def test_weights_that_do_not_fit_one_another_are_refused(tmp_path):
    np.savez(tmp_path / "w.npz", W1=np.zeros((64, 5)), b1=np.zeros(5), W2=np.zeros((6, 4)), b2=np.zeros(4))
    with pytest.raises(CheckpointError, match="its weights do not fit one another"):
        read_homework(recognise_all([tmp_path / "w.npz"])[0], None, [])


def test_an_activation_for_weights_that_name_theirs_is_refused(homework, tmp_path):
    shutil.copy(homework / "weights.npz", tmp_path / "w.npz")
    layers = [(64, 12, "tanh"), (12, 4, "softmax")]
    rows = [dict(zip(("input_dim", "output_dim", "activation"), layer, strict=True)) for layer in layers]
    (tmp_path / "w.json").write_text(json.dumps(rows), "utf-8")
    [found] = recognise_all([tmp_path])
    with pytest.raises(ConfigError, match="says its activations itself"):
        read_homework(found, None, ["relu"])
    work, _ = read_homework(found, None, [])
    assert work.mlp.architecture.rows[0].activation.name == "tanh"
    assert "the model's data by --data" in work.lacks["test"][0]
