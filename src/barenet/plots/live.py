"""Plots during training: the learning curves in the run's folder, and curves in a window or a notebook."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from barenet.config.tables import Config
from barenet.errors import MachineError
from barenet.interrupts import waiting
from barenet.messages import escaped
from barenet.notes import logger
from barenet.plots.learning_curves import draw_learning_curves, learning_curves, show_accuracy, show_loss, show_rate
from barenet.run_folders.folder import RunFolder, seed_folders
from barenet.run_folders.observer import Observer
from barenet.storage.history import read_history
from barenet.training.records import EpochRecord
from barenet.training.setting_notes import training_label
from barenet.training.trainer import Trainer

__all__ = ["CurveWriter", "LivePlot", "ObserverGroup"]

# Drawing waits at least this many times the seconds that it takes, so that it needs less than 1 % of the time.
TIMES = 100
FILE_BACKENDS = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")  # backends of matplotlib without windows
FIRST_GUESS = 0.1  # seconds that drawing takes, used before the first measurement


def in_each(method: str) -> Callable[..., None]:
    """Return the method of `ObserverGroup` that calls the method of this name of each observer."""

    def tell(self: ObserverGroup, *about: Any) -> None:
        for observer in self.observers:
            getattr(observer, method)(*about)

    return tell


class ObserverGroup(Observer):
    """Several observers; each event goes to all of them, one after another."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self.observers = list(observers)
        self.quiet = all(observer.quiet for observer in observers)
        self.takes_flags = any(observer.takes_flags for observer in observers)

    def __enter__(self) -> Self:
        """Let all observers begin."""
        for observer in self.observers:
            observer.__enter__()
        return self

    __exit__ = in_each("__exit__")
    start = in_each("start")
    progress = in_each("progress")
    record = in_each("record")


class CurveWriter(Observer):
    """Writes a run's learning curves after validations, but only so often that the cost is small.

    If a plot cannot be written, a note says so once, and training continues without it.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.failed = False
        self.folders: list[RunFolder] = []
        self.due: set[int] = set()
        self.cost, self.last = FIRST_GUESS, clock()

    def start(self, folder: Path | None, config: Config, trainer: Trainer) -> None:
        """Remember the folders of the networks."""
        self.trainer, self.label, self.last = trainer, training_label(config), self.clock()
        self.folders = [] if folder is None else seed_folders(folder, trainer.configs)

    def record(self, record: EpochRecord) -> None:
        """Draw the networks that were validated, if the last drawing was long enough ago."""
        if record.valid_loss is not None and self.folders:
            self.due.add(record.network)
        if not self.due or self.clock() - self.last < TIMES * self.cost * len(self.due):
            return
        import matplotlib.figure  # noqa: F401 (not part of the measured time: the end of the run needs it anyway)

        started = self.clock()
        for network in sorted(self.due):
            self.draw(network)
        self.cost = (self.clock() - started) / len(self.due)
        self.last = self.clock()
        self.due.clear()

    def draw(self, network: int) -> None:
        """Draw the curves of one network from its records on disk."""
        folder = self.folders[network]
        history = read_history(folder.history).records
        best = int(self.trainer.states[network].best_epochs[0, 0])
        try:
            draw_learning_curves(history, best, folder.path / "figures" / "learning-curves.png", self.label)
        except MachineError as error:
            if not self.failed:
                logger.info(str(error))
            self.failed = True


class LivePlot(Observer):
    """Shows the curves of a run's first network during training: inline in Jupyter, or in a window."""

    def __init__(self) -> None:
        self.history: list[EpochRecord] = []
        self.handle: Any = None
        self.figure: Any = None
        self.inline = in_notebook()
        reason = None if self.inline else why_no_window()
        if reason is not None:
            logger.info(f"--plot shows nothing here: {reason}; the curves are in figures/ of the run's folder")
        self.shows = reason is None

    def start(self, folder: Path | None, config: Config, trainer: Trainer) -> None:
        """Begin with the records of a resumed run."""
        self.trainer, self.label = trainer, training_label(config)
        self.title = "barenet" if folder is None else escaped(str(folder))
        if folder is not None:
            first = seed_folders(folder, trainer.configs)[0]
            self.history = read_history(first.history).records

    def record(self, record: EpochRecord) -> None:
        """Draw again at each validation of the first network."""
        if record.network or not self.shows:
            return
        self.history.append(record)
        if record.valid_loss is None and not record.stopped:
            return
        best = int(self.trainer.states[0].best_epochs[0, 0])
        if self.inline:
            self.show_inline(best)
        else:
            self.show_window(best)

    def show_inline(self, best: int) -> None:
        """Show or update the plot in the notebook's cell."""
        from importlib import import_module

        shown = import_module("IPython.display")  # every notebook has it, and barenet does not depend on it
        plot = shown.Image(data=learning_curves(self.history, best, self.label))
        if self.handle is None:
            self.handle = shown.display(plot, display_id=True)
        else:
            self.handle.update(plot)

    def show_window(self, best: int) -> None:
        """Show or update the window, and let it react to the mouse."""
        from matplotlib import pyplot

        if self.figure is None:
            pyplot.ion()
            self.figure = pyplot.figure(num=self.title, figsize=(11, 3.6), layout="constrained")
        if not pyplot.fignum_exists(self.figure.number):
            self.shows = False  # the person closed it
            return
        self.figure.clear()
        loss, accuracy, rate = self.figure.subplots(1, 3)
        show_loss(loss, self.history, best, self.label)
        show_accuracy(accuracy, self.history, best)
        show_rate(rate, self.history)
        self.figure.canvas.draw_idle()
        self.figure.canvas.flush_events()

    def hold(self) -> None:
        """Keep the window until the person closes it."""
        if self.figure is not None and self.shows:
            from matplotlib import pyplot

            pyplot.ioff()
            with waiting():
                pyplot.show()


def in_notebook() -> bool:
    """Whether this code runs in a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


def why_no_window() -> str | None:
    """Return why no window can be opened here, or None if one can."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no screen"
    from matplotlib import pyplot

    if pyplot.get_backend().lower() in FILE_BACKENDS:
        return "matplotlib finds no toolkit for windows; pip install PyQt6, or install tkinter"
    return None
