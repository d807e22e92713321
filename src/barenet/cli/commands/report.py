"""`barenet report`."""

from __future__ import annotations

from pathlib import Path

from barenet.cli.models import find_model
from barenet.cli.options import Data, Json, Quiet, Runs
from barenet.language.choice import chosen_language
from barenet.notes import collected
from barenet.pages.reports.report import report as write_report
from barenet.printing.lines import print_json, print_line
from barenet.run_folders.finding import RUNS

__all__ = ["report"]


def report(
    *models: Path,
    output: Path | None = None,
    data: Data = None,
    runs: Runs = Path(RUNS),
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write one page about a run, or one that compares several runs.

    Parameters
    ----------
    models
        Runs or their names, such as quick-1, studies (their best runs), or ensembles. For a run of several seeds the
        page shows their mean and spread. [the latest run]
    output
        File to write, which ends in .html. [report.html in the run's folder, or comparison.html beside several runs]
    """
    with collected() as notes:
        paths = [find_model(model, runs) for model in models or (None,)]
        path = write_report(*paths, output=output, dataset=data, language=chosen_language())
    if json:
        print_json({"page": str(path), "bytes": path.stat().st_size, "notes": notes})
    else:
        print_line(path)
