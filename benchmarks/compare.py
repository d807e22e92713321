"""barenet's training step against every peer, in one run: one table, and the same as JSON.

    pip install ".[bench]"
    python benchmarks/compare.py
    python benchmarks/compare.py --cells 16:128,32:1 16:128,32:8 --epochs 7 --output results.json

A cell is BATCH:HIDDEN:NETWORKS. Each peer runs in processes of its own, its epochs in turn with everybody else's, so a
machine whose speed drifts slows all alike. A peer is run with one thread and with all, and its better one counts. With
several networks both cores are used: peers train a network in each of two processes, barenet half of the networks in
lockstep in each, and JAX all under `vmap` or half in each of two processes. Times are medians, a network and epoch;
ratios are pairwise, with their spread.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
CELLS = [f"{b}:{h}:1" for b in (16, 128, 1024) for h in ("128,32", "512,256", "1024,1024")]
CELLS += [f"{b}:128,32:{n}" for b in (16, 128) for n in (4, 8)]
NEEDS = {"sklearn_mlp": "sklearn", "torch_eager": "torch", "torch_loader": "torch", "jax_scan": "jax"}
PEERS = ["ours", "products", "textbook", *NEEDS]
ACCURACY_TOLERANCE = 0.015


@dataclass
class Entry:
    """One way to run one peer: so many processes with so many networks and threads each."""

    peer: str
    n_processes: int
    n_networks: int
    threads: int
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # a network and epoch
    accuracy: float = float("nan")
    about: dict[str, Any] = field(default_factory=dict)

    def start(self, batch: str, hidden: str) -> None:
        """Start the processes and wait until all are ready."""
        command = [sys.executable, "-m", "peers.process", self.peer, batch, hidden]
        command += [str(self.n_networks), str(self.threads)]
        # OpenBLAS chooses its kernel by itself: a machine may pin an older one, which halves the speed.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        environment["TF_CPP_MIN_LOG_LEVEL"] = "3"
        for _ in range(self.n_processes):
            self.processes.append(
                subprocess.Popen(
                    command, cwd=HERE, env=environment, encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            )
        for process in self.processes:
            read(process)

    def ask(self, question: str) -> list[dict[str, Any]]:
        """Ask all processes at once, and return their answers."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(question + "\n")
            process.stdin.flush()
        return [read(process) for process in self.processes]

    def epoch(self) -> float:
        """Run one epoch and return its seconds a network."""
        return max(answer["seconds"] for answer in self.ask("epoch")) / (self.n_networks * self.n_processes)

    def stop(self) -> None:
        """Let the processes end."""
        for process in self.processes:
            process.communicate()


