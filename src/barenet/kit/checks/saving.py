"""Step 7: weights in a file, training that keeps the best ones, and that uses its settings and its seed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from barenet.kit.checks.datasets import N_TRAIN, write_data
from barenet.kit.checks.numbers import is_close
from barenet.kit.checks.testing import check_evaluate, check_files
from barenet.kit.checks.training import check_training, run_training
from barenet.kit.findings import Findings, NotWritten, Wrong
from barenet.kit.homework import Homework

__all__ = ["check_saving"]

History = list[dict[str, float]]

OTHER_SETTINGS: dict[str, dict[str, float]] = {
    "dataloader_kwargs['batch_size']": {"batch_size": 16},
    "optimizer_kwargs['lr']": {"lr": 0.05},
    "optimizer_kwargs['ld']": {"ld": 0.1},
    # An epoch has 13 steps: a new optimizer for each epoch never gets to step 20.
    "optimizer_kwargs['decay_rate']": {"decay_rate": 0.5, "decay_step": 20},
}


def check_saving(homework: Homework, findings: Findings) -> None:
    """Check evaluate, save_weights and load_weights, and train."""
    homework.each(
        lambda: check_evaluate(homework, findings),
        lambda: check_files(homework, findings),
        lambda: check_training(homework, findings),
        lambda: check_settings(homework, findings),
    )


def check_settings(homework: Homework, findings: Findings) -> None:
    """Check that train learns from the training images, and that a kit's train uses its settings.

    A setting is used if the same training with another value of it has another history.
    """
    if findings.wrong:
        return
    parts = write_data(Path("shifted").absolute(), is_noise=False, shift=1)

    def history_with(**changes: float) -> History:
        metric = homework.form.metrics[0]
        return run_training(
            homework, "shifted", parts, metric=metric, n_epochs=6, eval_step=1, seed=0, changes=changes
        ).history

    history = history_with()
    if history[-1]["valid_acc"] > 0.5:  # the labels of the training images are others, so it must be near 1/4
        findings.add("train learns from images that are not for training; give train_epoch those of data['train']")
    if all(is_close(record["train_loss"], record["valid_loss"]) for record in history):
        findings.add("train_loss in the history is the validation loss; it is what train_epoch returns")
    if findings.wrong or homework.adapter is not None:
        return
    first, last = history[0]["train_loss"], history[-1]["train_loss"]
    if last > 0.9 * first:
        findings.add(
            f"train_loss does not fall: it is {first:.3f} in the first epoch and {last:.3f} in the last one; make the "
            "network once, before the loop over the epochs"
        )
        return
    if history_with() != history:
        findings.note("train gives another history each time; use trainer_kwargs['seed'] for the network and the order")
        return
    check_seed(homework, findings, history_with)
    for what, changes in OTHER_SETTINGS.items():
        try:
            is_used = history_with(**changes) != history or not has_effect(homework, what)
        except (Wrong, NotWritten):
            continue  # steps 5 and 6 tell
        if not is_used:
            findings.add(f"train gives the same history with another {what}; is it used in every epoch?")


def check_seed(homework: Homework, findings: Findings, history_with: Callable[..., History]) -> None:
    """Check that the first weights and the order of the images depend on the seed, and the order on the epoch."""
    # With one batch an epoch the order changes nothing, so another history comes from other first weights.
    one, other = (history_with(seed=seed, batch_size=N_TRAIN) for seed in (0, 1))
    if all(is_close(a["train_loss"], b["train_loss"]) for a, b in zip(one, other, strict=False)):
        findings.add(
            "the first weights are the same with another trainer_kwargs['seed']; write "
            "NeuralNetwork(nn_architecture, seed)"
        )
    states, others = (states_of_rng(homework, partial(history_with, seed=seed)) for seed in (0, 1))
    if len(set(states)) < len(states):
        findings.add(
            "train makes its rng anew, so several epochs have the same order of images; make it once, before the loop "
            "over the epochs"
        )
    elif states and states == others:
        findings.add(
            "the order of the images is the same with another trainer_kwargs['seed']; write np.random.default_rng(seed)"
        )


def states_of_rng(homework: Homework, call_train: Callable[[], object]) -> list[str]:
    """Return the states of the rng that train gives train_epoch, one for each epoch that draws from it."""
    names = getattr(homework.find("train.py", "train"), "__globals__", {})
    train_epoch = names.get("train_epoch")
    states: list[str] = []
    if not callable(train_epoch):
        return states

    def watched(*arguments: Any, **keywords: Any) -> Any:
        given = (*arguments, *keywords.values())
        rng = next((one for one in given if isinstance(one, np.random.Generator)), None)
        before = str(rng and rng.bit_generator.state)
        result = train_epoch(*arguments, **keywords)
        if str(rng and rng.bit_generator.state) != before:
            states.append(before)
        return result

    names["train_epoch"] = watched
    try:
        call_train()
    finally:
        names["train_epoch"] = train_epoch
    return states


def has_effect(homework: Homework, setting: str) -> bool:
    """Whether the student's SGD itself uses ld or decay_rate; steps 5 and 6 tell if it does not."""
    function = homework.find("train.py", "SGD")

    def changes_something() -> bool:
        optimizer = function(lr=0.1, ld=0.1, decay_rate=0.5, decay_step=1)
        if setting.endswith("['ld']"):
            return bool(np.any(optimizer.add_l2({"W1": np.ones((1, 1))}, {"W1": np.zeros((1, 1))})["W1"]))
        if setting.endswith("['decay_rate']"):
            optimizer.decay()
            return bool(optimizer.lr != 0.1)
        return True

    return bool(homework.call("SGD", changes_something))
