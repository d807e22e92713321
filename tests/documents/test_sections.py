"""Sections of a report that are about special runs: settings, ensembles, data that were given as arrays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from barenet.config.tables import Config
from barenet.data.datasets import CARRIED_FINGERPRINT
from barenet.documents.inputs.runs import command_of
from barenet.documents.inputs.work import Work
from barenet.documents.parts.comparison import limits, row_of
from barenet.documents.parts.results import seed_blocks
from barenet.documents.parts.training import settings_of


def test_settings_that_change_the_training_are_listed():
    given = {
        "optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": True, "clip_norm": 5},
        "model": {"class_weight": "cat=2,dog=1", "teacher": "runs/a", "teacher_weight": 0.7},
        "trainer": {"patience": 4},
        "data": {"mirror": True},
    }
    shown = dict(settings_of(Config.model_validate(given)))
    assert shown["Nesterov's kind of momentum"] == "yes"
    assert shown["Largest norm of the gradient"] == "5"
    assert shown["Weight of each class in the loss"] == "cat 2, dog 1"
    assert (shown["Teacher"], shown["Share of the labels from the teacher"]) == ("runs/a", "0.7")
    assert shown["Validations without a better one before it stops"] == "4"
    assert shown["Share of images mirrored"] == "0.5"
    plain = dict(settings_of(Config()))
    assert not {"Teacher", "Share of the labels from the teacher", "Largest norm of the gradient"} & set(plain)


def test_the_results_of_an_ensemble_are_not_taken_for_those_of_a_member():
    scores = {"test_accuracy": 0.9, "test_loss": 0.5, "images": 100}
    members = [(f"member-{i}", {"validation_accuracy": 0.8}, scores | {"test_accuracy": 0.7 + i / 10}) for i in (0, 1)]
    work = Work("both", Path("both"), scores=scores, seeds=members, is_average=True, n_parameters=1112)
    [table] = seed_blocks(work)
    assert table.caption[0] == "The members of the ensemble, each alone."
    assert row_of(work)[1:5] == ("–", "1,112", "–", "90.00 %")


def test_untested_networks_have_no_test_results_of_the_same_samples():
    works = [Work(name, Path(name), is_homework=True) for name in "ab"]
    same = "Their test results are of the same samples."
    assert same not in limits(works)[0].sentences
    assert same in limits([replace(work, scores={"test_accuracy": 0.5}) for work in works])[0].sentences


@pytest.mark.parametrize(
    ("path", "fingerprint", "command"),
    [
        (None, "sha256:1", 'barenet.train(x, y, settings="run/config.toml")'),
        (None, CARRIED_FINGERPRINT, "barenet train run/config.toml"),
        ("digits", "sha256:1", "barenet train run/config.toml"),
    ],
)
def test_arrays_are_given_again_in_python(path, fingerprint, command):
    info = SimpleNamespace(data_fingerprint=fingerprint)
    config = Config.model_validate({"data": {"path": path}})
    saved = SimpleNamespace(config=config, model=SimpleNamespace(info=info))
    assert command_of(Path("run"), saved).replace("\\", "/") == command
