"""Train with the course project's four dictionaries: they are turned into settings.

    from barenet import course

    course.train(nn_architecture, dataloader_kwargs, optimizer_kwargs, trainer_kwargs)

nn_architecture    a list of {"input_dim", "output_dim", "activation"}, the last activation "softmax"
dataloader_kwargs  path_dir: folder of the four .gz files; a "fashion-mnist" that isn't there: the carried images
                   n_valid: images held out of the 60,000, a count or a fraction;  batch_size
optimizer_kwargs   lr: learning rate;  ld: L2, W -= lr * (dW + ld * W), weights only
                   decay_rate, decay_step: every decay_step steps lr *= decay_rate, only while lr > 0.01; off unless
                   0 < decay_rate < 1
trainer_kwargs     n_epochs;  eval_step: epochs between validations;  and the words of save_best_model:
                   metric: "loss" or "acc";  n: how many of the best to keep;  keep_last: the last is always kept

What a dictionary leaves out has the value of the recipe "course". Values are checked by `barenet.config.tables`,
the architecture against the images by `training.preparation`.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from barenet.api import training as api
from barenet.errors import ConfigError, nearest
from barenet.notes import logger
from barenet.run_folders.observer import Observer
from barenet.run_folders.results import RunResult

__all__ = ["course_settings", "train"]

# Each dictionary's words, and the settings they stand for.
WORDS: dict[str, dict[str, str]] = {
    "dataloader_kwargs": {"path_dir": "data.path", "n_valid": "data.n_valid", "batch_size": "data.batch_size"},
    "optimizer_kwargs": {
        "lr": "optimizer.learning_rate",
        "ld": "optimizer.l2",
        "decay_rate": "schedule.decay_rate",
        "decay_step": "schedule.decay_step",
    },
    "trainer_kwargs": {
        "n_epochs": "trainer.epochs",
        "eval_step": "trainer.eval_every",
        "metric": "trainer.metric",
        "n": "trainer.keep_best",
        "keep_last": "",  # no setting: the last weights are always kept
    },
}


def course_settings(
    nn_architecture: Sequence[Mapping[str, Any]] | None = None,
    dataloader_kwargs: Mapping[str, Any] | None = None,
    optimizer_kwargs: Mapping[str, Any] | None = None,
    trainer_kwargs: Mapping[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return tables of settings to lay over the recipe "course", as `barenet.train(settings=...)` takes them.

    Raises ConfigError for a word that no dictionary knows.

    >>> course_settings(optimizer_kwargs={"lr": 0.1, "ld": 1e-4}, trainer_kwargs={"n_epochs": 5})
    {'optimizer': {'learning_rate': 0.1, 'l2': 0.0001}, 'trainer': {'epochs': 5}}
    """
    tables: dict[str, dict[str, Any]] = {}
    if nn_architecture is not None:
        tables["model"] = {"layers": nn_architecture}
    dictionaries = {
        "dataloader_kwargs": dataloader_kwargs,
        "optimizer_kwargs": switch_decay_off(optimizer_kwargs),
        "trainer_kwargs": trainer_kwargs,
    }
    for name, dictionary in dictionaries.items():
        for path, value in read_words(name, dictionary).items():
            table, setting = path.split(".")
            tables.setdefault(table, {})[setting] = value
    return tables


def train(
    nn_architecture: Sequence[Mapping[str, Any]] | None = None,
    dataloader_kwargs: Mapping[str, Any] | None = None,
    optimizer_kwargs: Mapping[str, Any] | None = None,
    trainer_kwargs: Mapping[str, Any] | None = None,
    *,
    verbose: bool = True,
    observer: Observer | None = None,
    **values: Any,
) -> RunResult:
    """Train as the course project does, from its dictionaries, and return the result.

    `verbose` shows progress, or a line an epoch, on stderr. All other arguments of `barenet.train` can be given by
    name and override the dictionaries: `output="runs"`, `x` and `y`, `n_seeds=4`, `momentum=0.9`.

    Raises ConfigError for an unknown word or a wrong value, and what `barenet.train` raises.
    """
    tables = course_settings(nn_architecture, dataloader_kwargs, optimizer_kwargs, trainer_kwargs)
    observer = observer or api.make_observer(verbose)
    if trainer_kwargs and not trainer_kwargs.get("keep_last", True):
        logger.info("keep_last = False changes nothing: the last weights are always kept, for --resume")
    return api.train(recipe="course", settings=tables, observer=observer, **values)


def switch_decay_off(optimizer_kwargs: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the dictionary with a decay_rate of 1 and no decay_step if decay_rate is None or not in (0, 1)."""
    if not isinstance(optimizer_kwargs, Mapping) or "decay_rate" not in optimizer_kwargs:
        return optimizer_kwargs
    rate = optimizer_kwargs["decay_rate"]
    is_number = isinstance(rate, numbers.Real) and not isinstance(rate, bool) and not math.isnan(rate)
    if rate is not None and (not is_number or 0 < rate < 1):
        return optimizer_kwargs
    return {key: value for key, value in optimizer_kwargs.items() if key != "decay_step"} | {"decay_rate": 1.0}


def read_words(name: str, dictionary: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the values of one dictionary by the dotted paths of the settings that they stand for."""
    if dictionary is None:
        return {}
    if not isinstance(dictionary, Mapping):
        raise ConfigError(f"{name} must be a dictionary, got {dictionary!r}")
    words = WORDS[name]
    for key in dictionary:
        if key not in words:
            right = next((other for other, known in WORDS.items() if key in known), None)
            hint = f"it belongs to {right}" if right else nearest(str(key), words)
            raise ConfigError(f"unknown key {key!r} in {name}; {hint}")
    return {words[key]: value for key, value in dictionary.items() if words[key]}
