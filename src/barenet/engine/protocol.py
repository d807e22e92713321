"""What every engine does: take the steps of an epoch for N networks, and return their results.

    engine.begin(plan)
    losses, predicted = engine.train(0, plan.n_steps)     # or in several calls
    state = engine.capture(before)

All other code uses engines only through this protocol.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.augmentation import Mixture
from barenet.engine.state import TrainingState
from barenet.nn import MLP, Loss

__all__ = ["Engine", "EpochPlan", "StepNorms", "first_lost_steps"]


@dataclass(frozen=True)
class EpochPlan:
    """The steps of one epoch of N networks.

    first_step: the number of steps before the epoch. rates: (S, N) the learning rate of each step. order: (n,) the
    training images in the order of the epoch if all networks see the same, or (N, n). mirrored, moves: shaped like
    the order, how each image is changed; None if no image is. is_measured: whether the norms of the last step are
    wanted. mixture: what each image is mixed with, shaped like the order; None if images are not mixed.
    """

    first_step: int
    rates: NDArray[np.float64]
    order: NDArray[np.intp]
    mirrored: NDArray[np.bool_] | None = None
    moves: NDArray[np.int64] | None = None
    is_measured: bool = True
    mixture: Mixture | None = None

    @property
    def n_steps(self) -> int:
        """S, the number of steps."""
        return len(self.rates)

    def of(self, networks: slice) -> EpochPlan:
        """Return the plan of some of the networks; for a single network the order has no leading axis."""

        def some(drawn: Any) -> Any:
            if drawn is None or drawn.ndim == 1:
                return drawn
            return drawn[networks] if len(drawn[networks]) > 1 else drawn[networks][0]

        mixed = self.mixture
        return replace(
            self,
            rates=self.rates[:, networks],
            order=some(self.order),
            mirrored=some(self.mirrored),
            moves=some(self.moves),
            mixture=mixed and Mixture(some(mixed.order), some(mixed.mirrored), some(mixed.moves), some(mixed.shares)),
        )


@dataclass(frozen=True)
class StepNorms:
    """Euclidean norms (N,) of one step: gradient, change and parameters, and change over parameter by name.

    A ratio is NaN if all numbers of the parameter were zero, as in biases at the start.
    """

    gradient: NDArray[np.float64]
    update: NDArray[np.float64]
    weights: NDArray[np.float64]
    ratios: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @staticmethod
    def concatenate(parts: Sequence[StepNorms]) -> StepNorms:
        """Return the norms of all networks of several groups."""
        plain = {
            name: np.concatenate([getattr(norms, name) for norms in parts])
            for name in ("gradient", "update", "weights")
        }
        ratios = {name: np.concatenate([norms.ratios[name] for norms in parts]) for name in parts[0].ratios}
        return StepNorms(**plain, ratios=ratios)


class Engine(ABC):
    """Trains N networks of one shape, from a state that it copies.

    The bits of its results depend on shapes, batch size and settings, never on the number of threads, processes or
    other networks.
    """

    @abstractmethod
    def begin(self, plan: EpochPlan) -> None:
        """Get ready for the steps of an epoch."""

    @abstractmethod
    def train(self, start: int, stop: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Take the steps from number `start` of the epoch to before `stop`.

        Returns the loss (stop - start, N) of each step's batch before the step, and the class (N, images) predicted for
        each image, in order.
        """

    @abstractmethod
    def norms(self) -> StepNorms:
        """Return the norms of the epoch's last step, once it is taken."""

    @abstractmethod
    def capture(self, before: TrainingState) -> TrainingState:
        """Return a copy of the current state; epochs and results of validation are those of `before`."""

    def evaluate(
        self, loss: Loss, images: NDArray[Any], labels: NDArray[np.integer], scale: float
    ) -> tuple[NDArray[np.float64], NDArray[np.intp]] | None:
        """Return the mean loss (N,) over images (n, D), times `scale`, and the classes (N, n) predicted for them.

        None if the engine cannot evaluate; then the caller uses the evaluation network.
        """
        return None

    @abstractmethod
    def evaluation_network(self) -> MLP:
        """Return the stack for evaluation: with averaged parameters if there are any."""

    @abstractmethod
    def first_lost_steps(self) -> NDArray[np.int64]:
        """Return for each network (N,) the epoch's first step whose loss was not finite, -1 if there is none."""

    @abstractmethod
    def close(self) -> None:
        """End threads and processes; the engine cannot be used again."""


def first_lost_steps(losses: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each network (N,) the first of the steps whose loss (S, N) is not finite, -1 if there is none."""
    is_lost = ~np.isfinite(losses)
    return np.where(is_lost.any(axis=0), is_lost.argmax(axis=0), -1)
