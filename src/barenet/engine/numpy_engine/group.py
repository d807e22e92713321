"""Networks that take their steps together, on one thread or with a team of threads.

A group is one network, without a leading axis, or a stack of several with small batches, where one call of NumPy for
all of them saves time. It takes single steps; the engine decides which steps to take, and on which threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.engine.network import FastMLP
from barenet.engine.numpy_engine.batch_tasks import BatchTasks
from barenet.engine.numpy_engine.feed import Feed
from barenet.engine.numpy_engine.weights_phase import Learning, Piece
from barenet.engine.plain_sgd import PlainSGD
from barenet.engine.protocol import EpochPlan, StepNorms
from barenet.engine.stacks import make_average, make_network, make_optimizer, statistics_rest
from barenet.engine.state import TrainingState
from barenet.engine.team import Task, Team
from barenet.nn import Architecture, Loss
from barenet.nn.layers.folding import follow, running_views
from barenet.nn.optimizers import Factors, clip_by_norm, without_decay

__all__ = ["Group"]

Array = NDArray[np.floating]


class Group:
    """One network, or a stack of several.

    Args:
        configs: the settings of each network; they agree as `check_stack` requires.
        state: the state to start from; it is copied.
        feed: prepares their batches.
    """

    def __init__(
        self, configs: Sequence[Config], architecture: Architecture, loss: Loss, state: TrainingState, feed: Feed
    ) -> None:
        self.configs, self.loss, self.feed = configs, loss, feed
        self.is_stack = len(configs) > 1
        self.mlp: FastMLP = make_network(configs, architecture, loss)
        parameters = self.mlp.parameters
        self.optimizer = make_optimizer(configs, self.mlp)
        self.optimizer.n_steps = int(state.n_steps[0])
        self.scales_logits = isinstance(self.optimizer, PlainSGD)
        self.average = make_average(configs, parameters.values)
        self.learning = Learning(parameters.grads, self.optimizer, self.average, {})
        rows = ... if self.is_stack else 0
        parameters.values[...] = state.values[rows]
        for name, slot in self.optimizer.slots.items():
            slot[...] = state.slots[name][rows]
        if self.average is not None and state.average is not None:
            self.average.average[...] = state.average[rows]
        self.statistics = state.statistics[rows].copy()
        self.running = running_views(architecture, self.statistics)
        self._tasks: dict[int, BoundTasks] = {}

    def begin(self, plan: EpochPlan) -> None:
        """Get ready for an epoch, after the feed: compute the factors of all its steps."""
        self.plan = plan
        lead = (len(plan.rates), plan.rates.shape[1], 1) if self.is_stack else (len(plan.rates),)
        rates = plan.rates.reshape(lead)
        steps = (plan.first_step + 1 + np.arange(plan.n_steps)).reshape(-1, *(1,) * (len(lead) - 1))
        combined = self.optimizer.factors(rates, steps)
        self.factors = {name: np.broadcast_to(factor, lead) for name, factor in combined.items()}
        self.rest = None if self.average is None else np.broadcast_to(self.average.rest(steps), lead)
        self.statistics_rest = np.broadcast_to(statistics_rest(self.configs, steps), lead) if self.running else None
        self.rates = rates
        self.losses = np.empty((plan.n_steps, plan.rates.shape[1]))
        self.predicted = np.empty((*((plan.rates.shape[1],) if self.is_stack else ()), self.feed.n_images), np.intp)

    def step(self, step: int, team: Team, *, is_measured: bool = False) -> None:
        """Take one step of the epoch."""
        if team.n_threads > 1:
            self.feed.allow_following()
        tasks = self._prepare(step, is_measured)
        before = self.mlp.parameters.values.copy() if is_measured else None
        team.run(tasks.images)
        if self.statistics_rest is not None:
            follow(self.running, tasks.slots, self.statistics_rest[step, ...])
        if self.optimizer.clips:
            team.run(tasks.gradients)
            self.gradient_norms = np.sqrt(self._sum([piece.clipped for piece in tasks.pieces], tasks.pieces))[..., None]
            team.run(tasks.clipped_moves)
        else:
            team.run(tasks.moves_and_next if team.n_threads > 1 else tasks.moves)
        self.optimizer.n_steps = self.plan.first_step + step + 1
        losses = self.losses[step]
        losses[...] = 0
        for share, part in zip(tasks.shares, tasks.parts, strict=True):
            losses += share * part.loss
        if before is not None:
            self.norms = self._measure(before, tasks)

    def _prepare(self, step: int, is_measured: bool) -> BoundTasks:
        """Make a step the current one: its batch, its factors, its noise."""
        self.now, self.is_measured = step, is_measured
        self.positions = self.feed.positions(step)
        self.x = self.feed.batch(step)
        size = self.x.shape[-2]
        if size not in self._tasks:
            self._tasks[size] = BoundTasks(self)
        tasks = self._tasks[size]
        tasks.slots[0].x = self.x
        self.weight_factors = {name: factor[step, ...] for name, factor in self.factors.items()}
        self.bias_factors = without_decay(self.weight_factors)
        self.mlp.noise.step = self.plan.first_step + step
        return tasks

    def factors_of(self, piece: Piece) -> tuple[Factors, Array | None]:
        """Return the factors of a piece in this step, and the share by which its average moves."""
        factors = self.weight_factors if piece.is_weights else self.bias_factors
        rest = None if self.rest is None else self.rest[self.now, ...]
        if piece.network is None:
            return factors, rest
        place = piece.network, 0, ...
        return {name: factor[place] for name, factor in factors.items()}, None if rest is None else rest[place]

    def run_images(self, tasks: BatchTasks, part: int, thread: int) -> None:
        """Run a part of the first phase."""
        rows = tasks.rows[part]
        self.feed.prepare(self.now, rows)
        start = self.positions.start
        places = slice(start + rows.start, start + rows.stop)
        scale = None
        if self.scales_logits:
            scale = np.asarray(tasks.shares[part] * self.rates[self.now, ..., None], self.x.dtype)
        elif len(tasks.rows) > 1:
            scale = np.asarray(tasks.shares[part], self.x.dtype)
        x = self.x if len(tasks.rows) == 1 else self.x[rows]
        tasks.parts[part].run(x, self.feed.labels(places), self.predicted[..., places], scale)

    def prepare_next(self, rows: slice, thread: int) -> None:
        """Prepare some images of the next step, if its batch has the same size; a task for a free thread."""
        following = self.feed.positions(self.now + 1)
        if following.stop - following.start == self.x.shape[-2]:
            self.feed.prepare(self.now + 1, rows)

    def compute_and_move(self, piece: Piece, thread: int) -> None:
        """Run a task of the second phase."""
        factors, rest = self.factors_of(piece)
        piece.compute_and_move(factors, rest, thread, self.is_measured)

    def keep_gradient(self, piece: Piece, thread: int) -> None:
        """Compute a gradient and keep it until it is clipped."""
        piece.keep_gradient(self.factors_of(piece)[0], thread, self.is_measured)

    def clip_and_move(self, piece: Piece, thread: int) -> None:
        """Clip a kept gradient, and move by it."""
        rows = ... if piece.network is None else piece.network
        limit = np.asarray(self.optimizer.clip_norm)
        clip_by_norm(piece.kept, limit if limit.ndim == 0 else limit[rows], self.gradient_norms[rows])
        piece.move(piece.kept, *self.factors_of(piece), piece.memory_of(thread)[1])

    def _sum(self, squares: Sequence[Array], pieces: Sequence[Piece]) -> Array:
        """Return the sum of the pieces' sums of squares in their order, a number, or (N,) for a stack."""
        total = np.zeros(self.mlp.parameters.lead)
        for square, piece in zip(squares, pieces, strict=True):
            total[... if piece.network is None else piece.network] += square
        return total

    def _measure(self, before: Array, tasks: BoundTasks) -> StepNorms:
        """Return the norms of a step that was taken from the parameters `before`."""
        parameters = self.mlp.parameters
        gradient = np.sqrt(self._sum([piece.squared for piece in tasks.pieces], tasks.pieces))
        if self.scales_logits:
            gradient = gradient / self.rates[self.now].reshape(gradient.shape)
        change = parameters.values - before
        ratios = {}
        for (name, moved), old in zip(parameters.named(change).items(), parameters.named(before).values(), strict=True):
            moved_by, was = norms(moved), norms(old)
            ratios[name] = np.divide(moved_by, was, out=np.full(len(was), np.nan), where=was > 0)
        lead = (-1, 1, before.shape[-1])
        return StepNorms(np.atleast_1d(gradient), norms(change.reshape(lead)), norms(before.reshape(lead)), ratios)


