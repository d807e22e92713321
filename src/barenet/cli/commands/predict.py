"""`barenet predict`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.cells import cell_len

from barenet.cli.models import find_model, split_model
from barenet.cli.options import Json, Mirror, Quiet, Runs, Switch
from barenet.deploy.framing import Steps
from barenet.deploy.predictor import load
from barenet.deploy.recognition import Recognition, recognise
from barenet.errors import ConfigError, nearest
from barenet.messages import escaped
from barenet.notes import logger
from barenet.printing.lines import print_json, print_values, write_csv_row
from barenet.run_folders.finding import RUNS

__all__ = ["predict"]

FLAGS = (
    *("--top", "--invert", "--no-invert", "--crop", "--no-crop", "--pad", "--no-pad", "--resize", "--no-resize"),
    *("--skip-broken", "--mirror", "--runs", "--quiet", "--json", "--csv"),
)


def predict(
    *images: Annotated[str, Parameter(allow_leading_hyphen=True)],  # for "-", standard input
    top: int = 3,
    invert: bool | None = None,
    crop: bool | None = None,
    pad: bool = True,
    resize: bool = True,
    skip_broken: Switch = False,
    mirror: Mirror = False,
    runs: Runs = Path(RUNS),
    quiet: Quiet = False,
    json: Json = False,
    csv: Switch = False,
) -> None:
    """Classify pictures: print the class, its probability and the next two classes, one line for each picture.

    Parameters
    ----------
    images
        Pictures, folders of them, - for standard input, .npy, IDX or .csv files. Before them a model: a run or its
        name, such as quick-1, a folder of seeds (averaged), an ensemble, a study (its best run), a .safetensors file,
        the course project's .pkl, or W1, b1, ... in an .npz file. [the latest run]
    top
        Number of classes to show.
    invert
        Invert all pictures, or none. [those whose border is bright while that of the training images is dark, or the
        reverse]
    crop
        Crop the border of a picture that is a little too large, if the border has one colour. [yes, unless training
        scaled images]
    pad
        Pad to the shape of the training images; with --no-pad, height and width are scaled independently.
    resize
        Scale to the size of the training images; with --no-resize, pictures of other sizes are padded, cropped or
        refused.
    skip_broken
        Leave out pictures that cannot be read.
    csv
        Print the results as CSV.
    """
    if unknown := [name for name in images if name.startswith("-") and name != "-"]:
        raise ConfigError(f"unknown option {unknown[0]}; {nearest(unknown[0], FLAGS)}")
    if top < 1:
        raise ConfigError(f"--top must be 1 or more, got {top}")
    if json and csv:
        raise ConfigError("--json and --csv exclude each other: leave one out")
    named, inputs = split_model(images, runs)
    model = find_model(named, runs)
    predictor = load(model, mirror=mirror)
    if mirror:
        logger.info("mirrored: each answer is the mean of the probabilities of an image and its mirror image")
    steps = Steps(crop=crop, pad=pad, resize=resize, invert=invert)
    found = recognise(predictor, inputs, top=top, steps=steps, skip_broken=skip_broken)
    if json:
        about = {"model": str(model), "classes": predictor.class_names, "mirror": mirror}
        print_json({**about, "images": [one.as_dict() for one in found]}, as_ascii=False)
    elif csv:
        write_csv(found)
    else:
        write_lines(found)


def write_lines(found: Sequence[Recognition]) -> None:
    """Print a line for each picture: its name, the class and its probability, and the next classes."""
    rows = [[escaped(one.source), *shares_of(one)] for one in found]
    # Widths are in columns of a terminal: a Chinese character takes two.
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        print_values("  ".join(cells).rstrip())


def shares_of(one: Recognition) -> list[str]:
    """Return each class with its probability: "Sneaker 0.973"."""
    return [f"{escaped(name)} {share:.3f}" for name, share in zip(one.class_names, one.probabilities, strict=True)]


def write_csv(found: Sequence[Recognition]) -> None:
    """Print CSV: the input's name, then class and probability, best first."""
    n = len(found[0].labels)
    ranks = ["", *(f"_{rank}" for rank in range(2, n + 1))]
    write_csv_row(sys.stdout, ["source", *(f"{what}{rank}" for rank in ranks for what in ("class", "probability"))])
    for one in found:
        pairs = zip(one.class_names, one.probabilities, strict=True)
        write_csv_row(sys.stdout, [one.source, *(cell for pair in pairs for cell in pair)])
