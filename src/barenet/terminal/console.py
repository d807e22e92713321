"""Show a run in a terminal or a notebook: its layers at the start, and a progress bar.

Everything goes to stderr. Without a terminal there is a line for each epoch in place of the bar.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column

from barenet.config.tables import Config
from barenet.messages import as_typed, count
from barenet.notes import logger
from barenet.printing.consoles import PlainConsole
from barenet.run_folders.observer import Observer
from barenet.terminal.output import Notes, describe_settings, plain_table
from barenet.training.records import EpochRecord
from barenet.training.setting_notes import loss_note
from barenet.training.trainer import Trainer

__all__ = ["ConsoleObserver"]

WIDE = 72  # a progress bar fits beside the figures in a terminal with so many columns


class ConsoleObserver(Notes, Observer):
    """Shows a run in training; with `quiet`, only how to continue after an interruption."""

    def __init__(self, *, quiet: bool = False, takes_flags: bool = True) -> None:
        super().__init__(quiet=quiet, takes_flags=takes_flags)
        self.bar: Progress | None = None
        self.task: TaskID | None = None
        self.folder: Path | None = None
        self.latest: dict[int, EpochRecord] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar, and after an interruption say how to continue."""
        super().__exit__(kind, error, trace)
        if self.bar is not None:
            self.bar.stop()
        if isinstance(error, KeyboardInterrupt) and self.folder is not None:
            done = min(int(state.epoch[0]) for state in self.trainer.states)
            message = f"interrupted after epoch {done}; go on with: barenet train --resume {as_typed(self.folder)}"
            if all(self.trainer.stopped):
                message = (
                    f"interrupted after training was done and saved; test it with: barenet test {as_typed(self.folder)}"
                )
            error.args = (message,)

    def start(self, folder: Path | None, config: Config, trainer: Trainer) -> None:
        """Show the layers, and start the bar."""
        self.folder, self.trainer, self.config = folder, trainer, config
        if self.quiet:
            return
        show_network(self.console, config, trainer, folder)
        if words := loss_note(config):
            logger.info(words)
        if not self.can_redraw and config.schedule.name != "constant":
            logger.info("the learning rate in the line of an epoch is that at its end")
        if self.can_redraw:
            epoch = TextColumn("{task.fields[epoch]}", markup=False, table_column=Column(no_wrap=True))
            figures = TextColumn("{task.fields[figures]}", markup=False, table_column=Column(no_wrap=True))
            wide = (epoch, BarColumn(bar_width=None), figures, TimeRemainingColumn(compact=True))
            columns = wide if self.console.width >= WIDE else (epoch, figures)
            self.bar = Progress(*columns, console=self.console, transient=True, expand=True)
            n, done = config.trainer.epochs, min(int(state.epoch[0]) for state in trainer.states)
            total, label = trainer.n_steps * n, self.console.in_its_language(f"epoch {done}/{n}")
            self.task = self.bar.add_task("", total=total, completed=trainer.n_steps * done, epoch=label, figures="")
            self.bar.start()

    def progress(self, epoch: int, step: int, n_steps: int, n_networks: int) -> None:
        """Move the bar."""
        if self.bar is not None and self.task is not None:
            label = self.console.in_its_language(f"epoch {epoch}/{self.config.trainer.epochs}")
            self.bar.update(self.task, completed=(epoch - 1) * n_steps + step + 1, epoch=label)

    def record(self, record: EpochRecord) -> None:
        """Show the figures of an epoch."""
        self.latest[record.network] = record
        if self.quiet:
            return
        several = len(self.trainer.configs) > 1
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, figures=self.console.in_its_language(self.figures(record.seconds)))
        elif record.valid_loss is not None or record.stopped:
            prefix = f"seed {self.trainer.configs[record.network].trainer.seed} | " if several else ""
            self.console.print(prefix + record.as_line())
            return  # the line ends with the reason why the network stopped
        if record.stopped is not None and record.stopped.kind != "finished" and (several or not record.diverged):
            # If a single network diverges, the error at the end of the run says so.
            logger.info(f"network {record.network} {record.stopped}" if several else str(record.stopped))

    def figures(self, seconds: float) -> str:
        """Return loss, accuracy, learning rate and images per second, over all networks."""
        records = list(self.latest.values())
        loss = np.mean([record.train_loss for record in records])
        valid = [record.valid_accuracy for record in records if record.valid_accuracy is not None]
        shown = f"loss {loss:.3f}"
        if valid:
            shown += f"  valid acc {np.mean(valid):.4f}"
        images = self.trainer.data.n_train * len(records) / max(seconds, 1e-9)
        if self.console.width < WIDE:
            return shown
        return f"{shown}  lr {records[0].learning_rate:.2g}  {images / 1000:.0f}k img/s"


def show_network(console: PlainConsole, config: Config, trainer: Trainer, folder: Path | None) -> None:
    """Print the settings in one line, the layers of the network, and the data set."""
    console.print(describe_settings(config, trainer.describe_engine()))
    table = plain_table(("layer", "shape", "activation"), ("parameters",))
    rows = [
        (f"{row.input_dim} -> {row.output_dim}", row.functions, row.n_parameters) for row in trainer.architecture.rows
    ]
    for i, (shape, activation, size) in enumerate(rows, start=1):
        table.add_row(str(i), shape, activation, f"{size:,}")
    table.add_row("", "", "", f"{sum(size for _, _, size in rows):,}", style="bold")
    console.print(table)
    data = trainer.data
    networks = "" if config.trainer.n_seeds == 1 else f"; {config.trainer.n_seeds} networks"
    console.print(
        f"{data.name}: {data.n_train:,} training and {count(len(data.valid_labels), 'validation image')}"
        f"{networks}{f'; {folder}' if folder is not None else ''}",
    )
