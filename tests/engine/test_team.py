"""A team of threads: it shares tasks, waits without using a core, passes on errors, and ends all its threads."""

from __future__ import annotations

import signal
import threading
import time
from functools import partial

import numpy as np
import pytest

from barenet.engine.team import Team, run_in_threads

WAIT = 30  # seconds until a test that hangs fails


@pytest.fixture
def make_team():
    teams = []

    def make(n_threads: int) -> Team:
        teams.append(Team(n_threads))
        return teams[-1]

    yield make
    for team in teams:
        team.close()


def team_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "barenet"]


@pytest.mark.parametrize("n_threads", [1, 2, 3, 4])
@pytest.mark.parametrize("n_tasks", [1, 2, 3, 20])
def test_every_task_runs_once_and_gets_the_number_of_its_thread(make_team, n_threads, n_tasks):
    team = make_team(n_threads)
    runs = []

    def task(n: int, thread: int) -> None:
        runs.append((n, thread, threading.get_ident()))

    for _ in range(50):
        runs.clear()
        team.run([partial(task, n) for n in range(n_tasks)])
        assert sorted(n for n, _, _ in runs) == list(range(n_tasks))
        assert all(0 <= thread < n_threads for _, thread, _ in runs)
        # A number belongs to one thread, and 0 to the caller.
        assert len({ident for _, _, ident in runs}) == len({(thread, ident) for _, thread, ident in runs})
        assert all((thread == 0) == (ident == threading.get_ident()) for _, thread, ident in runs)


def test_tasks_run_at_the_same_time(make_team):
    together = threading.Barrier(3, timeout=WAIT)  # passes only if three threads wait at it at once
    make_team(3).run([lambda thread: together.wait()] * 3)


def test_a_blocked_thread_does_not_block_the_others(make_team):
    """One task waits until all others are done: no task is given to a thread in advance."""
    done, rest_is_done = [], threading.Event()

    def wait(thread: int) -> None:
        assert rest_is_done.wait(WAIT)

    def count(thread: int) -> None:
        done.append(thread)
        if len(done) == 10:
            rest_is_done.set()

    make_team(2).run([wait, *[count] * 10])
    assert len(done) == 10
    assert len(set(done)) == 1


def test_a_thread_that_comes_too_late_finds_nothing_to_do(make_team):
    team, n_runs = make_team(2), 0

    def count(thread: int) -> None:
        nonlocal n_runs
        n_runs += 1

    for _ in range(2000):  # tasks so short that the other thread is often late
        before = n_runs
        team.run([count, count])
        assert n_runs == before + 2


@pytest.mark.parametrize("n_threads", [1, 2, 4])
@pytest.mark.parametrize("bad", [0, 3, 9])
def test_what_a_task_raises_is_raised_by_run_and_the_team_works_afterwards(make_team, n_threads, bad):
    team = make_team(n_threads)

    def fail(thread: int) -> None:
        raise ValueError("task failed")

    runs = []
    tasks = [runs.append] * 10
    tasks[bad] = fail
    with pytest.raises(ValueError, match="task failed"):
        team.run(tasks)
    runs.clear()
    team.run([runs.append] * 10)
    assert len(runs) == 10


def test_an_error_in_another_thread_reaches_the_caller(make_team):
    failed = threading.Event()

    def task(thread: int) -> None:
        if thread != 0:
            failed.set()
            raise ValueError("elsewhere")
        assert failed.wait(WAIT)

    with pytest.raises(ValueError, match="elsewhere"):
        make_team(2).run([task, task])


def test_after_an_error_no_further_task_starts(make_team):
    runs, failing = [], threading.Event()

    def fail(thread: int) -> None:
        failing.set()
        raise ValueError("first")

    def task(thread: int) -> None:
        assert failing.wait(WAIT)
        time.sleep(0.2)
        runs.append(thread)

    with pytest.raises(ValueError, match="first"):
        make_team(2).run([fail, *[task] * 20])
    assert len(runs) <= 1  # what the other thread had begun already


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Windows lets no thread send Ctrl-C to another")
@pytest.mark.parametrize("n_tasks", [2, 8])
def test_ctrl_c_while_the_caller_waits_leaves_no_task_running(make_team, n_tasks):
    team = make_team(2)
    began, ends = threading.Event(), []

    def task(thread: int) -> None:
        if thread == 0:
            assert began.wait(WAIT)  # so that the other thread has a task, and the caller waits for its end
            return
        began.set()
        time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.2)
        ends.append(thread)

    # The caller takes the first of two tasks; of eight it takes the rest while the other thread is busy with one.
    with pytest.raises(KeyboardInterrupt):
        team.run([task] * n_tasks)
    assert ends == [1]
    runs = []
    team.run([runs.append] * 5)
    assert len(runs) == 5


def test_ctrl_c_in_a_task_of_the_caller_waits_for_the_other_thread(make_team):
    began, ends = threading.Event(), []

    def task(thread: int) -> None:
        if thread == 0:
            assert began.wait(WAIT)
            raise KeyboardInterrupt
        began.set()
        time.sleep(0.2)
        ends.append(thread)

    with pytest.raises(KeyboardInterrupt):
        make_team(2).run([task, task])
    assert ends == [1]


@pytest.mark.slow
def test_waiting_takes_no_time_of_the_processor(make_team):
    team = make_team(3)
    began = threading.Event()

    def task(thread: int) -> None:
        if thread == 0:
            assert began.wait(WAIT)
        else:
            began.set()
            time.sleep(0.5)

    before = time.process_time()
    team.run([task, task])  # the caller waits for a task of another thread
    time.sleep(0.5)  # the others wait for the next tasks
    assert time.process_time() - before < 0.1


def test_close_ends_the_threads():
    before = set(team_threads())
    team = Team(4)
    own = set(team_threads()) - before
    assert len(own) == 3
    assert all(thread.daemon for thread in own)  # a program that ends does not wait for them
    team.run([lambda thread: None] * 8)
    team.close()
    for thread in own:
        thread.join(WAIT)
    assert not own & set(team_threads())
    runs = []
    team.run([runs.append] * 3)  # closed, it still works, in the calling thread
    assert runs == [0, 0, 0]


def test_a_team_of_one_starts_no_thread():
    before = set(team_threads())
    runs = []
    Team(1).run([runs.append] * 3)
    assert runs == [0, 0, 0]
    assert set(team_threads()) == before


def test_run_in_threads_runs_all_and_ends_its_threads():
    before, results = set(team_threads()), np.zeros(9)

    def square(n: int, thread: int) -> None:
        results[n] = n * n

    run_in_threads([partial(square, n) for n in range(9)], 3)
    assert results.tolist() == [n * n for n in range(9)]
    for thread in set(team_threads()) - before:
        thread.join(WAIT)
    assert set(team_threads()) == before


def test_run_in_threads_ends_its_threads_after_an_error_too():
    before = set(team_threads())

    def fail(thread: int) -> None:
        raise ValueError("task failed")

    with pytest.raises(ValueError, match="task failed"):
        run_in_threads([fail, fail], 2)
    for thread in set(team_threads()) - before:
        thread.join(WAIT)
    assert set(team_threads()) == before


@pytest.mark.parametrize("n_threads", [1, 2])
def test_overflow_in_a_task_is_no_error_in_any_thread(make_team, n_threads):
    big = np.full(10, 1e38, np.float32)
    with np.errstate(all="ignore"):
        make_team(n_threads).run([lambda thread: big * big] * 4)
