"""Compare the cost of a training step in two versions: its NumPy calls, its memory and its time.

    python benchmarks/same_steps.py OLD [NEW]            commits, or folders with a checkout; NEW is HEAD by default
    python benchmarks/same_steps.py OLD --pairs 0        only the calls and bytes

It measures 32 steps in the middle of an epoch on one thread, from `Observer.progress` to `Observer.progress`: calls of
NumPy functions by modules of the network and the engine (without operators such as `a *= b`), and the largest number of
bytes that are held in addition to those before. The exit code is 1 if calls differ, or bytes by more than 1 %.

Times are CPU seconds of short trainings with the recipe course, in separate processes, old and new in turn, on one core
if the system can pin a process. The ratio new / old is the median of all pairs, with an interval between two of the
ordered ratios that contains the true median with a probability of 95 % or more (the sign test's interval).
"""

from __future__ import annotations

import argparse
import collections
import gc
import json
import math
import os
import sys
import tempfile
import time
import tracemalloc
import types
from pathlib import Path
from typing import Any

import numpy as np
from versions import Version, install

SCRIPT = Path(__file__)
COUNTED = ("barenet.nn", "barenet.engine", "barenet.training.engine")
STEPS = 32  # between two reports of progress
N_INPUTS, N_CLASSES = 784, 10
COURSE, QUICK = {"recipe": "course", "batch_size": 16}, {"recipe": "quick", "batch_size": 256}
CASES: dict[str, dict[str, Any]] = {
    "course": COURSE,
    "course, 4 networks": {**COURSE, "n_seeds": 4},
    "course, momentum, dropout": {**COURSE, "momentum": 0.9, "dropout": 0.2},
    "quick": QUICK,
    # With AdamW, a stack has as many networks as fit into the cache.
    "quick, batch 32, 4 networks of (16, 16)": {**QUICK, "batch_size": 32, "n_seeds": 4, "hidden_sizes": (16, 16)},
}


class Silent:
    """An observer that does nothing; not a subclass, since older versions have the class in another module."""

    quiet = True

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def note(self, message: str) -> None:
        """Ignore a note; versions before the logger call it."""

    def start(self, *_: object) -> None:
        """Ignore the start of training."""

    def progress(self, epoch: int, step: int, n_steps: int, n_networks: int) -> None:
        """Hear how far the epoch is."""

    def record(self, record: object) -> None:
        """Ignore a finished epoch."""


class Between(Silent):
    """Calls `begin` after step 32, and `end` 32 steps later."""

    def progress(self, epoch: int, step: int, n_steps: int, n_networks: int) -> None:
        """Hear how far the epoch is."""
        if step == STEPS:
            self.begin()
        elif step == 2 * STEPS:
            self.end()

    def begin(self) -> None:
        """Begin to measure."""

    def end(self) -> None:
        """Stop measuring."""


class CallCounter(Between):
    """Counts calls of NumPy functions by the modules of the network and the engine."""

    def __init__(self) -> None:
        self.calls: collections.Counter[str] = collections.Counter()
        self.originals: list[tuple[types.ModuleType, Any]] = []

    def begin(self) -> None:
        """Replace NumPy in every module by one that counts calls."""
        calls = self.calls

        class Counted:
            def __init__(self, function: Any, name: str) -> None:
                self.function, self.name = function, name

            def __call__(self, *args: Any, **kwargs: Any) -> Any:
                calls[self.name] += 1
                return self.function(*args, **kwargs)

            def __getattr__(self, method: str) -> Any:
                return Counted(getattr(self.function, method), f"{self.name}.{method}")

        class CountingNumPy(types.ModuleType):
            def __getattr__(self, name: str) -> Any:
                found = getattr(np, name)
                return Counted(found, name) if callable(found) and not isinstance(found, type) else found

        for name, module in list(sys.modules.items()):
            if name.startswith(COUNTED) and getattr(module, "np", None) is np:
                self.originals.append((module, module.np))
                module.np = CountingNumPy("numpy")

    def end(self) -> None:
        """Restore NumPy."""
        for module, original in self.originals:
            module.np = original

    def figures(self) -> dict[str, float]:
        """Return the calls per step by name."""
        return {name: count / STEPS for name, count in sorted(self.calls.items())}


class MemoryMeter(Between):
    """Measures the largest number of bytes that steps hold in addition to those before them."""

    most_bytes = 0

    def begin(self) -> None:
        """Begin to measure."""
        gc.collect()
        tracemalloc.start()
        self.before, _ = tracemalloc.get_traced_memory()

    def end(self) -> None:
        """Read the peak."""
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        self.most_bytes = peak - self.before


