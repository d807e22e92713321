"""The engine that computes with NumPy, on as many threads as are fastest.

With one network a team of threads shares the parts of each step. With several, each thread trains some of them alone;
a team shares a network's parts only if there are more threads than networks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.batches import TrainingImages
from barenet.engine.choice import ThreadChoice, candidates
from barenet.engine.network import FastMLP
from barenet.engine.numpy_engine.batch_tasks import needs_whole_batch
from barenet.engine.numpy_engine.feed import Feed
from barenet.engine.numpy_engine.group import Group
from barenet.engine.parts import image_parts, split
from barenet.engine.protocol import Engine, EpochPlan, StepNorms, first_lost_steps
from barenet.engine.state import TrainingState
from barenet.engine.team import Team
from barenet.engine.threads import one_blas_thread
from barenet.nn import MLP, Architecture, Loss
from barenet.nn.layers.folding import fold

__all__ = ["NumpyEngine"]


class NumpyEngine(Engine):
    """Trains a stack of N networks.

    Args:
        configs: the settings of each network; they agree as `check_stack` requires.
        architecture: that of all networks.
        state: the state to start from; it is copied.
        images: the training images.
        batch_size: B.
        most_threads: the most threads to use; how many are used follows from the times of steps.
    """

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
        self.configs, self.architecture, self.loss = list(configs), architecture, loss
        self.images, self.batch_size = images, batch_size
        self.choice = ThreadChoice(candidates(most_threads, batch_size * architecture.n_weights))
        # A network whose batches are cut is a separate group, because a stack would save few calls.
        self.trains_alone = image_parts(batch_size, architecture.n_weights) > 1
        self.lanes: list[Lane] = []
        self._state = state  # the state from which lanes start
        self._threads = 0
        self._team = Team(1)
        self._network: FastMLP | None = None

    def begin(self, plan: EpochPlan) -> None:
        """Get ready for the steps of an epoch."""
        self.plan = plan
        self.losses = np.zeros(plan.rates.shape)  # 0, so that `first_lost_steps` ignores steps that are not taken
        self.predicted = np.empty((len(self.configs), plan.order.shape[-1]), np.intp)
        if not self.lanes:
            self._arrange(self.choice.threads)
        for lane in self.lanes:
            lane.begin(plan)

    def _arrange(self, threads: int) -> None:
        """Distribute the networks over `threads` threads, at least one network for each."""
        # Custom functions may not be safe in several threads: only the calling thread runs them.
        n_lanes = 1 if needs_whole_batch(self.architecture, self.loss) else min(threads, len(self.configs))
        if len(self.lanes) != n_lanes:
            if self.lanes:
                self._state = self.capture(self._state)
            self.close()
            parts = split(len(self.configs), n_lanes)
            self.lanes = [
                Lane(self, networks, self._state.select(range(networks.start, networks.stop))) for networks in parts
            ]
            self._team = Team(n_lanes)
        for lane in self.lanes:
            lane.set_threads(threads // n_lanes)
        self._threads = threads

    def train(self, start: int, stop: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Take some steps of the epoch; their times decide on the number of threads."""
        # Overflow is no error here: the training code looks for diverged networks.
        with one_blas_thread(), np.errstate(all="ignore"):
            first = start
            while first < stop:
                last = min(stop, first + (self.choice.steps() or stop))
                if self.choice.threads != self._threads:
                    self._arrange(self.choice.threads)
                    for lane in self.lanes:
                        lane.begin(self.plan)
                started = time.perf_counter()
                self._team.run([partial(lane.train, first, last) for lane in self.lanes])
                self.choice.record(last - first, time.perf_counter() - started)
                for lane in self.lanes:
                    lane.collect(first, last, self.losses, self.predicted)
                first = last
        n_images = self.predicted.shape[-1]
        images = slice(start * self.batch_size, min(stop * self.batch_size, n_images))
        return self.losses[start:stop], self.predicted[:, images]

    def norms(self) -> StepNorms:
        """Return the norms of the epoch's last step, once it is taken."""
        return StepNorms.concatenate([group.norms for lane in self.lanes for group in lane.groups])

    def capture(self, before: TrainingState) -> TrainingState:
        """Return a copy of the current state; epochs and results of validation are those of `before`."""
        groups = [group for lane in self.lanes for group in lane.groups]

        def together(arrays: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
            return np.concatenate([np.atleast_2d(array) for array in arrays])

        averages = [group.average.average for group in groups if group.average is not None]
        return replace(
            before,
            values=together([group.mlp.parameters.values for group in groups]),
            slots={name: together([group.optimizer.slots[name] for group in groups]) for name in before.slots},
            average=together(averages) if averages else None,
            statistics=together([group.statistics for group in groups]),
            n_steps=np.full(len(self.configs), groups[0].optimizer.n_steps),
        )

    def evaluation_network(self) -> MLP:
        """Return the stack for evaluation: with averaged parameters if there are any."""
        if self._network is None:
            self._network = FastMLP.from_architecture(
                self.architecture, initializer=None, loss=self.loss, n_networks=len(self.configs)
            )
        row = 0
        for group in (group for lane in self.lanes for group in lane.groups):
            values = np.atleast_2d(group.mlp.parameters.values if group.average is None else group.average.average)
            evaluated = fold(self.architecture, values, np.atleast_2d(group.statistics))
            self._network.parameters.values[row : row + len(values)] = evaluated
            row += len(values)
        return self._network

    def first_lost_steps(self) -> NDArray[np.int64]:
        """Return for each network (N,) the epoch's first step whose loss was not finite, -1 if there is none."""
        return first_lost_steps(self.losses)

    def close(self) -> None:
        """Let all threads end."""
        self._team.close()
        for lane in self.lanes:
            lane.team.close()


class Lane:
    """The networks that one thread trains, or one network that a team of threads trains."""

    def __init__(self, engine: NumpyEngine, networks: slice, state: TrainingState) -> None:
        self.networks, self.engine = networks, engine
        self.team = Team(1)
        self.groups: list[Group] = []
        self._feeds: list[Feed] = []
        self._state = state

    def set_threads(self, threads: int) -> None:
        """Let `threads` threads share each step."""
        if threads != self.team.n_threads:
            self.team.close()
            self.team = Team(threads)

    def begin(self, plan: EpochPlan) -> None:
        """Get ready for an epoch; networks with the same images in the same order share a feed."""
        part = plan.of(self.networks)
        if not self.groups:
            self._make_groups(part)
        n = self.networks.stop - self.networks.start
        rows = split(n, len(self.groups))
        for feed, networks in zip(self._feeds, split(n, len(self._feeds)), strict=True):
            feed.begin(part.of(networks if len(self._feeds) > 1 else slice(None)))
        for group, networks in zip(self.groups, rows, strict=True):
            group.begin(part.of(networks))

    def _make_groups(self, plan: EpochPlan) -> None:
        engine = self.engine
        configs = engine.configs[self.networks]
        n = len(configs)
        n_groups = n if engine.trains_alone else 1
        n_orders = 1 if plan.order.ndim == 1 else n
        self._feeds = [
            Feed(engine.images, engine.batch_size, n_orders // n_groups or 1)
            for _ in range(1 if n_orders == 1 else n_groups)
        ]
        for number, networks in enumerate(split(n, n_groups)):
            state = self._state.select(range(networks.start, networks.stop))
            feed = self._feeds[number % len(self._feeds)]
            self.groups.append(Group(configs[networks], engine.architecture, engine.loss, state, feed))

    def train(self, first: int, last: int, thread: int) -> None:
        """Take some steps; in each, one group of networks after the other."""
        plan = self.engine.plan
        for step in range(first, last):
            for group in self.groups:
                group.step(step, self.team, is_measured=plan.is_measured and step + 1 == plan.n_steps)

    def collect(self, first: int, last: int, losses: NDArray[np.float64], predicted: NDArray[np.intp]) -> None:
        """Copy the results of some steps into the arrays for all networks."""
        images = slice(first * self.engine.batch_size, last * self.engine.batch_size)
        rows = split(self.networks.stop - self.networks.start, len(self.groups))
        for group, part in zip(self.groups, rows, strict=True):
            networks = slice(self.networks.start + part.start, self.networks.start + part.stop)
            losses[first:last, networks] = group.losses[first:last]
            predicted[networks, images] = group.predicted[..., images]
