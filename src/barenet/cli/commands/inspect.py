"""`barenet inspect`."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from barenet.plots.inspection import inspect as write_pictures
from barenet.plots.inspection import sentences
from barenet.run_folders.folder import find_latest
from barenet.terminal.console import ConsoleObserver

__all__ = ["inspect"]


def inspect(
    model: Path | None = None,
    /,
    *,
    neuron: str | None = None,
    figures: Path | None = None,
    data: str | None = None,
    output: Path = Path("runs"),
    quiet: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write pictures of what a network learnt: its weights before and after, its neurons, what excites them.

    Parameters
    ----------
    model
        A run folder, a .safetensors file, or the course project's .pkl; the latest run without one.
    neuron
        The neuron to look at closely, a layer and a number such as 1:17; without it, one that matters.
    figures
        Folder for the pictures; without it, figures/ of the run, or a folder beside the model file.
    data
        Folder of IDX files or .npz file; without it, what the run was trained on.
    output
        Folder in which to look for the latest run.
    quiet
        Print the names of the pictures only.
    json
        Print what was found as one JSON object.
    """
    observer = ConsoleObserver(quiet=quiet)
    path = model or find_latest(output)
    found = write_pictures(path, output=figures, neuron=neuron, dataset=data, note=observer.note)
    if json:
        print(json_module.dumps(found.as_dict()))
        return
    for sentence in [] if quiet else sentences(found):
        print(sentence)
    for file in found.files:
        print(file)
