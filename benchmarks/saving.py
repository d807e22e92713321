"""Measure the cost of saving: its share of the training time of the default recipe on the carried data.

    python benchmarks/saving.py

Saving is everything that a run writes during training: checkpoints after each epoch and inside one, weights, histories,
their checksums, and the flushes to disk. It is timed during training, so changes in the machine's speed do not matter.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from barenet.config.sources import build_config
from barenet.data.loading import load_dataset
from barenet.run_folders import writing
from barenet.run_folders.machine import describe_machine
from barenet.run_folders.run import start_run
from barenet.storage import arrays
from barenet.training.trainer import Trainer


class Clock:
    """Adds up the wall seconds of functions by name."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that is timed under a name."""

        def call(*given: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*given, **named)
            finally:
                self.seconds[name] += time.perf_counter() - started
                self.calls[name] += 1

        return call


def measure(pause_seconds: float, epochs: int) -> tuple[float, Clock]:
    """Train the default recipe once; return its training time and the time for saving."""
    clock, config = Clock(), build_config(flags={"trainer.epochs": epochs})
    dataset, files = load_dataset(**config.data.reading()), writing.RunFiles
    defaults = {**(Trainer.__init__.__kwdefaults__ or {}), "pause_seconds": pause_seconds}
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(files, "save", clock.timed("saving", files.save)),
        mock.patch.object(files, "write_inside", clock.timed("checkpoints inside an epoch", files.write_inside)),
        mock.patch.object(arrays, "checksum", clock.timed("checksums", arrays.checksum)),
        mock.patch.object(os, "fsync", clock.timed("flushes", os.fsync)),
        mock.patch.object(Trainer.__init__, "__kwdefaults__", defaults),
    ):
        result = start_run(config, dataset, output=Path(folder))
    return result.training_seconds, clock


def main() -> None:
    """Print medians over runs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    figures: dict[str, Any] = {"runs": given.runs, "epochs": given.epochs}
    # Every 30 s, as in barenet; and very often, to measure the cost of one checkpoint inside an epoch.
    for pause in (30.0, 0.5):
        measured = [measure(pause, given.epochs) for _ in range(given.runs)]
        figures[f"a checkpoint inside an epoch every {pause:g} s"] = {
            "training_s": statistics.median(seconds for seconds, _ in measured),
            "percent": {
                name: 100 * statistics.median(clock.seconds[name] / seconds for seconds, clock in measured)
                for name in ("saving", "checkpoints inside an epoch", "checksums", "flushes")
            },
            "checkpoints inside an epoch": measured[-1][1].calls["checkpoints inside an epoch"],
        }
    about = describe_machine()
    figures |= {name: about[name] for name in ("processor", "cores", "system", "BLAS", "barenet")}
    figures |= {"Python": platform.python_version(), "NumPy": np.__version__}
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
