"""Step 7: training that keeps the weights that are best on validation.

The labels of one data set are noise. There the validation accuracy goes up and down by chance, and the validation
loss rises, so the best weights are seldom the last ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from barenet.kit.checks.datasets import (
    N_VALID,
    Parts,
    part_of_fraction,
    random_parameters,
    usual_architecture,
    usual_layers,
    watch_loading,
    write_data,
)
from barenet.kit.checks.formulas import accuracy, cross_entropy, probabilities
from barenet.kit.checks.numbers import is_close, number_of
from barenet.kit.checks.testing import read_weights
from barenet.kit.findings import Findings, Wrong
from barenet.kit.homework import Homework

__all__ = ["check_training", "run_training"]

KEYS = ("epoch", "train_loss", "valid_loss", "valid_acc")
ATTEMPTS = 4  # seeds that are tried until the best validation is not the last one
SAME = 1e-4  # two validations that differ less count as the same
LEAST_ACCURACY = 0.9  # of data whose classes are easy to tell apart
EASY_LR = 0.3  # with 0.1 a network whose first weights are small, normal with deviation 0.1, needs more epochs


@dataclass(frozen=True)
class Trained:
    """The history that train returned, and the loss and accuracy of the saved weights on each part, by our formulas."""

    history: list[dict[str, float]]
    scores: dict[str, tuple[float, float]]


def check_training(homework: Homework, findings: Findings) -> None:
    """Check that train saves the weights that are best on validation, and that it learns."""
    if findings.wrong:
        return
    noise = write_data(Path("noise").absolute(), is_noise=True)
    for metric in homework.form.metrics:
        for seed in range(ATTEMPTS):
            if findings.wrong:
                return
            trained = run_training(homework, "noise", noise, metric=metric, n_epochs=8, eval_step=1, seed=seed)
            check_history(trained.history, list(range(1, 9)))
            check_scores(trained, findings, metric)
            values = [record["valid_acc"] if metric == "acc" else -record["valid_loss"] for record in trained.history]
            if not is_close(max(values), values[-1], SAME):  # else the last weights pass as the best ones
                break
    easy = write_data(Path("easy").absolute(), is_noise=False)
    metric, every = homework.form.metrics[0], homework.form.eval_step
    trained = run_training(
        homework, "easy", easy, metric=metric, n_epochs=16, eval_step=every, seed=0, changes={"lr": EASY_LR}
    )
    check_history(trained.history, list(range(every, 17, every)))
    check_scores(trained, findings, metric)
    best = trained.scores["valid"][1]
    if not findings.wrong and best < LEAST_ACCURACY:
        findings.add(
            f"train does not learn: on data whose classes are easy to tell apart the validation accuracy is {best:.3f} "
            f"after 16 epochs, and must be at least {LEAST_ACCURACY}"
        )


def run_training(
    homework: Homework,
    folder: str,
    parts: Parts,
    *,
    metric: str,
    n_epochs: int,
    eval_step: int,
    seed: int,
    changes: Mapping[str, float] | None = None,
) -> Trained:
    """Call the student's train, with `changes` of the settings, and score the weights that it saved."""
    train: Callable[..., Any] = homework.find("train.py", "train")
    Path("best.npz").unlink(missing_ok=True)
    loader = {"path_dir": str(Path(folder).absolute()), "n_valid": N_VALID, "batch_size": 8}
    optimizer = {"lr": 0.1, "ld": 0.0, "decay_rate": 1.0, "decay_step": 1}
    trainer = {"n_epochs": n_epochs, "eval_step": eval_step, "metric": metric, "path": "best.npz", "seed": seed}
    for name, value in (changes or {}).items():
        next(settings for settings in (loader, optimizer, trainer) if name in settings)[name] = value
    if homework.adapter is None:
        watch_loading(train, str(loader["path_dir"]))
    history = homework.call("train", train, usual_architecture(homework.form), loader, optimizer, trainer)
    if not Path("best.npz").is_file():
        raise Wrong("train writes no file at trainer_kwargs['path']; save the best weights there")
    weights = read_weights(homework, Path("best.npz"), random_parameters(homework.form, np.random.default_rng(0)))
    scores = {}
    for name, (images, labels) in parts.items():
        p = probabilities(weights, images, usual_layers(homework.form))
        scores[name] = cross_entropy(p, labels), accuracy(p, labels)
    return Trained(records_of(history), scores)


