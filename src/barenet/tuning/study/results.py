"""The result of a search: the ranking, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from barenet.messages import count, few
from barenet.printing.shown import Shown
from barenet.run_folders.results import RunResult
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.prepared import PreparedSearch
from barenet.tuning.study.folder import StudyFolder
from barenet.tuning.study.trial import Trial, learned_nothing, rank

__all__ = [
    "Repeated",
    "StudyResult",
    "accuracy_noise",
    "compare",
    "seeds_noise",
    "summarise",
    "unlearned_words",
]


@dataclass(frozen=True, repr=False)
class Repeated(Shown):
    """A setting trained with further seeds: mean and standard deviation (n - 1) of its `scores` with `n` seeds."""

    trial: Trial
    n: int
    mean: float
    std: float
    scores: tuple[float, ...] = ()

    @property
    def standard_error(self) -> float:
        """The standard error of the mean; NaN for one seed."""
        return self.std / math.sqrt(self.n)


@dataclass(frozen=True, repr=False)
class StudyResult(Shown):
    """The result of a search.

    trials: best first. repeated: the best settings over further seeds, best mean first. verdict: whether the first is
    really better than the next. names: the settings with more than one value. retrained: the winner trained once more
    and tested, if that was asked for. noise: the least difference of two trials' scores that is more than chance; None
    if it is not known. unlearned: the numbers of the trials that learned nothing, as far as accuracy and loss show.
    n_valid: the number of validation images.
    """

    folder: Path
    plan: Plan
    trials: list[Trial]
    repeated: list[Repeated]
    verdict: str
    seconds: float
    names: list[str]
    retrained: RunResult | None = None
    unlearned: list[int] = field(default_factory=list)
    noise: float | None = None
    n_valid: int | None = None

    def __repr__(self) -> str:
        best = "no trial was finished" if self.best is None else f"best: {self.best!r}"
        return f"StudyResult({self.folder}: {count(len(self.trials), 'trial')}; {best}\n{self.verdict})"

    @property
    def best(self) -> Trial | None:
        """The winner: by the mean over seeds where settings were repeated, else by its score."""
        if self.repeated:
            return self.repeated[0].trial
        finished = [trial for trial in self.trials if trial.ended == "finished"]
        return finished[0] if finished else None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`."""
        best = self.best
        counts = {
            how: sum(t.ended == how for t in self.trials) for how in ("finished", "stopped", "diverged", "failed")
        }
        return {
            "study": str(self.folder),
            "trials": len(self.trials),
            **counts,
            "epochs_trained": sum(trial.last.epochs for trial in self.trials if trial.last),
            "best": None if best is None else trial_dict(best, self.plan),
            "best_run": str(self.folder / "best") if best is not None else None,
            "repeats": [
                {
                    "trial": r.trial.number,
                    "settings": r.trial.point,
                    "seeds": r.n,
                    "mean": r.mean,
                    "std": r.std if math.isfinite(r.std) else None,
                    "scores": list(r.scores),
                }
                for r in self.repeated
            ],
            "learned_nothing": self.unlearned,
            "verdict": self.verdict,
            "validation_images": self.n_valid,
            "training_seconds": self.seconds,
            "retrained": None if self.retrained is None else self.retrained.as_dict(),
        }


def trial_dict(trial: Trial, plan: Plan) -> dict[str, Any]:
    """Return the figures of one trial by which it was scored."""
    loss, accuracy = trial.figures(plan)
    return {"trial": trial.number, "settings": trial.point, "validation_loss": loss, "validation_accuracy": accuracy}


def summarise(
    folder: StudyFolder, prepared: PreparedSearch, trials: Sequence[Trial], repeats: Sequence[Trial]
) -> StudyResult:
    """Return the result of a search from its trials."""
    plan, labels = prepared.request.plan, prepared.data.valid_labels
    counts = np.bincount(labels, minlength=len(prepared.data.class_names))
    unlearned = sorted(trial.number for trial in trials if learned_nothing(trial, plan, counts))
    result = compare(folder.path, plan, prepared.space.varied, trials, repeats, n_valid=len(labels))
    return replace(result, unlearned=unlearned)


