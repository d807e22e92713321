"""Measure what threads gain: with one or all of them, beside busy programs, and computed for more cores.

    python benchmarks/threads.py                     every table, about five minutes
    python benchmarks/threads.py --tables cut paper --cells 256:256,128:default

Tables: `cut` compares a step in parts with a whole step, on one thread. `threads` compares 2 and more threads with one.
`busy` compares the engine's choice with one thread, with a busy process on each core. `paper` distributes the measured
tasks of a step to more cores than this machine has. A cell is BATCH:HIDDEN:RECIPE. Compared forms take groups of steps
in turn in one process; figures are medians of `--rounds` pairs, and ratios have a range that contains the median with a
probability of 96 %.
"""

from __future__ import annotations

import argparse
import heapq
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from peers.ours import Peer
from peers.problem import N_IMAGES, Problem

from barenet.cores import available_cores
from barenet.engine import parts
from barenet.engine.choice import ThreadChoice
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.protocol import EpochPlan
from barenet.engine.team import Task, Team

CELLS = ["16:128,32:course", "128:128,32:course", "256:256,128:default", "128:512,256:course", "1024:1024,1024:course"]
TABLES = ["cut", "threads", "busy", "paper"]
STRETCH_SECONDS = 0.4
PAPER_CORES = (1, 2, 4, 8, 16)


