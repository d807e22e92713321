"""Profile a training step: microseconds of each part of it, and the rest, for Python and waiting.

    python benchmarks/step_profile.py                              batch 16, (128, 32), the course's recipe, one thread
    python benchmarks/step_profile.py --batch 256 --hidden 256,128 --recipe default --threads 2

The script wraps the engine's functions in clocks. Two engines take the same steps in turn, one with clocks and
one without: the difference is the cost of the clocks, which makes small steps slower. Times are summed over threads, so
with two threads they add up to twice the time of a step. Waiting is the time in which threads do not work, and the time
for distributing tasks.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from peers.ours import Peer
from peers.problem import N_IMAGES, RECIPES, Problem

from barenet.cores import available_cores
from barenet.engine.choice import ThreadChoice
from barenet.engine.network import FastMLP
from barenet.engine.numpy_engine import weights_phase
from barenet.engine.numpy_engine.engine import Lane, NumpyEngine
from barenet.engine.numpy_engine.feed import Feed
from barenet.engine.numpy_engine.group import Group
from barenet.engine.numpy_engine.images_phase import ImagesPart
from barenet.engine.numpy_engine.weights_phase import BiasProduct, WeightProduct
from barenet.engine.team import Team
from barenet.nn import Loss, WeightAverage
from barenet.nn.layers import ActivationLayer

PYTHON, WAITING = "Python between the calls", "waiting, and dealing out tasks"
# The wrapped functions: a class or module, the name of the function, and the row of the table.
CLOCKED: list[tuple[Any, str, str]] = [
    (Feed, "prepare", "images gathered and scaled"),
    (FastMLP.dense, "forward", "y = x W + b"),
    (ActivationLayer, "forward", "activations"),
    (Loss, "__call__", "loss and dlogits"),
    (ImagesPart, "run", "predicted classes, dlogits scaled"),
    (FastMLP.dense, "input_gradient", "dx = dy W^T"),
    (ActivationLayer, "input_gradient", "gradients of activations"),
    (WeightProduct, "write", "dW = x^T dy"),
    (BiasProduct, "write", "db"),
    (weights_phase, "add_l2", "L2 in the gradient"),
    (WeightAverage, "take_in", "average of the weights"),
    (NumpyEngine, "train", PYTHON),
    (Lane, "train", PYTHON),
    (Group, "run_images", PYTHON),
    (Group, "compute_and_move", PYTHON),
    (Team, "run", WAITING),
]
UPDATE = "update"


class Times:
    """The seconds and calls of one thread by row; `row` is its current one."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.row = ""  # outside of all wrapped functions
        self.since = time.perf_counter()

    def turn_to(self, row: str) -> None:
        """Add the time since the last change to the current row, and change to another row."""
        now = time.perf_counter()
        self.seconds[self.row] += now - self.since
        self.row, self.since = row, now


class Clocks:
    """Clocks around functions; if a wrapped function calls another one, the time counts only for the inner one."""

    def __init__(self) -> None:
        self._local = threading.local()
        self.threads: list[Times] = []

    def wrap(self, function: Callable[..., Any], row: str) -> Callable[..., Any]:
        """Return `function` with a clock."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            times = self._times()
            outer = times.row
            times.turn_to(row)
            times.calls[row] += 1
            try:
                return function(*args, **kwargs)
            finally:
                times.turn_to(outer)

        return timed

    def _times(self) -> Times:
        times: Times | None = getattr(self._local, "times", None)
        if times is None:
            times = self._local.times = Times()
            self.threads.append(times)
        return times

    @contextmanager
    def around(self, clocked: list[tuple[Any, str, str]]) -> Iterator[None]:
        """Replace functions by wrapped ones inside."""
        before = [(owner, name, vars(owner).get(name)) for owner, name, _ in clocked]
        for owner, name, row in clocked:
            setattr(owner, name, self.wrap(getattr(owner, name), row))
        try:
            yield
        finally:
            for owner, name, function in before:
                if function is None:  # the function is inherited
                    delattr(owner, name)
                else:
                    setattr(owner, name, function)

    def total(self) -> tuple[Counter[str], Counter[str]]:
        """Return the seconds and calls of all threads by row, without time outside all wrapped functions."""
        seconds = sum((times.seconds for times in self.threads), Counter())
        calls = sum((times.calls for times in self.threads), Counter())
        del seconds[""]
        return seconds, calls


class Threads(Peer):
    """barenet's engine with `problem.threads` threads in every step."""

    engine: NumpyEngine

    def make_engine(self, *args: Any, **kwargs: Any) -> NumpyEngine:
        """Return an engine without worker processes and with a fixed number of threads."""
        engine = NumpyEngine(*args, **kwargs)
        engine.choice = ThreadChoice([self.problem.threads])
        return engine