def compare(
    folder: Path,
    plan: Plan,
    names: list[str],
    trials: Sequence[Trial],
    repeats: Sequence[Trial],
    *,
    n_valid: int | None,
) -> StudyResult:
    """Return how the trials of a search compare, from their records alone; `unlearned` stays empty.

    names: the settings with more than one value. n_valid: the number of validation images, None if it is not known.
    """
    ranked = rank(trials, plan)
    repeated = []
    for number in dict.fromkeys(trial.number for trial in repeats):
        scores = [s for trial in repeats if trial.number == number and (s := trial.score(plan)) is not None]
        if scores:
            std = float(np.std(scores, ddof=1)) if len(scores) > 1 else math.nan
            first = next(trial for trial in ranked if trial.number == number)
            repeated.append(Repeated(first, len(scores), float(np.mean(scores)), std, tuple(scores)))
    repeated.sort(key=lambda r: (-plan.sign * r.mean, r.trial.number))
    finished = [trial for trial in ranked if trial.ended == "finished"]
    result = StudyResult(folder, plan, ranked, repeated, "", sum(t.seconds for t in [*trials, *repeats]), names)
    if n_valid is None:
        return replace(result, verdict=judge_repeats(repeated, plan) if repeated else "")
    verdict = judge_repeats(repeated, plan) if repeated else judge_single(finished, plan, n_valid)
    return replace(result, verdict=verdict, noise=noise_of(finished, repeated, plan, n_valid), n_valid=n_valid)


def noise_of(finished: Sequence[Trial], repeated: Sequence[Repeated], plan: Plan, n_valid: int) -> float | None:
    """Return the least difference of two trials' scores that is more than chance, None if it is not known.

    For accuracies it is at least the difference that the validation images can show; with repeats, at least the
    difference that two seeds make.
    """
    of_images = (
        accuracy_noise(finished[0].figures(plan)[1] or 0.0, n_valid) if finished and plan.metric == "acc" else 0.0
    )
    return max(of_images, seeds_noise([r.std**2 for r in repeated if math.isfinite(r.std)])) or None


def seeds_noise(variances: Sequence[float]) -> float:
    """Return twice the standard deviation of the difference of two seeds' scores, from the variances over seeds."""
    return 2 * math.sqrt(2 * float(np.mean(variances))) if variances else 0.0


def accuracy_noise(share: float, n_valid: int) -> float:
    """Return twice the standard error of the difference of two accuracies around `share` on `n_valid` images.

    The standard error of an accuracy p on n images is sqrt(p (1 - p) / n); that of a difference of two is sqrt 2 times
    as large. One right and one wrong image are added, so that it is above 0 if all are right (Agresti and Coull 1998).
    """
    share = (share * n_valid + 1) / (n_valid + 2)
    return 2 * math.sqrt(2 * share * (1 - share) / n_valid)


def judge_repeats(repeated: Sequence[Repeated], plan: Plan) -> str:
    """Return whether the first of the repeated settings is better than the next by more than noise."""
    if len(repeated) < 2 or repeated[0].n < 2 or repeated[1].n < 2:
        return "too few repeats to say how sure the ranking is; give --repeats 3 or more"
    first, second = repeated[:2]
    difference = abs(first.mean - second.mean)
    noise = 2 * math.hypot(first.standard_error, second.standard_error)
    what = "accuracy" if plan.metric == "acc" else "loss"
    figures = f"their mean {what} differs by {difference:.4f}, twice the standard error of that is {noise:.4f}"
    names = f"trial {first.trial.number} and trial {second.trial.number}"
    if difference <= noise:
        return f"within the noise: {names} cannot be told apart ({figures})"
    return f"beyond the noise: trial {first.trial.number} is better than trial {second.trial.number} ({figures})"


def judge_single(finished: Sequence[Trial], plan: Plan, n_valid: int) -> str:
    """Return how sure a ranking with one seed for each setting can be, which the number of validation images limits."""
    if len(finished) < 2:
        return "one finished trial has nothing to be compared with"
    _, first = finished[0].figures(plan)
    _, second = finished[1].figures(plan)
    assert first is not None
    assert second is not None
    error = accuracy_noise(first, n_valid)
    gap = abs(first - second)
    place = "within" if gap <= error else "beyond"
    return (
        f"the first two differ by {gap:.4f} in accuracy, {place} what {n_valid:,} validation images can tell apart "
        f"({error:.4f}), and one seed each does not show the noise of seeds; --repeats 5 would"
    )


def unlearned_words(result: StudyResult) -> str:
    """Return how many trials learned nothing, and which, or "" where all learned something."""
    numbers = result.unlearned
    if not numbers:
        return ""
    if len(numbers) == sum(not trial.lost for trial in result.trials):
        return (
            "no trial learned anything: they are no better than always predicting the most frequent class, so their "
            "order says nothing; try other values, first of all other learning rates"
        )
    which = few([f"trial {number}" for number in numbers])
    return f"{len(numbers)} of {count(len(result.trials), 'trial')} learned nothing: {which}"
