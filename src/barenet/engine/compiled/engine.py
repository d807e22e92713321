"""The engine that computes with compiled kernels: networks side by side, each on one thread.

The same weights to the last bit on every processor, with any number of threads, alone or beside other networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.batches import TrainingImages
from barenet.engine.compiled.kernels.compiling import addresses
from barenet.engine.compiled.kernels.losses import LOSS_CODES
from barenet.engine.compiled.kernels.updates import PLAIN
from barenet.engine.compiled.kernels.vectors import LANES
from barenet.engine.compiled.layout import Layout
from barenet.engine.compiled.steps import evaluate, train
from barenet.engine.compiled.tables import Memory, Network
from barenet.engine.compiled.translation import choose, images_of, network_of, plain_images, tables_of
from barenet.engine.compiled.weights_phase import CHUNK
from barenet.engine.parts import split
from barenet.engine.protocol import Engine, EpochPlan, StepNorms, first_lost_steps
from barenet.engine.state import TrainingState
from barenet.engine.team import Task, Team
from barenet.nn import MLP, Architecture, Loss

__all__ = ["CompiledEngine"]

Floats = NDArray[np.float32]
EVALUATION_BATCH = 128  # images that are evaluated at once
EVALUATED_TOGETHER = 1024  # images that a thread takes at a time


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
        self.evaluation_layout = Layout.of(architecture, loss, EVALUATION_BATCH, drops_inputs=False, drops_units=False)
        self.images, self.n_shifts = images_of(images, loss), len(images.sources) if images.sources is not None else 1
        self.networks = [
            network_of(config, self.layout, loss, state.select([row])) for row, config in enumerate(configs)
        ]
        self.slot_names = list(state.slots)
        self.team = Team(max(1, min(most_threads, len(configs))))
        self._memories: dict[tuple[int, bool], Memory] = {}
        self._norms: list[StepNorms] = []

    def begin(self, plan: EpochPlan) -> None:
        """Get ready for the steps of an epoch."""
        self.plan, n = plan, len(self.configs)
        self.losses = np.zeros((n, plan.n_steps))  # of a step that is not taken none is lost
        self.predicted = np.empty((n, plan.order.shape[-1]), np.int64)
        self.chosen = [
            choose(self.configs[row], plan, row, self.layout, self.n_shifts, self.losses[row], self.predicted[row])
            for row in range(n)
        ]
        self.n_steps = plan.first_step

    def train(self, start: int, stop: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Take some steps of the epoch."""
        measured: dict[int, StepNorms] = {}
        tasks: list[Task] = [partial(self._train, row, start, stop, measured) for row in range(len(self.networks))]
        self.team.run(tasks)
        self._norms = [measured[row] for row in sorted(measured)]
        self.n_steps = self.plan.first_step + stop
        images = slice(start * self.batch_size, min(stop * self.batch_size, self.predicted.shape[-1]))
        return self.losses[:, start:stop].T, self.predicted[:, images].astype(np.intp, copy=False)

    def _train(self, row: int, start: int, stop: int, measured: dict[int, StepNorms], thread: int) -> None:
        """Take some steps with one network."""
        network, chosen, memory = self.networks[row], self.chosen[row], self._memory(thread)
        if not self.plan.is_measured or stop < self.plan.n_steps:
            train(network, self.images, chosen, memory, start, stop, False)
            return
        train(network, self.images, chosen, memory, start, stop - 1, False)
        before = self.layout.unpack(network.values)
        train(network, self.images, chosen, memory, stop - 1, stop, True)
        measured[row] = self._measure(row, before, self.layout.unpack(network.values), float(chosen.norm[0]))

    def _measure(self, row: int, before: Floats, after: Floats, gradient: float) -> StepNorms:
        """Return the norms of a step of one network."""
        if self.networks[row].rule == PLAIN:
            gradient /= self.plan.rates[-1, row]
        change, ratios = after - before, {}
        for name, (place, size) in self.layout.places().items():
            was, moved = (np.linalg.norm(own[place : place + size].astype(np.float64)) for own in (before, change))
            ratios[name] = np.array([moved / was if was > 0 else np.nan])
        update, weights = (np.array([np.linalg.norm(own.astype(np.float64))]) for own in (change, before))
        return StepNorms(np.array([gradient]), update, weights, ratios)

    def _memory(self, thread: int, *, evaluates: bool = False) -> Memory:
        """Return what a thread computes with. The padding of a layout stays 0, so no two layouts share their memory."""
        if (thread, evaluates) not in self._memories:
            layout = self.evaluation_layout if evaluates else self.layout
            n = EVALUATION_BATCH if evaluates else self.batch_size
            tables, starts = tables_of(layout, n)
            self._memories[thread, evaluates] = Memory(
                kernels=addresses(),
                work=np.zeros(layout.work, np.float32),
                chunk=np.zeros(CHUNK * LANES, np.float32),
                zeros=np.zeros(LANES, np.float32),
                classes=np.zeros(n, np.int64),
                weights=np.zeros(n, np.float32),
                losses=np.zeros(n, np.float32),
                tables=tables,
                table_starts=starts,
            )
        return self._memories[thread, evaluates]

    def norms(self) -> StepNorms:
        """Return the norms of the epoch's last step, once it is taken."""
        return StepNorms.concatenate(self._norms)

    def capture(self, before: TrainingState) -> TrainingState:
        """Return a copy of the state reached; epochs, and what validation gave, are those of `before`."""

        def together(name: str) -> Floats:
            return np.stack([self.layout.unpack(getattr(network, name)) for network in self.networks])

        return replace(
            before,
            values=together("values"),
            slots={name: together(own) for name, own in zip(self.slot_names, ("slot_1", "slot_2"), strict=False)},
            average=None if before.average is None else together("averages"),
            n_steps=np.full(len(self.configs), self.n_steps),
        )

    def evaluate(
        self, loss: Loss, images: NDArray[Any], labels: NDArray[np.integer], scale: float
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return mean losses (N,) and predicted classes (N, n), with the same bits everywhere."""
        n, own = len(images), plain_images(images, labels, scale)
        losses, predicted = np.zeros((len(self.networks), n), np.float32), np.zeros((len(self.networks), n), np.int64)
        parts = split(n, -(-n // EVALUATED_TOGETHER))

        def run(row: int, part: slice, thread: int) -> None:
            network = self._evaluated(self.networks[row], loss)
            memory = self._memory(thread, evaluates=True)
            evaluate(network, own, memory, EVALUATION_BATCH, part.start, part.stop, losses[row], predicted[row])

        with closing(Team(self.most_threads)) as team:
            team.run([partial(run, row, part) for row in range(len(self.networks)) for part in parts])
        # One after the other: how NumPy adds many numbers depends on the processor.
        means = np.cumsum(losses, axis=1, dtype=np.float64)[:, -1] / n
        return means, predicted.astype(np.intp, copy=False)

    def _evaluated(self, network: Network, loss: Loss) -> Network:
        """Return a network as it is evaluated."""
        values = network.averages if network.averages.size else network.values
        layers, code = self.evaluation_layout.layers, LOSS_CODES[loss.name]
        return network._replace(layers=layers, values=values, loss=code, smoothing=np.float32(loss.label_smoothing))

    def evaluation_network(self) -> MLP:
        """Return the stack as it is evaluated: with its averaged parameters where there are any."""
        mlp = MLP.from_architecture(self.architecture, initializer=None, loss=self.loss, n_networks=len(self.configs))
        for row, network in enumerate(self.networks):
            mlp.parameters.values[row] = self.layout.unpack(
                network.averages if network.averages.size else network.values
            )
        return mlp

    def first_lost_steps(self) -> NDArray[np.int64]:
        """Return for each network (N,) the epoch's first step whose loss was not finite, -1 if there is none."""
        return first_lost_steps(self.losses.T)

    def close(self) -> None:
        """Let all threads end."""
        self.team.close()
