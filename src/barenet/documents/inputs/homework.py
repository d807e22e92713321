"""Homework of another program: weights, a history and the results of a search, in one folder or given one by one.

homework/
  model_epoch_100.pkl, .json   or weights.npz with W1, b1, W2, b2, ...
  initial.npz                  the weights before training, if they were saved
  history.csv                  epoch, train_loss, valid_loss, train_acc, valid_acc
  gridsearch_results.json      [settings, loss, accuracy] of each trial
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from barenet.analysis.images import Source, as_test, find_dataset
from barenet.documents.inputs.histories import read_history_table
from barenet.documents.inputs.searches import SearchRecord, read_grid_results
from barenet.documents.inputs.work import Work, facts_of
from barenet.engine.network import FastMLP
from barenet.errors import BarenetError, CheckpointError, ConfigError
from barenet.nn import MLP
from barenet.nn.rows import each_layer
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.loading import load_models
from barenet.run_folders.scores import score_model
from barenet.training.records import EpochRecord

__all__ = ["HomeworkFiles", "read_homework"]

FIRST = re.compile(r"init(ial)?|before|epoch[_-]?0+$", re.IGNORECASE)


@dataclass
class HomeworkFiles:
    """The files of one homework by kind; name: its folder's or its first file's."""

    name: str
    place: Path
    weights: list[Path] = field(default_factory=list)
    history: Path | None = None
    search: Path | None = None

    @property
    def trained(self) -> Path | None:
        """The file of the trained weights: of several epochs, the last one; raise ConfigError if that is not clear."""
        found = [path for path in self.weights if path != self.initial]
        if len(found) < 2:
            return found[0] if found else None
        epochs = {path: match for path in found if (match := re.search(r"(\d+)$", path.stem))}
        if len(epochs) < len(found):
            names = " and ".join(path.name for path in found[:2])
            raise ConfigError(f"{self.place} holds several models, such as {names}: name the one to report on")
        return max(epochs, key=lambda path: int(epochs[path][1]))

    @property
    def initial(self) -> Path | None:
        """The file of the weights before training, recognised by its name."""
        if len(self.weights) < 2:
            return None
        return next((path for path in self.weights if FIRST.search(path.stem)), None)

    @property
    def files(self) -> list[Path]:
        """All files that are read; raise ConfigError as `trained` does."""
        return [path for path in (self.initial, self.trained, self.history, self.search) if path is not None]


def read_homework(
    homework: HomeworkFiles, dataset: Source | None, activation: Sequence[str]
) -> tuple[Work, SearchRecord | None]:
    """Return homework, with its weights tested on the test images, and its search.

    Raises CheckpointError, DataError, ConfigError: a file is damaged, weights do not fit one another or the data that
    were named, or the activations do not fit the layers.
    """
    history = [] if homework.history is None else read_history_table(homework.history)
    search = None if homework.search is None else read_grid_results(homework.search)
    work = Work(
        homework.name,
        homework.place,
        history=history,
        best_epoch=best_of(history),
        is_homework=True,
        lacks={
            "settings": ("The settings of the training are not known: the files do not say them.",),
            **({} if history else {"curves": no_history(homework)}),
            "weights": ("There are no weights: save W1, b1, W2, b2, ... by np.savez, and name that file too.",),
            "test": ("There are no test results: they need the weights.",),
        },
    )
    if homework.trained is None:
        return work, search
    return with_weights(work, homework, dataset, activation), search


def no_history(homework: HomeworkFiles) -> tuple[str, ...]:
    """Return the sentences about a missing history."""
    return (
        "There are no learning curves: no history was given.",
        "Save it as a CSV file with the columns epoch, train_loss, valid_loss, train_acc and valid_acc.",
    )


def with_weights(work: Work, homework: HomeworkFiles, dataset: Source | None, activation: Sequence[str]) -> Work:
    """Return the homework with its network, its data and its test results."""
    assert homework.trained is not None
    model, notes = load(homework.trained, activation)
    initial = None
    if homework.initial is not None:
        initial = load(homework.initial, activation)[0].mlp
        if initial.parameters.shapes != model.mlp.parameters.shapes:
            raise CheckpointError(f"{homework.initial} and {homework.trained} have layers of other sizes")
    lacks = {name: words for name, words in work.lacks.items() if name not in ("weights", "test")}
    if initial is None:
        lacks["before"] = (
            "The weights before training are not known, so only the trained weights are shown.",
            "Save them as initial.npz beside the others to see both.",
        )
    side = tuple(model.info.image_shape)
    work = replace(
        work,
        mlp=model.mlp,
        n_parameters=model.mlp.parameters.size,
        initial=initial,
        best_epoch=model.info.epoch or work.best_epoch,
        notes=notes,
        lacks=lacks,
        picture_shape=side if len(side) == 2 else None,
        scale=model.info.scale,
    )
    try:
        data = as_test(model, find_dataset(model, homework.trained, dataset))
        scores = score_model(model, data)
    except BarenetError as error:
        if dataset is not None:
            raise
        return replace(work, lacks={**lacks, "test": (f"There are no test results: {error}.",)})
    assert data.test_labels is not None
    right = np.asarray(np.argmax(scores.probabilities, axis=-1) == data.test_labels)
    facts = facts_of(data, 0, work.picture_shape)
    # How its author divided the training images is not known.
    facts.counts.pop("Training set", None)
    return replace(work, data=facts, scores=scores.as_dict(), right=right)


def load(path: Path, activation: Sequence[str]) -> tuple[SavedModel, list[str]]:
    """Return the model of a file, with `activation` in its hidden layers if the file does not say it, and notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        [model] = load_models(path)
    sentences = [str(warning.message) for warning in caught]
    is_assumed = any(re.search("relu is assumed", sentence) for sentence in sentences)
    if not activation:
        return model, [*sentences, *(["`--activation tanh` names another activation"] if is_assumed else [])]
    if not is_assumed:
        raise ConfigError(f"{path} says its activations itself: leave out the one that you gave")
    rows = model.info.architecture
    names = each_layer(activation[0] if len(activation) == 1 else list(activation), len(rows) - 1)
    rows = [{**row, "activation": name} for row, name in zip(rows, [*names, rows[-1]["activation"]], strict=True)]
    mlp: MLP = FastMLP.from_architecture(rows, initializer=None, dtype=model.mlp.dtype)
    mlp.parameters.values[...] = model.mlp.parameters.values
    return replace(model, mlp=mlp, info=replace(model.info, architecture=rows)), []


def best_of(history: Sequence[EpochRecord]) -> int:
    """Return the epoch with the highest validation accuracy, or else the lowest validation loss; 0 without both."""
    by_accuracy = [r for r in history if r.valid_accuracy is not None]
    if by_accuracy:
        return max(by_accuracy, key=lambda r: r.valid_accuracy or 0.0).epoch
    by_loss = [r for r in history if r.valid_loss is not None]
    return min(by_loss, key=lambda r: r.valid_loss or 0.0).epoch if by_loss else 0
