"""`barenet inspect`."""

from __future__ import annotations

from pathlib import Path

from barenet.cli.models import find_model
from barenet.cli.options import Data, Json, OneModel, Quiet, Runs
from barenet.plots.inspection import inspect as write_pictures
from barenet.plots.inspection import sentences
from barenet.printing.lines import print_json, print_line
from barenet.run_folders.finding import RUNS

__all__ = ["inspect"]


def inspect(
    model: OneModel = None,
    /,
    *,
    neuron: str | None = None,
    output: Path | None = None,
    data: Data = None,
    runs: Runs = Path(RUNS),
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write pictures of what a network learned: its weights before and after training, and its neurons.

    Parameters
    ----------
    neuron
        The neuron to show in detail, as layer and number, such as 1:17. [one that matters for the accuracy]
    output
        Folder for the pictures. [figures/ in the run, or a folder beside the model file]
    """
    path = find_model(model, runs)
    found = write_pictures(path, output=output, neuron=neuron, dataset=data)
    if json:
        print_json(found.as_dict())
        return
    for sentence in [] if quiet else sentences(found):
        print_line(sentence)
    for file in found.files:
        print_line(file)
