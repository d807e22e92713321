"""The networks that are to become an ensemble, behind what a person names."""

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
    """A network that is to be a member. source: the run or the model file that it comes from, as it was named."""

    source: str
    model: SavedModel


def find_candidates(
    named: Sequence[Named], activations: Sequence[Activation], loss: Loss | None, runs: str | Path = RUNS
) -> list[Candidate]:
    """Return the networks behind runs, studies, model files and ensembles, in order.

    Of a run with several seeds these are all of them, and of an ensemble its members.

    Raises:
        ConfigError: there are fewer than two, or one of them twice.
        RunError: a run is still training, or has no finished validation yet.
        CheckpointError: a file is damaged, or none that barenet trained.
    """
    if not named or None in named:
        raise ConfigError("an ensemble needs two networks or more: name runs, or one run of several seeds")
    paths = [find_run(one, runs) for one in named]
    if len(paths) == 1 and is_ensemble(paths[0]):
        raise ConfigError(f"{paths[0]} is an ensemble already: name further runs, whose networks join its members")
    found = [own for path in paths for own in candidates_of(path, activations, loss)]
    if len(found) == 1:
        raise ConfigError(
            f"{found[0].source} is one network, and an ensemble needs two or more: name further runs, or train several "
            f"seeds by --n-seeds"
        )
    check_different(found)
    return found


def check_different(found: Sequence[Candidate]) -> None:
    """Raise ConfigError where two networks are the same one, whatever they were named."""
    sources: dict[str, str] = {}
    for own in found:
        weights = weights_of(own.model)
        if weights in sources:
            before = sources[weights]
            what = "would be a member twice" if before == own.source else f"holds the same network as {before}"
            raise ConfigError(f"{own.source} {what}: name each network once")
        sources[weights] = own.source


def candidates_of(path: Path, activations: Sequence[Activation], loss: Loss | None) -> list[Candidate]:
    """Return the networks at a path, and note which these are where they are several."""
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
        return [Candidate(own.source, model) for own, model in zip(read_members(path), models, strict=True)]
    n_seeds = len(network_folders(path))
    if n_seeds > 1:
        lost = n_seeds - len(models)
        which = f"{len(models)} of them have best weights and" if lost else "all of them"
        logger.info(f"{path} has {count(n_seeds, 'seed')}: {which} are taken")
    found = [Candidate(str(path if len(models) == 1 else model.path.parent), model) for model in models]
    for own in found:
        if not own.model.info.settings:
            raise CheckpointError(f"{own.source} does not say how it was trained, so it cannot be averaged with others")
        for sentence in remarks_on(own):
            logger.info(sentence)
    return found


def check_not_training(run: Path) -> None:
    """Raise RunError, which names the process, for a run that is still being trained."""
    try:
        with lock_run(run):
            pass
    except MachineError:
        pass  # nobody trains in a folder in which nothing can be written


def run_of(model: SavedModel) -> RunFolder | None:
    """Return the folder of the run, or the member, whose best weights these are; None for another model file."""
    folder = RunFolder(model.path.parent)
    return folder if model.path.name == folder.best.name and folder.config.exists() else None


def remarks_on(own: Candidate) -> list[str]:
    """Return what a person should know of a network that is to be averaged."""
    said, info, run = [], own.model.info, run_of(own.model)
    history = [] if run is None else read_history(run.history).records
    epochs = info.settings.get("trainer", {}).get("epochs", 0)
    if history and history[-1].stopped is None and history[-1].epoch < epochs:
        said.append(f"{own.source} stands at epoch {history[-1].epoch} of {epochs}: its best weights so far are taken")
    verdict = None if run is None else read_verdict(run.path, history)
    if verdict is not None and not verdict.learned:
        said.append(f"{own.source}: {verdict.headline}")
    if own.model.mlp.ends_in_logits and own.model.loss.output != "softmax":
        said.append(
            f"{own.source} was trained with the loss {info.loss}, whose outputs are scores: what is averaged is their "
            f"softmax, as predictions show it"
        )
    return said
