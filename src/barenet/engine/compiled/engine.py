"""The engine that computes with compiled kernels: networks on separate threads, or one that all threads share.

It gives the same weights to the last bit on every processor, with any number of threads, alone or with other networks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.batches import TrainingImages
from barenet.engine.choice import ThreadChoice, candidates_for
from barenet.engine.compiled.kernels.compiling import CHECKS_BOUNDS, addresses
from barenet.engine.compiled.kernels.meeting import MEET_NO_MORE
from barenet.engine.compiled.kernels.updates import PLAIN
from barenet.engine.compiled.kernels.vectors import LANES
from barenet.engine.compiled.layout import Layout
from barenet.engine.compiled.norms import norms_of
from barenet.engine.compiled.steps import take_steps
from barenet.engine.compiled.tables import ROW_IN, ROW_OUT, Memory, Share
from barenet.engine.compiled.translation import (
    as_evaluated,
    choose,
    evaluated_values,
    forward_only,
    images_of,
    network_of,
    plain_images,
    tables_of,
)
from barenet.engine.compiled.weights_phase import CHUNK
from barenet.engine.parts import split
from barenet.engine.protocol import Engine, EpochPlan, StepNorms, first_lost_steps
from barenet.engine.state import TrainingState
from barenet.engine.team import Task, Team
from barenet.nn import MLP, Architecture, Loss

__all__ = ["CompiledEngine"]

Floats = NDArray[np.float32]
EVALUATION_BATCH = 128  # images that are evaluated at once
STEPS_TOGETHER = 8  # steps of evaluation in one task of a thread


def alone() -> Share:
    """Return the share of a thread that computes whole steps."""
    return Share(0, 1, np.zeros(1, np.int64))


class CompiledEngine(Engine):
    """Trains N networks of one shape; arguments as `NumpyEngine`'s."""

    def __init__(
        self,
        configs: Sequence[Config],
        architecture: Architecture,
        loss: Loss,
        state: TrainingState,
        images: TrainingImages,
        *,
        batch_size: int,
        most_threads: int = 1,
    ) -> None:
        self.configs, self.architecture, self.loss, self.batch_size = list(configs), architecture, loss, batch_size
        self.most_threads = most_threads
        models = [config.model for config in configs]
        self.layout = Layout.of(
            architecture,
            loss,
            batch_size,
            drops_inputs=any(model.input_dropout for model in models),
            drops_units=any(model.dropout for model in models),
        )
        self.evaluation_layout = Layout.of(architecture, loss, EVALUATION_BATCH, trains=False)
        self.images, self.n_moves = images_of(images, loss), len(images.sources) if images.sources is not None else 1
        self.networks = [
            network_of(config, self.layout, loss, state.select([row])) for row, config in enumerate(configs)
        ]
        self.slot_names = list(state.slots)
        # If bounds are checked, an error may end one thread of a team, and the others would wait for it forever.
        most = 1 if CHECKS_BOUNDS else most_threads
        self.choice = ThreadChoice(candidates_for(most, len(configs), batch_size * architecture.n_weights))
        self.team = Team(1)
        self._memories: dict[tuple[int, bool], Memory] = {}
        self._norms: list[StepNorms] = []
        self._compile()

    def _compile(self) -> None:
        """Compile the functions of training, or load them: call them for no step, before times are measured."""
        nothing = forward_only(self.batch_size, 0, np.zeros(0, np.float32), np.zeros(0, np.int64))
        take_steps(self.networks[0], self.images, nothing, self._memory(0), alone(), 0, 0, False)

    def begin(self, plan: EpochPlan) -> None:
        """Get ready for the steps of an epoch."""
        self.plan, n = plan, len(self.configs)
        self.losses = np.zeros((n, plan.n_steps))  # 0, so that `first_lost_steps` ignores steps that are not taken
        self.predicted = np.empty((n, plan.order.shape[-1]), np.int64)
        self.chosen = [
            choose(
                self.configs[row], plan, row, self.layout, self.n_moves, self.losses[row], self.predicted[row]
            )._replace(batch_size=self.batch_size)  # the settings may have another batch size than training
            for row in range(n)
        ]
        self.n_steps = plan.first_step

    def train(self, start: int, stop: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Take some steps of the epoch; their times decide on the number of threads."""
        first = start
        while first < stop:
            last = min(stop, first + (self.choice.steps() or stop))
            self._arrange(self.choice.threads)
            started = time.perf_counter()
            self._take(first, last)
            self.choice.record(last - first, time.perf_counter() - started)
            first = last
        self.n_steps = self.plan.first_step + stop
        images = slice(start * self.batch_size, min(stop * self.batch_size, self.predicted.shape[-1]))
        return self.losses[:, start:stop].T, self.predicted[:, images].astype(np.intp, copy=False)

    def _arrange(self, threads: int) -> None:
        """Make a team of `threads` threads, unless there is one."""
        if threads != self.team.n_threads:
            self.team.close()
            self.team = Team(threads)

    def _take(self, first: int, last: int) -> None:
        """Take some steps; if it is wanted, measure how much the last one of an epoch changes."""
        if not self.plan.is_measured or last < self.plan.n_steps:
            self._run(first, last, is_measured=False)
            return
        self._run(first, last - 1, is_measured=False)
        before = [self.layout.unpack(network.values) for network in self.networks]
        self._run(last - 1, last, is_measured=True)
        self._norms = []
        for row, old in enumerate(before):
            rate = float(self.plan.rates[-1, row]) if self.networks[row].rule == PLAIN else 1.0
            after = self.layout.unpack(self.networks[row].values)
            self._norms.append(norms_of(float(self.chosen[row].norm[0]), rate, old, after, self.layout.places()))

    def _run(self, first: int, last: int, *, is_measured: bool) -> None:
        """Take some steps: networks on separate threads, or one network after the other on all threads."""
        n, threads = len(self.networks), self.team.n_threads
        memories = [self._memory(thread) for thread in range(threads)]
        if n >= threads:
            self.team.run([partial(self._train_alone, row, first, last, is_measured) for row in range(n)])
            return
        for row in range(n):
            counter = np.zeros(1, np.int64)
            tasks: list[Task] = []
            for number, memory in enumerate(memories):
                share = Share(number, threads, counter)
                shared = memories[0]._replace(chunk=memory.chunk, second_image=memory.second_image)
                tasks.append(partial(self._train, row, shared, share, first, last, is_measured))
            self.team.run(tasks, partial(counter.fill, MEET_NO_MORE))

    def _train_alone(self, row: int, first: int, last: int, is_measured: bool, thread: int) -> None:
        """Take some steps of one network on one thread."""
        self._train(row, self._memory(thread), alone(), first, last, is_measured)

    def _train(
        self, row: int, memory: Memory, share: Share, first: int, last: int, is_measured: bool, _thread: int = 0
    ) -> None:
        """Compute a thread's share of some steps of one network."""
        take_steps(self.networks[row], self.images, self.chosen[row], memory, share, first, last, is_measured)

    def _memory(self, thread: int, *, evaluates: bool = False) -> Memory:
        """Return a thread's memory. The padding of a layout must stay 0, so two layouts never share memory."""
        if (thread, evaluates) not in self._memories:
            layout = self.evaluation_layout if evaluates else self.layout
            n = EVALUATION_BATCH if evaluates else self.batch_size
            tables, starts = tables_of(layout, n)
            self._memories[thread, evaluates] = Memory(
                kernels=addresses(),
                work=np.zeros(layout.work, np.float32),
                chunk=np.zeros(CHUNK * LANES, np.float32),
                second_image=np.zeros(layout.layers[0, ROW_IN], np.float32),
                zeros=np.zeros(LANES, np.float32),
                classes=np.zeros(n, np.int64),
                weights=np.zeros(n, np.float32),
                soft_labels=np.zeros(n * layout.layers[-1, ROW_OUT], np.float32),
                losses=np.zeros(n, np.float32),
                tables=tables,
                table_starts=starts,
            )
        return self._memories[thread, evaluates]

    def norms(self) -> StepNorms:
        """Return the norms of the epoch's last step, once it is taken."""
        return StepNorms.concatenate(self._norms)

    def capture(self, before: TrainingState) -> TrainingState:
        """Return a copy of the current state; epochs and results of validation are those of `before`."""

        def together(name: str) -> Floats:
            return np.stack([self.layout.unpack(getattr(network, name)) for network in self.networks])

        return replace(
            before,
            values=together("values"),
            slots={name: together(slot) for name, slot in zip(self.slot_names, ("slot_1", "slot_2"), strict=False)},
            average=None if before.average is None else together("averages"),
            statistics=np.stack([network.statistics for network in self.networks]),
            n_steps=np.full(len(self.configs), self.n_steps),
        )

    def evaluate(
        self, loss: Loss, images: NDArray[Any], labels: NDArray[np.integer], scale: float
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return mean losses (N,) and predicted classes (N, n), with the same bits everywhere."""
        n, plain = len(images), plain_images(images, labels, scale)
        losses, predicted = np.zeros((len(self.networks), n), np.float32), np.zeros((len(self.networks), n), np.int64)
        n_steps = -(-n // EVALUATION_BATCH)
        parts = split(n_steps, -(-n_steps // STEPS_TOGETHER))

        networks = [as_evaluated(network, self.layout, self.evaluation_layout, loss) for network in self.networks]
        chosen = [forward_only(EVALUATION_BATCH, n, *given) for given in zip(losses, predicted, strict=True)]

        def run(row: int, part: slice, thread: int) -> None:
            memory = self._memory(thread, evaluates=True)
            take_steps(networks[row], plain, chosen[row], memory, alone(), part.start, part.stop, False)

        with closing(Team(self.most_threads)) as team:
            team.run([partial(run, row, part) for row in range(len(networks)) for part in parts])
        # Added one after the other, because the order in which NumPy adds many numbers depends on the processor.
        means = np.cumsum(losses, axis=1, dtype=np.float64)[:, -1] / n
        return means, predicted.astype(np.intp, copy=False)

    def evaluation_network(self) -> MLP:
        """Return the stack for evaluation: with averaged parameters if there are any."""
        mlp = MLP.from_architecture(self.architecture, initializer=None, loss=self.loss, n_networks=len(self.configs))
        for row, network in enumerate(self.networks):
            mlp.parameters.values[row] = evaluated_values(network, self.layout)
        return mlp

    def first_lost_steps(self) -> NDArray[np.int64]:
        """Return for each network (N,) the epoch's first step whose loss was not finite, -1 if there is none."""
        return first_lost_steps(self.losses.T)

    def close(self) -> None:
        """Let all threads end."""
        self.team.close()
