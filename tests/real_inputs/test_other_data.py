"""A trained model is tested on other data: classes by their names, tables by their columns, no test part needed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from told import listen

import barenet
from barenet.cli.application import run as run_command
from barenet.cli.commands.test import test as run_test  # as the command line calls it
from barenet.pages.playground.playground import find_images
from barenet.run_folders.loading import load_models

COLUMN = {"cat": 0, "cow": 1, "dog": 3, "fox": 6}
RNG = np.random.default_rng(0)


def write_pictures(root, classes, n):
    """Write n pictures of each class, each with a bright column that shows the class."""
    for name in classes:
        (root / name).mkdir(parents=True)
        for i in range(n):
            pixels = RNG.integers(0, 40, (8, 8)).astype(np.uint8)
            pixels[:, COLUMN[name]] = 250
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
    """The run folder of a model that classifies all cats, dogs and foxes correctly."""
    folder = tmp_path_factory.mktemp("animals")
    data = write_pictures(folder / "pics", ("cat", "dog", "fox"), 12)
    settings = {"hidden": "8", "activation": "relu", "epochs": 20, "lr": 0.03, "batch_size": 8, "n_valid": 6}
    return barenet.train(data=data, output=folder, name="run", verbose=False, **settings).folder


def scores_of(run, data, capsys):
    run_test(run, data=str(data), json=True, quiet=True)
    return json.loads(capsys.readouterr().out)


def test_classes_are_known_by_their_names_and_all_labelled_images_are_tested(animals, tmp_path, capsys):
    result = scores_of(animals, write_pictures(tmp_path / "other", ("fox", "dog"), 5), capsys)
    assert result["images"] == 10
    assert np.diag(result["confusion_matrix"]).tolist() == [0, 5, 5]


def test_a_class_that_the_model_does_not_know_is_refused(animals, tmp_path, capsys):
    with pytest.raises(barenet.errors.CheckpointError, match="has the classes cow, which "):
        scores_of(animals, write_pictures(tmp_path / "other", ("cow", "dog"), 1), capsys)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """The run folder of a model that has learnt a table, and its test rows as (noise, label, age)."""
    folder = tmp_path_factory.mktemp("people")
    ages = RNG.permutation(np.linspace(20, 80, 60))
    rows = [(round(RNG.normal(), 3), "old" if age > 50 else "young", round(age, 1)) for age in ages]
    lines = ["age,noise,label", *(f"{age},{noise},{label}" for noise, label, age in rows[:40])]
    (folder / "people.csv").write_text("\n".join(lines), "utf-8")
    settings = {"hidden": "8", "activation": "relu", "epochs": 60, "lr": 0.05, "batch_size": 8, "n_valid": 8}
    run = barenet.train(data=folder / "people.csv", output=folder, name="run", verbose=False, **settings).folder
    return run, rows[40:]


def test_a_labelled_table_with_its_columns_in_another_order_is_tested(people, tmp_path, capsys):
    run, rows = people
    lines = ["id,noise,label,age", *(f"{i},{noise},{label},{age}" for i, (noise, label, age) in enumerate(rows))]
    (tmp_path / "labelled.csv").write_text("\n".join(lines), "utf-8")
    result = scores_of(run, tmp_path / "labelled.csv", capsys)
    predictor = barenet.load(run)
    guesses = predictor.predict([{"age": age, "noise": noise} for noise, _, age in rows])
    right = [predictor.class_names[k] == label for k, (_, label, _) in zip(guesses, rows, strict=True)]
    assert result["test_accuracy"] == np.mean(right) > 0.9


def test_a_table_without_labels_cannot_be_tested(people, tmp_path, capsys):
    run, rows = people
    (tmp_path / "rows.csv").write_text("\n".join(["noise,age", *(f"{a},{c}" for a, _, c in rows)]), "utf-8")
    with pytest.raises(barenet.errors.DataError, match="has no labels, which training had in"):
        scores_of(run, tmp_path / "rows.csv", capsys)


def test_labels_that_are_numbers_count_the_classes_of_a_model_that_has_names():
    frame = {"a": [0.5, 1.5, 2.5, 0.7], "label": ["2", "0", "1.0", "2"]}
    dataset = barenet.from_arrays(frame, class_names=("cat", "dog", "fox"))
    assert dataset.train_labels.tolist() == [2, 0, 1, 2]
    with pytest.raises(barenet.errors.DataError, match="there is no class '3'"):
        barenet.from_arrays({**frame, "label": ["2", "0", "3", "2"]}, class_names=("cat", "dog", "fox"))


def test_a_single_class_and_a_folder_of_test_pictures_alone_are_tested(animals, tmp_path, capsys):
    one = scores_of(animals, write_pictures(tmp_path / "one", ("dog",), 4), capsys)
    assert np.diag(one["confusion_matrix"]).tolist() == [0, 4, 0]
    write_pictures(tmp_path / "whole" / "test", ("fox", "dog"), 5)
    assert np.diag(scores_of(animals, tmp_path / "whole", capsys)["confusion_matrix"]).tolist() == [0, 5, 5]


@pytest.mark.parametrize("names", ["x_test y_test", "x y"])
def test_arrays_to_test_alone_are_tested_also_of_a_single_class(names, animals, tmp_path, capsys):
    pixels = np.full((3, 8, 8), 20, np.uint8)
    pixels[:, :, COLUMN["dog"]] = 250
    x, y = names.split()
    np.savez(tmp_path / "d.npz", **{x: pixels, y: np.ones(3, int)})
    assert np.diag(scores_of(animals, tmp_path / "d.npz", capsys)["confusion_matrix"]).tolist() == [0, 3, 0]


def test_a_table_of_one_class_beside_pictures_is_tested(animals, tmp_path, capsys):
    write_pictures(tmp_path / "all", ("dog",), 3)
    (tmp_path / "all" / "dog").rename(tmp_path / "all" / "images")
    rows = "".join(f"{i}.png,dog\n" for i in range(3))
    (tmp_path / "all" / "labels.csv").write_text(f"file,label\n{rows}", "utf-8")
    assert np.diag(scores_of(animals, tmp_path / "all", capsys)["confusion_matrix"]).tolist() == [0, 3, 0]


def test_a_table_is_taken_by_place_with_a_note_if_the_model_has_no_names(tmp_path, capsys):
    x = np.round(RNG.normal(size=(40, 3)), 3)
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(40) % 2)
    settings = {"hidden": "4", "epochs": 1, "batch_size": 8, "n_valid": 8, "verbose": False}
    run = barenet.train(data=tmp_path / "d.npz", output=tmp_path, name="run", **settings).folder
    rows = [f"{a},{b},{c},{i % 2}" for i, (a, b, c) in enumerate(x[:30])]
    (tmp_path / "t.csv").write_text("\n".join(["height,age,noise,label", *rows]), "utf-8")
    notes = listen()
    run_test(run, data=str(tmp_path / "t.csv"), json=True)
    assert "t: columns are taken by their places, as the model remembers no names" in notes


def test_the_data_of_training_without_a_test_part_are_no_test_data(people, capsys):
    run, _ = people
    with pytest.raises(barenet.errors.DataError, match="no test part: give labelled data that it was not trained on"):
        run_test(run, data=str(run.parent / "people.csv"), json=True)


def test_a_model_of_arrays_is_not_tested_on_the_carried_images(tmp_path, monkeypatch):
    few = RNG.integers(0, 256, (20, 28, 28)).astype(np.uint8), np.arange(20) % 10  # all of them take half a second
    carried = replace(barenet.from_arrays(*few, *few), name="fashion-mnist", class_names=tuple("abcdefghij"))
    monkeypatch.setattr("barenet.analysis.images.load_dataset", lambda *source, **options: carried)
    x, y = RNG.integers(0, 256, (30, 28, 28)).astype(np.uint8), np.array(["cat", "dog"])[np.arange(30) % 2]
    settings = {"hidden": "4", "epochs": 1, "batch_size": 8, "n_valid": 6, "verbose": False}
    for labels in (y, np.arange(30) % 2):
        run = barenet.train(x, labels, output=tmp_path, **settings).folder
        with pytest.raises(
            barenet.errors.DataError, match="trained on arrays, which is not on file: give labelled data"
        ):
            run_test(run, json=True)
    notes = listen()
    assert find_images(load_models(run)[0], run, None) is None
    assert "(arrays) are not on file: the page has none to pick from; name them by --data" in notes[-1]


def test_data_beside_the_model_get_a_hint_to_their_flag(capsys):
    assert run_command(["test", "runs/quick-1", "other.csv"], debug=False) == 2
    assert "unexpected words on the command line: other.csv; data are named by --data" in capsys.readouterr().err


@pytest.mark.parametrize("data", [np.zeros((2, 3)), [1, 2], {"a": [1.0]}])
def test_data_themselves_in_the_place_of_their_name_get_a_hint_to_x(data):
    with pytest.raises(barenet.errors.ConfigError, match=r"data\.path: expected the name of a file .*hand in arrays"):
        barenet.train(data=data, output=None)
