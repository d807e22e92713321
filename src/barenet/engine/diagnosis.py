"""What determines speed on this machine: NumPy, its BLAS and kernel, threads, measurements, and advice."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, cast

import numpy as np

from barenet.config.sources import build_config
from barenet.cores import BusyCores, affinity_cores, available_cores, container_quota
from barenet.data.batches import TrainingImages
from barenet.engine.choice import ThreadChoice, candidates, fastest
from barenet.engine.compiled.available import why_not
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.protocol import Engine, EpochPlan
from barenet.engine.stacks import make_optimizer
from barenet.engine.state import TrainingState
from barenet.engine.team import Task, Team
from barenet.engine.threads import find_blas, one_blas_thread
from barenet.interrupts import check
from barenet.nn import MLP, make_loss

__all__ = ["RECIPES", "Diagnosis", "diagnose", "find_advice", "find_reason"]

# OpenBLAS's names of its kernels for x86 processors without AVX-512.
OLD_KERNELS = ("Prescott", "Core2", "Nehalem", "Barcelona", "Sandybridge", "Bulldozer", "Piledriver", "Haswell", "Zen")
WIDE_FEATURES = {"AVX512_SKX", "X86_V4"}  # what NumPy calls AVX-512, before and since 2.4
PRODUCT = 1024  # a product of two such square matrices runs at BLAS's peak
PRODUCTS = 4  # for each thread: if one waits for a core, the others compute more of them
RECIPES = ("quick", "course")  # their steps are measured
STEPS = 8  # steps of one measurement
MUCH = 0.5  # if other programs use so many cores or more, a sentence says so


@dataclass(frozen=True)
class Diagnosis:
    """The findings; peaks are in GFLOP/s by number of threads, steps in microseconds by recipe and threads.

    busy_elsewhere: how many cores other programs kept busy during the measurements. compiled_microseconds: of a step on
    compiled kernels, by recipe and threads; empty if they cannot be used, and then no_compiled says why. threads,
    reasons: how many threads barenet would use for each recipe, and why, with compiled kernels if they can be used.
    """

    python: str
    numpy: str
    processor: str
    cores: int
    busy_elsewhere: float
    cpu_features: list[str]
    blas: dict[str, Any]
    peak_gflops: dict[int, float]
    step_microseconds: dict[str, dict[int, float]]
    threads: dict[str, int]
    reasons: dict[str, str]
    compiled_microseconds: dict[str, dict[int, float]]
    no_compiled: str | None
    advice: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the findings for `--json`."""
        return asdict(self)


def diagnose(seconds: float = 10.0) -> Diagnosis:
    """Examine NumPy and its BLAS, and measure for about `seconds`: large products, and steps of both recipes."""
    blas = find_blas()
    names = ("internal_api", "version", "architecture", "threading_layer")
    known = {name: blas[name] for name in names if name in blas}
    cores, features = available_cores(), cpu_features()
    no_compiled = why_not_compiled()
    kinds = ("numpy", "compiled") if no_compiled is None else ("numpy",)
    with one_blas_thread(), BusyCores() as busy:
        numbers = sorted({1, cores})
        peak = {n: measure_peak(n, seconds / 3 / len(numbers)) for n in numbers}
        measured = {recipe: measure_steps(recipe, cores, seconds / 3, kinds) for recipe in RECIPES}
    used = {recipe: times[kinds[-1]] for recipe, times in measured.items()}
    return Diagnosis(
        python=platform.python_version(),
        numpy=np.__version__,
        processor=platform.processor() or platform.machine(),
        cores=cores,
        busy_elsewhere=busy.elsewhere,
        cpu_features=features,
        blas=known,
        peak_gflops=peak,
        step_microseconds={recipe: times["numpy"] for recipe, times in measured.items()},
        threads={recipe: fastest(times) for recipe, times in used.items()},
        reasons={recipe: find_reason(times, cores, busy.elsewhere, find_limit()) for recipe, times in used.items()},
        compiled_microseconds={recipe: times["compiled"] for recipe, times in measured.items() if "compiled" in times},
        no_compiled=no_compiled,
        advice=find_advice(known, features, peak, busy.elsewhere, os.environ),
    )


def cpu_features() -> list[str]:
    """Return the vector instructions that NumPy found in this processor."""
    extensions = np.show_config(mode="dicts").get("SIMD Extensions", {})
    return [*extensions.get("baseline", []), *extensions.get("found", [])]


def measure_peak(n_threads: int, seconds: float) -> float:
    """Return the best GFLOP/s of large float32 products on `n_threads` threads, measured for `seconds`."""
    a = np.ones((PRODUCT, PRODUCT), np.float32)

    def make_task() -> Task:
        out = np.empty_like(a)

        def multiply(_thread: int) -> None:
            np.matmul(a, a, out=out)

        return multiply

    tasks = [make_task() for _ in range(PRODUCTS * n_threads)]
    best, end = math.inf, time.perf_counter() + seconds
    with closing(Team(n_threads)) as team:
        team.run(tasks)
        while math.isinf(best) or time.perf_counter() < end:
            started = time.perf_counter()
            team.run(tasks)
            best = min(best, time.perf_counter() - started)
    return len(tasks) * 2 * PRODUCT**3 / best / 1e9


