"""What training chooses by default where there are few data: epochs, normalisation, the metric of the best weights."""

from __future__ import annotations

import pytest
from told import listen

import barenet
from barenet import from_arrays
from barenet.config.sources import build_config
from barenet.errors import ConfigError
from barenet.training.preparation import prepare


def prepared(dataset, recipe="quick", **flags):
    """Return the settings with which a network would train, and the notes."""
    notes = listen()
    named = {name.replace("__", "."): value for name, value in flags.items()}
    return prepare(build_config(recipe, flags=named), dataset)[0], notes


@pytest.mark.parametrize(("batch_size", "epochs", "words"), [(240, 150, "2 steps"), (480, 300, "1 step"), (16, 16, "")])
def test_few_images_train_for_more_epochs_unless_their_number_was_given(dataset, batch_size, epochs, words):
    config, notes = prepared(dataset, data__n_valid=120, data__batch_size=batch_size)
    assert config.trainer.epochs == epochs
    told = f"{epochs} epochs in place of 16 of recipe quick: with 480 training images an epoch has {words}"
    assert [note for note in notes if "epochs in place" in note] == ([told] if words else [])
    said, notes = prepared(dataset, data__n_valid=120, data__batch_size=batch_size, trainer__epochs=7)
    assert said.trainer.epochs == 7
    assert not [note for note in notes if "epochs in place" in note]


@pytest.mark.parametrize(("n_valid", "metric"), [(49, "loss"), (50, "acc")])
def test_with_few_validation_images_the_loss_chooses_the_best_unless_a_metric_was_given(dataset, n_valid, metric):
    config, notes = prepared(dataset, data__n_valid=n_valid)
    assert config.trainer.metric == metric
    told = "the best weights are those of the lowest validation loss: 49 validation images are few for accuracies"
    assert (told in notes) == (metric == "loss")
    assert prepared(dataset, data__n_valid=n_valid, trainer__metric="acc")[0].trainer.metric == "acc"


@pytest.mark.parametrize("batch_size", [1, 479, 240, 16])
def test_a_recipe_s_batch_normalisation_is_left_out_where_a_batch_has_one_image(arrays, batch_size):
    few = from_arrays(arrays["x"], arrays["y"])
    n_valid = 120 if batch_size != 240 else 119  # 481 images: the third batch has one
    config, notes = prepared(few, data__n_valid=n_valid, data__batch_size=batch_size)
    is_alone = batch_size != 16
    assert config.model.normalization == ("none" if is_alone else "batch")
    told = [note for note in notes if "batch normalization" in note]
    assert len(told) == is_alone
    if is_alone:
        end = f"data.batch_size = {batch_size} the last batch of {600 - n_valid} images has one"
        assert told[0].endswith(end)
        with pytest.raises(ConfigError, match="batch normalization needs two images or more"):
            prepared(few, data__n_valid=n_valid, data__batch_size=batch_size, model__normalization="batch")


@pytest.mark.slow
def test_trials_and_the_winner_trained_again_have_the_epochs_and_the_metric_of_the_search(arrays, tmp_path):
    heard = listen()
    few = {"x": arrays["x"][:120], "y": arrays["y"][:120], "n_valid": 30}
    found = barenet.search(
        {"lr": [0.01, 0.001]}, recipe="quick", retrain=True, output=tmp_path, workers=0, verbose=False, **few
    )
    assert not [note for note in heard if "in place of 16" in note or "lowest validation loss" in note]
    assert {trial.last.epochs for trial in found.trials} == {16}
    assert len(found.retrained.networks[0].history) == 16
    assert found.retrained.config.trainer.metric == "acc"
