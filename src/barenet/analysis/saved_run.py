"""All files of a run, read and checked in one place; plots and pages use nothing else.

A single model file, or the course project's `.pkl`, is read too: it lacks a history, and its first weights are lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.analysis.images import Images, Source, find_images, find_test
from barenet.analysis.shared_time import Shared, share_time
from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.data.randomness import generator
from barenet.errors import RunError
from barenet.messages import as_typed, count
from barenet.nn import MLP, Activation, Loss
from barenet.printing.shown import Shown
from barenet.run_folders.checkpoint import SavedModel, read_model
from barenet.run_folders.folder import RunFolder, network_folders
from barenet.run_folders.going_on.resuming import changed_settings, stored_config
from barenet.run_folders.loading import load_models
from barenet.run_folders.machine import read_machine
from barenet.run_folders.scores import names_for, read_scores
from barenet.storage.history import History, read_history
from barenet.training.records import EpochRecord

__all__ = [
    "SavedRun",
    "is_seeds",
    "need",
    "read_records",
    "read_saved_run",
]


@dataclass(frozen=True, repr=False)
class SavedRun(Shown):
    """The contents of one network's run or model file; missing parts are None or empty, and `notes` say why.

    model: the best on validation, or the last finite weights where no validation was finished. initial: the weights
    before the first step, or a new initialisation with the same rule where they are lost. test_probabilities: (n, C),
    as stored. shared: which networks trained in the seconds of its history.
    """

    path: Path
    model: SavedModel
    initial: MLP
    is_redrawn: bool
    config: Config | None = None
    history: list[EpochRecord] = field(default_factory=list)
    data: Dataset | None = None
    validation: Images | None = None
    test: Images | None = None
    results: dict[str, Any] | None = None
    test_probabilities: NDArray[np.float32] | None = None
    machine: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    shared: Shared | None = None

    @property
    def best_epoch(self) -> int:
        """The epoch of the weights in `model`."""
        return self.model.info.epoch

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, by their number."""
        return names_for(self.model, self.data)

    @property
    def lost(self) -> str | None:
        """How the network diverged, if it did."""
        return str(self.history[-1].stopped) if self.history and self.history[-1].diverged else None

    @property
    def has_best(self) -> bool:
        """Whether a validation chose the weights in `model`; assumed for a single model file."""
        return not self.path.is_dir() or bool(self.model.info.metrics)

    @property
    def weights_word(self) -> str:
        """The name of the weights in `model`, for plots."""
        return "after training" if self.has_best else weights_word(self.model, self.history)

    @property
    def picture_shape(self) -> tuple[int, ...] | None:
        """(height, width) or (height, width, 3) where the inputs are pictures, else None."""
        shape = tuple(self.model.info.image_shape)
        if len(shape) == 3 and shape[-1] == 1:
            shape = shape[:2]
        is_picture = (len(shape) == 2 or (len(shape) == 3 and shape[-1] == 3)) and min(shape[:2]) > 1
        return shape if is_picture else None


def is_seeds(path: Path) -> bool:
    """Whether a folder holds several networks: a run's seeds, or an ensemble's members."""
    return path.is_dir() and network_folders(path) != [path]


def read_saved_run(
    path: Path,
    *,
    dataset: Source | None = None,
    activations: Sequence[Activation] = (),
    loss: Loss | None = None,
) -> SavedRun:
    """Return the contents of the run or the model file at `path`.

    Args:
        path: a run folder of one network, a `.safetensors` file, or the course project's `.pkl`.
        dataset: its data set, or the path of it; by default the one that the run was trained on, if it can be found.
        activations: custom activations, which no file holds.
        loss: a custom loss, likewise.

    Raises:
        RunError: the folder is not a run, or lacks a file; the message says which.
        CheckpointError: a model file is damaged.
        DataError: `dataset` does not fit the model.
    """
    if path.is_dir():
        return read_run(path, dataset, activations, loss)
    [model] = load_models(path, activations, loss)
    config = Config.model_validate(model.info.settings) if model.info.settings else None
    first, notes = path.parent / "initial.safetensors", []
    is_redrawn = config is None or not (RunFolder(path.parent).config.exists() and first.exists())
    if is_redrawn:
        notes.append("the weights that this model started from are lost: its initialisation is drawn again")
    initial = redraw(model, config) if is_redrawn else read_model(first, activations, loss).mlp
    data, validation = find_images(model, config, dataset, notes)
    return SavedRun(path, model, initial, is_redrawn, config, [], data, validation, find_test(model, data), notes=notes)


def read_run(folder: Path, dataset: Source | None, activations: Sequence[Activation], loss: Loss | None) -> SavedRun:
    """Return the contents of a run folder of one network."""
    files = RunFolder(folder)
    config = stored_config(folder)
    model = read_model(files.best if files.best.exists() else need(folder, "last.safetensors"), activations, loss)
    initial = read_model(need(folder, "initial.safetensors"), activations, loss).mlp
    history = read_records(files)
    notes = [*changed_settings(files, config, model.info.settings), *history.problems(model.info.epoch)]
    if not files.best.exists():
        notes.append(f"no validation was finished: the weights shown are those {weights_word(model, history.records)}")
    data, validation = find_images(model, config, dataset, notes)
    results, probabilities = read_scores(folder) or (None, None)
    test = find_test(model, data)
    if test is not None and probabilities is not None and len(probabilities) != len(test.labels):
        raise RunError(
            f"{folder / 'test-probabilities.safetensors'} is of {count(len(probabilities), 'image')}, "
            f"{model.info.data_name} has {count(len(test.labels), 'test image')}; {write_again(folder)}"
        )
    machine, shared = read_machine(folder), share_time(folder, history.records)
    return SavedRun(
        folder,
        model,
        initial,
        False,
        config,
        shared.history,
        data,
        validation,
        test,
        results,
        probabilities,
        machine,
        notes,
        shared,
    )


def weights_word(model: SavedModel, history: Sequence[EpochRecord]) -> str:
    """Return a name for the last weights of a run without a finished validation."""
    epoch = model.info.epoch
    when = "epoch 0, as initialised" if epoch == 0 else f"after epoch {epoch}"
    return f"before the lost epoch ({when})" if history and history[-1].diverged else f"last saved ({when})"


def need(folder: Path, name: str) -> Path:
    """Return a file of a run, or raise RunError if it isn't there."""
    path = folder / name
    if not path.exists():
        raise RunError(f"{folder} is incomplete: {name} is missing; put it back, or {train_again(folder)}")
    return path


def read_records(files: RunFolder) -> History:
    """Return a run's history, empty before the end of the first epoch; raise RunError if only the file is missing."""
    if files.history.exists() or files.best.exists():
        need(files.path, "history.jsonl")
    return read_history(files.history)


def write_again(folder: Path) -> str:
    """Return how to write a missing file of test results again."""
    return f"write it again by: barenet train --resume {as_typed(folder)}"


def train_again(folder: Path) -> str:
    """Return how to train a run again by its settings."""
    return f"train again by: barenet train {as_typed(folder / 'config.toml')}"


def redraw(model: SavedModel, config: Config | None) -> MLP:
    """Return a network with first weights like the model's: by its settings, or by LeCun's rule where it has none."""
    name, seed = (config.model.initializer, config.trainer.seed) if config else ("lecun", 0)
    return MLP.from_architecture(
        model.mlp.architecture, initializer=name, seed=generator(seed, "initialisation"), dtype=model.mlp.dtype
    )
