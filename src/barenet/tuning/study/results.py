"""The result of a search: the ranking, how sure it is, and the files that hold it."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from barenet.config.tables import Config
from barenet.messages import count
from barenet.printing.lines import write_csv_row
from barenet.printing.shown import Shown
from barenet.run_folders.results import RunResult
from barenet.storage.files import replace_file
from barenet.training.preparation import architecture_of
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.prepared import PreparedSearch
from barenet.tuning.study.folder import StudyFolder
from barenet.tuning.study.trial import Trial, learned_nothing, rank

__all__ = [
    "Repeated",
    "StudyResult",
    "accuracy_noise",
    "course_settings_of",
    "seeds_noise",
    "summarise",
    "write_tables",
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
    plan = prepared.request.plan
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
    n_valid = len(prepared.data.valid_labels)
    verdict = judge_repeats(repeated, plan) if repeated else judge_single(finished, plan, n_valid)
    seconds = sum(trial.seconds for trial in [*trials, *repeats])
    noise = noise_of(finished, repeated, plan, n_valid)
    counts = np.bincount(prepared.data.valid_labels, minlength=len(prepared.data.class_names))
    unlearned = [trial.number for trial in ranked if learned_nothing(trial, plan, counts)]
    return StudyResult(
        *(folder.path, plan, ranked, repeated, verdict, seconds, prepared.space.varied),
        unlearned=sorted(unlearned),
        noise=noise,
    )


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


def course_settings_of(trial: Trial, config: Config, n_inputs: int, n_classes: int) -> dict[str, Any]:
    """Return a trial's settings in the course project's words, and all others that were searched by their names."""
    settings: dict[str, Any] = {"input_dim": n_inputs}
    rows = architecture_of(config, n_inputs, n_classes).rows
    for layer, row in enumerate(rows, start=1):
        if layer < len(rows):
            settings[f"hidden_size_{layer}"] = row.output_dim
        settings[f"activation_{layer}"] = row.activation.name
    settings |= {"output_dim": n_classes, "lr": config.optimizer.learning_rate, "ld": config.optimizer.l2}
    settings |= {"decay_rate": config.schedule.decay_rate, "decay_step": config.schedule.decay_step}
    return settings | {name: value for name, value in trial.point.items() if name not in settings}


def write_tables(folder: StudyFolder, prepared: PreparedSearch, trials: Sequence[Trial]) -> None:
    """Write results.csv with all trials, best first, and gridsearch_results.json in the course project's form."""
    plan, names, dataset = prepared.request.plan, prepared.space.names, prepared.dataset
    ranked = rank(trials, plan)
    figures = ("epochs", "valid_loss", "valid_accuracy", "best_epoch", "best_valid_loss", "best_valid_accuracy")
    buffer = io.StringIO()
    write_csv_row(buffer, ["rank", "trial", "ended", *names, *figures, "seconds", "reason"])
    for position, trial in enumerate(ranked, start=1):
        row: list[Any] = [
            position,
            trial.number,
            trial.ended or "unfinished",
            *(trial.point.get(name) for name in names),
        ]
        row += [getattr(trial.last, name) if trial.last else None for name in figures]
        write_csv_row(buffer, [*row, round(trial.seconds, 3), trial.last.reason if trial.last else None])
    replace_file(folder.path / "results.csv", buffer.getvalue())
    rows = []
    for trial in ranked:
        loss, accuracy = trial.figures(plan)
        if trial.ended == "finished" and trial.config is not None and loss is not None:
            rows.append([course_settings_of(trial, trial.config, dataset.n_inputs, dataset.n_classes), loss, accuracy])
    replace_file(folder.path / "gridsearch_results.json", json.dumps(rows, indent=4) + "\n")
