"""Settings that do not fit the data: defaults shrink with a note, given values are errors in one line."""

from __future__ import annotations

import re
import tracemalloc
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from told import listen

from barenet.config.sources import build_config
from barenet.cores import available_cores
from barenet.data.datasets import from_arrays
from barenet.errors import ConfigError, MachineError
from barenet.run_folders.run import start_run
from barenet.training.preparation import architecture_of, prepare


def refusal(kind, config, dataset, **options) -> str:
    with pytest.raises(kind) as caught:
        prepare(config, dataset, **options)
    assert str(caught.value).isprintable()
    return str(caught.value)


def rows(*widths, activation="relu"):
    pairs = list(pairwise(widths))
    names = [activation] * (len(pairs) - 1) + ["softmax"]
    return [{"input_dim": i, "output_dim": o, "activation": a} for (i, o), a in zip(pairs, names, strict=True)]


def test_a_batch_of_one_image_is_refused_where_batches_are_normalised(dataset):
    flags = {"data.n_valid": 120, "data.batch_size": 479, "model.normalization": "batch"}
    assert refusal(ConfigError, build_config(flags=flags), dataset) == (
        "batch normalization needs two images or more in a batch: with data.batch_size = 479 the last of an epoch has "
        "one alone, the rest of 480; take another size, such as 480"
    )
    prepare(build_config(flags=flags | {"model.normalization": "layer"}), dataset)
    config, _ = prepare(build_config(flags=flags | {"data.batch_size": 480}), dataset)
    assert config.model.normalization == "batch"


def test_a_default_of_validation_images_shrinks_to_a_fifth_with_a_note(dataset):
    notes = listen()
    config, data = prepare(build_config(flags={"trainer.epochs": 16}), dataset)
    assert config.data.n_valid == len(data.valid_labels) == 120
    assert data.n_train == 480
    assert notes == ["holding out 120 of 600 images for validation, not the default of 5000"]


def test_a_given_number_of_validation_images_is_an_error(dataset):
    message = refusal(ConfigError, build_config(flags={"data.n_valid": 5000}), dataset)
    assert "n_valid is 5000, but 600 images of 4 classes can spare at most 596" in message


def test_a_fraction_of_validation_images_stays_one_in_the_settings(dataset, make_config):
    config, data = prepare(make_config(n_valid=0.25), dataset)
    assert config.data.n_valid == 0.25
    assert len(data.valid_labels) == 150


def test_training_and_validation_images_share_the_training_file(dataset, make_config):
    _, data = prepare(make_config(), dataset)
    held_out = np.setdiff1d(np.arange(600), data.train_rows)
    np.testing.assert_array_equal(data.valid_images, dataset.train_images[held_out])
    np.testing.assert_array_equal(data.valid_labels, dataset.train_labels[held_out])


def test_with_separate_validation_images_all_training_images_are_trained_on(arrays, make_config):
    with_validation = from_arrays(**arrays, x_val=arrays["x_test"], y_val=arrays["y_test"])
    config, data = prepare(make_config(n_valid=120), with_validation)
    assert (data.n_train, config.data.n_valid) == (600, 120)
    assert data.valid_images is with_validation.valid_images
    assert data.fingerprint == with_validation.fingerprint != from_arrays(**arrays).fingerprint


def test_another_number_of_validation_images_than_the_data_set_has_is_an_error(arrays, make_config):
    with_validation = from_arrays(**arrays, x_val=arrays["x_test"], y_val=arrays["y_test"], name="pets")
    message = refusal(ConfigError, make_config(n_valid=100), with_validation)
    assert message == "data.n_valid is 100, but pets already has 120 validation images: leave it out"


def test_a_default_batch_larger_than_the_training_set_shrinks_with_a_note(arrays):
    few = from_arrays(arrays["x"][:50], arrays["y"][:50])
    notes = listen()
    flags = {"data.n_valid": 10, "trainer.epochs": 16, "trainer.metric": "acc"}
    config, _ = prepare(build_config(flags=flags), few)
    assert config.data.batch_size == 40
    assert notes == ["batch size 256 is more than the 40 training images; taking 40"]


def test_a_given_batch_larger_than_the_training_set_is_an_error(dataset, make_config):
    prepare(make_config(batch_size=500), dataset)
    message = refusal(ConfigError, make_config(batch_size=501), dataset)
    assert message == "data.batch_size must be at most the 500 training images, got 501"


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "model.layers must name at least one layer, got none"),
        (rows(65, 8, 4), "model.layers: the first layer takes 65 values, the images have 64"),
        (rows(64, 8, 5), "model.layers: the last layer gives 5 values for 4 classes"),
        (
            [*rows(64, 9), *rows(8, 4)],
            "model.layers don't chain: layer 1 gives 9 values, layer 2 takes 8",
        ),
    ],
)
def test_the_message_about_layers_that_do_not_fit_names_their_position(layers, message, dataset):
    config = build_config(flags={"model.layers": layers, "data.n_valid": 100})
    assert refusal(ConfigError, config, dataset) == message


def test_layers_may_have_the_names_of_the_course(dataset):
    config = build_config(flags={"model.layers": rows(64, 8, 4, activation="tanh"), "data.n_valid": 100})
    prepare(config, dataset)
    assert [row.as_dict() for row in architecture_of(config, 64, 4).rows] == rows(64, 8, 4, activation="tanh")


