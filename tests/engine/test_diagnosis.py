"""The diagnosis finds what makes training slow, and says how many threads are used, and why."""

from __future__ import annotations

import os
from io import StringIO

import pytest
from rich.console import Console

from barenet import cores
from barenet.cores import BusyCores
from barenet.engine import diagnosis
from barenet.engine.choice import candidates, fastest
from barenet.engine.diagnosis import RECIPES, diagnose, find_advice, find_limit, find_reason, measure_steps, work_of
from barenet.terminal import diagnosis as terminal_diagnosis

WELL = {"internal_api": "openblas", "version": "0.3.31", "architecture": "SkylakeX"}
PEAKS = {1: 100.0, 4: 390.0}


def advise(blas=WELL, features=("X86_V4",), peaks=PEAKS, busy=0.1, environment=None):
    return find_advice(blas, features, peaks, busy, environment or {})


def test_a_machine_in_order_gets_no_advice():
    assert advise() == []
    assert advise(peaks={1: 100.0}) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"environment": {"OPENBLAS_CORETYPE": "Haswell"}}, "OPENBLAS_CORETYPE=Haswell fixes the kernel"),
        ({"blas": WELL | {"architecture": "Haswell"}}, "its Haswell kernel although this processor has AVX-512"),
        ({"peaks": {1: 100.0, 4: 110.0}}, "4 threads are hardly faster than one"),
        ({"peaks": {1: 100.0, 4: 110.0}, "busy": 3.0}, "Other programs keep 3.0 of 4 cores busy"),
        ({"peaks": {1: 100.0}, "busy": 0.9}, "Other programs keep 0.9 of 1 core busy"),
        ({"blas": {}}, "no BLAS that is known"),
    ],
)
def test_each_cause_of_slowness_is_named_with_its_remedy(changed, words):
    (sentence,) = advise(**changed)
    assert words in sentence


def test_an_old_kernel_is_right_for_an_old_processor():
    assert advise(blas=WELL | {"architecture": "Haswell"}, features=("AVX2",)) == []


@pytest.mark.parametrize(
    ("times", "cores", "busy", "limit", "reason"),
    [
        ({1: 300.0, 2: 186.0}, 2, 0.0, None, "2 threads: a step takes 0.62 of the time of one thread"),
        ({1: 300.0, 2: 190.0, 4: 200.0}, 4, 2.0, None, "2 threads: a step takes 0.63 of the time of one thread"),
        ({1: 300.0}, 4, 0.0, None, "1 thread: a step has too little work to share"),
        ({1: 300.0}, 1, 0.0, None, "1 thread: there is one core"),
        ({1: 300.0}, 1, 0.9, "its affinity", "1 thread: this process may use one core only (its affinity)"),
        ({1: 200.0, 2: 220.0, 4: 300.0}, 4, 0.2, None, "1 thread: with 2 a step takes 1.10 times as long"),
        (
            {1: 200.0, 2: 220.0},
            2,
            1.9,
            None,
            "1 thread: with 2 a step takes 1.10 times as long, because other programs keep 1.9 of 2 cores busy",
        ),
    ],
)
def test_the_reason_is_one_sentence(times, cores, busy, limit, reason):
    assert find_reason(times, cores, busy, limit) == reason


@pytest.mark.parametrize(
    ("affinity", "quota", "machine", "limit"),
    [
        (1, None, 8, "its affinity"),
        (8, 1.0, 8, "its container's quota is 1.0"),
        (1, 4.0, 8, "its affinity"),
        (8, 8.0, 8, None),
        (1, None, 1, None),
    ],
)
def test_what_limits_the_cores_is_named(affinity, quota, machine, limit, monkeypatch):
    for module in (cores, diagnosis):
        monkeypatch.setattr(module, "affinity_cores", lambda: affinity)
        monkeypatch.setattr(module, "container_quota", lambda: quota)
    monkeypatch.setattr(os, "cpu_count", lambda: machine)
    assert find_limit() == limit


