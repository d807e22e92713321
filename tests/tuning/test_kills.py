"""Workers and coordinators are killed at random moments: no trial is lost, doubled or left running."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading

import psutil
import pytest
from waiting import PATIENCE, wait_until

from barenet.tuning.study.observer import SearchObserver

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL of POSIX")

SETTINGS = {"hidden_sizes": (64, 32), "batch_size": 8, "epochs": 24, "halving": True}
SPACE = {"lr": [0.01, 0.005, 0.002, 0.001], "l2": [0.0, 0.001, 0.01], "hidden_size_1": [64, 60]}


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    """Return the processes that train, without those that only track resources."""
    found = []
    for child in process.children(recursive=True):
        try:
            if "popen_loky" in " ".join(child.cmdline()) and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.Error:
            continue
    return found


class Killer(SearchObserver):
    """Kills a random worker of this process at random moments; between two kills at least one stack is finished.

    Without that, kills on a busy machine could come faster than trials end, and the search would never end.
    """

    def __init__(self, n_kills: int, seed: int) -> None:
        self.left, self.rng, self.n_killed = n_kills, random.Random(seed), 0
        self.may_kill, self.done = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.kill)

    def start(self, *about):
        self.may_kill.set()
        self.thread.start()

    def finished(self, stack, rung):
        self.may_kill.set()

    def kill(self) -> None:
        while self.n_killed < self.left:
            self.may_kill.wait()
            self.done.wait(self.rng.uniform(0.0, 1.5))
            if self.done.is_set():
                return
            if workers := workers_of(psutil.Process()):
                self.may_kill.clear()
                self.rng.choice(workers).kill()
                self.n_killed += 1

    def __exit__(self, *error):
        self.done.set()
        self.may_kill.set()
        self.thread.join()


class KillOne(SearchObserver):
    """Kills a worker of this process when the first stack is done."""

    killed: psutil.Process | None = None

    def finished(self, stack, rung):
        if self.killed is None:
            self.killed = workers_of(psutil.Process())[0]
            self.killed.kill()


def search_with_kills(small_search, n_kills: int, seed: int):
    """Search with two workers while they are killed; return the result and the number of kills."""
    killer = Killer(n_kills, seed)
    result = small_search(SPACE, **SETTINGS, workers=2, observer=killer)
    return result, killer.n_killed


def assert_nothing_is_lost(contents, folder, undisturbed):
    found = contents(folder)
    states = [state for _, state, _, _ in found["optuna"]]
    assert "RUNNING" not in states
    assert "WAITING" not in states
    assert sorted(number for number, *_ in found["optuna"]) == list(range(len(found["results"])))
    assert found == undisturbed


@pytest.mark.slow
def test_a_killed_worker_changes_nothing(small_search, contents):
    options = {"stack": 1, "epochs": 2}
    undisturbed = contents(small_search(**options).folder)
    killer = KillOne()
    result = small_search(**options, workers=2, observer=killer)
    assert killer.killed is not None
    assert_nothing_is_lost(contents, result.folder, undisturbed)


@pytest.mark.full
def test_killed_workers_change_nothing(small_search, contents):
    undisturbed = contents(small_search(SPACE, **SETTINGS).folder)
    result, n_killed = search_with_kills(small_search, 3, seed=1)
    assert n_killed >= 1
    assert_nothing_is_lost(contents, result.folder, undisturbed)


@pytest.mark.full
def test_50_killed_workers_change_nothing(small_search, contents):
    undisturbed = contents(small_search(SPACE, **SETTINGS).folder)
    n_killed = 0
    while n_killed < 50:
        result, n = search_with_kills(small_search, 50 - n_killed, seed=n_killed)
        n_killed += n
        assert_nothing_is_lost(contents, result.folder, undisturbed)


@pytest.fixture
def data(write_data, tmp_path):
    """A folder of four small IDX files."""
    return write_data(tmp_path / "data", 600)


def kill_coordinators(n_kills: int, data, tmp_path, contents, *, seed: int) -> int:
    """Run searches whose coordinator is killed at random moments, until so many kills; return how many there were."""
    rng, n_killed = random.Random(seed), 0
    grid = [f"--grid={name}={','.join(map(str, values))}" for name, values in SPACE.items()]
    settings = [
        "--data",
        data,
        "--data.n-valid",
        100,
        "--batch-size",
        8,
        "--epochs",
        24,
        "--halving",
        "--hidden",
        "64,32",
    ]
    command = [sys.executable, "-m", "barenet", "search", "--json", "--workers", "2"]
    first = [*command, "--name", "whole", *grid, *settings]
    subprocess.run([*map(str, first)], cwd=tmp_path, check=True, capture_output=True)
    undisturbed = contents(tmp_path / "studies" / "whole")
    studies = 0
    while n_killed < n_kills:
        studies += 1
        name = f"part-{studies}"
        folder = tmp_path / "studies" / name
        done = False
        while not done:
            arguments = ["--resume", folder] if (folder / "study.json").exists() else ["--name", name, *grid, *settings]
            with subprocess.Popen(
                [*map(str, [*command, *arguments])], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            ) as process:
                # Most of the time after it has begun to train: a kill while Python starts shows little.
                wait_until(
                    lambda: list(folder.glob(".holder.json")) or process.poll() is not None,  # noqa: B023
                    "a search that has begun",
                )
                try:
                    process.wait(rng.uniform(0.0, 2.0) if n_killed < n_kills else 4 * PATIENCE)
                    done = True
                    assert process.returncode == 0, process.stderr.read().decode()
                except subprocess.TimeoutExpired:
                    process.kill()
                    n_killed += 1
        assert_nothing_is_lost(contents, folder, undisturbed)
    return n_killed


@pytest.mark.full
def test_killed_coordinators_change_nothing(data, tmp_path, contents):
    assert kill_coordinators(1, data, tmp_path, contents, seed=5) >= 1


@pytest.mark.full
def test_20_killed_coordinators_change_nothing(data, tmp_path, contents):
    assert kill_coordinators(20, data, tmp_path, contents, seed=0) >= 20
