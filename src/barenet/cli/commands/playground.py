"""`barenet playground`."""

from __future__ import annotations

import json as json_module
import webbrowser
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from barenet.cli.commands.test import trained_on
from barenet.data.datasets import Dataset, load_dataset
from barenet.errors import CheckpointError
from barenet.nn.activations import CUSTOM
from barenet.pages.playground.page import write_playground
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.folder import find_latest
from barenet.run_folders.loading import load_models
from barenet.terminal.console import ConsoleObserver

__all__ = ["playground"]


def playground(
    model: Path | None = None,
    /,
    *,
    data: str | None = None,
    file: Path | None = None,
    output: Path = Path("runs"),
    open: Annotated[bool, Parameter(negative="")] = False,
    quiet: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write a page on which you draw an image and watch every neuron of a trained network answer.

    Parameters
    ----------
    model
        A run folder, a .safetensors file, or the course project's .pkl; the latest run without one.
    data
        Folder of IDX files or .npz file to take the test images from; without it, what the run was trained on.
    file
        Where to write the page; without it, playground.html in the run's folder or beside the model file.
    output
        Folder in which to look for the latest run.
    open
        Open the page in the browser.
    quiet
        Show results only.
    json
        Print the results as one JSON object.
    """
    path = model or find_latest(output)
    observer = ConsoleObserver(quiet=quiet)
    chosen = choose_network(path, observer)
    dataset = find_images(chosen, path, data, observer)
    page = file or (path if path.is_dir() else path.parent) / "playground.html"
    size = write_playground(chosen, page, dataset, name=name_of(chosen, path), note=observer.note)
    if json:
        n_images = 0 if dataset is None or dataset.test_images is None else min(60, len(dataset.test_images))
        result = {"model": str(chosen.path), "page": str(page), "bytes": size, "images": n_images}
        print(json_module.dumps(result))
    else:
        print(f"{page} ({size / 1e6:.2f} MB): open it in a browser of 2023 or newer; it needs no network")
    if open and not webbrowser.open(page.resolve().as_uri()):
        observer.note(f"no browser could be started here; open {page} yourself")


def choose_network(path: Path, observer: ConsoleObserver) -> SavedModel:
    """Return the network at `path`, of several the one that is best on validation."""
    try:
        models = load_models(path)
    except CheckpointError as error:
        if CUSTOM not in str(error):
            raise
        raise CheckpointError(
            f"{path} has an activation or a loss of your own: a page runs JavaScript and cannot take Python functions; "
            f"train with barenet's own ones"
        ) from None
    best = max(models, key=rank)
    if len(models) > 1:
        observer.note(f"the page shows one of {len(models)} networks, the best on validation: {best.path.parent.name}")
    return best


def rank(model: SavedModel) -> float:
    """Return what the best network of several has most of, by the metric of its run."""
    if model.info.settings.get("trainer", {}).get("metric") == "acc":
        return model.info.metrics.get("validation_accuracy", 0.0)
    return -model.info.metrics.get("validation_loss", float("inf"))


def find_images(model: SavedModel, path: Path, data: str | None, observer: ConsoleObserver) -> Dataset | None:
    """Return the data set whose test images the page offers: the one named, or the run's own if it is on file."""
    dataset = load_dataset(data or trained_on(path), **model.info.reading(), note=observer.note)
    known = model.info.data_fingerprint
    if data is None and ((known and known != dataset.fingerprint) or dataset.n_inputs != model.mlp.n_inputs):
        observer.note(
            f"the images that the network was trained on ({model.info.data_name or 'unknown'}) are not on file: the "
            f"page has none to pick from; name them by --data"
        )
        return None
    if known and known != dataset.fingerprint:
        observer.note(f"the model was trained on {model.info.data_name}, these test images are of {dataset.name}")
    return dataset


def name_of(model: SavedModel, path: Path) -> str:
    """Return how the page calls the network: the run's name, and the seed's or the file's where there are several."""
    file = model.path.resolve()
    if not path.is_dir():
        return f"{file.parent.name}/{file.name}"
    is_seed = file.parent.name.startswith("seed-")
    return f"{file.parent.parent.name}/{file.parent.name}" if is_seed else file.parent.name