def records_of(history: Any) -> list[dict[str, float]]:
    """Return the history as numbers; raise Wrong if it has another form."""
    if not isinstance(history, list) or not all(isinstance(record, dict) for record in history):
        kind = "None; is a return missing?" if history is None else type(history).__name__
        raise Wrong(f"train must return its history, a list of dictionaries, got {kind}")
    records = []
    for record in history:
        missing = [key for key in KEYS if key not in record]
        if missing:
            raise Wrong(f"a record of the history has no {', '.join(missing)}; it must have {', '.join(KEYS)}")
        records.append({key: number_of(record[key], f"{key} in the history") for key in KEYS})
    return records


def check_history(history: list[dict[str, float]], epochs: list[int]) -> None:
    """Raise Wrong if there is not one record for each validation."""
    got = [round(record["epoch"]) for record in history]
    if got == [epoch - 1 for epoch in epochs]:
        raise Wrong(f"the history has the epochs {got}; the first epoch is 1, so they must be {epochs}")
    if got != epochs:
        raise Wrong(
            f"with n_epochs {epochs[-1]} and eval_step {epochs[0]} the history has the epochs {got}, and must have "
            f"{epochs}"
        )


def half_digit(values: Sequence[float]) -> float:
    """Return the largest error of values that were rounded to 1, 2, 3 or 4 decimals; 0 if they were not rounded.

    >>> half_digit([0.51, 0.5]), half_digit([0.512, 1 / 3])
    (0.0051, 0.0)
    """
    for decimals in range(1, 5):
        if all(abs(value - round(value, decimals)) < 1e-9 for value in values):
            return 0.51 * 10.0**-decimals
    return 0.0


def check_scores(trained: Trained, findings: Findings, metric: str) -> None:
    """Compare the saved weights with the best validation of the history."""
    accuracies = [record["valid_acc"] for record in trained.history]
    part = part_of_fraction(accuracies)
    if part in ("training", "test"):
        findings.add(f"valid_acc is computed on the {part} images; it must be on the {N_VALID} validation images")
        return
    key, word, place = ("valid_acc", "accuracy", 1) if metric == "acc" else ("valid_loss", "loss", 0)
    values = [record[key] for record in trained.history]
    best, worst = (max(values), min(values)) if metric == "acc" else (min(values), max(values))
    saved = trained.scores["valid"][place]
    if is_close(saved, best, SAME) or abs(saved - best) <= half_digit(values):
        return
    findings.add(
        f"the weights that train saves with metric {metric!r} have the validation {word} {saved:.4f}, and the best of "
        f"the history is {best:.4f}"
    )
    if is_close(saved, values[-1], SAME):
        findings.add(
            "these are the weights of the last epoch: save them only when a validation is better; to keep the best "
            "ones in memory, copy the arrays"
        )
    elif is_close(saved, worst, SAME):
        findings.add("these are the worst weights: the best have the highest accuracy, or the lowest loss")
    elif is_close(saved, values[0], SAME):
        findings.add("these are the weights of the first validation")
    elif metric == "loss" and is_close(trained.scores["valid"][1], max(accuracies), SAME):
        findings.add("these are the best weights by accuracy, and trainer_kwargs['metric'] is 'loss'")
    elif not any(is_close(saved, value, SAME) for value in values):
        findings.add("no validation of the history has this value: save the weights that were validated")
