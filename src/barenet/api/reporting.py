"""`report`, the Python function of `barenet report`: an interactive page, or a document to hand in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from barenet.analysis.images import Source
from barenet.documents.document import write_report
from barenet.errors import ConfigError
from barenet.language.choice import ENGLISH
from barenet.nn import Activation, Loss
from barenet.old_words import takes_old
from barenet.pages.reports.report import report as write_page
from barenet.run_folders.finding import Named

__all__ = ["report"]


@takes_old(page="output")
def report(
    *paths: Named,
    to: str | None = None,
    language: str = ENGLISH,
    output: str | Path | None = None,
    dataset: Source | None = None,
    activation: str | Sequence[str] = (),
    activations: Sequence[Activation] = (),
    loss: Loss | None = None,
    author: str = "",
) -> Path:
    """Write an interactive page about runs, or a document to hand in, and return its path.

        barenet.report("runs/quick-1")                                      runs/quick-1/report.html
        barenet.report("runs/quick-1", "studies/course-search-1", to="pdf", language="zh")

    Args:
        *paths: run folders or their names, results of training, ensembles, or studies; by default the latest run. The
            page about a run of several seeds compares them. A study alone gives the page about its search; among other
            runs it counts as its best run. A document also takes homework of other programs: weights (.pkl, .npz), a
            history (.csv), gridsearch_results.json, or a folder with these.
        to: None for the page; "html", "pdf", "md" or "latex" for a document. The last two are folders.
        language: of the page or the document, "en" or "zh".
        output: the file or the folder to write. By default, a page is `report.html` in the run's folder, or
            `comparison.html` beside several runs; a document is `hand-in.pdf` or the like in the same place.
        dataset: the data set, or its path, if the run's settings do not say where it is.
        activation: the activation of the hidden layers of homework whose files do not say it, or one for each layer.
        activations: the custom activations of the runs.
        loss: their custom loss.
        author: the names below the title of a document.

    Raises:
        RunError, CheckpointError, ConfigError, DataError: see `barenet.errors`.
        MachineError: the file cannot be written, or there is no browser for a PDF.
    """
    if to is None:
        if activation or author:
            raise ConfigError("activation and author belong to a document: choose its form, such as to='pdf'")
        return write_page(*paths, output=output, dataset=dataset, activations=activations, loss=loss, language=language)
    return write_report(
        *paths,
        to=to,
        language=language,
        output=output,
        dataset=dataset,
        activation=activation,
        activations=activations,
        loss=loss,
        author=author,
    )[0]
