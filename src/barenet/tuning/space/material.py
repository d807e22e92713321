"""What a question is answered with: its space, its data, and settings that were resolved for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.errors import ConfigError
from barenet.training.preparation import TrainingData
from barenet.tuning.space.dimensions import Point
from barenet.tuning.space.points import describe
from barenet.tuning.space.question import Question
from barenet.tuning.space.sampling import Past, propose
from barenet.tuning.space.search_space import Space

__all__ = ["Material", "first_points", "make_material"]

CHECKED_POINTS = 2000  # of a grid, before anything is trained; a wrong one after these fails when its turn comes
CHECKED_DRAWS = 32  # of random and tpe


@dataclass(frozen=True)
class Material:
    """The space of a question, the number of its trials, its data, and its base settings, resolved for these."""

    question: Question
    space: Space
    n_trials: int
    resolved: Config
    dataset: Dataset
    data: TrainingData

    def configure(self, point: Point) -> Config:
        """Return the settings of a point; raises ConfigError where they contradict each other or the data."""
        return self.question.base.resolve(point, self.resolved, self.dataset, self.data.n_train)

    def rungs_of(self, n_trials: int) -> list[int]:
        """Return the epochs at which a round of so many trials is compared."""
        trainer = self.resolved.trainer
        return self.question.plan.rungs(trainer.epochs, trainer.eval_every, n_trials)

    def check(self, points: Sequence[Point]) -> None:
        """Raise ConfigError for the first point whose settings cannot be trained."""
        for point in points:
            try:
                self.configure(point)
            except ConfigError as error:
                raise ConfigError(f"{error} (at the point {describe(point)})") from None


def make_material(question: Question, dataset: Dataset, note: Callable[[str], None]) -> Material:
    """Check the space, and split the data once for all trials."""
    space, plan = question.space, question.plan
    n_trials = space.check_grid(plan.limit) if plan.strategy == "grid" else plan.trials
    resolved, data = question.base.prepare(dataset, plan.metric, note)
    return Material(question, space, n_trials, resolved, dataset, data)


def first_points(material: Material) -> list[Point]:
    """Return points to check before anything is trained: a grid's first, or some that are drawn at random."""
    plan, space = material.question.plan, material.space
    if plan.strategy == "grid":
        return list(islice(space.grid(), CHECKED_POINTS))
    drawn = plan.model_copy(update={"strategy": "random"})
    return propose(drawn, Past(space, plan.sign), 0, min(CHECKED_DRAWS, plan.trials))
