"""`barenet ensemble`."""

from __future__ import annotations

from pathlib import Path

from barenet.api.ensembles import ensemble as make_ensemble
from barenet.cli.models import find_model
from barenet.cli.options import Json, Quiet, Runs
from barenet.printing.lines import print_json
from barenet.run_folders.finding import RUNS
from barenet.terminal.results import show_ensemble

__all__ = ["ensemble"]


def ensemble(
    *models: Path,
    output: Path = Path(RUNS),
    name: str | None = None,
    data: str | None = None,
    runs: Runs = Path(RUNS),
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make one model of several trained networks: its probabilities are the mean of theirs.

    Parameters
    ----------
    models
        Runs or their names, such as quick-1, studies (their best runs), .safetensors files. Of a run with several seeds
        all networks are used, and of an ensemble all its members.
    output
        Folder in which the ensemble's folder is made.
    name
        Name of the ensemble's folder. [ensemble-1, ensemble-2, ...]
    data
        Path of the data that the networks were trained on, if they were moved; the ensemble is tested on their test
        images. [the path in the settings of the first run]
    """
    paths = [find_model(model, runs) for model in models]
    made = make_ensemble(*paths, output=output, name=name, dataset=data)
    if json:
        print_json(made.as_dict())
        return
    members = [(member.source, member.model) for member in made.members]
    scores = [member.scores for member in made.members if member.scores is not None]
    show_ensemble(str(made.folder), members, scores, made.scores)
