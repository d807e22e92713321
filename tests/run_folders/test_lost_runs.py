"""A run that diverged before its first validation: the messages about it, and the name of its weights."""

from __future__ import annotations

import re

import pytest

import barenet
from barenet.analysis.saved_run import read_saved_run
from barenet.api.training import train
from barenet.config.sources import build_config
from barenet.errors import DivergedError, RunError
from barenet.plots.inspection import look
from barenet.run_folders.loading import load_models
from barenet.terminal.console import ConsoleObserver

LOST = {"optimizer": "sgd", "weight_decay": 0, "lr": 1e30, "activation": "relu", "hidden": "4", "epochs": 2}
LOST |= {"n_valid": 60, "average_decay": 0}


def test_the_message_about_a_diverged_run_names_the_step_and_how_to_train_again(make_run):
    folder, _ = make_run("diverged")
    with pytest.raises(RunError) as caught:
        load_models(folder)
    words = str(caught.value)
    assert re.match(rf"{re.escape(str(folder))} diverged in epoch 1, step \d+, ", words)
    assert "before its first validation, so no weights were kept" in words
    assert "--resume" not in words
    path, rate = re.search(r"barenet train (\S+) --lr (\S+)$", words).groups()
    assert build_config(None, path).optimizer.learning_rate == 1e30
    assert float(rate) == 0.1


def test_the_weights_of_a_diverged_run_are_called_those_before_the_lost_epoch(make_run):
    folder, dataset = make_run("diverged")
    saved = read_saved_run(folder, dataset=dataset)
    assert saved.weights_word == "before the lost epoch (epoch 0, as initialised)"
    assert any(saved.weights_word in sentence for sentence in saved.notes)
    assert look(saved).portrait is None
    assert look(saved, "1:0").portrait is not None
    assert read_saved_run(make_run("plain")[0]).weights_word == "after training"


def test_the_line_of_the_epoch_and_the_error_say_that_a_network_diverged(arrays, tmp_path, capsys):
    with pytest.raises(DivergedError) as caught:
        train(**arrays, **LOST, output=tmp_path, observer=ConsoleObserver())
    assert capsys.readouterr().err.count("diverged") == 1
    assert str(caught.value).endswith("; try --lr 0.1, or --optimizer.clip-norm 1")
    with pytest.raises(DivergedError, match=r"; try learning_rate=0\.1, or l2=0\.001$"):
        barenet.train(**arrays, **LOST, clip_norm=1e30, l2=0.01, output=None, verbose=False)
