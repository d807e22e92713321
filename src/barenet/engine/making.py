"""Which engine trains some networks: with threads, or in worker processes."""

from __future__ import annotations

from collections.abc import Sequence

from barenet.config.tables import Config
from barenet.data.batches import TrainingImages
from barenet.engine.numpy_engine.batch_tasks import needs_whole_batch
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.parts import image_parts
from barenet.engine.protocol import Engine
from barenet.engine.state import TrainingState
from barenet.nn import Architecture, Loss

__all__ = ["count_processes", "describe_engine", "make_engine"]

# A worker process takes about a second to start. Fewer seconds of training than this are not worth it.
WORTH_SECONDS = 8.0
# For an estimate of a step's time only: calls, and multiply-adds a second of one core.
SECONDS_OF_CALLS = 60e-6
MULTIPLY_ADDS = 1e10


def make_engine(
    configs: Sequence[Config],
    architecture: Architecture,
    loss: Loss,
    state: TrainingState,
    images: TrainingImages,
    *,
    batch_size: int,
    most_threads: int,
    n_steps: int,
) -> Engine:
    """Return an engine for networks that have up to `n_steps` steps before them, on up to `most_threads` cores."""
    extent = {"batch_size": batch_size, "most_threads": most_threads, "n_steps": n_steps}
    n = choose_processes(len(configs), architecture, loss, **extent)
    if n > 1:
        from barenet.engine.processes.engine import ProcessEngine

        try:
            return ProcessEngine(configs, architecture, loss, state, images, batch_size=batch_size, n_processes=n)
        except OSError:  # no room for the images that the workers map: threads need none
            pass
    return NumpyEngine(configs, architecture, loss, state, images, batch_size=batch_size, most_threads=most_threads)


def describe_engine(
    n_networks: int, architecture: Architecture, loss: Loss, *, batch_size: int, most_threads: int, n_steps: int
) -> str:
    """Return in words what `make_engine` makes, as far as it can be known before."""
    n = choose_processes(
        n_networks, architecture, loss, batch_size=batch_size, most_threads=most_threads, n_steps=n_steps
    )
    if n > 1:
        return f"NumPy in {n} processes"
    return f"NumPy, up to {most_threads} threads" if most_threads > 1 else "NumPy, 1 thread"


def choose_processes(
    n_networks: int, architecture: Architecture, loss: Loss, *, batch_size: int, most_threads: int, n_steps: int
) -> int:
    """Return how many worker processes train; 1 for none, as with a person's functions, which stay in this process."""
    if needs_whole_batch(architecture, loss):
        return 1
    return count_processes(n_networks, architecture, batch_size, most_threads, n_steps)


def count_processes(
    n_networks: int, architecture: Architecture, batch_size: int, most_threads: int, n_steps: int
) -> int:
    """Return how many worker processes train several networks; 1 for none, in this process.

    Threads wait for the lock of the interpreter, processes do not. But they need a training that is long enough. And
    where batches are cut, threads can share a network, if there are fewer networks than cores.
    """
    if image_parts(batch_size, architecture.n_weights) > 1 and n_networks < most_threads:
        return 1
    step = SECONDS_OF_CALLS + 3 * batch_size * architecture.n_weights / MULTIPLY_ADDS
    is_worth = n_networks * n_steps * step >= WORTH_SECONDS
    return min(n_networks, most_threads) if is_worth else 1