class Stepper:
    """An engine that takes groups of steps without end."""

    def __init__(self, cell: str, numbers: Sequence[int], *, is_cut: bool = True) -> None:
        batch, hidden, recipe = cell.split(":")
        problem = Problem(int(batch), tuple(map(int, hidden.split(","))), recipe_name=recipe)
        self.name = cell
        self.engine = OnlyThreads(problem, numbers).engine
        self.is_cut = is_cut
        n_steps = N_IMAGES // problem.batch
        order = np.random.default_rng(0).permutation(N_IMAGES)[: n_steps * problem.batch]
        self.plan = EpochPlan(0, np.full((n_steps, 1), problem.recipe.learning_rate), order, is_measured=False)
        self.position = n_steps
        with whole(not is_cut):
            self.steps(1)

    def steps(self, n: int) -> float:
        """Take `n` steps and return the seconds per step."""
        if self.position + n > self.plan.n_steps:
            self.engine.begin(self.plan)
            self.position = 0
        started = time.perf_counter()
        self.engine.train(self.position, self.position + n)
        self.position += n
        return (time.perf_counter() - started) / n

    def stretch(self) -> int:
        """Return the number of steps in a group."""
        return max(2, min(self.plan.n_steps // 2, round(STRETCH_SECONDS / self.steps(2))))


class OnlyThreads(Peer):
    """barenet's engine without worker processes, which chooses among given numbers of threads."""

    engine: NumpyEngine

    def __init__(self, problem: Problem, numbers: Sequence[int]) -> None:
        self.numbers = list(numbers)
        super().__init__(problem)

    def make_engine(self, *args: Any, **kwargs: Any) -> NumpyEngine:
        """Return the engine."""
        engine = NumpyEngine(*args, **kwargs)
        engine.choice = ThreadChoice(self.numbers)
        return engine


@contextmanager
def whole(wanted: bool) -> Iterator[None]:
    """If `wanted`, do not cut steps of engines that are made inside."""
    before = parts.PART_WORK, parts.PIECE_WORK
    if wanted:
        parts.PART_WORK = parts.PIECE_WORK = 10**18
    try:
        yield
    finally:
        parts.PART_WORK, parts.PIECE_WORK = before


def compare(first: Stepper, second: Stepper, rounds: int) -> tuple[float, float, str]:
    """Return the median seconds per step of both, and first / second with its range as text."""
    n = min(first.stretch(), second.stretch())
    pairs = [(first.steps(n), second.steps(n)) for _ in range(rounds)]
    ratios = sorted(a / b for a, b in pairs)
    low = max(0, round(rounds / 2 - rounds**0.5) - 1)  # order statistics that hold the median with about 96 %
    words = f"{statistics.median(ratios):.3f} ({ratios[low]:.3f}-{ratios[-1 - low]:.3f})"
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), words


def head(title: str, *columns: str) -> None:
    """Print the head of a table."""
    print(f"\n{title}\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def row(*cells: str | float) -> None:
    """Print a row of a table; fractions are seconds, shown in microseconds."""
    shown = [f"{cell * 1e6:,.0f}" if isinstance(cell, float) else str(cell) for cell in cells]
    print(f"| {' | '.join(shown)} |", flush=True)


def show_cut(cells: Sequence[str], rounds: int) -> None:
    """Print the cost of parts on one thread."""
    head("parts on one thread against the whole step", "cell", "whole, µs", "in parts, µs", "parts / whole")
    for cell in cells:
        cut, uncut, ratio = compare(Stepper(cell, [1]), Stepper(cell, [1], is_cut=False), rounds)
        row(cell, uncut, cut, ratio)


def show_threads(cells: Sequence[str], rounds: int) -> None:
    """Print the gain of more threads."""
    head("more threads against one", "cell", "threads", "one, µs", "these, µs", "one / these")
    for cell in cells:
        for n in [n for n in (2, 4, 8, 16) if n <= available_cores()]:
            one, more, ratio = compare(Stepper(cell, [1]), Stepper(cell, [n]), rounds)
            row(cell, n, one, more, ratio)


def show_busy(cells: Sequence[str], rounds: int) -> None:
    """Print the cost of the choice of threads with a busy process on each core."""
    cores = available_cores()
    busy = [multiprocessing.get_context("spawn").Process(target=keep_busy, daemon=True) for _ in range(cores)]
    for process in busy:
        process.start()
    time.sleep(1.0)
    columns = ("cell", "one thread, µs", "all threads, µs", "all / one", "chosen, µs", "chosen / one")
    head(f"a busy process on each of {cores} cores", *columns)
    for cell in cells:
        one, forced, chosen = Stepper(cell, [1]), Stepper(cell, [cores]), Stepper(cell, sorted({1, cores}))
        all_, alone, ratio = compare(forced, one, rounds)
        ours, _, ratio_chosen = compare(chosen, one, rounds)
        row(cell, alone, all_, ratio, ours, ratio_chosen)
    for process in busy:
        process.terminate()


def keep_busy() -> None:
    """Keep a core busy."""
    while True:
        sum(range(10_000))


def show_paper(cells: Sequence[str], rounds: int) -> None:
    """Print the computed time of a step on more cores, from its measured tasks and the measured cost of waiting."""
    wake = wake_seconds()
    title = (
        f"on paper: a step's tasks as one thread takes them, dealt to cores; {wake * 1e6:.0f} µs a phase for waiting"
    )
    head(title, "cell", "parts, pieces", *(f"{n} cores, µs" for n in PAPER_CORES), "times as fast as on one")
    for cell in cells:
        phases, rest = task_seconds(cell, rounds)
        seconds = [rest + sum(dealt(tasks, n) + wake * (n > 1) for tasks in phases) for n in PAPER_CORES]
        gains = " / ".join(f"{seconds[0] / value:.2f}" for value in seconds)
        row(cell, ", ".join(str(len(tasks)) for tasks in phases), *seconds, gains)


def task_seconds(cell: str, rounds: int) -> tuple[list[list[float]], float]:
    """Return the median seconds of each task of both phases, and of the rest of a step."""
    stepper = Stepper(cell, [1])
    (group,) = stepper.engine.lanes[0].groups
    (bound,) = group._tasks.values()
    names = ("images", "moves")
    times: list[list[list[float]]] = [[[] for _ in getattr(bound, name)] for name in names]
    for phase, name in enumerate(names):
        setattr(bound, name, [timed(task, kept) for task, kept in zip(getattr(bound, name), times[phase], strict=True)])
    n = stepper.stretch()
    step = statistics.median(stepper.steps(n) for _ in range(rounds))
    phases = [[statistics.median(kept) for kept in tasks] for tasks in times]
    return phases, max(0.0, step - sum(map(sum, phases)))


def timed(task: Task, kept: list[float]) -> Callable[[int], None]:
    """Return the task with a clock."""

    def run(thread: int) -> None:
        started = time.perf_counter()
        task(thread)
        kept.append(time.perf_counter() - started)

    return run


def dealt(seconds: Sequence[float], n_threads: int) -> float:
    """Return when the last task ends if each thread takes the next task as soon as it is free."""
    free = [0.0] * n_threads
    for task in seconds:
        heapq.heappush(free, heapq.heappop(free) + task)
    return max(free)


def wake_seconds(rounds: int = 400) -> float:
    """Return the median time that a phase of two threads takes longer than its tasks, if both have work."""
    team, work = Team(2), 200e-6

    def sleepless(thread: int) -> None:
        end = time.perf_counter() + work
        while time.perf_counter() < end:
            np.matmul(a, a, out=outs[thread])  # releases the interpreter's lock

    a = np.ones((64, 64), np.float32)
    outs = [np.empty_like(a) for _ in range(2)]
    lasted = []
    for _ in range(rounds):
        started = time.perf_counter()
        team.run([sleepless, sleepless])
        lasted.append(time.perf_counter() - started)
    team.close()
    return max(0.0, statistics.median(lasted) - work)


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=CELLS, help="BATCH:HIDDEN:RECIPE, such as 256:256,128:default")
    parser.add_argument("--tables", nargs="+", default=TABLES, choices=TABLES)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {arguments.rounds}")
    show = {"cut": show_cut, "threads": show_threads, "busy": show_busy, "paper": show_paper}
    for table in arguments.tables:
        show[table](arguments.cells, arguments.rounds)


if __name__ == "__main__":
    main()
