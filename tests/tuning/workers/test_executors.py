"""Processes that train, when one of them or the coordinator dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest
from loky.process_executor import BrokenProcessPool
from waiting import PATIENCE, wait_until

from barenet.tuning.workers.executors import make_pool
from barenet.tuning.workers.processes import NOTICE_SECONDS, LocalPool

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL of POSIX")


@pytest.fixture
def pool():
    pool = LocalPool(2)
    yield pool
    pool.close(kill=True)


@pytest.mark.slow
def test_a_pool_that_broke_is_made_anew(pool):
    future = pool.executor(alone=False).submit(os._exit, 3)
    error = future.exception(timeout=PATIENCE)
    assert pool.deaths(error) == 1
    pool.renew()
    assert pool.executor(alone=False).submit(int, "7").result(timeout=PATIENCE) == 7


@pytest.mark.slow
def test_a_task_in_the_separate_process_goes_on_when_the_pool_breaks(pool):
    pool.make_ready()
    separate = pool.executor(alone=True).submit(time.sleep, 1.0)
    assert pool.executor(alone=False).submit(os._exit, 3).exception(timeout=PATIENCE)
    assert separate.result(timeout=PATIENCE) is None


@pytest.mark.slow
def test_a_worker_that_dies_while_it_sends_a_result_does_not_stop_the_search(pool):
    executor = pool.executor(alone=False)
    assert executor.submit(int).result(timeout=PATIENCE) == 0
    # The beginning of a message of 4,096 bytes: a worker that is killed while it writes leaves such bytes in the pipe.
    os.write(executor._result_queue._writer.fileno(), b"\x00\x00\x10\x00" + b"abc")
    future = executor.submit(time.sleep, 600)
    time.sleep(0.3)
    psutil.Process(next(iter(executor._processes))).kill()
    began = time.monotonic()
    wait_until(lambda: pool.check() or future.done(), "the end of the task")
    assert isinstance(future.exception(timeout=1), BrokenProcessPool)
    assert time.monotonic() - began > NOTICE_SECONDS
    pool.renew()
    assert pool.executor(alone=False).submit(int, "7").result(timeout=PATIENCE) == 7


@pytest.mark.slow
def test_workers_end_with_their_coordinator():
    program = (
        "import time; from barenet.tuning.workers.processes import LocalPool\n"
        "pool = LocalPool(2); executor = pool.executor(alone=False); executor.submit(int).result()\n"
        "print(*executor._processes, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, encoding="utf-8") as coordinator:
        workers = [psutil.Process(int(pid)) for pid in coordinator.stdout.readline().split()]
        coordinator.kill()
    assert len(workers) == 2
    _, alive = psutil.wait_procs(workers, timeout=PATIENCE)
    assert alive == []


def test_the_number_of_workers_must_make_sense():
    with pytest.raises(ValueError, match="--workers must be 0 or more, got -1"):
        make_pool(-1)
    assert make_pool(0).n_slots == 1
