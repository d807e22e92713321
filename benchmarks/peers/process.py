"""One peer in a process of its own: reads a line, does what it says, answers with a line of JSON.

    python -m peers.process NAME BATCH HIDDEN N_NETWORKS THREADS

Two BLAS libraries in one process fight over the cores, so each peer has its own.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any


def main() -> None:
    """Answer `epoch` with its seconds, `accuracy` with the share of test images, `about` with versions."""
    name, batch, hidden, n_networks, threads = sys.argv[1:]
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = threads
    from peers.problem import Problem

    problem = Problem(int(batch), tuple(map(int, hidden.split(","))), int(n_networks), int(threads))
    peer = importlib.import_module(f"peers.{name}").Peer(problem)
    epochs = 0
    reply({"ready": True})
    for line in sys.stdin:
        command = line.strip()
        if command == "epoch":
            order = problem.order(epochs)
            started = time.perf_counter()
            peer.epoch(order)
            reply({"seconds": time.perf_counter() - started})
            epochs += 1
        elif command == "accuracy":
            reply({"accuracy": float(peer.accuracy())})
        elif command == "about":
            reply(peer.about())


def reply(answer: dict[str, Any]) -> None:
    """Print one line of JSON."""
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
