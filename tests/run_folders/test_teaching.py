"""A network that learns from the probabilities of another one."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from odd_runs import draw
from safetensors.numpy import load_file
from told import listen

import barenet
from barenet.config.sources import build_config
from barenet.data.datasets import from_arrays
from barenet.errors import CheckpointError, ConfigError, RunError
from barenet.run_folders.observer import Observer
from barenet.run_folders.teaching import ask_teacher

SETTINGS = {"hidden": "12", "epochs": 3, "n_valid": 100, "batch_size": 50, "lr": 0.01, "verbose": False}


@pytest.fixture(scope="module")
def teacher(arrays, tmp_path_factory):
    """A run of two seeds."""
    output = tmp_path_factory.mktemp("teacher")
    barenet.train(**arrays, output=output, name="teacher", n_seeds=2, **SETTINGS)
    return output / "teacher"


def taught(arrays, teacher, output, name="student", **values):
    return barenet.train(**arrays, output=output, name=name, **{**SETTINGS, "teacher": str(teacher), **values})


def assert_same_weights(run, other):
    """Compare the last weights of two runs, bit for bit."""
    first, second = (load_file(folder / "last.safetensors") for folder in (run, other))
    names = [name for name in first if name[:1] in "Wb" and name[1:].isdecimal()]
    assert sorted(names) == ["W1", "W2", "b1", "b2"]
    for name in names:
        np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize("mirror", [False, True])
def test_soft_labels_are_the_mean_probabilities_of_all_networks(mirror, arrays, teacher):
    config = build_config(flags={"model.teacher": str(teacher), "data.mirror": mirror})
    told = listen()
    found = ask_teacher(config, from_arrays(**arrays))
    seen = [arrays["x"], arrays["x"][:, :, ::-1]] if mirror else [arrays["x"]]
    each = [barenet.load(teacher / f"seed-{seed}").predict_proba(x) for seed in (0, 1) for x in seen]
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-5, atol=1e-7)
    also = " and their mirror images" if mirror else ""
    assert told[-1] == f"teacher {teacher}: 2 networks, asked once for all training images{also}"


def test_with_the_weight_1_the_training_labels_do_not_matter(arrays, teacher, tmp_path):
    x, y = arrays["x"], arrays["y"]
    held = {"x_val": x[:100], "y_val": y[:100], "n_valid": None}
    for name, labels in {"right": y[100:], "turned": np.roll(y[100:], 7)}.items():
        given = {"x": x[100:], "y": labels} | {name: value for name, value in held.items() if value is not None}
        values = {name: value for name, value in SETTINGS.items() if name != "n_valid"}
        barenet.train(**given, output=tmp_path, name=name, teacher=str(teacher), teacher_weight=1, **values)
    assert_same_weights(tmp_path / "right", tmp_path / "turned")


def test_with_the_weight_0_the_teacher_does_not_matter(arrays, teacher, tmp_path):
    alone = barenet.train(**arrays, output=None, **SETTINGS)
    beside = taught(arrays, teacher, None, teacher_weight=0)
    for record, other in zip(alone.networks[0].history, beside.networks[0].history, strict=True):
        assert record.train_loss == pytest.approx(other.train_loss, rel=1e-4)


class StopInside(Observer):
    """Stops a run after its first epoch."""

    def record(self, record):
        """End at the first record."""
        raise KeyboardInterrupt


@pytest.mark.parametrize("engine", ["numpy", pytest.param("compiled", marks=pytest.mark.extra)])
def test_a_stopped_run_continues_without_its_teacher(engine, arrays, teacher, tmp_path):
    if engine == "compiled":
        pytest.importorskip("numba")
    copy = shutil.copytree(teacher, tmp_path / "teacher")
    taught(arrays, copy, tmp_path, "whole", engine=engine, mixup=0.4)
    with pytest.raises(KeyboardInterrupt):
        taught(arrays, copy, tmp_path, "stopped", engine=engine, mixup=0.4, observer=StopInside())
    shutil.rmtree(copy)
    barenet.resume(tmp_path / "stopped", **arrays, verbose=False)
    assert_same_weights(tmp_path / "whole", tmp_path / "stopped")
    assert barenet.verify(tmp_path / "stopped", dataset=from_arrays(**arrays), whole=True).passed


@pytest.mark.parametrize(
    ("shape", "n_classes", "message"),
    [
        ((8, 7), 4, "takes 64 inputs and .* has 56 inputs; choose another teacher"),
        ((8, 8), 3, "knows the classes 0, 1, 2, 3; .* has 0, 1, 2; choose another teacher"),
    ],
)
def test_a_teacher_of_other_data_is_refused_before_anything_is_written(shape, n_classes, message, teacher, tmp_path):
    x, y = draw(shape, n_classes, 300, 1, np.uint8)
    with pytest.raises(ConfigError, match=message):
        barenet.train(x, y, output=tmp_path / "runs", teacher=str(teacher), **SETTINGS)
    assert not (tmp_path / "runs").exists()


def test_a_teacher_that_is_not_there_is_named(arrays, tmp_path):
    with pytest.raises((RunError, CheckpointError), match="nowhere"):
        taught(arrays, tmp_path / "nowhere", None)


def test_a_teacher_with_another_loss_is_refused(arrays, teacher):
    with pytest.raises(ConfigError, match=r"^model\.teacher works with cross_entropy only, not mse; leave it out$"):
        taught(arrays, teacher, None, loss="mse")


@pytest.mark.slow
def test_a_search_evaluates_its_teacher_once_and_tries_several_weights_of_it(arrays, teacher, tmp_path):
    settings = {name: value for name, value in SETTINGS.items() if name != "lr"}
    found = barenet.search(
        {"teacher_weight": [0.0, 1.0]},
        **arrays,
        recipe="quick",
        output=tmp_path,
        teacher=str(teacher),
        lr=0.01,
        workers=1,
        **settings,
    )
    alone = taught(arrays, teacher, None, teacher_weight=1.0).networks[0]
    trial = next(trial for trial in found.trials if trial.point == {"teacher_weight": 1.0})
    assert trial.last.valid_accuracy == alone.validation_accuracy


@pytest.mark.slow
def test_a_study_goes_on_and_trains_its_winner_again_without_its_teacher(arrays, teacher, tmp_path):
    given = {**arrays, "n_valid": 100, "batch_size": 50, "epochs": 2, "hidden": "6", "workers": 0, "verbose": False}
    own = shutil.copytree(teacher, tmp_path / "teacher")
    space = {"lr": [0.02, 0.01]}
    folder = barenet.search(space, **given, teacher=str(own), output=tmp_path, name="study").folder
    shutil.rmtree(own)
    found = barenet.search(resume=folder, **arrays, workers=0, verbose=False, repeats=1, retrain=True)
    assert found.retrained.networks[0].validation_accuracy == found.best.last.best_valid_accuracy


def test_a_range_test_of_learning_rates_trains_with_the_teacher(arrays, teacher):
    given = {"hidden": "12", "n_valid": 100, "batch_size": 50, "verbose": False, "steps": 60, "output": None}
    x, y = arrays["x"], arrays["y"]
    alone = barenet.find_learning_rate(x, y, **given)
    beside = barenet.find_learning_rate(x, y, teacher=str(teacher), teacher_weight=1, **given)
    assert beside.losses[0] == pytest.approx(alone.losses[0], rel=0.3)
    assert not np.allclose(alone.losses[:20], beside.losses[:20])


@pytest.mark.parametrize(
    ("flags", "n_images", "is_said"),
    [({}, 600, False), ({"data.split_seed": 1}, 600, True), ({"data.n_valid": 90}, 600, True), ({}, 590, True)],
)
def test_a_note_names_a_teacher_of_another_split_or_other_data(flags, n_images, is_said, arrays, teacher):
    config = build_config(flags={"model.teacher": str(teacher), "data.n_valid": 100} | flags)
    told = listen()
    given = arrays | {name: arrays[name][:n_images] for name in ("x", "y")}
    ask_teacher(config, from_arrays(**given))
    assert any("it may know validation images of this run" in sentence for sentence in told) is is_said
