"""`barenet inspect`."""

from __future__ import annotations

import json as json_module
from pathlib import Path

from barenet.cli.options import Data, Latest, OneModel, Switch
from barenet.plots.inspection import inspect as write_pictures
from barenet.plots.inspection import sentences
from barenet.run_folders.folder import find_latest
from barenet.terminal.console import ConsoleObserver

__all__ = ["inspect"]


def inspect(
    model: OneModel = None,
    /,
    *,
    neuron: str | None = None,
    figures: Path | None = None,
    data: Data = None,
    output: Latest = Path("runs"),
    quiet: Switch = False,
    json: Switch = False,
) -> None:
    """Write pictures of what a network learnt: its weights before and after, its neurons, what excites them.

    Parameters
    ----------
    neuron
        The neuron to look at closely, a layer and a number such as 1:17; without it, one that matters.
    figures
        Folder for the pictures; without it, figures/ of the run, or a folder beside the model file.
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
