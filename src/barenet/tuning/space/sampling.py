"""Which points come next: a pure function of the space, the seed, the round and the results so far.

Optuna chooses, in a study in memory that is made anew for each round: it gets the earlier trials in their order, and a
new sampler with a seed from (seed, round). So a resumed search, or one with more workers, gets the same points.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from barenet.tuning.space.dimensions import Dimension, Point
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.search_space import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

__all__ = ["Past", "distributions_of", "point_key", "propose", "quiet_optuna", "suggest"]

TRIES = 30  # after so many draws in a row that repeat old points, a space counts as exhausted


class Past:
    """The finished trials as a sampler sees them."""

    def __init__(self, space: Space, sign: int) -> None:
        self.space, self.sign = space, sign
        self.trials: list[FrozenTrial] = []
        self.keys: set[str] = set()

    def add(self, point: Point, scores: Sequence[tuple[int, float]], *, finished: bool, lost: bool) -> None:
        """Add the next trial in order: its scores by epoch, and whether it finished, or diverged or failed (`lost`)."""
        from optuna.trial import TrialState, create_trial

        quiet_optuna()
        self.keys.add(point_key(point))
        worst = -np.inf * self.sign
        # A trial that diverged is worse than any other; one that was stopped early has its last score.
        value = worst if lost or not scores else scores[-1][1]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.trials.append(
                create_trial(
                    state=TrialState.COMPLETE if finished or lost or not scores else TrialState.PRUNED,
                    params=point,
                    distributions=distributions_of(self.space, point),
                    value=float(value),
                    intermediate_values=dict(scores),
                )
            )


def propose(plan: Plan, past: Past, round_number: int, n: int) -> list[Point]:
    """Return up to `n` new points for a round; fewer, or none, when the space is exhausted."""
    import optuna

    quiet_optuna()
    seed = int(np.random.SeedSequence([plan.search_seed, round_number]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samplers = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
        sampler = samplers[plan.strategy](seed=seed)
        study = optuna.create_study(sampler=sampler, direction=plan.direction)
        study.add_trials(past.trials)
        points: list[Point] = []
        known, tries = set(past.keys), 0
        while len(points) < n and tries < TRIES:
            trial = study.ask()
            point = suggest(trial, past.space)
            if point_key(point) in known:
                tries += 1  # its result is known: drawing it again would only count it twice
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                continue
            tries = 0
            known.add(point_key(point))
            points.append(point)
    return points


def suggest(trial: Trial, space: Space) -> Point:
    """Return the point of a trial of Optuna. It is asked for one setting after another, so that conditions hold."""
    point: Point = {}
    for dimension in space:
        name = dimension.name
        if not dimension.is_active(point):
            continue
        if dimension.choices:
            point[name] = trial.suggest_categorical(name, dimension.choices)
        elif dimension.integer:
            point[name] = trial.suggest_int(name, int(dimension.low), int(dimension.high), log=dimension.log)
        else:
            point[name] = trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)
    return point


def distributions_of(space: Space, point: Point) -> dict[str, BaseDistribution]:
    """Return Optuna's description of the settings that a point has."""
    return {dimension.name: distribution_of(dimension) for dimension in space if dimension.name in point}


def distribution_of(dimension: Dimension) -> BaseDistribution:
    """Return Optuna's description of one dimension."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    if dimension.integer:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def point_key(point: Point) -> str:
    """Return a text that is the same for equal points only."""
    return json.dumps(point, sort_keys=True)


def quiet_optuna() -> None:
    """Keep Optuna's log off the terminal."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
