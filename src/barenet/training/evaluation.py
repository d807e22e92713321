"""Run a trained network, or a stack, over many images in batches, on all cores.

The batches are fixed and BLAS has one thread, so any number of threads gives the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from contextvars import copy_context
from functools import partial

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.cores import available_cores
from barenet.data.augmentation import mirror_images
from barenet.data.batches import to_float
from barenet.engine.team import Task, run_in_threads
from barenet.engine.threads import one_blas_thread
from barenet.interrupts import check
from barenet.nn import LOSSES, MLP, Loss, Workspace
from barenet.notes import logger
from barenet.training.metrics import accuracy

__all__ = [
    "EVALUATION_BATCH",
    "Memory",
    "compute_outputs",
    "evaluate",
    "mean_loss",
    "plain",
    "resolve_threads",
]

# Images in a batch: enough for BLAS to be fast, and for threads to wait rarely for Python's lock; few enough for their
# activations to stay in the cache.
EVALUATION_BATCH = 500
THREAD_WORK = 40_000_000  # multiply-adds for each thread, about a millisecond; starting a thread takes up to 0.2 ms


class Memory:
    """Workspaces of one network, and buffers (EVALUATION_BATCH, D) for images as floats; each is used by one thread.

    Later calls use them again, from any thread.
    """

    def __init__(self, mlp: MLP) -> None:
        self.mlp = mlp
        self._free: list[tuple[Workspace, NDArray[np.floating]]] = []

    def take(self) -> tuple[Workspace, NDArray[np.floating]]:
        """Return a workspace and a buffer that no other thread uses."""
        try:
            return self._free.pop()
        except IndexError:
            buffer = np.empty((EVALUATION_BATCH, self.mlp.n_inputs), self.mlp.dtype)
            return Workspace(self.mlp, EVALUATION_BATCH), buffer

    def give_back(self, arrays: tuple[Workspace, NDArray[np.floating]]) -> None:
        """Return to the memory what `take` returned."""
        self._free.append(arrays)


def compute_outputs(
    mlp: MLP,
    images: NDArray[np.generic],
    scale: float,
    *,
    mirrored: tuple[int, ...] | None = None,
    memory: Memory | None = None,
    most_threads: int | None = None,
) -> NDArray[np.floating]:
    """Return the network's outputs (..., n, C) for images (n, D) of any dtype, multiplied by `scale` first.

    mirrored: the images' (height, width[, channels]) to run their mirror images instead, which are made batch by batch.
    memory: that of earlier calls for the same network. most_threads: by default the number of cores.
    """
    memory = memory or Memory(mlp)
    lead = () if mlp.n_networks is None else (mlp.n_networks,)
    outputs = np.empty((*lead, len(images), mlp.n_classes), mlp.dtype)

    def run(start: int) -> None:
        check()
        batch = images[start : start + EVALUATION_BATCH]
        if mirrored is not None:
            batch = mirror_images(batch, mirrored)
        arrays = workspace, buffer = memory.take()
        if len(batch) not in (1, EVALUATION_BATCH):
            # A workspace keeps arrays for each batch size. Many other sizes may come, so their arrays are not kept.
            workspace = Workspace(mlp, len(batch))
        floats = to_float(batch, scale, out=buffer[: len(batch)])
        outputs[..., start : start + len(batch), :] = mlp.forward(floats, workspace)
        memory.give_back(arrays)

    starts = range(0, len(images), EVALUATION_BATCH)
    n_threads = count_threads(mlp, len(images), most_threads)
    # Setting BLAS's threads takes a tenth of the time of one image, so it is left out for a single image.
    with one_blas_thread() if len(images) > 1 else nullcontext():
        if n_threads > 1:
            run_in_threads([in_this_context(partial(run, start)) for start in starts], n_threads)
        else:
            for start in starts:
                run(start)
    return outputs


def count_threads(mlp: MLP, n_images: int, most_threads: int | None) -> int:
    """Return how many threads run so many images: one for few images, and for custom functions."""
    n_batches = math.ceil(n_images / EVALUATION_BATCH)
    if n_batches <= 1 or any(row.activation.is_custom for row in mlp.architecture.rows):
        return 1
    by_work = n_images * (mlp.n_networks or 1) * mlp.architecture.n_weights // THREAD_WORK
    cores = available_cores()
    return max(1, min(n_batches, by_work, cores, most_threads or cores))


def in_this_context(work: Callable[[], None]) -> Task:
    """Return a task that does the work in the caller's context, in any thread: `np.errstate` belongs to the context."""
    context = copy_context()
    return lambda _thread: context.run(work)


def evaluate(
    mlp: MLP,
    loss: Loss,
    images: NDArray[np.generic],
    labels: NDArray[np.integer],
    scale: float,
    *,
    most_threads: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean loss and accuracy, one for each network, shape (...), float64."""
    outputs = compute_outputs(mlp, images, scale, most_threads=most_threads)
    return mean_loss(loss, outputs, labels), accuracy(np.argmax(outputs, axis=-1), labels)


def plain(loss: Loss) -> Loss:
    """Return the loss for comparing settings: without label smoothing, and without L2."""
    return LOSSES.get(loss.name, loss)


def mean_loss(loss: Loss, outputs: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the mean loss of outputs (..., n, C), computed in float64."""
    return np.asarray(loss(outputs.astype(np.float64), labels), np.float64)


def resolve_threads(config: Config) -> int | None:
    """Return the most threads to use, as the settings say, or None for all cores if the machine has fewer.

    The number changes only the speed: any number gives the same bits.
    """
    threads, cores = config.trainer.threads, available_cores()
    if threads is not None and threads > cores:
        logger.info(f"trainer.threads is {threads}, but {cores} core{'s' * (cores != 1)} may be used here; using all")
        return None
    return threads
