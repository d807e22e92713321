"""`playground`: write the page of a run or a model file: choose its network, its images and the path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barenet.analysis.images import Source, find_dataset, is_other
from barenet.data.datasets import Dataset
from barenet.errors import CheckpointError
from barenet.language.choice import ENGLISH, language_named
from barenet.nn.activations import CUSTOM
from barenet.notes import logger
from barenet.old_words import takes_old
from barenet.pages.page import page_path
from barenet.pages.playground.images import most_examples
from barenet.pages.playground.page import write_playground
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.finding import Named, find_run, is_ensemble, name_of_run
from barenet.run_folders.folder import RunFolder
from barenet.run_folders.loading import best_on_validation, load_models
from barenet.run_folders.results import read_verdict
from barenet.storage.ensembles import read_members
from barenet.storage.history import read_history

__all__ = ["Playground", "playground"]


@dataclass(frozen=True)
class Playground:
    """The path of the page, its size in bytes, the model file that it shows, and the number of images in it."""

    page: Path
    size: int
    model: Path
    n_images: int

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`."""
        return {"model": str(self.model), "page": str(self.page), "bytes": self.size, "images": self.n_images}


@takes_old(page="output")
def playground(
    path: Named = None,
    *,
    output: str | Path | None = None,
    dataset: Source | None = None,
    language: str = ENGLISH,
) -> Playground:
    """Write a page on which a person draws an image and sees the activation of every neuron of a network.

    Args:
        path: a run folder or its name, the result of training, a `.safetensors` file, or the course project's `.pkl`;
            by default the latest run. For several seeds the page shows the best on validation; for an ensemble it shows
            all members and averages their probabilities.
        output: the file to write, which ends in .html; by default `playground.html` in the run's folder or beside the
            model file.
        dataset: the data set whose test images the page offers, or its path; by default the one that the network was
            trained on, or no images if that cannot be found.
        language: of the page, "en" or "zh".

    Returns:
        The path of the page, its size in bytes, the model file that it shows, and the number of images in it.

    Raises:
        CheckpointError: the network is too large for a page, or has a custom activation or loss.
        DataError: its images are not grey, or the data set has other images.
        RunError, MachineError: see `barenet.errors`.
    """
    language = language_named(language, "language")
    path, target = find_run(path), None if output is None else page_path(output)
    model, members = choose_networks(path)
    images = find_images(model, path, dataset)
    target = target or (path if path.is_dir() else path.parent) / "playground.html"
    name = name_of_run(path) if members else name_of(model, path)
    warnings = [f"{member_name}: {said}" for member_name, member in members if (said := warning_of(member))]
    warning = " ".join(warnings) if members else warning_of(model)
    size = write_playground(model, target, images, name=name, members=members, warning=warning, language=language)
    n_test = 0 if images is None or images.test_images is None else len(images.test_images)
    return Playground(target, size, path if members else model.path, min(most_examples(model), n_test))


def choose_networks(path: Path) -> tuple[SavedModel, list[tuple[str, SavedModel]]]:
    """Return the network at `path`, or the best of several on validation; and the members of an ensemble by name."""
    try:
        models = load_models(path)
    except CheckpointError as error:
        if CUSTOM not in str(error):
            raise
        raise CheckpointError(
            f"{path} has a custom activation or loss: a page runs JavaScript and cannot run Python functions; train "
            f"with functions of barenet"
        ) from None
    best = best_on_validation(models)
    if is_ensemble(path):
        sources = [member.source for member in read_members(path)]
        return best, [(f"{i} {source}", model) for i, (source, model) in enumerate(zip(sources, models, strict=True))]
    if len(models) > 1:
        logger.info(f"the page shows one of {len(models)} networks, the best on validation: {best.path.parent.name}")
    return best, []


def warning_of(model: SavedModel) -> str:
    """Return a warning if the network learned nothing, by the verdict of its run; otherwise ""."""
    folder = RunFolder(model.path.parent)
    if model.path != folder.best:
        return ""
    verdict = read_verdict(folder.path, read_history(folder.history).records)
    if verdict is None or verdict.learned:
        return ""
    words = f"{verdict.headline[0].upper()}{verdict.headline[1:]}"
    return f"{words}: {verdict.reasons[0]}. The activations of its neurons say nothing about an image."


def find_images(model: SavedModel, path: Path, source: Source | None) -> Dataset | None:
    """Return the data set whose test images the page offers: the given one, or that of the run if it is found."""
    dataset = find_dataset(model, path, source)
    if source is None and (is_other(model, dataset) or dataset.n_inputs != model.mlp.n_inputs):
        logger.info(
            f"the images that the network was trained on ({model.info.data_name or 'unknown'}) are not on file: the "
            f"page has none to pick from; name them by --data"
        )
        return None
    if is_other(model, dataset):
        logger.info(f"the model was trained on {model.info.data_name}, but these test images are of {dataset.name}")
    return dataset


def name_of(model: SavedModel, path: Path) -> str:
    """Return the name of the network in the page: that of the run, and for a model file also that of the file."""
    file = model.path.resolve()
    run = name_of_run(file.parent)
    return run if path.is_dir() else f"{run}, {file.name}"
