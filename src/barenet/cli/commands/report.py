"""`barenet report`."""

from __future__ import annotations

from pathlib import Path

from barenet.cli.models import find_model
from barenet.cli.options import Data, Json, Quiet, Runs
from barenet.notes import collected
from barenet.pages.reports.report import report as write_report
from barenet.printing.lines import print_json, print_line
from barenet.run_folders.finding import RUNS, find_study

__all__ = ["report"]


def report(
    *models: Path,
    output: Path | None = None,
    data: Data = None,
    runs: Runs = Path(RUNS),
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write one page about a run or a search, or one that compares several runs.

    Parameters
    ----------
    models
        Runs or their names, such as quick-1, ensembles, or a study: the page about its search. Among several runs a
        study means its best run. For a run of several seeds the page shows their mean and spread. [the latest run]
    output
        File to write, which ends in .html. [report.html in the folder of the run or the study, or comparison.html
        beside several runs]
    """
    with collected() as notes:
        study = find_study(models[0], runs) if len(models) == 1 else None
        paths = [find_model(model, runs) for model in models or (None,)] if study is None else [study]
        path = write_report(*paths, output=output, dataset=data)
    if json:
        print_json({"page": str(path), "bytes": path.stat().st_size, "notes": notes})
    else:
        print_line(path)
