"""Find the networks for an ensemble from what a person names: runs, studies, files, ensembles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from barenet.errors import CheckpointError, ConfigError, MachineError
from barenet.messages import count
from barenet.nn import Activation, Loss
from barenet.notes import logger
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.finding import RUNS, Named, find_run, is_ensemble
from barenet.run_folders.folder import RunFolder, lock_run, network_folders
from barenet.run_folders.loading import load_models, weights_of
from barenet.run_folders.results import read_verdict
from barenet.storage.ensembles import read_members
from barenet.storage.history import read_history

__all__ = ["Candidate", "find_candidates", "run_of"]


@dataclass(frozen=True)
class Candidate:
    """A network for an ensemble. source: the run or the model file that it comes from."""

    source: str
    model: SavedModel


def find_candidates(
    named: Sequence[Named], activations: Sequence[Activation], loss: Loss | None, runs: str | Path = RUNS
) -> list[Candidate]:
    """Return the networks of runs, studies, model files and ensembles, in order.

    Of a run with several seeds all networks are returned, and of an ensemble its members.

    Raises:
        ConfigError: there are fewer than two networks, or one of them twice.
        RunError: a run is still training, or has no finished validation yet.
        CheckpointError: a file is damaged, or barenet did not train its network.
    """
    if not named or None in named:
        raise ConfigError("an ensemble needs two networks or more: name runs, or one run of several seeds")
    paths = [find_run(one, runs) for one in named]
    if len(paths) == 1 and is_ensemble(paths[0]):
        raise ConfigError(f"{paths[0]} is an ensemble already: name further runs, whose networks join its members")
    found = [candidate for path in paths for candidate in candidates_of(path, activations, loss)]
    if len(found) == 1:
        raise ConfigError(
            f"{found[0].source} is one network, and an ensemble needs two or more: name further runs, or train several "
            f"seeds by --n-seeds"
        )
    check_different(found)
    return found


def check_different(found: Sequence[Candidate]) -> None:
    """Raise ConfigError if two networks have the same weights, also if they were named differently."""
    sources: dict[str, str] = {}
    for candidate in found:
        weights = weights_of(candidate.model)
        if weights in sources:
            before = sources[weights]
            what = "would be a member twice" if before == candidate.source else f"holds the same network as {before}"
            raise ConfigError(f"{candidate.source} {what}: name each network once")
        sources[weights] = candidate.source


def candidates_of(path: Path, activations: Sequence[Activation], loss: Loss | None) -> list[Candidate]:
    """Return the networks at a path; if there are several, note which."""
    if path.suffix.lower() in (".pkl", ".pickle", ".npz"):
        raise CheckpointError(
            f"{path} does not say how its images are read, so it cannot be averaged with others: an ensemble is of "
            f"barenet's runs and .safetensors files"
        )
    if RunFolder(path).config.exists():
        check_not_training(path)
    models = load_models(path, activations, loss)
    if is_ensemble(path):
        logger.info(f"{path} is an ensemble: its {len(models)} members are taken, each with the weight of every other")
        return [Candidate(member.source, model) for member, model in zip(read_members(path), models, strict=True)]
    n_seeds = len(network_folders(path))
    if n_seeds > 1:
        which = f"{len(models)} of them have best weights and" if len(models) < n_seeds else "all of them"
        logger.info(f"{path} has {count(n_seeds, 'seed')}: {which} are taken")
    found = [Candidate(str(path if len(models) == 1 else model.path.parent), model) for model in models]
    for one in found:
        if not one.model.info.settings:
            raise CheckpointError(f"{one.source} does not say how it was trained, so it cannot be averaged with others")
        for sentence in remarks_on(one):
            logger.info(sentence)
    return found


def check_not_training(run: Path) -> None:
    """Raise RunError, which names the process, for a run that is still being trained."""
    try:
        with lock_run(run):
            pass
    except MachineError:
        pass  # no process can train in a folder that it cannot write to


def run_of(model: SavedModel) -> RunFolder | None:
    """Return the folder of the run, or the member, whose best weights these are; None for another model file."""
    folder = RunFolder(model.path.parent)
    return folder if model.path.name == folder.best.name and folder.config.exists() else None


def remarks_on(one: Candidate) -> list[str]:
    """Return what a person should know about a network for an ensemble."""
    remarks, info, run = [], one.model.info, run_of(one.model)
    history = [] if run is None else read_history(run.history).records
    epochs = info.settings.get("trainer", {}).get("epochs", 0)
    if history and history[-1].stopped is None and history[-1].epoch < epochs:
        last = history[-1].epoch
        remarks.append(f"{one.source} is at epoch {last} of {epochs}: its best weights so far are taken")
    verdict = None if run is None else read_verdict(run.path, history)
    if verdict is not None and not verdict.learned:
        remarks.append(f"{one.source}: {verdict.headline}")
    if one.model.mlp.ends_in_logits and one.model.loss.output != "softmax":
        remarks.append(
            f"{one.source} was trained with the loss {info.loss}, whose outputs are scores: the softmax of the scores "
            f"is averaged, as in predictions"
        )
    return remarks