class BoundTasks:
    """The tasks for one size of batches, for a team."""

    def __init__(self, group: Group) -> None:
        tasks = BatchTasks(group.mlp, group.loss, group.learning, group.x)
        self.slots, self.parts, self.shares, self.pieces = tasks.memory.slots, tasks.parts, tasks.shares, tasks.pieces
        self.images: list[Task] = [partial(group.run_images, tasks, part) for part in range(len(tasks.parts))]
        self.moves: list[Task] = [partial(group.compute_and_move, piece) for piece in tasks.pieces]
        self.moves_and_next: list[Task] = [*self.moves, *(partial(group.prepare_next, rows) for rows in tasks.rows)]
        self.gradients: list[Task] = [partial(group.keep_gradient, piece) for piece in tasks.pieces]
        self.clipped_moves: list[Task] = [partial(group.clip_and_move, piece) for piece in tasks.pieces]


def norms(matrices: Array) -> NDArray[np.float64]:
    """Return the Euclidean norm of each matrix (..., D, H), float64, (N,) or (1,) without a stack."""
    vectors = matrices.reshape(-1, matrices.shape[-2] * matrices.shape[-1])
    lengths: NDArray[np.float64] = np.sqrt(np.vecdot(vectors, vectors), dtype=np.float64)
    return lengths
