"""Measure the time to start: `import barenet.nn` compared with `import numpy`, and `barenet --help`.

    python benchmarks/startup.py

New processes run the two imports in turn, so that a machine whose speed changes slows both equally.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

RUNS = 21


def seconds(*command: str) -> float:
    """Return the wall seconds of one process."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Print medians and the median of the ratios, pair by pair."""
    imports = {name: (sys.executable, "-c", f"import {name}") for name in ("numpy", "barenet.nn")}
    for command in imports.values():
        seconds(*command)  # so that the files are in the disk's cache
    pairs = [{name: seconds(*command) for name, command in imports.items()} for _ in range(RUNS)]
    help_times = [seconds(sys.executable, "-m", "barenet", "--help") for _ in range(RUNS)]
    figures = {
        "runs": RUNS,
        "import_numpy_s": statistics.median(pair["numpy"] for pair in pairs),
        "import_barenet_nn_s": statistics.median(pair["barenet.nn"] for pair in pairs),
        "ratio": statistics.median(pair["barenet.nn"] / pair["numpy"] for pair in pairs),
        "help_s": statistics.median(help_times),
        "help_s_max": max(help_times),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
