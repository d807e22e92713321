"""Compare a training step with only its matrix products, for stacks of several sizes, in turn in one process.

    python benchmarks/floor.py [BATCH] [HIDDEN] [STACKS]      by default 16 128,32 1,4,8

Prints microseconds per network and step, best of seven, of barenet and of the uncut products; one BLAS thread.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import peers.ours
import peers.products
from peers.problem import Problem

ROUNDS = 7
STEPS = 4000  # steps of all networks together in a round, with batches of 16


def main() -> None:
    """Measure and print."""
    batch, hidden, stacks = [*sys.argv[1:4], *("16", "128,32", "1,4,8")[len(sys.argv[1:4]) :]]
    peers_of: dict[int, tuple[Any, Any, Any]] = {}
    for n in map(int, stacks.split(",")):
        problem = Problem(int(batch), tuple(map(int, hidden.split(","))), tuple(range(n)))
        n_steps = max(1, STEPS * 16 // int(batch) // n)
        ours, products = peers.ours.Peer(problem), peers.products.Peer(problem)
        products.n_steps = n_steps
        peers_of[n] = ours, products, problem.orders(0)[:, : n_steps * int(batch)]
    best: dict[tuple[int, bool], float] = {}
    for _ in range(ROUNDS):
        for n, (ours, products, order) in peers_of.items():
            for is_floor, peer in ((False, ours), (True, products)):
                started = time.perf_counter()
                peer.epoch(order)
                spent = (time.perf_counter() - started) / (order.shape[-1] // int(batch)) / n * 1e6
                best[n, is_floor] = min(best.get((n, is_floor), spent), spent)
    for n in peers_of:
        step, floor = best[n, False], best[n, True]
        print(
            f"batch {batch}, ({hidden}), {n} networks: step {step:.1f}, products {floor:.1f}, ratio {step / floor:.2f}"
        )


if __name__ == "__main__":
    main()
