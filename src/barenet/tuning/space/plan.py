"""How a search is done: strategy, rounds, rungs and what counts as better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from barenet.config.fields import Table
from barenet.config.sources import explain
from barenet.errors import ConfigError, nearest

__all__ = ["Direction", "Plan"]

Direction = Literal["maximize", "minimize"]
ALL = 1_000_000_000  # a round as large as the search


class Plan(Table):
    """The settings of a search itself: [search] in a file, flags on the command line, keywords in Python."""

    strategy: Literal["grid", "random", "tpe"] = Field(
        "grid",
        description="grid: every combination; random: random points; tpe: points near those of good earlier trials, "
        "for a space with ranges.",
    )
    trials: int = Field(32, gt=0, description="Number of trials of random and tpe; a grid has one for each point.")
    halving: bool = Field(
        False,
        description="Stop poor trials early: train all for a few epochs, the best third for more, and so on.",
    )
    eta: int = Field(3, ge=2, description="Of so many trials, one continues to the next rung of halving.")
    min_epochs: int | None = Field(
        None,
        gt=0,
        description="Epochs of the first rung of halving; by default the epochs divided by eta up to three times.",
    )
    metric: Literal["acc", "loss"] = Field("acc", description="Validation figure by which trials are compared.")
    score: Literal["last", "best"] = Field("last", description="Score a trial at its last or at its best epoch.")
    repeats: int = Field(
        0,
        ge=0,
        description="Train the best settings again with so many other seeds, and say how sure the ranking is.",
    )
    repeat_best: int = Field(3, gt=0, description="How many of the best settings are repeated.")
    retrain: bool = Field(False, description="Train the winner once more at the end, and test it.")
    stack: int = Field(4, gt=0, description="Most networks that one process trains together.")
    round_size: int | None = Field(
        None, gt=0, description="Trials that are chosen together; by default all, and 9 for tpe."
    )
    search_seed: int = Field(0, ge=0, description="Seed of the random choices of random and tpe.")
    limit: int = Field(10_000, gt=0, description="Most points that a grid may have.")

    @staticmethod
    def make(values: Mapping[str, Any]) -> Plan:
        """Return a checked plan; raises ConfigError."""
        for name in values:
            if name not in Plan.model_fields:
                raise ConfigError(f"unknown setting search.{name}; {nearest(name, Plan.model_fields)}")
        try:
            return Plan.model_validate(dict(values))
        except ValidationError as error:
            raise ConfigError(f"search.{explain(error, {})}") from None

    @property
    def ask_size(self) -> int:
        """Trials of a round: few for tpe, since each round learns from those before."""
        if self.strategy == "grid":
            return ALL
        return self.round_size or (9 if self.strategy == "tpe" else ALL)

    @property
    def sign(self) -> int:
        """+1 where a larger figure is better, -1 where a smaller one is."""
        return 1 if self.metric == "acc" else -1

    @property
    def direction(self) -> Direction:
        """The same in Optuna's words."""
        return "maximize" if self.metric == "acc" else "minimize"

    def rungs(self, epochs: int, eval_every: int, n_trials: int) -> list[int]:
        """Return the epochs at which a round of trials is compared; the last one is the end of training.

        Without halving it is the only one. With halving, each rung has 1 / eta of the epochs of the next, but not less
        than `min_epochs`. There are at most four rungs, and only as many as there are trials to choose from. Each rung
        ends with a validation.

        >>> Plan(halving=True).rungs(27, 1, 64)
        [1, 3, 9, 27]
        >>> Plan(halving=True).rungs(10, 1, 64)
        [1, 3, 10]
        """
        rungs = [epochs]
        least = self.min_epochs or 1
        while self.halving and len(rungs) < 4 and n_trials >= self.eta ** len(rungs):
            epoch = round(epochs / self.eta ** len(rungs) / eval_every) * eval_every
            if epoch < max(least, eval_every) or epoch >= rungs[0]:
                break
            rungs.insert(0, epoch)
        if self.halving and self.min_epochs and len(rungs) == 1 and least < epochs and n_trials >= self.eta:
            rungs.insert(0, -(-least // eval_every) * eval_every)
        return rungs
