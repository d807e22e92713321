"""Compare four seeds at once with four runs one after another on one core: seconds of complete `barenet train` runs.

    python benchmarks/seeds.py                                   the default recipe, 4 seeds, 2 epochs, 5 rounds
    python benchmarks/seeds.py --recipe course --epochs 3        small batches, for which worker processes are started

Each round starts `barenet train --n-seeds N` with all cores, then N times `barenet train --seed i --trainer.threads 1`
pinned to one core. All write only their records, and must end with the same losses.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def train(folder: Path, flags: list[str], *, pinned: bool) -> float:
    """Run `barenet train` and return its seconds."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    command = [sys.executable, "-m", "barenet", "train", "--quiet", "--output", str(folder), *flags]
    if pinned and shutil.which("taskset"):
        command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), *command]
    started = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def losses(folder: Path) -> list[list[float]]:
    """Return the training losses of each network in a folder, in the order of their folders' names."""
    histories = sorted(folder.rglob("history.jsonl"))
    return [[json.loads(line)["train_loss"] for line in h.read_text("utf-8").splitlines()] for h in histories]


def main() -> None:
    """Measure; print a row for each round, and the median."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--n-seeds", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if min(arguments.n_seeds, arguments.epochs, arguments.rounds) < 1:
        parser.error("all numbers must be at least 1")
    flags = ["--recipe", arguments.recipe, "--epochs", str(arguments.epochs)]
    ratios = []
    for number in range(1, arguments.rounds + 1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            together = train(folder / "together", [*flags, "--n-seeds", str(arguments.n_seeds)], pinned=False)
            alone = [
                train(folder / f"alone-{i}", [*flags, "--seed", str(i), "--trainer.threads", "1"], pinned=True)
                for i in range(arguments.n_seeds)
            ]
            same = losses(folder / "together") == [
                history for i in range(arguments.n_seeds) for history in losses(folder / f"alone-{i}")
            ]
        ratios.append(sum(alone) / together)
        print(
            f"round {number}: together {together:.1f} s, one after another {sum(alone):.1f} s, "
            f"{ratios[-1]:.2f} times as fast, {'the same losses' if same else 'OTHER LOSSES'}",
            flush=True,
        )
    print(f"median of {len(ratios)}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
