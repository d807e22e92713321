"""A trial trains and is validated in one thread, for any number of cores and of threads in the base settings."""

from __future__ import annotations

import pytest
from told import listen

from barenet.engine import choice, team
from barenet.training import evaluation, trainer
from barenet.training.trainer import Trainer
from barenet.tuning.space.points import Base


class Forbidden:
    """Replaces the class of threads where none may start."""

    def __init__(self, **_):
        raise AssertionError("a thread would start")


def test_a_trial_starts_no_thread(dataset, monkeypatch):
    base = Base("quick", {"trainer.threads": 4, "trainer.epochs": 1, "data.n_valid": 100, "model.hidden_sizes": [16]})
    notes = listen()
    resolved, data = base.prepare(dataset, "acc")
    config = base.resolve({"optimizer.learning_rate": 0.01}, resolved, dataset, data.n_train)
    assert "trials have one thread each; trainer.threads is ignored" in notes
    for module in (trainer, evaluation):
        monkeypatch.setattr(module, "available_cores", lambda: 4)
    monkeypatch.setattr(evaluation, "THREAD_WORK", 1)
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH", 10)
    monkeypatch.setattr(choice, "LEAST_WORK", 0)
    monkeypatch.setattr(team.threading, "Thread", Forbidden)
    assert list(Trainer([config], data))
    with pytest.raises(AssertionError, match="a thread would start"):  # with the base settings
        list(Trainer([config.with_values(trainer__threads=4)], data))
