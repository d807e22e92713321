"""One peer in a separate process, which reads commands line by line and answers each with a line of JSON.

    python -m peers.process '{"peer": "textbook", "cores": [0], "batch": 16, "hidden": [128, 32], "threads": 1}'

Two BLAS libraries in one process would compete for the cores, so each peer has a separate process. `cores` are those
that the process may use, or null if the system cannot pin a process; the other settings are for
`peers.problem.Problem`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

N_COMPARED = 10  # the number of first losses that must agree between peers


def main() -> None:
    """Answer `epoch` with its seconds, `accuracy` with the share of right test images, `about` with versions."""
    settings = json.loads(sys.argv[1])
    # This must come first: libraries read the cores and these variables when they are imported.
    cores = settings.pop("cores")
    if cores is not None:
        os.sched_setaffinity(0, cores)
    if settings["threads"] is not None:
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[variable] = str(settings["threads"])
    from peers.problem import Problem

    name = settings.pop("peer")
    problem = Problem(**{key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()})
    peer = importlib.import_module(f"peers.{name}").Peer(problem)
    epochs = 0
    reply({"ready": True})
    for line in sys.stdin:
        command = line.strip()
        if command == "epoch":
            reply(run_epoch(peer, problem, epochs))
            epochs += 1
        elif command == "accuracy":
            logits = peer.logits()
            right = None if logits is None else float((logits.argmax(axis=1) == problem.test[1]).mean())
            reply({"accuracy": right})
        elif command == "about":
            reply({"may_use_cores": None if cores is None else sorted(os.sched_getaffinity(0)), **peer.about()})


def run_epoch(peer: Any, problem: Any, epoch: int) -> dict[str, Any]:
    """Train one epoch; return its wall and CPU seconds, and the first losses of the first network if there are any."""
    orders = problem.orders(epoch)
    of_children = cpu_seconds_of_children()
    started, cpu_started = time.perf_counter(), time.process_time()
    losses, predicted = peer.epoch(orders)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    cpu_seconds += cpu_seconds_of_children() - of_children
    if losses is not None:
        assert losses.shape == (len(orders), problem.n_steps), losses.shape
        assert predicted.shape == orders.shape, predicted.shape
    first = None if losses is None else losses[0, :N_COMPARED].tolist()
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "first_losses": first}


def cpu_seconds_of_children() -> float:
    """Return the CPU time of all processes that this one started."""
    import psutil

    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(child.user + child.system for child in times)


def reply(answer: dict[str, Any]) -> None:
    """Print one line of JSON."""
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
