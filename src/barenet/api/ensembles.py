"""`ensemble`: several trained networks as one model; its probabilities are the mean of theirs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barenet.analysis.images import Source, is_other, try_dataset
from barenet.api.agreement import check_fit
from barenet.api.members import find_candidates, run_of
from barenet.config.sources import complete_settings
from barenet.data.datasets import Dataset
from barenet.errors import DataError
from barenet.interrupts import check
from barenet.messages import count
from barenet.nn import Activation, Loss
from barenet.notes import held_back, logger
from barenet.printing.shown import Shown
from barenet.run_folders.checkpoint import SavedModel, write_model
from barenet.run_folders.finding import RUNS, Named
from barenet.run_folders.folder import RunFolder, new_ensemble
from barenet.run_folders.going_on.resuming import stored_config
from barenet.run_folders.loading import load_models, weights_of
from barenet.run_folders.results import VERDICT
from barenet.run_folders.scores import Scores, average_scores, names_for, score_model, write_scores
from barenet.storage.ensembles import Member, member_folder, write_members
from barenet.storage.files import our_errors

__all__ = ["Ensemble", "EnsembleMember", "ensemble"]


@dataclass(frozen=True, repr=False)
class EnsembleMember(Shown):
    """A network of an ensemble: the run or the model file that it was copied from, and its test results."""

    source: str
    model: SavedModel
    scores: Scores | None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`."""
        metrics = self.model.info.metrics
        return {
            "member": self.model.path.parent.name,
            "source": self.source,
            "validation_accuracy": metrics.get("validation_accuracy"),
            "validation_loss": metrics.get("validation_loss"),
            "test_accuracy": None if self.scores is None else self.scores.accuracy,
            "test_loss": None if self.scores is None else self.scores.loss,
        }


@dataclass(frozen=True, repr=False)
class Ensemble(Shown):
    """An ensemble on disk. scores: the test results of the members' mean probabilities; None if it was not tested."""

    folder: Path
    members: list[EnsembleMember]
    scores: Scores | None

    def __repr__(self) -> str:
        tested = "" if self.scores is None else f", test accuracy {100 * self.scores.accuracy:.2f} %"
        return f"Ensemble({self.folder}: {count(len(self.members), 'network')}{tested})"

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`."""
        return {
            "ensemble": str(self.folder),
            "test_accuracy": None if self.scores is None else self.scores.accuracy,
            "test_loss": None if self.scores is None else self.scores.loss,
            "members": [member.as_dict() for member in self.members],
        }


def ensemble(
    *runs: Named,
    output: str | Path = RUNS,
    name: str | None = None,
    dataset: Source | None = None,
    activations: Sequence[Activation] = (),
    loss: Loss | None = None,
) -> Ensemble:
    """Make one model of several networks: its probabilities are the mean of theirs.

    The ensemble is a folder with copies of their best weights, so the runs may be deleted. `load`, `export`, `report`,
    `playground` and `inspect` take it as they take a run, and so do the commands.

    Args:
        *runs: runs or their names, results of training, studies (their best runs), `.safetensors` files. Of a run with
            several seeds all networks are members, and of an ensemble all its members.
        output: folder in which the ensemble's folder is made.
        name: name of that folder; by default `ensemble-1`, `-2`, ...
        dataset: the data that the networks were trained on, or their path; needed if the data were moved.
        activations: custom activations of the networks.
        loss: the custom loss of the networks.

    Returns:
        The folder, the members, and the test results, which are also written into the folder. Nothing is tested if the
        data cannot be found.

    Raises:
        ConfigError: there are fewer than two networks, or one of them twice.
        CheckpointError: two networks take different inputs or give different classes, or a file is damaged.
        RunError: a run is still training, has no best weights yet, or `name` is taken.
        DataError: `dataset` cannot be read, or is not what the networks were trained on.
        MachineError: the folder cannot be written.
    """
    found = find_candidates(runs, activations, loss)
    check_fit(found)
    with our_errors(Path(output)), new_ensemble(Path(output), name) as new:
        first = found[0].model
        data = find_test_data(first, dataset)
        with held_back():
            scores = [] if data is None else [score_model(one.model, data) for one in found]
        average = None if data is None else average_scores(scores, data.test_labels, names_for(first, data))  # type: ignore[arg-type]
        for number, one in enumerate(found):
            check()
            write_member(member_folder(new.path, number), one.model, scores[number] if scores else None)
        write_members(new.path, [Member(one.source, weights_of(one.model)) for one in found])
        if average is not None:
            write_scores(new.path, average.as_dict(), average.probabilities)
        check()
        folder = new.publish()
    models = load_models(folder, activations, loss)
    tested: Sequence[Scores | None] = scores or [None] * len(found)
    rows = zip(found, models, tested, strict=True)
    return Ensemble(folder, [EnsembleMember(one.source, model, score) for one, model, score in rows], average)


def find_test_data(model: SavedModel, source: Source | None) -> Dataset | None:
    """Return the data with the test images for the ensemble; without them None, and a note says why."""
    data = try_dataset(model, model.path, source, "the ensemble is not tested")
    if data is None:
        return None
    if is_other(model, data):
        words = f"the networks were trained on {model.info.data_name}"
        if source is not None:
            raise DataError(f"{words}, not on {data.name}: leave out --data, and test the ensemble on other data later")
        logger.info(f"the ensemble is not tested: {words}, which is not on file; say by --data where it is")
        return None
    if data.test_images is None:
        logger.info(f"the ensemble is not tested: {data.name} has no test images")
        return None
    return data


def write_member(folder: Path, model: SavedModel, scores: Scores | None) -> None:
    """Write the files of a member: its best weights, settings, history and test results."""
    folder.mkdir()
    files, run = RunFolder(folder), run_of(model)
    parameters = model.mlp.parameters
    write_model(files.best, model.info, parameters.named(parameters.values))
    if model.info.settings:
        # The settings are those with the weights, but the path of the data is that in the run, where it may be newer.
        config = complete_settings(model.info.settings, f"settings of {model.path}")
        around = RunFolder(model.path.parent)
        path = stored_config(around.path).data.path if around.config.exists() else config.data.path
        files.write_config(config.with_values(data__path=path))
    for name in (files.history.name, VERDICT):
        if run is not None and (run.path / name).exists():
            shutil.copyfile(run.path / name, folder / name)
    if scores is not None:
        write_scores(folder, scores.as_dict(), scores.probabilities)
