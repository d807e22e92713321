"""Step 7: evaluation, weights in a file, and training that keeps the weights that are best on validation.

The labels of one data set are noise. There the validation accuracy goes up and down by chance, and the validation
loss rises, so the best weights are seldom the last ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from barenet.kit.checks.datasets import N_CLASSES, N_INPUTS, N_VALID, Parts, part_of_fraction, write_data
from barenet.kit.checks.formulas import accuracy, architecture, cross_entropy, draw_parameters, probabilities
from barenet.kit.checks.network import make_network
from barenet.kit.checks.numbers import Array, array_of, is_close, mistake_in, number_of
from barenet.kit.findings import Findings, Wrong
from barenet.kit.form import Form
from barenet.kit.homework import Homework

__all__ = ["check_saving"]

SIZES = (N_INPUTS, 8, 6, N_CLASSES)
KEYS = ("epoch", "train_loss", "valid_loss", "valid_acc")
ATTEMPTS = 4  # seeds that are tried until the best validation is not the last one
SAME = 1e-4  # two validations that differ less count as the same
LEAST_ACCURACY = 0.9  # of data whose classes are easy to tell apart


@dataclass(frozen=True)
class Trained:
    """The history that train returned, and the loss and accuracy of the saved weights on each part, by our formulas."""

    history: list[dict[str, float]]
    scores: dict[str, tuple[float, float]]


def check_saving(homework: Homework, findings: Findings) -> None:
    """Check evaluate, save_weights and load_weights, and train."""
    homework.each(
        lambda: check_evaluate(homework, findings),
        lambda: check_files(homework, findings),
        lambda: check_training(homework, findings),
    )


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
    trained = run_training(homework, "easy", easy, metric=metric, n_epochs=16, eval_step=every, seed=0)
    check_history(trained.history, list(range(every, 17, every)))
    check_scores(trained, findings, metric)
    best = trained.scores["valid"][1]
    if not findings.wrong and best < LEAST_ACCURACY:
        findings.add(
            f"train does not learn: on data whose classes are easy to tell apart the validation accuracy is {best:.3f} "
            f"after 16 epochs, and must be at least {LEAST_ACCURACY}"
        )


def check_evaluate(homework: Homework, findings: Findings) -> None:
    """Check loss and accuracy of a network with known weights."""
    function = homework.find("train.py", "evaluate")
    rng = np.random.default_rng(3)
    parameters = random_parameters(homework.form, rng)
    network = make_network(homework, usual_architecture(homework.form), parameters)
    images, labels = rng.normal(size=(10, N_INPUTS)), rng.integers(0, N_CLASSES, 10)
    p = probabilities(parameters, images, usual_layers(homework.form))
    loss, right = cross_entropy(p, labels), accuracy(p, labels)
    result = homework.call("evaluate", function, network, images, labels)
    if not isinstance(result, tuple | list) or len(result) != 2:
        kind = "None; is a return missing?" if result is None else type(result).__name__
        raise Wrong(f"evaluate must return two numbers, (loss, accuracy), got {kind}")
    got = [
        number_of(value, f"the {name} that evaluate returns")
        for value, name in zip(result, ("loss", "accuracy"), strict=True)
    ]
    if is_close(got, [right, loss]):
        raise Wrong("evaluate returns (accuracy, loss); the loss comes first")
    findings.add(
        *mistake_in("the loss that evaluate returns", got[0], loss, {"it is the sum; return the mean": 10 * loss})
    )
    mistakes = {
        "it is in percent; return a fraction from 0 to 1": 100 * right,
        "it counts the right images; divide by their number": 10 * right,
        "it is the fraction of wrong images": 1 - right,
    }
    findings.add(*mistake_in("the accuracy that evaluate returns", got[1], right, mistakes))


def check_files(homework: Homework, findings: Findings) -> None:
    """Check that weights come back from a file as they were."""
    save, load = homework.find("model.py", "save_weights"), homework.find("model.py", "load_weights")
    parameters = random_parameters(homework.form, np.random.default_rng(4))
    homework.call("save_weights", save, {name: value.copy() for name, value in parameters.items()}, "weights.npz")
    if not Path("weights.npz").is_file():
        raise Wrong("save_weights(parameters, 'weights.npz') writes no file weights.npz")
    try:
        read_weights(homework, Path("weights.npz"), parameters)
    except Wrong as problem:
        findings.add(str(problem))
        return
    result = homework.call("load_weights", load, "weights.npz")
    if not isinstance(result, dict):
        kind = "None; is a return missing?" if result is None else type(result).__name__
        raise Wrong(f"load_weights must return a dictionary of arrays, got {kind}")
    for name, value in parameters.items():
        if name not in result:
            raise Wrong(f"load_weights returns no {name}; it returns {', '.join(map(str, result)) or 'nothing'}")
        found = array_of(result[name], value.shape, f"{name} of load_weights", flat=homework.adapter is not None)
        if not is_close(found, value):
            findings.add(f"load_weights returns other values of {name} than save_weights was given")


def run_training(
    homework: Homework, folder: str, parts: Parts, *, metric: str, n_epochs: int, eval_step: int, seed: int
) -> Trained:
    """Call the student's train, and score the weights that it saved."""
    train: Callable[..., Any] = homework.find("train.py", "train")
    Path("best.npz").unlink(missing_ok=True)
    history = homework.call(
        "train",
        train,
        usual_architecture(homework.form),
        {"path_dir": str(Path(folder).absolute()), "n_valid": N_VALID, "batch_size": 8},
        {"lr": 0.1, "ld": 0.0, "decay_rate": 1.0, "decay_step": 1},
        {"n_epochs": n_epochs, "eval_step": eval_step, "metric": metric, "path": "best.npz", "seed": seed},
    )
    if not Path("best.npz").is_file():
        raise Wrong("train writes no file at trainer_kwargs['path']; save the best weights there")
    weights = read_weights(homework, Path("best.npz"), random_parameters(homework.form, np.random.default_rng(0)))
    scores = {}
    for name, (images, labels) in parts.items():
        p = probabilities(weights, images, usual_layers(homework.form))
        scores[name] = cross_entropy(p, labels), accuracy(p, labels)
    return Trained(records_of(history), scores)


def read_weights(homework: Homework, path: Path, shapes: dict[str, Array]) -> dict[str, Array]:
    """Return the weights of a file that the student's code wrote."""
    try:
        with np.load(path) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except Exception:  # what a damaged file raises depends on its bytes
        raise Wrong(f"{path.name} is no .npz file of arrays; write it with np.savez(path, **parameters)") from None
    for name, value in shapes.items():
        if name not in found:
            hint = "; write np.savez(path, **parameters)" if "arr_0" in found else ""
            raise Wrong(f"{path.name} has no array {name}; it has {', '.join(found) or 'none'}{hint}")
        array_of(found[name], value.shape, f"{name} in {path.name}", flat=homework.adapter is not None)
    return found


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
    if is_close(saved, best, SAME):
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


def usual_layers(form: Form) -> tuple[str, ...]:
    """Return the activations of the hidden layers of the trainings here."""
    return form.hidden(form.usual, form.usual)


def usual_architecture(form: Form) -> list[dict[str, Any]]:
    """Return the nn_architecture of the trainings here."""
    return architecture(form.sizes(SIZES), usual_layers(form))


def random_parameters(form: Form, rng: np.random.Generator) -> dict[str, Array]:
    """Return parameters of a network of the sizes used here."""
    return draw_parameters(form.sizes(SIZES), rng)
