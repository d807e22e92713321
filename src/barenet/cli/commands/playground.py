"""`barenet playground`."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from barenet.cli.models import find_model
from barenet.cli.options import Data, Json, Language, OneModel, Quiet, Runs, Switch
from barenet.language.choice import chosen_language, language_named
from barenet.notes import logger
from barenet.pages.playground.playground import playground as write_playground
from barenet.printing.lines import print_json, print_line
from barenet.run_folders.finding import RUNS

__all__ = ["playground"]


def playground(
    model: OneModel = None,
    /,
    *,
    output: Path | None = None,
    data: Data = None,
    language: Language = None,
    runs: Runs = Path(RUNS),
    open: Switch = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write a page on which you draw an image and see how every neuron of a trained network responds.

    Parameters
    ----------
    output
        File to write, which ends in .html. [playground.html in the run's folder or beside the model file]
    open
        Open the page in the browser.
    """
    path = find_model(model, runs)
    in_language = chosen_language() if language is None else language_named(language, "--language")
    made = write_playground(path, output=output, dataset=data or None, language=in_language)
    if json:
        print_json(made.as_dict())
    else:
        print_line(
            f"{made.page} ({made.size / 1e6:.2f} MB): open it in a browser of 2023 or newer; it needs no network"
        )
    if open and not webbrowser.open(made.page.resolve().as_uri()):
        logger.info(f"no browser could be started here; open {made.page} yourself")
