"""Stacks on pools that break: which are trained again, and which trials are given up."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from barenet.errors import DataError
from barenet.tuning.workers.pool import Pool
from barenet.tuning.workers.stacks import Callbacks, StackTrainer


class Died(Exception):
    """A worker has died."""


class FakePool(Pool):
    """Runs tasks when they are submitted; `rule` returns the result or the error of each."""

    def __init__(self, rule, n_slots=2):
        self.rule, self.n_slots, self.log, self.renewed = rule, n_slots, [], []

    def submit(self, task, *, alone=False):
        future = Future()
        self.log.append((task, alone))
        outcome = self.rule(task, alone, len(self.log))
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result([outcome] * len(task))
        return future

    def deaths(self, error):
        return int(isinstance(error, Died))

    def renew(self, *, alone=False):
        self.renewed.append(alone)


def run(stacks, rule):
    pool, done, failed = FakePool(rule), [], {}
    callbacks = Callbacks(
        make_task=tuple,
        started=lambda stack: None,
        done=lambda stack, results: done.extend(stack),
        failed=lambda item, reason: failed.update({item: reason}),
    )
    StackTrainer(stacks, pool, callbacks, str).run()
    return pool, sorted(done), failed


def test_all_stacks_are_trained():
    pool, done, failed = run([["a", "b"], ["c"]], lambda task, alone, n: "fine")
    assert done == ["a", "b", "c"]
    assert not failed
    assert pool.renewed == []


def test_a_stack_whose_pool_broke_is_trained_again_alone_without_a_failure():
    pool, done, failed = run([["a", "b"], ["c"]], lambda task, alone, n: Died() if n <= 2 else "fine")
    assert done == ["a", "b", "c"]
    assert not failed
    assert pool.log[2:] == [(("a", "b"), True), (("c",), True)] or pool.log[2:] == [(("c",), True), (("a", "b"), True)]
    assert pool.renewed == [False]


def test_a_trial_that_kills_its_worker_three_times_alone_is_given_up_and_its_stack_goes_on():
    pool, done, failed = run([["a", "bad", "c"]], lambda task, alone, n: Died("gone") if "bad" in task else "fine")
    assert done == ["a", "c"]
    assert failed == {"bad": "failed 3 times: its worker process ended: gone"}
    assert [task for task, alone in pool.log if alone and task == ("bad",)] == [("bad",)] * 3


def test_a_trial_that_fails_twice_and_then_not_is_no_failure():
    _, done, failed = run([["a"]], lambda task, alone, n: MemoryError("much") if n <= 2 else "fine")
    assert done == ["a"]
    assert not failed


def test_an_error_of_the_training_itself_is_named():
    _, _, failed = run([["a"]], lambda task, alone, n: MemoryError("64 GB"))
    assert failed == {"a": "failed 3 times: MemoryError: 64 GB"}


def test_an_error_of_barenet_ends_the_search():
    with pytest.raises(DataError, match="other data"):
        run([["a"], ["b"]], lambda task, alone, n: DataError("other data"))
