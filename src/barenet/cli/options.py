"""Options that several commands share: the type and the help of each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

from barenet.config.reading import RECIPES

__all__ = ["Data", "Json", "Language", "Mirror", "OneModel", "Quiet", "Recipe", "Runs", "Switch"]

Switch: TypeAlias = Annotated[bool, Parameter(negative="")]  # has no --no- form
Quiet: TypeAlias = Annotated[bool, Parameter(negative="", help="Show results only.")]
Json: TypeAlias = Annotated[bool, Parameter(negative="", help="Print the results as one JSON object.")]
Mirror: TypeAlias = Annotated[
    bool,
    Parameter(
        negative="",
        help="Test or predict each image and its mirror image (left to right), and average the probabilities; takes "
        "twice the time.",
    ),
]

Language: TypeAlias = Annotated[
    str | None, Parameter(help="Language of the page: en or zh. [that of BARENET_LANG, or else of the system]")
]
Recipe: TypeAlias = Annotated[
    str | None, Parameter(help=f"Settings to start from: {', '.join(RECIPES[:-1])} or {RECIPES[-1]}. [quick]")
]

# A model file or a run, the folder to look in, and the model's images.
OneModel: TypeAlias = Annotated[
    Path | None,
    Parameter(
        help="A run or its name, such as quick-1, a folder of seeds, an ensemble, a study (its best run), a "
        ".safetensors file, the course project's .pkl, or W1, b1, ... in an .npz file. [the latest run]"
    ),
]
Runs: TypeAlias = Annotated[
    Path, Parameter(help="Folder in which the latest run, or a run of a given name, is looked for.")
]
Data: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="Folder or file of labelled data: pictures, a table, IDX, .npz, CIFAR, ...; without it, the data of the "
        "run, or Fashion-MNIST for a model file without a run."
    ),
]
