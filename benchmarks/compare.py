"""Compare barenet's training step with every peer in one run; prints a table and writes the same as JSON.

    pip install ".[bench]"
    python benchmarks/compare.py
    python benchmarks/compare.py --cells 16:128,32:1 256:256,128:1:default --epochs 7 --output results.json
    python benchmarks/compare.py --cells 16:128,32:4 --images 12000      shorter epochs

A cell is BATCH:HIDDEN:NETWORKS[:RECIPE]. The recipe is `course` (ReLU, SGD, L2), or `default`, the step of plain
`barenet train` (GELU, AdamW with weight decay, label smoothing, an average of the weights). Images are not mirrored or
shifted, and the learning rate is constant.

Each peer has two columns, one core and all cores, and the fastest of its forms counts in each. The forms are one thread
or all threads; for several networks also one process per core, which trains its networks one after another; and for JAX
also `vmap` of each. Every process is pinned to its cores. `cores` is CPU time divided by wall time. Every peer except
scikit-learn returns each step's loss and each image's predicted class. Peers take epochs in turn, so that a machine
whose speed changes slows all of them equally. Times are medians of epochs; ratios are pairwise within a column, with
their range. `products` is the lower limit: only the matrix products of a step.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import platform
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from peers.entries import ALL_CORES, CAN_PIN, ONE_CORE, Cell, Entry, entries
from peers.problem import N_IMAGES, RECIPES

COLUMNS = (ONE_CORE, ALL_CORES)
CELLS = ["16:128,32:1", "128:128,32:1", "128:512,256:1", "256:256,128:1", "256:256,128:1:default", "1024:1024,1024:1"]
CELLS += [f"{b}:128,32:{n}" for b in (16, 128) for n in (4, 8)]
CELLS += ["256:256,128:4:default"]
NEEDS = {
    "ours_compiled": "numba",
    "sklearn_mlp": "sklearn",
    "torch_eager": "torch",
    "torch_loader": "torch",
    "jax_scan": "jax",
}
PEERS = ["ours", "products", "textbook", *NEEDS]
LOSS_TOLERANCE = 0.002  # relative difference of a step's loss between float32 and float64, over the first steps
ACCURACY_TOLERANCE = 0.015
DROPPED_FROM = 2.0  # a form that takes so many times as long as the peer's fastest form is measured only once


def run_cell(cell: Cell, peers: list[str], epochs: int, cores: list[int], n_images: int) -> dict[str, Any]:
    """Return the figures of one cell."""
    names = [peer for peer in peers if peer != "sklearn_mlp" or cell.recipe == "course"]
    running = [entry for peer in names for entry in entries(peer, cell.n_networks, cores)]
    for entry in running:
        entry.start(cell, n_images)
    for entry in running:
        entry.run_epoch(counts=False)  # warms up, and compiles
    for entry in running:
        entry.run_epoch(counts=True)
    kept = [entry for entry in running if is_fast(entry, running)]
    for entry in running:
        if entry not in kept:
            entry.finish()
    for _ in range(epochs - 1):
        for entry in kept:
            entry.run_epoch(counts=True)
    for entry in kept:
        entry.finish()
    n_steps = n_images // cell.batch
    best = {column: {name: fastest(name, column, kept) for name in names} for column in COLUMNS}
    rows = {
        name: {
            **{column: figures(best[column][name], best[column]["ours"], n_steps) for column in COLUMNS},
            "test_accuracy": best[ONE_CORE][name].accuracy,
            "about": best[ONE_CORE][name].about,
        }
        for name in names
    }
    forms = [
        {"peer": e.peer, "form": e.form, "columns": e.columns, "microseconds_a_step": e.median / n_steps * 1e6}
        for e in running
    ]
    return {"epochs": epochs, "images": n_images, "same_steps": same_steps(running), "peers": rows, "forms": forms}


def fastest(peer: str, column: str, of: list[Entry]) -> Entry:
    """Return the peer's fastest form in a column."""
    return min((e for e in of if e.peer == peer and column in e.columns), key=lambda entry: entry.median)


def is_fast(entry: Entry, running: list[Entry]) -> bool:
    """Whether a form may still be the peer's fastest in one of its columns."""
    return any(entry.median < DROPPED_FROM * fastest(entry.peer, column, running).median for column in entry.columns)


def figures(entry: Entry, ours: Entry, n_steps: int) -> dict[str, Any]:
    """Return the figures of one column of one row."""
    ratios = [theirs / our for theirs, our in zip(entry.seconds, ours.seconds, strict=True)]
    return {
        "form": entry.about.get("uses", entry.form),
        "microseconds_a_step": entry.median / n_steps * 1e6,
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "cores_used": statistics.median(entry.cores_used),
    }


def same_steps(running: list[Entry]) -> bool:
    """Whether the first losses of all peers are the same, and their final accuracies are similar."""
    losses = [entry.first_losses for entry in running if entry.first_losses is not None]
    most_epochs = max(len(entry.seconds) for entry in running)
    trained = [entry for entry in running if len(entry.seconds) == most_epochs]
    accuracies = [entry.accuracy for entry in trained if entry.accuracy is not None]
    agree = all(np.allclose(one, losses[0], rtol=LOSS_TOLERANCE, atol=0) for one in losses)
    return agree and max(accuracies) - min(accuracies) <= ACCURACY_TOLERANCE


