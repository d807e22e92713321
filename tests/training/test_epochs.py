"""The steps of an epoch on a clock of the test's own: how often they are told, and how long they took."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from barenet.engine.state import TrainingState
from barenet.training import epochs
from barenet.training.epochs import Steps


class TimedEngine:
    """An engine whose every step takes `seconds` on its own clock, has loss 1, and predicts class 0."""

    def __init__(self, seconds: float, batch_size: int) -> None:
        self.seconds, self.batch_size, self.now = seconds, batch_size, 100.0

    def clock(self) -> float:
        return self.now

    def train(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        self.now += self.seconds * (stop - start)
        return np.ones((stop - start, 1)), np.zeros((1, self.batch_size * (stop - start)), np.int64)

    def capture(self, before: TrainingState) -> TrainingState:
        return before


def make_steps(seconds, monkeypatch, *, n_steps=60, begun=0, begun_seconds=0.0):
    """Return the steps of one network, `begun` of which were taken before a break; all labels are 0 but the last."""
    engine = TimedEngine(seconds, batch_size=2)
    monkeypatch.setattr(epochs.time, "perf_counter", engine.clock)
    before = TrainingState.start(np.zeros((1, 3), np.float32), [], has_average=False, keep_best=1)
    before.begun_seconds[:] = begun_seconds
    arrays = before.arrays() | {"begun_losses": np.full((1, begun), 3.0), "begun_right": np.array([2 * begun])}
    labels = np.array([[0] * (2 * n_steps - 1) + [1]])
    plan = SimpleNamespace(n_steps=n_steps)
    return engine, Steps(engine, plan, TrainingState.from_arrays(arrays), labels, batch_size=2)


@pytest.mark.parametrize(("seconds", "told"), [(5.0, [0, 1, 2, 3]), (0.1, [0, 2, 4, 6]), (0.01, [0, 20, 40, 59])])
def test_progress_is_told_five_times_a_second_and_after_each_step_that_takes_longer(seconds, told, monkeypatch):
    _, steps = make_steps(seconds, monkeypatch)
    assert list(steps)[:4] == told


def test_an_epoch_that_was_stopped_goes_on_with_the_step_that_follows_and_counts_all_of_them(monkeypatch):
    engine, steps = make_steps(0.5, monkeypatch, n_steps=10, begun=6, begun_seconds=9.0)
    assert list(steps) == [6, 7, 8, 9]
    state = steps.state()
    assert state.begun_losses.tolist() == [[3.0] * 6 + [1.0] * 4]
    assert state.begun_right.tolist() == [19]  # of 20 images all but the last
    assert state.begun_seconds.tolist() == [9.0 + 4 * 0.5]
    engine.now += 1.0
    assert steps.state().begun_seconds.tolist() == [12.0]
