"""`barenet report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from barenet.cli.models import find_model
from barenet.cli.options import Data, Json, Language, Quiet, Runs
from barenet.documents.document import write_report
from barenet.errors import ConfigError
from barenet.language.choice import chosen_language, language_named
from barenet.notes import collected
from barenet.pages.reports.report import report as write_page
from barenet.printing.lines import print_json, print_line
from barenet.run_folders.finding import RUNS, STUDIES, find_folder, find_study

__all__ = ["report"]

ONLY_TO = "belongs to a document to hand in: add --to pdf, html, md or latex"


def report(
    *models: Path,
    to: str | None = None,
    language: Language = None,
    output: Path | None = None,
    data: Data = None,
    activation: Annotated[str | None, Parameter(allow_leading_hyphen=False)] = None,
    author: str | None = None,
    runs: Runs = Path(RUNS),
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write one page about a run or a search, or one that compares several; or, with --to, a document to hand in.

    Parameters
    ----------
    models
        Runs or their names, such as quick-1, ensembles, or a study: the page about its search. Among several runs a
        study means its best run. For a run of several seeds the page shows their mean and spread. A document also shows
        homework of other programs: weights (.pkl, .npz), a history (.csv), gridsearch_results.json, or a folder with
        these. [the latest run]
    to
        Write a document to hand in: html, pdf, md (a folder with Markdown) or latex (a folder). [the page alone]
    output
        File or folder to write; a page ends in .html. [report.html in the folder of the run or the study, or
        comparison.html beside several runs; for a document hand-in.pdf or the like]
    activation
        Of the hidden layers of homework whose files do not say it, or one for each, such as relu,tanh. [relu]
    author
        Names below the title of the document. [none]
    """
    with collected() as notes:
        in_language = chosen_language() if language is None else language_named(language, "--language")
        if to is None:
            for name, value in {"activation": activation, "author": author}.items():
                if value is not None:
                    raise ConfigError(f"--{name} {ONLY_TO}")
            study = find_study(models[0], runs) if len(models) == 1 else None
            paths = [find_model(model, runs) for model in models or (None,)] if study is None else [study]
            files = [write_page(*paths, output=output, dataset=data, language=in_language)]
        else:
            named = [find_folder(model, (str(runs), STUDIES)) for model in models] or [find_model(None, runs)]
            files = write_report(
                *named,
                to=to,
                language=in_language,
                output=output,
                dataset=data,
                activation=activation.split(",") if activation else (),
                author=author or "",
            )
    if json:
        kind = {"page": str(files[0])} if to is None else {"document": str(files[0]), "files": list(map(str, files))}
        print_json({**kind, "bytes": files[0].stat().st_size, "notes": notes})
    else:
        print_line(files[0])
