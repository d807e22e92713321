"""What a document needs to know of one network: a run of barenet, or homework of another program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.nn import MLP
from barenet.printing.shown import Shown
from barenet.training.records import EpochRecord

__all__ = ["DataFacts", "Work"]

EXAMPLES = 12  # images of each class in the figure of the data
MOST_CLASSES = 20  # in the figure of the data


@dataclass(frozen=True, repr=False)
class DataFacts(Shown):
    """The data of a network. counts: the number of images by part, as far as it is known.

    examples: (C, n, D) images of each class, or None where the inputs are no pictures or the data are not there.
    """

    name: str
    fingerprint: str
    shape: tuple[int, ...]
    class_names: list[str]
    counts: dict[str, int] = field(default_factory=dict)
    examples: NDArray[np.generic] | None = None


@dataclass(frozen=True, repr=False)
class Work(Shown):
    """One network and what is known of it; missing parts are None or empty.

    initial: the weights before training, None where they are not known. best_epoch: the epoch of the weights, 0 where
    it is not known. scores: as test.json holds them. right (n,): which test images it classifies correctly. seeds: the
    networks of a run of several seeds or of an ensemble, with their scores. is_average: whether the scores are those of
    the average of an ensemble; the other parts are about its best member. n_parameters: of all that predict together.
    commands: those that train it again. lacks: by part ("settings", "curves", "test", "weights", "before"), why it is
    missing and what makes it.
    """

    name: str
    path: Path
    mlp: MLP | None = None
    initial: MLP | None = None
    data: DataFacts | None = None
    config: Config | None = None
    history: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = 0
    scores: dict[str, Any] | None = None
    right: NDArray[np.bool_] | None = None
    seeds: Sequence[tuple[str, dict[str, float], dict[str, Any] | None]] = ()
    machine: dict[str, Any] | None = None
    commands: Sequence[str] = ()
    notes: Sequence[str] = ()
    lacks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    picture_shape: tuple[int, ...] | None = None
    learned: bool = True
    is_homework: bool = False
    is_average: bool = False
    n_parameters: int = 0
    scale: float = 1.0

    @property
    def validation(self) -> EpochRecord | None:
        """The record of the best epoch, if it was validated."""
        return next((r for r in self.history if r.epoch == self.best_epoch and r.valid_accuracy is not None), None)


def facts_of(dataset: Dataset, n_valid: int, shape: tuple[int, ...] | None) -> DataFacts:
    """Return the facts of a data set of which `n_valid` training images are held out; `shape` is that of pictures."""
    counts = {"Training set": len(dataset.train_labels) - (0 if dataset.valid_labels is not None else n_valid)}
    counts |= {"Validation set": n_valid} if n_valid else {}
    counts |= {} if dataset.test_labels is None else {"Test set": len(dataset.test_labels)}
    names = list(dataset.class_names)
    examples = None
    if shape is not None and len(names) <= MOST_CLASSES:
        rows = [np.flatnonzero(dataset.train_labels == c)[:EXAMPLES] for c in range(len(names))]
        n = min(map(len, rows))
        if n:
            examples = np.stack([dataset.train_images[row[:n]] for row in rows])
    return DataFacts(dataset.name, dataset.fingerprint, tuple(dataset.image_shape), names, counts, examples)
