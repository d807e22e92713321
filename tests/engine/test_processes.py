"""Networks in worker processes: the same bits as in this process, also if a worker is killed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest
from engines import Case, collect
from families import full_except

from barenet.engine.making import count_processes, make_engine
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.processes.engine import ProcessEngine
from barenet.engine.processes.workers import is_alive
from barenet.nn import MLP

ROWS = [{"seed": seed, "lr": lr} for seed, lr in ((0, 0.01), (7, 0.003), (3, 0.02))]
SETTINGS = {
    **{"average_decay": 0.9, "dropout": 0.1, "mirror": True, "shift": 1, "class_weight": "balanced"},
    "normalization": "batch",
}


def start(case: Case, n_processes: int) -> ProcessEngine:
    return ProcessEngine(
        case.configs,
        case.architecture,
        case.loss,
        case.start(range(len(case.rows))),
        case.images,
        batch_size=case.batch_size,
        n_processes=n_processes,
    )


def processes(engine: ProcessEngine) -> list[psutil.Process]:
    """Return the worker processes of an engine."""
    return [psutil.Process(pid) for worker in engine._workers for pid in worker.pool._processes]


@pytest.fixture
def case() -> Case:
    return Case(SETTINGS, ROWS, batch_size=16, n_images=70, first_step=3)


@pytest.mark.slow
def test_networks_in_processes_end_with_the_same_bits_as_in_this_process(case):
    networks = range(3)
    plan, before, expected = case.plan(networks), case.start(networks), case.train(networks)
    engine = start(case, 2)
    folder = Path(engine._folder.name)
    try:
        engine.begin(plan)
        assert engine.first_lost_steps().tolist() == [-1, -1, -1]
        workers = processes(engine)
        assert len(workers) == 2
        results = [engine.train(0, 2)]
        middle = engine.capture(before)
        assert middle.n_steps.tolist() == [5, 5, 5]
        results.append(engine.train(2, plan.n_steps))
        found = collect(engine, before, results)
        engine.begin(plan)  # a second epoch, with the same plan: the state goes on
        engine.train(0, plan.n_steps)
        assert not np.array_equal(engine.capture(before).values, middle.values)
    finally:
        engine.close()
    for bits, own in zip(found, expected, strict=True):
        assert [name for name in own if bits[name] != own[name]] == []
    assert not folder.exists()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive


@pytest.mark.slow
@pytest.mark.parametrize(
    "when",
    full_except(
        ["before the first step", "between two stretches", "after a capture", "before the norms"],
        "between two stretches",
    ),
)
def test_a_worker_that_is_killed_is_started_again_and_changes_no_bit(case, when):
    networks = range(3)
    plan, before, expected = case.plan(networks), case.start(networks), case.train(networks)
    engine = start(case, 2)

    def kill_one(now: str) -> None:
        if now == when:
            processes(engine)[1].kill()

    try:
        engine.begin(plan)
        kill_one("before the first step")
        results = [engine.train(0, 2)]
        kill_one("between two stretches")
        engine.evaluation_network()  # then this process has the workers' state
        kill_one("after a capture")
        results.append(engine.train(2, plan.n_steps))
        engine.evaluation_network()  # as the trainer does, before it asks for the norms
        kill_one("before the norms")
        found, workers = collect(engine, before, results), processes(engine)
    finally:
        engine.close()
    for bits, own in zip(found, expected, strict=True):
        assert [name for name in own if bits[name] != own[name]] == []
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive


COURSE, DEFAULT = (784, (128, 32), 10), (784, (256, 128), 10)


@pytest.mark.parametrize(
    ("n_networks", "sizes", "batch", "most", "n_steps", "expected"),
    [
        (4, COURSE, 16, 2, 100_000, 2),
        (4, COURSE, 16, 8, 100_000, 4),  # no more processes than networks
        (4, COURSE, 16, 1, 100_000, 1),  # one core
        (1, COURSE, 16, 8, 100_000, 1),
        (4, COURSE, 16, 2, 100, 1),  # too short
        (4, DEFAULT, 256, 2, 100_000, 2),
        (4, DEFAULT, 256, 8, 100_000, 1),  # its batches are cut, so threads share a network
    ],
)
def test_processes_train_several_networks_if_there_is_enough_work(n_networks, sizes, batch, most, n_steps, expected):
    architecture = MLP(*sizes).architecture
    assert count_processes(n_networks, architecture, batch, most, n_steps) == expected


def test_without_disk_space_for_the_images_networks_train_in_this_process(case, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "save", fail)
    engine = make_engine(
        case.configs,
        case.architecture,
        case.loss,
        case.start(range(3)),
        case.images,
        batch_size=16,
        most_threads=2,
        n_steps=10**9,
    )
    assert isinstance(engine, NumpyEngine)
    engine.close()


def test_a_process_that_ends_between_two_checks_is_not_alive():
    class Ending:
        def is_running(self) -> bool:
            return True

        def status(self) -> str:
            raise psutil.NoSuchProcess(1)

    assert is_alive(psutil.Process())
    assert not is_alive(Ending())
