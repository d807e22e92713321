"""Build one HTML page with a trained network, on which a person draws an image and sees the activation of every neuron.

The page loads nothing from other hosts: it contains weights, up to sixty test images, styles and scripts. Its sources
are the `playground.*` files in `templates/`. The caller chooses the run, the data and the path.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from barenet.data.datasets import Dataset
from barenet.errors import CheckpointError
from barenet.language.choice import ENGLISH
from barenet.language.translation import translated
from barenet.messages import one_line
from barenet.nn import MLP
from barenet.notes import logger
from barenet.pages.languages import template_in_language
from barenet.pages.playground.images import choose_examples, drawn, frame_of, most_examples
from barenet.pages.playground.network import describe_network, not_as_good, pack, round_weights, weights_in_order
from barenet.pages.scripts import script_in_language
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.scores import names_for
from barenet.storage.files import replace_file

__all__ = ["LIMIT", "build_page", "write_playground"]

LIMIT = 1_500_000  # bytes of the page, for each network that it runs
STYLES = ("playground.css",)
SCRIPTS = ("network", "picture", "import", "paint", "layers", "inspector", "page", "wiring", "start")


def write_playground(
    model: SavedModel,
    path: Path,
    dataset: Dataset | None = None,
    *,
    name: str,
    members: Sequence[tuple[str, SavedModel]] = (),
    warning: str = "",
    language: str = ENGLISH,
) -> int:
    """Write the page of a network and return its size in bytes; after an error nothing is written.

    The page offers test images of `dataset`; without it there are none. `members` are the networks of an ensemble by
    name, including `model`: the page averages their probabilities, and shows the neurons of `model` first.

    Raises:
        CheckpointError: the network is too large for a page, or has a custom activation.
        DataError: its images are not grey, or the data set has other images.
        MachineError: the page cannot be written.
    """
    page = build_page(model, dataset, name=name, members=members, warning=warning, language=language).encode()
    replace_file(path, page)
    return len(page)


def build_page(
    model: SavedModel,
    dataset: Dataset | None = None,
    *,
    name: str,
    members: Sequence[tuple[str, SavedModel]] = (),
    warning: str = "",
    language: str = ENGLISH,
) -> str:
    """Return the page's HTML; the same network and images give the same text. `warning`: a text at the top."""
    models = [member for _, member in members] or [model]
    networks, limit = [one.mlp for one in models], LIMIT * len(models)
    if sum(network.parameters.values.size for network in networks) > 4 * limit:
        raise too_large(models)  # too large even after compression
    frame = frame_of(model, dataset)
    images, labels = choose_examples(dataset, most_examples(model))
    images = drawn(model, images).values if len(images) else images
    run = {
        "name": name,
        "data": model.info.data_name,
        "warning": translated(warning, language),
        "classNames": names_for(model, dataset),
        **describe_networks(model, members),
        "height": frame.height,
        "width": frame.width,
        "low": frame.low,
        "high": frame.high,
        "brightBorder": frame.bright_border,
        "extent": frame.extent,
        # Bytes are multiplied by the scale in float32, as in training; floats are not changed.
        "scale": float(np.float32(model.info.scale)) if model.info.input_dtype == "uint8" else None,
        "labels": labels.tolist(),
    }
    examples = pack(images) if len(images) else ""
    page = fill_template(run | {"rounded": False}, pack_weights(networks), examples, language)
    if len(page.encode()) > limit:
        rounded = [round_weights(network) for network in networks]
        page = fill_template(run | {"rounded": True}, pack_weights(rounded), examples, language)
        if len(page.encode()) > limit or any(map(not_as_good, networks, rounded)):
            raise too_large(models)
        logger.info(f"the page holds the weights rounded to 16 binary digits, to stay under {limit / 1e6} MB")
    return page


def describe_networks(model: SavedModel, members: Sequence[tuple[str, SavedModel]]) -> dict[str, Any]:
    """Return the description of a page's network, or of the members of an ensemble."""
    described = [
        {"name": name, "layers": describe_network(one), "givesProbabilities": one.gives_probabilities}
        for name, one in members or [("", model)]
    ]
    if members:
        return {"members": described, "shown": next(i for i, (_, one) in enumerate(members) if one is model)}
    alone = {"epoch": model.info.epoch, "validationAccuracy": model.info.metrics.get("validation_accuracy")}
    return alone | {name: described[0][name] for name in ("layers", "givesProbabilities")}


def pack_weights(networks: Sequence[MLP]) -> str:
    """Return the packed weights of all networks, one after another."""
    return pack(np.concatenate([weights_in_order(network) for network in networks]))


def too_large(models: Sequence[SavedModel]) -> CheckpointError:
    """Return the error about a network or an ensemble that is too large for a page; it names the largest network."""
    model = max(models, key=lambda one: one.mlp.parameters.values.size)
    n_weights = model.mlp.parameters.values.size
    widths = "-".join(str(row.input_dim) for row in model.mlp.architecture.rows) + f"-{model.mlp.n_classes}"
    return CheckpointError(
        f"{model.path} is too large for a playground: {widths} has {n_weights:,} parameters, a page of "
        f"{LIMIT / 1e6} MB holds about 400,000; train a smaller one, such as --hidden 256,128"
    )


def fill_template(run: Mapping[str, Any], weights: str, examples: str, language: str) -> str:
    """Return the page in a language: its template filled with styles, scripts and the run."""
    folder = resources.files("barenet.pages.playground") / "templates"

    def read(names: Sequence[str]) -> str:
        return "\n".join((folder / name).read_text("utf-8").strip() for name in names)

    parts = {
        "title": html.escape(one_line(run["name"], 80)),
        "styles": read(STYLES),
        "scripts": script_in_language(read([f"playground.{name}.js" for name in SCRIPTS]), language),
        "run": json.dumps(run).replace("<", "\\u003c"),  # so that no class name can end the element
        "weights": weights,
        "examples": examples,
    }
    # The template is split, since `replace` would also find placeholders in the inserted parts.
    first, *rest = template_in_language(read(["playground.html"]), language).split("{{")
    return first + "".join(parts[name] + text for name, text in (piece.split("}}", 1) for piece in rest))
