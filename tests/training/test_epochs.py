"""The steps of an epoch, timed by a clock that the test sets, and the records of an epoch."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from barenet.engine.protocol import StepNorms
from barenet.engine.state import TrainingState
from barenet.training import epochs
from barenet.training.epochs import EpochResult, Steps, plan_epoch
from barenet.training.records import EpochRecord, Stop


class TimedEngine:
    """An engine whose steps take `seconds` on a clock of the test, have loss 1, and predict class 0."""

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
    """Return the steps of one network, `begun` of which were taken before a break; all labels but the last are 0."""
    engine = TimedEngine(seconds, batch_size=2)
    monkeypatch.setattr(epochs.time, "perf_counter", engine.clock)
    before = TrainingState.start(np.zeros((1, 3), np.float32), [], has_average=False, keep_best=1)
    before.begun_seconds[:] = begun_seconds
    arrays = before.arrays() | {"begun_losses": np.full((1, begun), 3.0), "begun_right": np.array([2 * begun])}
    labels = np.array([[0] * (2 * n_steps - 1) + [1]])
    plan = SimpleNamespace(n_steps=n_steps)
    return engine, Steps(engine, plan, TrainingState.from_arrays(arrays), labels, batch_size=2)


@pytest.mark.parametrize(("seconds", "told"), [(5.0, [0, 1, 2, 3]), (0.1, [0, 2, 4, 6]), (0.01, [0, 20, 40, 59])])
def test_progress_is_reported_five_times_a_second_and_after_each_step_that_takes_longer(seconds, told, monkeypatch):
    _, steps = make_steps(seconds, monkeypatch)
    assert list(steps)[:4] == told


def test_an_epoch_that_was_stopped_continues_with_the_next_step_and_counts_all_steps(monkeypatch):
    engine, steps = make_steps(0.5, monkeypatch, n_steps=10, begun=6, begun_seconds=9.0)
    assert list(steps) == [6, 7, 8, 9]
    state = steps.state()
    assert state.begun_losses.tolist() == [[3.0] * 6 + [1.0] * 4]
    assert state.begun_right.tolist() == [19]  # all but the last of 20 images
    assert state.begun_seconds.tolist() == [9.0 + 4 * 0.5]
    engine.now += 1.0
    assert steps.state().begun_seconds.tolist() == [12.0]


def make_result(**changed):
    """Return the result of two networks in their third epoch, of two steps; the second was not validated."""
    state = TrainingState.start(np.zeros((2, 3), np.float32), [], has_average=False, keep_best=1)
    state.epoch[:], state.n_steps[:] = 3, 6
    values = {
        **{"state": state, "rates": np.array([[0.5, 0.05], [0.25, 0.025]]), "step_losses": np.ones((2, 2))},
        **{"train_loss": np.array([1.5, 2.5]), "train_accuracy": np.array([0.75, 0.5])},
        **{"due": np.array([True, False]), "valid_loss": np.array([0.5, np.nan])},
        **{"valid_accuracy": np.array([0.875, np.nan]), "lost_steps": np.array([-1, -1]), "seconds": 2.5},
        "norms": StepNorms(
            *(np.array([factor, 10 * factor]) for factor in (1.0, 2.0, 4.0)),
            {"W1": np.array([0.0, 0.25]), "b1": np.array([np.nan, 0.125])},
        ),
    }
    return EpochResult(**values | changed)


def test_the_record_of_each_network_holds_its_figures():
    stop, result = Stop("finished", "finished"), make_result()
    assert result.record(0, 7, is_best=True, stopped=None) == EpochRecord(
        **{"network": 7, "epoch": 3, "step": 6, "learning_rate": 0.25, "train_loss": 1.5, "train_accuracy": 0.75},
        **{"valid_loss": 0.5, "valid_accuracy": 0.875, "is_best": True, "gradient_norm": 1.0, "update_norm": 2.0},
        **{"weight_norm": 4.0, "seconds": 2.5, "update_ratios": {"W1": 0.0}, "stopped": None},
    )
    assert result.record(1, 8, is_best=False, stopped=stop) == EpochRecord(
        **{"network": 8, "epoch": 3, "step": 6, "learning_rate": 0.025, "train_loss": 2.5, "train_accuracy": 0.5},
        **{"valid_loss": None, "valid_accuracy": None, "is_best": False, "gradient_norm": 10.0, "update_norm": 20.0},
        **{"weight_norm": 40.0, "seconds": 2.5, "update_ratios": {"W1": 0.25, "b1": 0.125}, "stopped": stop},
    )


@pytest.mark.parametrize(
    ("changed", "lost"),
    [
        ({}, [False, False]),
        ({"step_losses": np.array([[1, np.inf], [1, 1]])}, [False, True]),
        ({"valid_loss": np.array([np.nan, 0.5])}, [True, False]),
        ({"valid_loss": np.array([np.inf, np.inf])}, [True, False]),
    ],
)
def test_a_network_has_diverged_if_a_loss_that_was_due_is_not_finite(changed, lost):
    assert make_result(**changed).lost.tolist() == lost


def test_a_network_has_diverged_if_a_weight_is_not_finite():
    result = make_result()
    result.state.values[1, 2] = np.nan
    assert result.lost.tolist() == [False, True]


def choices(configs, rows):
    """Return everything that is drawn for the second epoch."""
    plan = plan_epoch(configs, rows, 2, 0, np.zeros((1, len(configs))))
    second = plan.mixture
    return plan.order, plan.mirrored, plan.moves, second.order, second.mirrored, second.moves, second.shares


@pytest.mark.parametrize("seeds", [[7], [7, 7], [0, 7], [0, 7, 3]])
def test_each_network_sees_the_images_in_the_order_of_its_seed(seeds, make_config):
    rows = np.array([3, 5, 8, 13, 21, 34])
    configs = [make_config(seed=seed, mirror=True, shift=1, mixup=0.4) for seed in seeds]
    drawn = choices(configs, rows)
    alone = [choices([config], rows) for config in configs]
    for order, _, _, second_order, *_ in alone:
        assert sorted(order) == sorted(second_order) == rows.tolist()
        assert not np.array_equal(order, second_order)
    if len(set(seeds)) == 1:
        expected = alone[0]
    else:
        expected = [np.stack(arrays) for arrays in zip(*alone, strict=True)]
        assert len({tuple(order) for order in expected[0].tolist()}) == len(seeds)
    for found, wanted in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(found, wanted, strict=True)


def test_an_image_is_changed_in_the_same_way_at_any_place_in_an_epoch(make_config):
    rows = np.arange(100, 200)
    config = make_config(seed=3, mirror=True, shift=1, mixup=0.4)
    order, mirrored, moves, second_order, second_mirrored, second_moves, _ = choices([config], rows)
    place = np.argsort(order)
    np.testing.assert_array_equal(second_mirrored, mirrored[place[second_order - 100]])
    np.testing.assert_array_equal(second_moves, moves[place[second_order - 100]])


def test_mixing_does_not_change_the_order_and_the_changes_of_the_first_images(make_config):
    rows, rates = np.arange(50), np.zeros((1, 1))
    plain, mixed = (
        plan_epoch([make_config(mirror=True, shift=1, mixup=mixup)], rows, 4, 0, rates) for mixup in (0, 0.2)
    )
    for name in ("order", "mirrored", "moves"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(mixed, name))


def test_nothing_is_drawn_for_images_that_are_not_changed(make_config):
    plan = plan_epoch([make_config(mirror=False)], np.arange(6), 1, 0, np.zeros((1, 1)))
    assert (plan.mirrored, plan.moves, plan.mixture) == (None, None, None)
