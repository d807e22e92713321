"""The forms in which a peer runs in a cell: processes, each pinned to its cores, with some of the networks."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1]
CAN_PIN = hasattr(os, "sched_setaffinity")
ONE_CORE, ALL_CORES = "one core", "all cores"


@dataclass(frozen=True)
class Cell:
    """Batch, hidden sizes, networks and recipe, written BATCH:HIDDEN:NETWORKS[:RECIPE]."""

    batch: int
    hidden: tuple[int, ...]
    n_networks: int
    recipe: str = "course"

    @staticmethod
    def read(text: str) -> Cell:
        """Return the cell that `text` means; raise ValueError for an invalid text."""
        batch, hidden, networks, *recipe = text.split(":")
        cell = Cell(int(batch), tuple(map(int, hidden.split(","))), int(networks), *recipe)
        if min(cell.batch, *cell.hidden, cell.n_networks) < 1:
            raise ValueError(f"all numbers must be at least 1, got {text}")
        return cell


@dataclass
class Entry:
    """One way to run one peer.

    networks: the numbers of each process's networks. cores: the cores that each process may use. columns: the columns
    in which this form may be the fastest one that counts.
    """

    peer: str
    form: str
    networks: list[list[int]]
    cores: list[list[int]]
    threads: int | None
    columns: tuple[str, ...]
    vmap: bool = False
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # of each epoch, divided by the number of all networks
    cores_used: list[float] = field(default_factory=list)  # CPU seconds of all processes over wall seconds
    first_losses: list[float] | None = None
    accuracy: float | None = None
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The median seconds of an epoch, per network."""
        return statistics.median(self.seconds)

    def start(self, cell: Cell, n_images: int) -> None:
        """Start the processes and wait until all are ready."""
        # OpenBLAS chooses its kernel: the environment may name an older one, which halves the speed.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        environment["TF_CPP_MIN_LOG_LEVEL"] = "3"
        for networks, cores in zip(self.networks, self.cores, strict=True):
            settings = {
                "peer": self.peer,
                "cores": cores if CAN_PIN else None,
                "batch": cell.batch,
                "hidden": cell.hidden,
                "networks": networks,
                "recipe_name": cell.recipe,
                "n_images": n_images,
                "threads": self.threads,
                "vmap": self.vmap,
            }
            command = [sys.executable, "-m", "peers.process", json.dumps(settings)]
            pipe = subprocess.PIPE
            self.processes.append(
                subprocess.Popen(command, cwd=FOLDER, env=environment, encoding="utf-8", stdin=pipe, stdout=pipe)
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

    def run_epoch(self, *, counts: bool) -> float:
        """Run one epoch, record it if it counts, and return its seconds, divided by the number of networks."""
        answers = self.ask("epoch")
        wall = max(answer["seconds"] for answer in answers)
        seconds = wall / sum(map(len, self.networks))
        if counts:
            self.seconds.append(seconds)
            self.cores_used.append(sum(answer["cpu_seconds"] for answer in answers) / wall)
        elif self.first_losses is None:
            self.first_losses = answers[0]["first_losses"]
        return seconds

    def finish(self) -> None:
        """Ask for the accuracy and the versions, and end the processes."""
        self.accuracy = self.ask("accuracy")[0]["accuracy"]
        self.about = self.ask("about")[0]
        self.stop()

    def stop(self) -> None:
        """End the processes."""
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


def entries(peer: str, n_networks: int, cores: Sequence[int]) -> list[Entry]:
    """Return all forms of a peer, for the column of one core and for the column of all cores."""
    all_networks, first = list(range(n_networks)), [list(cores[:1])]
    if len(cores) == 1:
        found = [Entry(peer, "1 thread", [all_networks], first, 1, (ONE_CORE, ALL_CORES))]
        if peer == "jax_scan" and n_networks > 1:
            found.append(Entry(peer, "vmap", [all_networks], first, 1, (ONE_CORE, ALL_CORES), vmap=True))
        return found
    if peer in ("ours", "ours_compiled"):
        # barenet must choose: its form on one core does not count in the column of all cores.
        found = [Entry(peer, "1 thread", [all_networks], first, 1, (ONE_CORE,))]
        return [*found, Entry(peer, "own choice", [all_networks], [list(cores)], None, (ALL_CORES,))]
    threads = f"{len(cores)} threads"
    if n_networks == 1:
        found = [Entry(peer, "1 thread", [all_networks], first, 1, (ONE_CORE, ALL_CORES))]
        return [*found, Entry(peer, threads, [all_networks], [list(cores)], len(cores), (ALL_CORES,))]
    shares = [all_networks[i :: len(cores)] for i in range(min(len(cores), n_networks))]
    pinned = [[core] for core in cores[: len(shares)]]
    processes = f"{len(shares)} processes"
    found = [
        Entry(peer, "1 thread", [all_networks], first, 1, (ONE_CORE,)),
        Entry(peer, processes, shares, pinned, 1, (ALL_CORES,)),
        Entry(peer, threads, [all_networks], [list(cores)], len(cores), (ALL_CORES,)),
    ]
    if peer == "jax_scan":
        found += [
            Entry(peer, "vmap", [all_networks], first, 1, (ONE_CORE,), vmap=True),
            Entry(peer, f"{processes}, vmap", shares, pinned, 1, (ALL_CORES,), vmap=True),
            Entry(peer, f"{threads}, vmap", [all_networks], [list(cores)], len(cores), (ALL_CORES,), vmap=True),
        ]
    return found
