"""A real scheduler and real workers on this machine give the same results, also when a worker is killed."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time

import pytest
from waiting import PATIENCE

import barenet
from barenet.errors import ConfigError, MachineError
from barenet.tuning.study.observer import SearchObserver
from barenet.tuning.workers.executors import make_pool

pytest.importorskip("distributed")
pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings("default")]  # Dask itself warns

SETTINGS = {"hidden_sizes": (16, 8), "batch_size": 16, "epochs": 6, "halving": True}
SPACE = {"lr": [0.01, 0.005, 0.002, 0.001], "l2": [0.0, 0.001, 0.01]}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Cluster:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder, n_workers: int) -> None:
        self.folder, self.address = folder, f"tcp://127.0.0.1:{free_port()}"
        port = self.address.rpartition(":")[2]
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
        worker = ("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory")
        self.workers = [self.start(*worker, folder / str(i)) for i in range(n_workers)]
        self.wait_for(n_workers)

    def start(self, *arguments) -> subprocess.Popen:
        command = [sys.executable, "-m", "dask", *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)

    def wait_for(self, n_workers: int) -> None:
        from distributed import Client

        with Client(self.address, timeout=PATIENCE, set_as_default=False) as client:
            client.wait_for_workers(n_workers, timeout=PATIENCE)

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


class Kill(SearchObserver):
    """Kills a process when the first stack is done."""

    def __init__(self, victim: subprocess.Popen) -> None:
        self.victim = victim

    def finished(self, stack, rung):
        self.victim.kill()


@pytest.fixture
def cluster(tmp_path):
    """Two workers."""
    cluster = Cluster(tmp_path, 2)
    yield cluster
    cluster.stop()


@pytest.mark.slow
def test_a_cluster_gives_the_same_results_even_when_a_worker_is_killed(cluster, small_search, contents):
    undisturbed = contents(small_search(SPACE, **SETTINGS).folder)
    victim = random.Random(0).choice(cluster.workers)
    result = small_search(SPACE, **SETTINGS, workers=None, dask=cluster.address, observer=Kill(victim))
    assert contents(result.folder) == undisturbed
    assert victim.wait(PATIENCE) != 0


@pytest.mark.full
def test_a_cluster_trains_a_list_of_points(cluster, small_search, contents):
    points, options = [{"lr": 0.01}, {"name": "AdamW", "optimizer": "adamw"}], {"epochs": 1, "repeats": 1}
    here = contents(small_search(points, **options).folder)
    assert contents(small_search(points, **options, workers=None, dask=cluster.address).folder) == here


def test_a_scheduler_that_is_not_there_is_named_and_not_waited_for_long(monkeypatch):
    monkeypatch.setattr("barenet.tuning.workers.cluster.CONNECT_SECONDS", 0.5)
    address, began = f"tcp://127.0.0.1:{free_port()}", time.monotonic()
    with pytest.raises(MachineError, match=f"cannot reach a Dask scheduler at {address}"):
        make_pool(dask=address)
    assert time.monotonic() - began < 60  # half a second, and Dask's imports


@pytest.mark.full
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_scheduler_that_is_lost_ends_the_search_which_then_goes_on_without_it(
    cluster, small_search, contents, tmp_path
):
    undisturbed = contents(small_search(SPACE, **SETTINGS).folder)
    options = {"workers": None, "dask": cluster.address, "name": "lost", "stack": 1}
    with pytest.raises(MachineError, match="lost the Dask scheduler at"):
        small_search(SPACE, **SETTINGS, **options, observer=Kill(cluster.scheduler))
    result = small_search(resume=tmp_path / "studies" / "lost")
    assert contents(result.folder) == undisturbed


def test_workers_and_a_cluster_exclude_each_other():
    with pytest.raises(ConfigError, match="--workers and --dask exclude each other"):
        barenet.search(workers=2, dask="tcp://127.0.0.1:1", verbose=False)