def show(name: str, result: dict[str, Any]) -> None:
    """Print the table of one cell."""
    cell = Cell.read(name)
    hidden = ", ".join(map(str, cell.hidden))
    print(f"\nbatch {cell.batch}, hidden ({hidden}), {cell.n_networks} network(s), recipe {cell.recipe};", end=" ")
    print(f"medians of {result['epochs']} epochs of {result['images']:,} images")
    if not CAN_PIN:
        print("NOT PINNED: this system cannot pin a process to cores; `cores` says how many each used")
    heading = f"{'µs a step':>9} {'ratio':>6} {'spread':>11} {'cores':>5} {'form':17}"
    print(f"{'':13}" + "".join(f" | {column:52}" for column in COLUMNS))
    print(f"{'peer':13} | {heading} | {heading} | {'accuracy':>8}")
    for peer, row in sorted(result["peers"].items(), key=lambda item: item[1][ALL_CORES]["microseconds_a_step"]):
        print(f"{peer:13} | {show_column(row[ONE_CORE])} | {show_column(row[ALL_CORES])} |", end=" ")
        print("" if row["test_accuracy"] is None else f"{row['test_accuracy']:8.4f}")
    if "sklearn_mlp" in result["peers"]:
        print("sklearn_mlp cannot return the steps' losses and predicted classes")
    elif cell.recipe != "course":
        print("sklearn_mlp is left out: it has no GELU, AdamW or average")
    if not result["same_steps"]:
        print("NOT COMPARABLE: the first losses, or the test accuracies, differ by more than rounding")


def show_column(of: dict[str, Any]) -> str:
    """Return one column of one row."""
    spread = f"{of['ratio_min']:.2f}-{of['ratio_max']:.2f}"
    numbers = f"{of['microseconds_a_step']:9.1f} {of['ratio']:6.2f} {spread:>11} {of['cores_used']:5.2f}"
    return f"{numbers} {of['form']:17}"


def available(peers: list[str]) -> list[str]:
    """Return the peers that are installed, and name those that are not."""
    missing = [peer for peer in peers if peer in NEEDS and importlib.util.find_spec(NEEDS[peer]) is None]
    for peer in missing:
        print(f'skipped: {peer} needs {NEEDS[peer]}; pip install ".[bench]"', file=sys.stderr)
    return [peer for peer in peers if peer not in missing]


def fault_of(text: str, peers: list[str], cores: list[int], n_images: int) -> str | None:
    """Return why a cell cannot be measured, or None."""
    try:
        cell = Cell.read(text)
    except (TypeError, ValueError) as error:
        return f"cell {text!r} is not BATCH:HIDDEN:NETWORKS[:RECIPE]: {error}"
    if cell.recipe not in RECIPES:
        return f"cell {text!r}: the recipe must be one of {', '.join(RECIPES)}, got {cell.recipe!r}"
    if cell.batch > n_images:
        return f"cell {text!r}: the batch is larger than the {n_images} images of an epoch"
    n_weights = sum(a * b for a, b in itertools.pairwise([784, *cell.hidden, 10]))
    needed = 0
    for entry in (entry for peer in peers for entry in entries(peer, cell.n_networks, cores)):
        # libraries and both copies of the images; parameters, moments, average and gradients, which float64 doubles
        needed += len(entry.networks) * (400_000_000 + n_images * 784 * 5) + cell.n_networks * n_weights * 8 * 8
    free = psutil.virtual_memory().available
    if needed <= free:
        return None
    amounts = f"needs about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free"
    return f"cell {text} {amounts}; choose a smaller one, fewer --peers, or fewer --images"


def available_cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if CAN_PIN else list(range(os.cpu_count() or 1))


def read_arguments() -> argparse.Namespace:
    """Return the checked values of the command line."""
    cores = available_cores()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=CELLS, help="such as 16:128,32:1 or 256:256,128:4:default")
    parser.add_argument("--peers", nargs="+", default=PEERS, choices=PEERS)
    parser.add_argument("--epochs", type=int, default=5, help="counted epochs, after one that warms up")
    parser.add_argument("--images", type=int, default=N_IMAGES, help="images of an epoch")
    parser.add_argument("--cores", type=int, default=len(cores), help="how many cores `all cores` are")
    parser.add_argument("--output", type=Path, default=Path("comparison.json"))
    arguments = parser.parse_args()
    if not 1 <= arguments.cores <= len(cores):
        parser.error(f"--cores must be from 1 to the {len(cores)} that this process may use, got {arguments.cores}")
    if arguments.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {arguments.epochs}")
    if not 1 <= arguments.images <= N_IMAGES:
        parser.error(f"--images must be from 1 to {N_IMAGES}, got {arguments.images}")
    arguments.cores = cores[: arguments.cores]
    arguments.peers = available(list(dict.fromkeys(["ours", *arguments.peers])))
    for cell in arguments.cells:
        if fault := fault_of(cell, arguments.peers, arguments.cores, arguments.images):
            parser.error(fault)
    try:
        arguments.output.touch()
    except OSError as error:
        parser.error(f"cannot write {arguments.output}: {error.strerror}")
    return arguments


def main() -> None:
    """Measure all cells, print their tables, and write them as JSON after each."""
    arguments = read_arguments()
    results: dict[str, Any] = {"machine": describe_machine(arguments.cores), "cells": {}}
    for cell in arguments.cells:
        result = run_cell(Cell.read(cell), arguments.peers, arguments.epochs, arguments.cores, arguments.images)
        results["cells"][cell] = result
        show(cell, result)
        arguments.output.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


def describe_machine(cores: list[int]) -> dict[str, Any]:
    """Return what decides the speed: processor, cores, system."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text("utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return {
        "processor": model,
        "all_cores": cores,
        "pinned": CAN_PIN,
        "system": platform.platform(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
