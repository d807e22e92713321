"""Compare the seconds of a step of `barenet.train` in two versions of barenet, on one core and on all.

    python benchmarks/epochs.py OLD [NEW]        commits, or folders with a checkout; NEW is HEAD by default
    python benchmarks/epochs.py a312ad1 . --cells 256:256,128:quick --rounds 15

A cell is BATCH:HIDDEN:RECIPE. Four processes train each cell: both versions with `threads=1`, pinned to one core, and
both with all cores, where the old version gets as many threads of BLAS and the new one chooses. They take epochs of
about a second in turn, since the speed of a machine changes. Times are medians of `--rounds` epochs after two others,
divided by the number of steps. Ratios are those of the same round, with an interval that contains the median with a
probability of 95 % or more.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from same_steps import Silent, sign_test_rank
from versions import Version, install

SCRIPT = Path(__file__)
CELLS = ["16:128,32:course", "128:128,32:course", "256:256,128:quick", "128:512,256:course", "1024:1024,1024:course"]
N_IMAGES, N_VALID = 58_000, 500
EPOCH_WORK = 1e10  # multiply-adds of the forward passes of an epoch


class Pacer(Silent):
    """Waits for a line before each epoch, and prints the seconds that it took."""

    def __init__(self) -> None:
        self.started = time.perf_counter()

    def record(self, record: object) -> None:
        """Print the seconds of an epoch, and wait."""
        print(time.perf_counter() - self.started, flush=True)
        if not sys.stdin.readline():
            os._exit(0)
        self.started = time.perf_counter()


def serve(cell: str, threads: str) -> None:
    """Train forever, one epoch for each line of standard input."""
    import barenet

    batch, hidden, recipe = cell.split(":")
    if threads == "1" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    dataset = barenet.load_dataset()
    n = steps_of(cell) * int(batch)
    images, labels = np.asarray(dataset.train_images), np.asarray(dataset.train_labels)
    settings: dict[str, Any] = {"threads": int(threads)} if threads != "chosen" else {}
    barenet.train(
        images[:n],
        labels[:n],
        x_val=images[-N_VALID:],
        y_val=labels[-N_VALID:],
        recipe=recipe,
        batch_size=int(batch),
        hidden_sizes=tuple(map(int, hidden.split(","))),
        epochs=100_000,
        mirror=False,
        output=None,
        observer=Pacer(),
        **settings,
    )


def steps_of(cell: str) -> int:
    """Return the number of steps in an epoch of a cell."""
    batch, hidden, _ = cell.split(":")
    widths = [784, *map(int, hidden.split(",")), 10]
    n_weights = sum(a * b for a, b in itertools.pairwise(widths))
    return int(min(N_IMAGES // int(batch), max(4, EPOCH_WORK // (int(batch) * n_weights))))


class Side:
    """A version that trains a cell in a process, with one thread or with all cores."""

    def __init__(self, name: str, version: Version, cell: str, threads: str, folder: Path) -> None:
        self.name, self.seconds = name, list[float]()
        environment = version.environment({"OPENBLAS_CORETYPE": None, "OPENBLAS_L2_SIZE": None})
        command = [sys.executable, str(SCRIPT), "serve", cell, threads]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=folder, env=environment, text=True, stdin=pipe, stdout=pipe)
        self.epoch(ask=False)  # the first epoch starts without a request
        self.epoch()

    def epoch(self, *, ask: bool = True) -> float:
        """Train an epoch and return its seconds."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if ask:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def compare(cell: str, old: Version, new: Version, rounds: int, folder: Path) -> None:
    """Print the table of one cell."""
    cores = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    sides = [
        Side(f"{old.name}, one core", old, cell, "1", folder),
        Side(f"{old.name}, {cores} threads of BLAS", old, cell, cores, folder),
        Side(f"{new.name}, one core", new, cell, "1", folder),
        Side(f"{new.name}, all cores", new, cell, "chosen", folder),
    ]
    for _ in range(rounds):
        for side in sides:
            side.seconds.append(side.epoch())
    for side in sides:
        side.stop()
    print(f"\n{cell}, {rounds} epochs of {steps_of(cell)} steps each")
    print("| | µs a step | times as fast as the first | as the second |\n|---|---|---|---|")
    rank, _ = sign_test_rank(rounds)
    for side in sides:
        shown = []
        for base in sides[:2]:
            ratios = sorted(theirs / ours for theirs, ours in zip(base.seconds, side.seconds, strict=True))
            shown.append(f"{np.median(ratios):.2f} ({ratios[rank - 1]:.2f}-{ratios[-rank]:.2f})")
        print(
            f"| {side.name} | {np.median(side.seconds) / steps_of(cell) * 1e6:,.0f} | {shown[0]} | {shown[1]} |",
            flush=True,
        )


def main() -> None:
    """Install both versions, and compare them in each cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", help="commit or folder")
    parser.add_argument("new", nargs="?", default="HEAD", help="commit or folder [HEAD]")
    parser.add_argument("--cells", nargs="+", default=CELLS, help="BATCH:HIDDEN:RECIPE, such as 256:256,128:quick")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {arguments.rounds}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        old, new = (install(getattr(arguments, side), folder / side) for side in ("old", "new"))
        for cell in arguments.cells:
            compare(cell, old, new, arguments.rounds, folder)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*sys.argv[2:])
    else:
        main()
