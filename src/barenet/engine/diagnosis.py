"""What decides speed on this machine: NumPy, its BLAS and kernel, threads, a measurement, and what to change."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from barenet.config.sources import build_config
from barenet.cores import available_cores
from barenet.data.batches import TrainingImages
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.protocol import EpochPlan
from barenet.engine.state import TrainingState
from barenet.engine.threads import find_blas, one_blas_thread
from barenet.nn import LOSSES, MLP

__all__ = ["Diagnosis", "diagnose", "find_advice"]

# OpenBLAS's kernels by the vector instructions they use, for x86; the names are its own.
OLD_KERNELS = ("Prescott", "Core2", "Nehalem", "Barcelona", "Sandybridge", "Bulldozer", "Piledriver", "Haswell", "Zen")
WIDE_FEATURES = {"AVX512_SKX", "X86_V4"}  # what NumPy calls AVX-512, before and since 2.4
PRODUCT = 1024  # a product of two such square matrices runs at BLAS's peak
BATCH, HIDDEN = 16, (128, 32)


@dataclass(frozen=True)
class Diagnosis:
    """What was found; peaks are in GFLOP/s by number of threads, steps in microseconds."""

    python: str
    numpy: str
    processor: str
    cores: int
    cpu_features: list[str]
    blas: dict[str, Any]
    peak_gflops: dict[int, float]
    step_microseconds: dict[int, float]
    advice: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the findings for `--json`."""
        return asdict(self)


def diagnose(seconds: float = 10.0) -> Diagnosis:
    """Look at NumPy and its BLAS, and measure for about `seconds`: a large product, and a training step."""
    blas = find_blas()
    names = ("internal_api", "version", "architecture", "threading_layer", "num_threads")
    cores = available_cores()
    threads = sorted({1, cores})
    peak, step = {}, {}
    for n in threads:
        with one_blas_thread():
            peak[n] = measure_peak(seconds / 2 / len(threads))
            step[n] = measure_step(seconds / 2 / len(threads))
    found = cpu_features()
    known = {name: blas[name] for name in names if name in blas}
    return Diagnosis(
        python=platform.python_version(),
        numpy=np.__version__,
        processor=platform.processor() or platform.machine(),
        cores=cores,
        cpu_features=found,
        blas=known,
        peak_gflops=peak,
        step_microseconds=step,
        advice=find_advice(known, found, cores, peak, os.environ),
    )


def cpu_features() -> list[str]:
    """Return the vector instructions that NumPy found in this processor."""
    extensions = np.show_config(mode="dicts").get("SIMD Extensions", {})
    return [*extensions.get("baseline", []), *extensions.get("found", [])]


def measure_peak(seconds: float) -> float:
    """Return GFLOP/s of a large float32 product, the best of those that fit into `seconds`."""
    a, out = np.ones((PRODUCT, PRODUCT), np.float32), np.empty((PRODUCT, PRODUCT), np.float32)
    return 2 * PRODUCT**3 / best_seconds(lambda: np.matmul(a, a, out=out), seconds) / 1e9


def measure_step(seconds: float) -> float:
    """Return the microseconds of a training step of the course recipe's network, the best that fit into `seconds`."""
    mlp = MLP(784, HIDDEN, 10, n_networks=1)
    state = TrainingState.start(mlp.parameters.values, (), has_average=False, keep_best=1)
    images = TrainingImages(np.full((BATCH, 784), 0.5, np.float32), np.arange(BATCH) % 10)
    engine = NumpyEngine(
        [build_config("course")], mlp.architecture, LOSSES["cross_entropy"], state, images, batch_size=BATCH
    )
    engine.begin(EpochPlan(0, np.full((1, 1), 1e-6), np.arange(BATCH), is_measured=False))
    return 1e6 * best_seconds(lambda: engine.train(0, 1), seconds)


def best_seconds(work: Callable[[], object], seconds: float) -> float:
    """Return the shortest of many timings of `work`, taken for about `seconds`."""
    work()
    best, end = float("inf"), time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        work()
        best = min(best, time.perf_counter() - started)
    return best


def find_advice(
    blas: Mapping[str, Any],
    features: Sequence[str],
    cores: int,
    peak_gflops: Mapping[int, float],
    environment: Mapping[str, str],
) -> list[str]:
    """Return a sentence for each thing that holds speed back here, and what to change; empty when nothing does."""
    advice = []
    if not blas:
        advice.append(
            "NumPy has no BLAS that can be told apart here, perhaps its own slow one: pip install numpy anew."
        )
    kernel = str(blas.get("architecture", ""))
    pinned = environment.get("OPENBLAS_CORETYPE")
    if pinned:
        advice.append(f"OPENBLAS_CORETYPE={pinned} pins BLAS to that kernel: unset it, unless this machine needs it.")
    elif kernel in OLD_KERNELS and WIDE_FEATURES & set(features):
        advice.append(f"BLAS runs its {kernel} kernel although this processor has AVX-512: install a newer NumPy.")
    if int(blas.get("num_threads", 1)) > cores:
        advice.append(
            f"BLAS is set to {blas['num_threads']} threads on {cores} cores, which get in each other's way: "
            f"set OMP_NUM_THREADS={cores}."
        )
    if cores > 1 and peak_gflops.get(cores, 0) < 1.2 * peak_gflops.get(1, 0):
        advice.append(
            f"{cores} threads are hardly faster than one on a large product: other programs keep the cores busy, "
            "or they are two halves of one core. Close what you can, or train with --trainer.threads 1."
        )
    return advice