def why_not_compiled() -> str | None:
    """Return why steps of the compiled kernels are not measured; None if they are."""
    return "BARENET_ENGINE is numpy" if os.environ.get("BARENET_ENGINE") == "numpy" else why_not()


def measure_steps(
    recipe: str, cores: int, seconds: float, kinds: Sequence[str] = ("numpy",)
) -> dict[str, dict[int, float]]:
    """Return the microseconds of a step of a recipe by engine and number of threads.

    They are medians of several measurements, taken in turn. The numbers of threads are those that training would try.
    """
    numbers = candidates(cores, work_of(recipe))
    with ExitStack() as stack:
        engines = {}
        for kind in kinds:
            for n in numbers:
                engines[kind, n] = stack.enter_context(closing(make_engine(recipe, n, kind)))
                engines[kind, n].train(0, STEPS)
        found: dict[tuple[str, int], list[float]] = {key: [] for key in engines}
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or not all(found.values()):
            for key, engine in engines.items():
                check()
                started = time.perf_counter()
                engine.train(0, STEPS)
                found[key].append(time.perf_counter() - started)
    return {kind: {n: 1e6 * median(found[kind, n]) / STEPS for n in numbers} for kind in kinds}


def work_of(recipe: str) -> int:
    """Return the multiply-adds of a pass of a recipe's batch; training chooses the numbers of threads to try by it."""
    config = build_config(recipe)
    return config.data.batch_size * MLP(784, config.model.hidden_sizes, 10).architecture.n_weights


def make_engine(recipe: str, n_threads: int, kind: str = "numpy") -> Engine:
    """Return an engine that has begun an epoch of a recipe, on random bytes, with exactly `n_threads` threads."""
    config = build_config(recipe)
    mlp = MLP(784, config.model.hidden_sizes, 10, activation=config.model.activation, n_networks=1)
    average = config.optimizer.average_decay > 0
    state = TrainingState.start(mlp.parameters.values, list(make_optimizer([config], mlp).slots), average, 1)
    rng, n = np.random.default_rng(0), STEPS * config.data.batch_size
    images = TrainingImages(rng.integers(0, 256, (n, 784), np.uint8), np.arange(n) % 10, scale=1 / 255)
    made_of = ([config], mlp.architecture, make_loss(config.model.loss, config.model.label_smoothing), state, images)
    make: Any = NumpyEngine
    if kind == "compiled":
        from barenet.engine.compiled.engine import CompiledEngine

        make = CompiledEngine
    engine = make(*made_of, batch_size=config.data.batch_size, most_threads=n_threads)
    engine.choice = ThreadChoice([n_threads])
    engine.begin(EpochPlan(0, np.full((STEPS, 1), 1e-6), np.arange(n), is_measured=False))
    return cast("Engine", engine)


def find_limit() -> str | None:
    """Return what limits the number of cores of this process, or None if it may use all of the machine."""
    quota = container_quota()
    if quota is not None and available_cores() < affinity_cores():
        return f"its container's quota is {quota:.1f}"
    return "its affinity" if affinity_cores() < (os.cpu_count() or 1) else None


def find_reason(times: Mapping[int, float], cores: int, busy_elsewhere: float, limit: str | None) -> str:
    """Return one sentence: how many threads compute a step, and why; `times` are its times by number of threads."""
    best = fastest(times)
    if best > 1:
        return f"{best} threads: a step takes {times[best] / times[1]:.2f} of the time of one thread"
    if cores == 1:
        return f"1 thread: this process may use one core only ({limit})" if limit else "1 thread: there is one core"
    if len(times) == 1:
        return "1 thread: a step has too little work to share"
    other = min((n for n in times if n > 1), key=times.__getitem__)
    reason = f"1 thread: with {other} a step takes {times[other] / times[1]:.2f} times as long"
    if busy_elsewhere >= MUCH:
        reason += f", because other programs keep {busy_elsewhere:.1f} of {cores} cores busy"
    return reason


def find_advice(
    blas: Mapping[str, Any],
    features: Sequence[str],
    peak_gflops: Mapping[int, float],
    busy_elsewhere: float,
    environment: Mapping[str, str],
) -> list[str]:
    """Return a sentence for each thing that makes training slow here, and what to change; empty if nothing does."""
    advice = []
    if not blas:
        advice.append(
            "NumPy has no BLAS that is known here, perhaps its slow built-in one: install NumPy again with pip."
        )
    kernel = str(blas.get("architecture", ""))
    pinned = environment.get("OPENBLAS_CORETYPE")
    if pinned:
        advice.append(f"OPENBLAS_CORETYPE={pinned} fixes the kernel of BLAS: unset it, unless this machine needs it.")
    elif kernel in OLD_KERNELS and WIDE_FEATURES & set(features):
        advice.append(f"BLAS runs its {kernel} kernel although this processor has AVX-512: install a newer NumPy.")
    cores = max(peak_gflops)
    if busy_elsewhere >= MUCH:
        advice.append(
            f"Other programs keep {busy_elsewhere:.1f} of {cores} core{'s' * (cores > 1)} busy: close what you can."
        )
    elif peak_gflops[cores] < 1.2 * peak_gflops[1] and cores > 1:
        advice.append(
            f"{cores} threads are hardly faster than one on large products: the cores may be halves of one. Training "
            "uses as many threads as are fastest."
        )
    return advice