def train_watched(observer: Silent, **settings: Any) -> None:
    """Train an epoch of 100 steps on random images."""
    import barenet

    n_valid, n_train = 100, 100 * settings["batch_size"]
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n_valid + n_train, N_INPUTS)).astype(np.uint8)
    labels = rng.integers(0, N_CLASSES, n_valid + n_train)
    train, valid = slice(n_valid, None), slice(n_valid)
    arrays = {"x": images[train], "y": labels[train], "x_val": images[valid], "y_val": labels[valid]}
    train_network = barenet.train
    report_each_step()
    train_network(**arrays, **settings, threads=1, epochs=1, output=None, observer=observer)


def report_each_step() -> None:
    """Let versions that report progress after groups of steps report it after each step."""
    for name, module in list(sys.modules.items()):
        if name.startswith("barenet.") and hasattr(module, "PROGRESS_SECONDS"):
            module.PROGRESS_SECONDS = 0


def count(case: str) -> dict[str, Any]:
    """Return the calls of one step and the bytes of several steps, in this process."""
    calls, memory = CallCounter(), MemoryMeter()
    train_watched(calls, **CASES[case])
    train_watched(memory, **CASES[case])
    return {"calls": calls.figures(), "bytes": memory.most_bytes}


def train_timed() -> float:
    """Return the CPU seconds of two epochs with the recipe course, including data and tests, without imports."""
    import barenet

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    started = time.process_time()
    barenet.train(recipe="course", epochs=2, output=None, verbose=False)
    return time.process_time() - started


def compare_counts(versions: list[Version], folder: Path) -> bool:
    """Print calls and bytes for each case, and return whether they differ."""
    differs = False
    for case in CASES:
        old, new = (json.loads(version.run(SCRIPT, "count", case, cwd=folder)) for version in versions)
        same_calls = old["calls"] == new["calls"]
        same_bytes = abs(new["bytes"] - old["bytes"]) <= 0.01 * old["bytes"]
        differs |= not (same_calls and same_bytes)
        total = sum(old["calls"].values())
        print(f"{case}: {total:g} calls a step in old, {'the same' if same_calls else 'not the same'} in new")
        for name in sorted({*old["calls"], *new["calls"]}):
            before, after = old["calls"].get(name, 0), new["calls"].get(name, 0)
            if before != after:
                print(f"    {name}: {before:g} in old, {after:g} in new")
        print(f"    {old['bytes']:,} bytes in old, {new['bytes']:,} in new", flush=True)
    return differs


def compare_times(versions: list[Version], folder: Path, n_pairs: int) -> None:
    """Print the ratio of the times, new / old."""
    seconds: list[dict[str, float]] = []
    for pair in range(n_pairs):
        sides = dict(zip(("old", "new"), versions, strict=True))
        order = ("old", "new") if pair % 2 == 0 else ("new", "old")
        plain = {"OPENBLAS_CORETYPE": None, "OPENBLAS_L2_SIZE": None}
        seconds.append({side: float(sides[side].run(SCRIPT, "time", cwd=folder, **plain)) for side in order})
    ratios = sorted(pair["new"] / pair["old"] for pair in seconds)
    rank, coverage = sign_test_rank(n_pairs)
    before = np.median([pair["old"] for pair in seconds])
    interval = f"between {ratios[rank - 1]:.4f} and {ratios[-rank]:.4f}"
    ranks = f"{coverage:.1%}, ranks {rank} and {n_pairs + 1 - rank}"
    print(f"{n_pairs} pairs of {before:.2f} CPU seconds: new / old {np.median(ratios):.4f}, {interval} ({ranks})")


def sign_test_rank(n: int) -> tuple[int, float]:
    """Return the largest rank k for which the median is probably between the k-th smallest and the k-th largest value.

    The k-th smallest is above the median if fewer than k of n values are below it: sum_{i<k} C(n, i) / 2**n. Returns
    the rank and the probability, 95 % or more, that the median is between both values; for few values, rank 1 and its
    probability.

    >>> sign_test_rank(15)
    (4, 0.96484375)
    """
    coverages = [1 - 2 * sum(math.comb(n, i) for i in range(k)) / 2**n for k in range(1, n // 2 + 1)]
    rank = max((k for k, coverage in enumerate(coverages, 1) if coverage >= 0.95), default=1)
    return rank, coverages[rank - 1]


def main() -> None:
    """Install both versions, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", help="commit or folder")
    parser.add_argument("new", nargs="?", default="HEAD", help="commit or folder [HEAD]")
    parser.add_argument("--pairs", type=int, default=15, help="pairs of trainings [15]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        versions = [install(getattr(arguments, side), folder / side) for side in ("old", "new")]
        print(f"{versions[0].name} against {versions[1].name}, NumPy {np.__version__}", flush=True)
        differs = compare_counts(versions, folder)
        if arguments.pairs:
            compare_times(versions, folder, arguments.pairs)
    sys.exit(1 if differs else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["count"]:
        print(json.dumps(count(sys.argv[2])))
    elif sys.argv[1:2] == ["time"]:
        print(train_timed())
    else:
        main()