def test_the_loss_decides_the_last_activation_of_the_short_form():
    ends = {loss: build_config(flags={"model.loss": loss}) for loss in ("cross_entropy", "mse", "hinge")}
    names = {loss: architecture_of(config, 64, 4).rows[-1].activation.name for loss, config in ends.items()}
    assert names == {"cross_entropy": "softmax", "mse": "identity", "hinge": "identity"}


def test_label_smoothing_works_with_cross_entropy_only(dataset, make_config):
    message = refusal(ConfigError, make_config(loss="mse", label_smoothing=0.1), dataset)
    assert message == "label_smoothing = 0.1 works with cross_entropy only, not mse"


def test_mirroring_needs_height_and_width(arrays, make_config):
    flat = from_arrays(arrays["x"].reshape(600, 64), arrays["y"])
    assert prepare(make_config(), flat)[0].data.mirror is False
    message = refusal(ConfigError, make_config(mirror=True), flat)
    assert message == "data.mirror needs images with height and width, got 64 features"


@pytest.mark.parametrize(("shift", "affine"), [(0, 0.1), (1, 0.0)])
def test_moves_need_height_and_width(arrays, make_config, shift, affine):
    flat = from_arrays(arrays["x"].reshape(600, 64), arrays["y"])
    message = refusal(ConfigError, make_config(shift=shift, affine=affine), flat)
    assert message == f"data.{'shift' if shift else 'affine'} needs images with height and width, got 64 features"


@pytest.mark.parametrize("recipe", ["strong", "best"])
def test_a_recipe_s_changes_of_images_are_left_out_for_other_data(arrays, recipe):
    flat = from_arrays(arrays["x"].reshape(600, 64), arrays["y"])
    notes = listen()
    config = prepare(build_config(recipe), flat)[0]
    assert (config.data.mirror, config.data.shift, config.data.affine) == (False, 0, 0.0)
    left_out = ["shift"] if recipe == "strong" else ["shift", "affine"]
    end = "needs images with height and width, got 64 features; it is left out"
    assert [note for note in notes if "data." in note] == [f"recipe {recipe}: data.{name} {end}" for name in left_out]


def test_a_network_beyond_the_memory_is_refused_before_anything_is_allocated(
    dataset, make_config, monkeypatch, tmp_path
):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8_000_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(MachineError) as caught:
            start_run(make_config(hidden=10**7), dataset, output=tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 64 x 10^7 + 10^7 x 4 weights, twelve float32 each, are 32.64 GB; activations need more.
    match = re.fullmatch(
        r"1 network\(s\) of 680,000,000 weights need about ([\d.]+) GB of memory and 8\.0 GB are free; "
        r"choose smaller model\.hidden_sizes",
        str(caught.value),
    )
    assert 32.6 <= float(match[1]) < 200
    assert caught.value.exit_code == 3
    assert peak < 20_000_000
    assert list(tmp_path.iterdir()) == []


def test_more_threads_than_cores_mean_all_cores_and_a_note(dataset, make_config):
    cores, notes = available_cores(), listen()
    assert prepare(make_config(threads=cores), dataset)[0].trainer.threads == cores
    assert prepare(make_config(threads=cores + 1), dataset)[0].trainer.threads is None
    plural = "s" * (cores != 1)
    assert notes == [f"trainer.threads is {cores + 1}, but {cores} core{plural} may be used here; using all"]


@pytest.mark.parametrize(("epochs", "every"), [(1, 1), (2, 1), (10, 1), (11, 10), (100, 10)])
def test_a_default_that_would_leave_one_validation_becomes_one_in_each_epoch_with_a_note(epochs, every, dataset):
    notes = listen()
    config = build_config("course", None, {"trainer.epochs": epochs, "data.n_valid": 100})
    assert prepare(config, dataset)[0].trainer.eval_every == every
    said = [
        f"trainer.eval_every = 10 leaves one validation in {epochs} epochs: validating after each epoch instead; "
        f"--trainer.eval-every changes that"
    ]
    assert notes == (said if 1 < epochs <= 10 else [])


@pytest.mark.parametrize("epochs", [1, 5, 10])
def test_a_given_number_of_epochs_between_validations_is_kept_with_a_note(epochs, dataset):
    notes = listen()
    flags = {"trainer.epochs": epochs, "trainer.eval_every": 10, "data.n_valid": 100}
    assert prepare(build_config("course", None, flags), dataset)[0].trainer.eval_every == 10
    assert len(notes) == (epochs > 1)
    assert all(f"eval_every = 10 leaves one validation in {epochs} epochs, after the last" in said for said in notes)


@pytest.mark.parametrize("loss", ["mse", "hinge"])
def test_mixup_works_with_cross_entropy_only(loss, dataset, make_config):
    message = refusal(ConfigError, make_config(loss=loss, mixup=0.2), dataset)
    assert message == f"data.mixup = 0.2 mixes labels, which works with cross_entropy only, not {loss}; set it to 0"


def test_a_default_batch_size_leaves_no_batch_of_one_image_to_batch_normalisation(arrays):
    dataset = from_arrays(arrays["x"][:360], arrays["y"][:360])
    flags = {"data.n_valid": 103, "model.normalization": "batch"}  # 257 are left, one more than a batch of the recipe
    told = listen()
    assert prepare(build_config("quick", flags=flags), dataset)[0].data.batch_size == 257
    assert "the last batch of an epoch would have one image, too few to normalise: batches of 257 images" in told
