"""What the recipes reach on Fashion-MNIST: four seeds each, and the time of one seed alone.

    python benchmarks/accuracy.py

Prints one JSON object with the machine and the versions. Runs are kept in a temporary folder and thrown away.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

import barenet


def train(*flags: str) -> dict[str, Any]:
    """Return what `barenet train` with these flags prints as JSON."""
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, "-m", "barenet", "train", "--json", "--quiet", "--output", output, *flags]
        done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Train with each recipe and print the figures."""
    blas = threadpool_info()
    figures: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "barenet": barenet.__version__,
        "blas": [f"{b['internal_api']} {b['version']} {b.get('architecture')}" for b in blas],
    }
    for recipe in ("quick", "course"):
        seeds, alone = train("--recipe", recipe, "--n-seeds", "4"), train("--recipe", recipe)
        names = ("validation_accuracy", "test_accuracy", "test_accuracy_std", "ensemble_test_accuracy", "best_epoch")
        figures[recipe] = {name: seeds[name] for name in names}
        figures[recipe]["runs"] = [run["test_accuracy"] for run in seeds["runs"]]
        figures[recipe]["training_seconds_of_4_together"] = seeds["training_seconds"]
        figures[recipe]["training_seconds_of_one"] = alone["training_seconds"]
        figures[recipe]["parameters"] = alone["parameters"]
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