@pytest.mark.slow
def test_steps_are_measured_with_each_number_of_threads_that_training_tries():
    # 784 x 256 + 256 x 256 + 256 x 10 weights and a batch of 256; 784 x 128 + 128 x 32 + 32 x 10 and 16.
    assert work_of("quick") == 256 * 268_800
    assert work_of("course") == 16 * 104_768
    times = measure_steps("quick", 3, 0.0)["numpy"]
    assert list(times) == candidates(3, work_of("quick")) == [1, 2, 3]
    assert all(1 < microseconds < 1e6 for microseconds in times.values())
    assert list(measure_steps("course", 3, 0.0)["numpy"]) == [1]


@pytest.mark.extra
@pytest.mark.slow
def test_both_engines_are_measured_where_both_can_be_used():
    pytest.importorskip("numba")
    times = measure_steps("course", 3, 0.0, ("numpy", "compiled"))
    assert {kind: list(own) for kind, own in times.items()} == {"numpy": [1], "compiled": [1]}
    assert 1 < times["compiled"][1] < 1e6


def test_the_reason_is_given_where_compiled_kernels_are_not_measured(monkeypatch):
    assert diagnosis.why_not_compiled() == "BARENET_ENGINE is numpy"  # as the tests' shell says
    monkeypatch.delenv("BARENET_ENGINE")
    monkeypatch.setattr(diagnosis, "why_not", lambda: "Numba is not installed")
    assert diagnosis.why_not_compiled() == "Numba is not installed"
    found = {"busy_elsewhere": 0.0, "cores": 1, "cpu_features": [], "blas": {}, "peak_gflops": {1: 9.0}, "advice": []}
    about = {"python": "3", "numpy": "2", "processor": "p", "threads": {"quick": 1}, "reasons": {"quick": "why"}}
    measured = {
        "step_microseconds": {"quick": {1: 41.0}},
        "compiled_microseconds": {"quick": {1: 23.0, 2: 12.0}},
        "no_compiled": None,
    }
    shown = StringIO()
    monkeypatch.setattr(terminal_diagnosis, "output_console", lambda: Console(file=shown, width=160))
    terminal_diagnosis.show_diagnosis(diagnosis.Diagnosis(**found, **about, **measured))
    measured |= {"compiled_microseconds": {}, "no_compiled": "Numba is not installed"}
    terminal_diagnosis.show_diagnosis(diagnosis.Diagnosis(**found, **about, **measured))
    with_kernels, without = shown.getvalue().split("Nothing slows training down here.")[:2]
    assert "NumPy: 41 µs with 1 thread" in with_kernels
    assert "compiled kernels: 23 µs with 1 thread, 12 µs with 2 threads" in with_kernels
    assert "not measured" not in with_kernels
    assert "compiled kernels     not measured: Numba is not installed" in without


@pytest.mark.slow
def test_a_diagnosis_measures_this_machine():
    found = diagnose(seconds=0.2)
    assert min(found.peak_gflops.values()) > 0.1
    assert list(found.step_microseconds) == list(RECIPES) == list(found.threads) == list(found.reasons)
    for recipe, times in found.step_microseconds.items():
        assert found.threads[recipe] == fastest(times)  # more threads only where they are clearly faster
        assert min(times.values()) > 1
        assert found.reasons[recipe].startswith(f"{found.threads[recipe]} thread")
    assert (found.no_compiled, found.compiled_microseconds) == ("BARENET_ENGINE is numpy", {})
    assert 0 <= found.busy_elsewhere <= found.cores + 1
    assert set(found.as_dict()) >= {"numpy", "blas", "cores", "advice"}


def test_the_time_of_other_programs_is_without_that_of_this_process(monkeypatch):
    # Clock, busy time, time of this process: in 10 seconds the cores were busy for 15, 6 of them for this process.
    clocks = iter([(100.0, 50.0, 3.0), (110.0, 65.0, 9.0)])
    monkeypatch.setattr(cores, "read_clocks", lambda: next(clocks))
    with BusyCores() as busy:
        pass
    assert busy.elsewhere == pytest.approx(0.9)


@pytest.mark.slow
def test_threads_are_of_compiled_kernels_where_these_train(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.delenv("BARENET_ENGINE")
    found = diagnose(seconds=0.2)
    assert found.no_compiled is None
    for recipe, times in found.compiled_microseconds.items():
        assert found.threads[recipe] == fastest(times)
        assert found.reasons[recipe].startswith(f"{found.threads[recipe]} thread")
    assert list(found.compiled_microseconds) == list(RECIPES)
