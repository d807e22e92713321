"""All that networks need to continue training exactly as without a break, between epochs or inside one.

The first axis of every array is N, the number of networks; N = 1 for a single run. Between epochs, `select` drops
networks that have finished, stopped early or diverged, and `concatenate` stacks others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.nn import Architecture
from barenet.nn.layers.folding import fold

__all__ = ["TrainingState"]

Array = NDArray[np.floating]
ONE_EACH = ("n_steps", "epoch", "stale", "begun_right", "begun_seconds")  # the arrays of shape (N,)
COUNTS = ("n_steps", "epoch", "best_epochs", "stale", "begun_right")


@dataclass(frozen=True)
class TrainingState:
    """The state of N networks after some steps.

    values: (N, P) parameters. slots: the optimizer's arrays (N, P). average: (N, P) averaged parameters, or None.
    statistics: (N, S) running statistics of batch normalisation, S = 0 if there are none.
    n_steps, epoch: (N,) steps and epochs done. best_values: (N, P) the best evaluated parameters so far.
    best_scores, best_epochs: (N, K) the best K validations, best first; missing ones are -inf and -1; a score is the
    accuracy, or minus the loss. stale: (N,) validations since the best.

    For the record of an epoch that has begun: begun_losses: (N, k) the losses of its k steps so far; begun_right: (N,)
    how many images were predicted right; begun_seconds: (N,) how long it took. Between epochs k = 0.
    """

    values: Array
    slots: dict[str, Array]
    average: Array | None
    statistics: Array
    n_steps: NDArray[np.int64]
    epoch: NDArray[np.int64]
    best_values: Array
    best_scores: NDArray[np.float64]
    best_epochs: NDArray[np.int64]
    stale: NDArray[np.int64]
    begun_losses: NDArray[np.float64]
    begun_right: NDArray[np.int64]
    begun_seconds: NDArray[np.float64]

    @staticmethod
    def start(
        values: Array,
        slot_names: Sequence[str],
        has_average: bool,
        keep_best: int,
        statistics: Array | None = None,
    ) -> TrainingState:
        """Return the state of networks before their first step."""
        n = len(values)
        return TrainingState(
            values=values.copy(),
            slots={name: np.zeros_like(values) for name in slot_names},
            average=values.copy() if has_average else None,
            statistics=np.zeros((n, 0), values.dtype) if statistics is None else statistics,
            n_steps=np.zeros(n, np.int64),
            epoch=np.zeros(n, np.int64),
            best_values=values.copy(),
            best_scores=np.full((n, keep_best), -np.inf),
            best_epochs=np.full((n, keep_best), -1, np.int64),
            stale=np.zeros(n, np.int64),
            **begun_nothing(n),
        )

    @property
    def n_begun(self) -> int:
        """k, the number of steps that are done in an epoch that has begun."""
        return int(self.begun_losses.shape[-1])

    def after_epoch(self) -> TrainingState:
        """Return the state at the end of an epoch: all its steps are done, and it counts."""
        return replace(self, epoch=self.epoch + 1, **begun_nothing(self.n_networks))  # type: ignore[arg-type]

    @property
    def n_networks(self) -> int:
        """N, the number of networks."""
        return len(self.values)

    def evaluated(self, architecture: Architecture) -> Array:
        """Return the parameters (N, P) that validation, best and prediction use.

        They are the averages if there are any, with the running statistics in weights and biases.
        """
        return fold(architecture, self.values if self.average is None else self.average, self.statistics)

    def select(self, rows: Sequence[int]) -> TrainingState:
        """Return the state of the networks at `rows`, copied."""
        return self.from_arrays({name: array[list(rows)] for name, array in self.arrays().items()})

    def without_parameters(self) -> TrainingState:
        """Return the state without parameters, for another process that has them already."""
        none = np.empty((self.n_networks, 0), self.values.dtype)
        return replace(self, values=none, slots=dict.fromkeys(self.slots, none), average=None, best_values=none)

    @staticmethod
    def concatenate(states: Sequence[TrainingState]) -> TrainingState:
        """Stack states of the same shapes into one."""
        all_arrays = [state.arrays() for state in states]
        return TrainingState.from_arrays(
            {name: np.concatenate([a[name] for a in all_arrays]) for name in all_arrays[0]}
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return every array by its name in files; a slot is `slots.NAME`."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "slots"}
        slots = {f"slots.{name}": array for name, array in self.slots.items()}
        return {name: array for name, array in {**plain, **slots}.items() if array is not None}

    @staticmethod
    def from_arrays(arrays: dict[str, NDArray[np.generic]]) -> TrainingState:
        """Return the state from `arrays` by name; raise KeyError for a missing one.

        Files do not hold arrays without elements, and files of earlier versions hold nothing about an epoch that has
        begun.
        """
        n, dtype = len(arrays["values"]), arrays["values"].dtype
        arrays = {"statistics": np.zeros((n, 0), dtype), **begun_nothing(n), **arrays}
        slots = {name.removeprefix("slots."): a for name, a in arrays.items() if name.startswith("slots.")}
        names = [f.name for f in fields(TrainingState) if f.name not in ("slots", "average")]
        return TrainingState(**{name: arrays[name] for name in names}, slots=slots, average=arrays.get("average"))  # type: ignore[arg-type]

    def check(self, n_parameters: int, n_statistics: int = 0) -> None:
        """Raise ValueError for arrays that do not fit one network with so many parameters and statistics."""
        lengths = {
            **{"statistics": n_statistics, "begun_losses": self.begun_losses.size},
            **dict.fromkeys(("best_scores", "best_epochs"), self.best_scores.size),
        }
        for name, array in self.arrays().items():
            shape = (1,) if name in ONE_EACH else (1, lengths.get(name, n_parameters))
            kind = np.integer if name in COUNTS else np.floating
            if array.shape != shape or not np.issubdtype(array.dtype, kind):
                raise ValueError(f"state.{name} is of {array.dtype} and shape {array.shape}, expected {shape}")

    def with_validation(self, scores: NDArray[np.float64], evaluated: Array) -> TrainingState:
        """Return the state after a validation, with the best so far and `stale` updated.

        scores: (N,), the results. evaluated: (N, P), the parameters that were validated.
        """
        improved = scores > self.best_scores[:, 0]
        all_scores = np.column_stack([self.best_scores, scores])
        all_epochs = np.column_stack([self.best_epochs, self.epoch])
        ranking = np.argsort(-all_scores, axis=1, kind="stable")[:, :-1]  # stable: of equal scores the earlier is first
        return replace(
            self,
            best_values=np.where(improved[:, None], evaluated, self.best_values),
            best_scores=np.take_along_axis(all_scores, ranking, axis=1),
            best_epochs=np.take_along_axis(all_epochs, ranking, axis=1),
            stale=np.where(improved, 0, self.stale + 1),
        )


def begun_nothing(n: int) -> dict[str, NDArray[Any]]:
    """Return the arrays for an epoch that has not begun, for a state of `n` networks."""
    return {"begun_losses": np.zeros((n, 0)), "begun_right": np.zeros(n, np.int64), "begun_seconds": np.zeros(n)}
