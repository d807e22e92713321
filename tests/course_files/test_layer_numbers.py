"""How the layers of a course file are numbered, and which names its classes have."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from barenet.course_files.model import read_course_model
from barenet.data.datasets import CARRIED_CLASS_NAMES
from barenet.errors import CheckpointError, InputWarning
from barenet.run_folders.loading import load_models
from barenet.run_folders.scores import names_for

SIZES = (6, 5, 4, 3)


def saved(folder, numbers, form="layer_{}_{}", sizes=SIZES, with_json=True):
    """Write a network of random weights, its layers numbered so, and return its path."""
    rng = np.random.default_rng(0)
    arrays, rows = {}, []
    for number, n_in, n_out in zip(numbers, sizes[:-1], sizes[1:], strict=True):
        arrays |= {
            form.format(number, "W"): rng.normal(size=(n_in, n_out)),
            form.format(number, "b"): np.ones(n_out)[None],
        }
        rows.append({"input_dim": n_in, "output_dim": n_out, "activation": "relu"})
    rows[-1]["activation"] = "softmax"
    path = folder / "model_epoch_3.pkl"
    path.write_bytes(pickle.dumps(arrays))
    if with_json:
        path.with_suffix(".json").write_text(json.dumps(rows), "utf-8")
    return path


@pytest.mark.parametrize(("numbers", "said"), [((0, 2, 4), ""), ((0, 1, 2), "0, 1, 2"), ((1, 2, 3), "1, 2, 3")])
def test_consecutive_layer_numbers_are_read_with_a_note(tmp_path, numbers, said):
    official = read_course_model(saved(tmp_path, (0, 2, 4)))
    model = read_course_model(saved(tmp_path, numbers))
    for mine, theirs in zip(model.weights + model.biases, official.weights + official.biases, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert (model.epoch, bool(model.assumed)) == (3, bool(said))
    assert f"numbers its layers {said}: taken in this order" in model.assumed or not said


@pytest.mark.parametrize("numbers", [(0, 1, 3), (0, 3, 7), (1, 3, 5), (0, 2, 5)])
def test_numbers_with_a_gap_are_refused_in_one_line(tmp_path, numbers):
    with pytest.raises(CheckpointError) as caught:
        read_course_model(saved(tmp_path, numbers))
    shown = ", ".join(map(str, numbers))
    assert f"numbers its layers {shown}, expected 0, 2, 4 or 0, 1, 2: one may be missing" in str(caught.value)
    assert str(caught.value).isprintable()


def test_plain_weights_may_begin_at_0_and_have_no_gap(tmp_path):
    model = read_course_model(saved(tmp_path, (0, 1, 2), "{1}{0}", with_json=False))
    assert "layers 6-5-4-3 by the shapes" in model.assumed
    # If a missing layer has as many outputs as inputs, the shapes of the others still fit one another.
    with pytest.raises(CheckpointError, match="has W1, W2, W4, and numbers between them are missing"):
        read_course_model(saved(tmp_path, (1, 2, 4), "{1}{0}", with_json=False).replace(tmp_path / "gap.pkl"))


def test_a_course_file_that_fits_the_carried_images_has_their_class_names(tmp_path, dataset):
    (model,) = load_models(saved(tmp_path, (0, 2, 4), sizes=(784, 4, 3, 10)))
    assert model.info.class_names == list(CARRIED_CLASS_NAMES)
    assert names_for(model, None) == list(CARRIED_CLASS_NAMES)
    (small,) = load_models(saved(tmp_path, (0, 2, 4), sizes=(64, 4, 3, 4)))
    assert small.info.class_names == ["0", "1", "2", "3"]
    assert names_for(small, dataset) == list(dataset.class_names)


def test_names_of_other_data_replace_the_assumed_ones(tmp_path):
    (model,) = load_models(saved(tmp_path, (0, 2, 4), sizes=(784, 4, 3, 10)))

    class Digits:
        class_names = tuple("0123456789")

    assert names_for(model, Digits()) == list("0123456789")


def test_assumed_names_are_noted_for_weights_without_a_json(tmp_path):
    path = saved(tmp_path, (1, 2, 3), "{1}{0}", sizes=(784, 4, 3, 10), with_json=False)
    with pytest.warns(InputWarning, match="its classes get the names of Fashion-MNIST"):
        load_models(path)
