"""A search whose data are loaded: its request, its space, the split data, and the base settings for these data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.errors import ConfigError
from barenet.notes import held_back, logger
from barenet.training.preparation import TrainingData
from barenet.training.setting_notes import schedule_notes
from barenet.tuning.space.dimensions import Point
from barenet.tuning.space.points import notes_of
from barenet.tuning.space.request import SearchRequest
from barenet.tuning.space.runnable import check_points, check_values
from barenet.tuning.space.sampling import Past, propose
from barenet.tuning.space.search_space import Space

__all__ = ["PreparedSearch", "first_configs", "prepare_search"]

# Most points from which the time of a search is estimated: of a grid, and of random and tpe.
GRID_POINTS = 2000
DRAWS = 32


@dataclass(frozen=True)
class PreparedSearch:
    """A request with its space, the number of its trials, its data, and its base settings, resolved for these data."""

    request: SearchRequest
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
        with held_back():  # notes about the base settings were given once already
            return self.request.base.resolve(point, self.resolved, self.dataset, self.data.n_train)

    def rungs_of(self, n_trials: int) -> list[int]:
        """Return the epochs at which a round of `n_trials` trials is compared."""
        trainer = self.resolved.trainer
        return self.request.plan.rungs(trainer.epochs, trainer.eval_every, n_trials)

    def check(self) -> None:
        """Raise ConfigError for a listed point that cannot be trained, or a value with which no point can."""
        if self.space.listed:
            check_points(self.space, self.configure)
        else:
            check_values(self.space, self.configure)


def prepare_search(request: SearchRequest, dataset: Dataset, study: Path | None = None) -> PreparedSearch:
    """Check the space, and split the data once for all trials; `study` is the folder of a study that is resumed."""
    space, plan = request.space, request.plan
    n_trials = space.check_grid(plan.limit) if plan.strategy == "grid" else plan.trials
    resolved, data = request.base.prepare(dataset, plan.metric, study)
    schedule = schedule_notes(resolved, data.n_train, space.targets)
    for sentence in (*notes_of(request.base, space), *schedule):
        logger.info(sentence)
    return PreparedSearch(request, space, n_trials, resolved, dataset, data)


def first_configs(prepared: PreparedSearch) -> list[Config]:
    """Return settings from which the time of a search is estimated: of a grid's first points, or of random points."""
    plan, space = prepared.request.plan, prepared.space
    if plan.strategy == "grid":
        points: Iterator[Point] = islice(space.grid(), GRID_POINTS)
    else:
        drawn = plan.model_copy(update={"strategy": "random"})
        points = iter(propose(drawn, Past(space, plan.sign), 0, min(DRAWS, plan.trials)))
    configs = []
    for point in points:
        with suppress(ConfigError):  # a point that cannot run takes no time
            configs.append(prepared.configure(point))
    if not configs:
        raise ConfigError("none of the first points can run, so the time cannot be estimated; narrow the space")
    return configs