def read(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return a process's next answer."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{' '.join(map(str, process.args))} ended: see above")  # type: ignore[arg-type]
    answer: dict[str, Any] = json.loads(line)
    return answer


def entries(peer: str, n_networks: int, cores: int) -> list[Entry]:
    """Return the ways in which a peer is run in a cell."""
    if n_networks == 1:
        return [Entry(peer, 1, 1, threads) for threads in sorted({1, cores})]
    if peer in ("ours", "ours_own_order", "products"):
        return [Entry(peer, cores, n_networks // cores, 1)]
    if peer == "jax_scan":
        return [Entry(peer, 1, n_networks, cores), Entry(peer, cores, n_networks // cores, 1)]
    return [Entry(peer, cores, 1, 1)]


def run_cell(cell: str, peers: list[str], epochs: int, cores: int) -> dict[str, Any]:
    """Return the figures of one cell."""
    batch, hidden, networks = cell.split(":")
    n_networks = int(networks)
    names = [*peers, "ours_own_order"] if n_networks > 1 else peers
    running = [entry for peer in names for entry in entries(peer, n_networks, cores)]
    for entry in running:
        entry.start(batch, hidden)
    for epoch in range(epochs + 1):
        for entry in running:
            seconds = entry.epoch()
            if epoch:  # the first warms up, and compiles
                entry.seconds.append(seconds)
    for entry in running:
        entry.accuracy = entry.ask("accuracy")[0]["accuracy"]
        entry.about = entry.ask("about")[0]
        entry.stop()
    best = {
        name: min((e for e in running if e.peer == name), key=lambda e: statistics.median(e.seconds)) for name in names
    }
    ours = best["ours"]
    n_steps = 58_000 // int(batch)
    rows = {}
    for name, entry in best.items():
        ratios = [theirs / own for theirs, own in zip(entry.seconds, ours.seconds, strict=True)]
        rows[name] = {
            "microseconds_a_step": statistics.median(entry.seconds) / n_steps * 1e6,
            "ratio": statistics.median(ratios),
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
            "threads": entry.threads,
            "processes": entry.n_processes,
            "test_accuracy": entry.accuracy,
            "about": entry.about,
        }
    learnt = [row["test_accuracy"] for row in rows.values() if row["test_accuracy"] == row["test_accuracy"]]
    return {"cell": cell, "epochs": epochs, "all_learn": max(learnt) - min(learnt) <= ACCURACY_TOLERANCE, "peers": rows}


def show(result: dict[str, Any]) -> None:
    """Print the table of one cell."""
    batch, hidden, networks = result["cell"].split(":")
    print(f"\nbatch {batch}, hidden ({hidden}), {networks} network(s); medians of {result['epochs']} epochs")
    print(f"{'peer':16} {'µs a step':>10} {'ratio':>6} {'spread':>13} {'threads':>8} {'accuracy':>9}")
    for name, row in sorted(result["peers"].items(), key=lambda item: item[1]["ratio"]):
        spread = f"{row['ratio_min']:.2f}-{row['ratio_max']:.2f}"
        threads = f"{row['processes']} x {row['threads']}"
        figures = f"{row['microseconds_a_step']:10.1f} {row['ratio']:6.2f} {spread:>13} {threads:>8}"
        print(f"{name:16} {figures} {row['test_accuracy']:9.4f}")
    if not result["all_learn"]:
        print("NOT COMPARABLE: test accuracies differ by more than 1.5 points")


def available(peers: list[str]) -> list[str]:
    """Return the peers that are installed, and name those that are not."""
    missing = [peer for peer in peers if peer in NEEDS and importlib.util.find_spec(NEEDS[peer]) is None]
    for peer in missing:
        print(f'skipped: {peer} needs {NEEDS[peer]}; pip install ".[bench]"', file=sys.stderr)
    return [peer for peer in peers if peer not in missing]


def too_large(cell: str) -> str | None:
    """Return what a cell's networks need, if that is more memory than is free."""
    _, hidden, networks = cell.split(":")
    widths = [784, *map(int, hidden.split(",")), 10]
    n_weights = sum(a * b for a, b in itertools.pairwise(widths))
    # values, gradients and the products' own copies in float32, and the textbook's several in float64; the images twice
    needed = int(networks) * n_weights * (3 * 4 + 4 * 8) + 70_000 * 784 * 12
    free = psutil.virtual_memory().available
    if needed <= free:
        return None
    amounts = f"needs about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free"
    return f"cell {cell} {amounts}; choose a smaller one"


def read_arguments() -> argparse.Namespace:
    """Return the command line, every value checked before anything is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=CELLS, help="BATCH:HIDDEN:NETWORKS, such as 16:128,32:1")
    parser.add_argument("--peers", nargs="+", default=PEERS, choices=PEERS)
    parser.add_argument("--epochs", type=int, default=5, help="counted epochs, after one that warms up")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="the most that any peer may use")
    parser.add_argument("--output", type=Path, default=Path("comparison.json"))
    arguments = parser.parse_args()
    cores = os.cpu_count() or 1
    if not 1 <= arguments.threads <= cores:
        parser.error(f"--threads must be from 1 to the {cores} cores of this machine, got {arguments.threads}")
    if arguments.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {arguments.epochs}")
    for cell in arguments.cells:
        if fault := too_large(cell):
            parser.error(fault)
    try:
        arguments.output.touch()
    except OSError as error:
        parser.error(f"cannot write {arguments.output}: {error.strerror}")
    arguments.peers = available(list(dict.fromkeys(["ours", *arguments.peers])))
    return arguments


def main() -> None:
    """Measure all cells, print their tables, and write them as JSON after each."""
    arguments = read_arguments()
    results = {"machine": describe_machine(), "cells": []}
    for cell in arguments.cells:
        results["cells"].append(run_cell(cell, arguments.peers, arguments.epochs, arguments.threads))
        show(results["cells"][-1])
        arguments.output.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


def describe_machine() -> dict[str, Any]:
    """Return what decides speed: processor, cores, system."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text("utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
