"""Train a stack for one rung: from its state so far to a given epoch, without any other effect."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from threadpoolctl import threadpool_limits

from barenet.config.tables import Config
from barenet.engine.stacks import check_stack
from barenet.engine.state import TrainingState
from barenet.errors import ConfigError
from barenet.training.records import EpochRecord, Stop
from barenet.training.trainer import Trainer
from barenet.tuning.workers.shared_data import SharedData

__all__ = ["RungTask", "TrainedNetwork", "group_by_shape", "split_stacks", "train_rung", "train_rung_in_worker"]


@dataclass(frozen=True)
class RungTask:
    """What a worker is asked to do: settings of a stack, states so far (None: from the start), the epoch to reach.

    until: None means the last epoch of each network.
    """

    configs: tuple[Config, ...]
    states: tuple[TrainingState, ...] | None
    until: int | None
    data: SharedData


@dataclass(frozen=True)
class TrainedNetwork:
    """The result of one network: its state, a record an epoch, why it stopped (None: it may continue), its seconds."""

    state: TrainingState
    records: list[EpochRecord]
    stopped: Stop | None
    seconds: float


def train_rung(task: RungTask) -> list[TrainedNetwork]:
    """Train a stack for a rung; the same task gives the same bits in any process and in any stack."""
    started = time.perf_counter()
    trainer = Trainer(task.configs, task.data.open(), task.states, until=task.until)
    histories: list[list[EpochRecord]] = [[] for _ in task.configs]
    for record in trainer:
        histories[record.network].append(replace(record, network=0))
    seconds = (time.perf_counter() - started) / len(task.configs)
    return [
        TrainedNetwork(state, history, stopped, seconds)
        for state, history, stopped in zip(trainer.states, histories, trainer.stopped, strict=True)
    ]


def train_rung_in_worker(task: RungTask) -> list[TrainedNetwork]:
    """Train a rung in a worker process, where BLAS has one thread from now on."""
    # It is not set back, since a cluster's worker may run several tasks in threads of one process.
    threadpool_limits(limits=1, user_api="blas")
    return train_rung(task)


def group_by_shape(configs: Sequence[Config]) -> list[list[int]]:
    """Return the positions of settings that can train as one stack, group by group."""
    groups: list[list[int]] = []
    alike: dict[tuple[str, int], list[list[int]]] = {}  # groups that may fit: thousands of kinds stay quick
    for position, config in enumerate(configs):
        key = (repr(config.model.model_copy(update={"initializer": ""})), config.data.batch_size)
        for group in alike.setdefault(key, []):
            try:
                check_stack([configs[group[0]], config])
            except ConfigError:
                continue
            group.append(position)
            break
        else:
            groups.append([position])
            alike[key].append(groups[-1])
    return groups


def split_stacks(groups: Sequence[Sequence[int]], largest: int, n_workers: int) -> list[list[int]]:
    """Return groups divided into nearly equal stacks of at most `largest`, as many as there are workers if possible.

    >>> split_stacks([[0, 1, 2, 3, 4]], 4, 1)
    [[0, 1, 2], [3, 4]]
    >>> split_stacks([[0, 1, 2, 3, 4]], 4, 3)
    [[0, 1], [2, 3], [4]]
    """
    size = largest
    while size > 1 and sum(-(-len(group) // size) for group in groups) < n_workers:
        size -= 1
    stacks = []
    for group in groups:
        n = -(-len(group) // size)
        bounds = [-(-len(group) * i // n) for i in range(n + 1)]
        stacks += [list(group[a:b]) for a, b in itertools.pairwise(bounds)]
    return stacks