def measure(problem: Problem, rounds: int) -> tuple[Clocks, float, float]:
    """Return the clocks of all counted steps, and the seconds per step with and without clocks."""
    clocks = Clocks()
    plain, timed = Threads(problem), Threads(problem)
    plain.epoch(problem.orders(0))
    (group, *_) = plain.engine.lanes[0].groups
    clocked = [*CLOCKED, (type(group.optimizer), "move", UPDATE)]
    with clocks.around(clocked):
        timed.epoch(problem.orders(0))  # this makes its tasks, with wrapped functions
    for times in clocks.threads:
        times.seconds.clear()
        times.calls.clear()
    with_clocks, without = [], []
    for number in range(1, rounds + 1):
        orders = problem.orders(number)
        without.append(seconds_of(plain, orders))
        with clocks.around(clocked):
            with_clocks.append(seconds_of(timed, orders))
    plain.engine.close()
    timed.engine.close()
    return clocks, statistics.fmean(with_clocks) / problem.n_steps, statistics.fmean(without) / problem.n_steps


def seconds_of(peer: Peer, orders: Any) -> float:
    """Train one epoch and return its seconds."""
    started = time.perf_counter()
    peer.epoch(orders)
    return time.perf_counter() - started


def show(problem: Problem, rounds: int) -> None:
    """Measure and print."""
    clocks, with_clocks, without = measure(problem, rounds)
    seconds, calls = clocks.total()
    n_steps = rounds * problem.n_steps
    # The rest of all threads' time, in which they did not work.
    n_threads = problem.threads or 1
    seconds[WAITING if n_threads > 1 else PYTHON] += n_threads * with_clocks * n_steps - seconds.total()
    hidden = ", ".join(map(str, problem.hidden))
    print(f"batch {problem.batch}, hidden ({hidden}), {len(problem.networks)} network(s),", end=" ")
    print(f"recipe {problem.recipe_name}, {n_threads} thread(s); means of {n_steps:,} steps")
    print(f"{'':36} {'µs':>9} {'%':>6} {'calls':>6}")
    rows = dict.fromkeys([*(row for _, _, row in CLOCKED[:10]), UPDATE, *(row for _, _, row in CLOCKED[10:])])
    for row in rows:
        if seconds[row]:
            share = 100 * seconds[row] / seconds.total()
            print(f"{row:36} {seconds[row] / n_steps * 1e6:9.1f} {share:6.1f} {calls[row] / n_steps:6.1f}")
    print(f"{'all threads together':36} {seconds.total() / n_steps * 1e6:9.1f}")
    print(f"{'a step, with clocks':36} {with_clocks * 1e6:9.1f}")
    print(f"{'a step, without clocks':36} {without * 1e6:9.1f}")


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--hidden", default="128,32", help="widths of the hidden layers, such as 256,128")
    parser.add_argument("--networks", type=int, default=1)
    parser.add_argument("--recipe", choices=RECIPES, default="course")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200, help="in a round, at most an epoch")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    if min(arguments.batch, arguments.networks, arguments.steps, arguments.rounds) < 1:
        parser.error("all numbers must be at least 1")
    if not 1 <= arguments.threads <= available_cores():
        parser.error(f"--threads must be from 1 to {available_cores()}, the cores that this process may use")
    n_images = arguments.batch * max(1, min(arguments.steps, N_IMAGES // arguments.batch))
    hidden, networks = tuple(map(int, arguments.hidden.split(","))), tuple(range(arguments.networks))
    problem = Problem(arguments.batch, hidden, networks, arguments.recipe, n_images, arguments.threads)
    show(problem, arguments.rounds)


if __name__ == "__main__":
    main()
