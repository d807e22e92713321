"""`barenet playground`."""

from __future__ import annotations

import json as json_module
import webbrowser
from pathlib import Path

from barenet.cli.options import Json, Latest, OneModel, Quiet, Switch
from barenet.pages.playground.playground import playground as write_playground
from barenet.run_folders.folder import find_latest
from barenet.terminal.console import ConsoleObserver

__all__ = ["playground"]


def playground(
    model: OneModel = None,
    /,
    *,
    data: str | None = None,
    file: Path | None = None,
    output: Latest = Path("runs"),
    open: Switch = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write a page on which you draw an image and watch every neuron of a trained network answer.

    Parameters
    ----------
    data
        Labelled images to take the test images from; without them, what the run was trained on.
    file
        File to write, which ends in .html; without it, playground.html in the run's folder or beside the model file.
    open
        Open the page in the browser.
    """
    observer = ConsoleObserver(quiet=quiet)
    made = write_playground(model or find_latest(output), page=file, dataset=data or None, note=observer.note)
    if json:
        print(json_module.dumps(made.as_dict()))
    else:
        print(f"{made.page} ({made.size / 1e6:.2f} MB): open it in a browser of 2023 or newer; it needs no network")
    if open and not webbrowser.open(made.page.resolve().as_uri()):
        observer.note(f"no browser could be started here; open {made.page} yourself")
