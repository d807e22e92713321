"""What a question is answered with: its space, its data, and settings that were resolved for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.errors import ConfigError
from barenet.training.preparation import TrainingData
from barenet.training.setting_notes import schedule_notes
from barenet.tuning.space.dimensions import Point
from barenet.tuning.space.points import notes_of
from barenet.tuning.space.question import Question
from barenet.tuning.space.runnable import check_points, check_values
from barenet.tuning.space.sampling import Past, propose
from barenet.tuning.space.search_space import Space

__all__ = ["Material", "first_configs", "make_material"]

GRID_POINTS = 2000  # of a grid whose time is estimated
DRAWS = 32  # of random and tpe


@dataclass(frozen=True)
class Material:
    """The space of a question, the number of its trials, its data, and its base settings, resolved for these."""

    question: Question
    space: Space
    n_trials: int
    resolved: Config
    dataset: Dataset
    data: TrainingData

    @property
    def searched(self) -> list[str]:
        """What the points replace: settings by dotted path, and layers by their names."""
        return self.space.targets

    def configure(self, point: Point) -> Config:
        """Return the settings of a point; raises ConfigError where they contradict each other or the data."""
        return self.question.base.resolve(point, self.resolved, self.dataset, self.data.n_train)

    def rungs_of(self, n_trials: int) -> list[int]:
        """Return the epochs at which a round of so many trials is compared."""
        trainer = self.resolved.trainer
        return self.question.plan.rungs(trainer.epochs, trainer.eval_every, n_trials)

    def check(self) -> None:
        """Raise ConfigError for a value that cannot be trained, whatever the other settings are, or a listed point."""
        if self.space.listed:
            check_points(self.space, self.configure)
        else:
            check_values(self.space, self.configure)


def make_material(question: Question, dataset: Dataset, note: Callable[[str], None]) -> Material:
    """Check the space, and split the data once for all trials."""
    space, plan = question.space, question.plan
    n_trials = space.check_grid(plan.limit) if plan.strategy == "grid" else plan.trials
    resolved, data = question.base.prepare(dataset, plan.metric, note)
    schedule = schedule_notes(resolved, data.n_train, space.targets)
    for sentence in (*notes_of(question.base, space), *schedule):
        note(sentence)
    return Material(question, space, n_trials, resolved, dataset, data)


def first_configs(material: Material) -> list[Config]:
    """Return the settings by which the time of a search is estimated: of a grid's first points, or of some draws."""
    plan, space = material.question.plan, material.space
    if plan.strategy == "grid":
        points: Iterator[Point] = islice(space.grid(), GRID_POINTS)
    else:
        drawn = plan.model_copy(update={"strategy": "random"})
        points = iter(propose(drawn, Past(space, plan.sign), 0, min(DRAWS, plan.trials)))
    configs = []
    for point in points:
        with suppress(ConfigError):  # a point that cannot run takes no time
            configs.append(material.configure(point))
    if not configs:
        raise ConfigError("none of the first points can run, so the time cannot be estimated; narrow the space")
    return configs
