"""What a terminal or a notebook shows of a run: the layers before, a progress bar while, the results after.

Results go to stdout, everything else to stderr. Without a terminal the bar gives way to a line an epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from barenet.config.tables import Config
from barenet.engine.diagnosis import Diagnosis
from barenet.gradcheck.network import GradientReport
from barenet.run_folders.results import RunResult
from barenet.run_folders.run import Observer
from barenet.run_folders.scores import Scores
from barenet.training.preparation import describe_layers
from barenet.training.records import EpochRecord
from barenet.training.trainer import Trainer

__all__ = ["ConsoleObserver", "show_diagnosis", "show_gradients", "show_result", "show_scores"]

WIDE = 72  # columns of a terminal from which on a progress bar fits beside the figures
MATRIX_BESIDE = 36  # columns that class names, precision and recall take


class ConsoleObserver(Observer):
    """Shows a run as it goes; `quiet` shows nothing but how to go on after an interruption."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.console = Console(stderr=True, soft_wrap=True, highlight=False)
        self.bar: Progress | None = None
        self.task: TaskID | None = None
        self.folder: Path | None = None
        self.latest: dict[int, EpochRecord] = {}
        self.seconds = 0.0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away, and after an interruption say how to go on."""
        if self.bar is not None:
            self.bar.stop()
        if isinstance(error, KeyboardInterrupt) and self.folder is not None:
            done = min(int(state.epoch[0]) for state in self.trainer.states)
            if all(self.trainer.stopped):
                error.args = (
                    f"interrupted after training was done and saved; test it with: barenet test {self.folder}",
                )
            else:
                error.args = (f"interrupted after epoch {done}; go on with: barenet train --resume {self.folder}",)

    def note(self, message: str) -> None:
        """Print a note."""
        if not self.quiet:
            self.console.print(f"note: {message}", markup=False)

    def start(self, folder: Path | None, config: Config, trainer: Trainer) -> None:
        """Show the layers, and start the bar."""
        self.folder, self.trainer, self.config = folder, trainer, config
        if self.quiet:
            return
        show_network(self.console, config, trainer, folder)
        if (self.console.is_terminal and not self.console.is_dumb_terminal) or self.console.is_jupyter:
            columns: list[ProgressColumn] = [TextColumn("{task.fields[epoch]}", table_column=Column(no_wrap=True))]
            if self.console.width >= WIDE:
                columns += [BarColumn(bar_width=None)]
            columns += [TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True))]
            if self.console.width >= WIDE:
                columns += [TimeRemainingColumn(compact=True)]
            self.bar = Progress(*columns, console=self.console, transient=True, expand=True)
            done = min(int(state.epoch[0]) for state in trainer.states)
            total = trainer.n_steps * config.trainer.epochs
            label = f"epoch {done}/{config.trainer.epochs}"
            self.task = self.bar.add_task("", total=total, completed=trainer.n_steps * done, epoch=label, figures="")
            self.bar.start()

    def progress(self, epoch: int, step: int, n_steps: int, n_networks: int) -> None:
        """Move the bar."""
        if self.bar is not None and self.task is not None:
            label = f"epoch {epoch}/{self.config.trainer.epochs}"
            self.bar.update(self.task, completed=(epoch - 1) * n_steps + step, epoch=label)

    def record(self, record: EpochRecord) -> None:
        """Show the figures of an epoch."""
        self.latest[record.network] = record
        if self.quiet:
            return
        several = len(self.trainer.configs) > 1
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, figures=self.figures(record.seconds))
        elif record.valid_loss is not None or record.stopped:
            prefix = f"seed {self.trainer.configs[record.network].trainer.seed} | " if several else ""
            self.console.print(prefix + record.as_line(), markup=False)
        if record.stopped is not None and record.stopped.kind != "finished":
            self.note(f"network {record.network} {record.stopped}" if several else str(record.stopped))

    def figures(self, seconds: float) -> str:
        """Return loss, accuracy, learning rate and images a second, over all networks."""
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


def show_network(console: Console, config: Config, trainer: Trainer, folder: Path | None) -> None:
    """Print the layers of the network, and the data they will see."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("layer")
    table.add_column("shape")
    table.add_column("activation")
    table.add_column("parameters", justify="right")
    rows = describe_layers(trainer.architecture)
    for i, (shape, activation, size) in enumerate(rows, start=1):
        table.add_row(str(i), shape, activation, f"{size:,}")
    table.add_row("", "", "", f"{sum(size for _, _, size in rows):,}", style="bold")
    console.print(table)
    data, threads = trainer.data, config.trainer.threads
    networks = "" if config.trainer.n_seeds == 1 else f"{config.trainer.n_seeds} networks in lockstep, "
    console.print(
        f"{data.name}: {data.n_train:,} training and {len(data.valid_labels):,} validation images; "
        f"{networks}{threads} BLAS thread{'s' if threads != 1 else ''}" + (f"; {folder}" if folder is not None else ""),
        markup=False,
    )


def show_result(result: RunResult) -> None:
    """Print what a run came to."""
    console = output_console()
    scores = [network.scores for network in result.networks if network.scores is not None]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("run", "best epoch", "valid loss", "valid acc", "test loss", "test acc"):
        table.add_column(title, justify="left" if title == "run" else "right", no_wrap=True)
    table.columns[0].overflow, table.columns[0].no_wrap = "fold", False
    for network in result.networks:
        tested = (
            ("-", "-") if network.scores is None else (f"{network.scores.loss:.4f}", f"{network.scores.accuracy:.4f}")
        )
        name = f"seed {network.seed}" if network.folder is None else str(network.folder)
        valid = f"{network.validation_loss:.4f}", f"{network.validation_accuracy:.4f}"
        table.add_row(name, str(network.best_epoch), *valid, *tested)
    console.print(table)
    if scores:
        whole = result.ensemble or scores[0]
        names = [str(row["class"]) for row in whole.classes]
        show_summary(console, scores, whole)
        show_classes(console, whole, names)
    else:
        console.print("no test images in this data set")
    console.print(f"{result.parameters:,} parameters a network, {result.training_seconds:.1f} s of training")


def show_scores(name: str, scores: Sequence[Scores], whole: Scores, class_names: Sequence[str]) -> None:
    """Print what the test images gave."""
    console = output_console()
    epoch = "" if len(scores) > 1 or scores[0].epoch is None else f", epoch {scores[0].epoch}"
    console.print(f"{name}{epoch}", markup=False)
    show_summary(console, scores, whole)
    show_classes(console, whole, class_names)


def show_summary(console: Console, scores: Sequence[Scores], whole: Scores) -> None:
    """Print accuracy and loss; of several networks mean, standard deviation and their average's."""
    if len(scores) == 1:
        console.print(f"test accuracy {scores[0].accuracy:.4f}, test loss {scores[0].loss:.4f}", style="bold")
        return
    accuracies, losses = [s.accuracy for s in scores], [s.loss for s in scores]
    console.print(
        f"test accuracy {np.mean(accuracies):.4f} ± {np.std(accuracies, ddof=1):.4f}, "
        f"test loss {np.mean(losses):.4f} ± {np.std(losses, ddof=1):.4f} "
        f"(mean and standard deviation of {len(scores)} networks)",
        style="bold",
    )
    console.print(f"the average of all {len(scores)}: test accuracy {whole.accuracy:.4f}, test loss {whole.loss:.4f}")


def show_classes(console: Console, scores: Scores, class_names: Sequence[str]) -> None:
    """Print precision and recall of each class, and the confusion matrix beside them or below, as wide as it is."""
    n_classes = len(class_names)
    matrix_width = 6 * n_classes
    beside = console.width >= MATRIX_BESIDE + matrix_width
    table = class_table(scores, class_names, with_shares=True, with_matrix=beside)
    console.print(table)
    if not beside and console.width >= 4 + matrix_width:
        console.print(class_table(scores, [""] * n_classes, with_shares=False, with_matrix=True))
    if console.width >= 4 + matrix_width:
        console.print("rows: the true class; columns: the class that it was taken for", style="dim")
    else:
        console.print(f"a window of {4 + matrix_width} columns, or --json, shows the confusion matrix", style="dim")


def class_table(scores: Scores, class_names: Sequence[str], *, with_shares: bool, with_matrix: bool) -> Table:
    """Return a row a class: its name, its precision and recall, its row of the confusion matrix."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("class", overflow="fold")
    for title in ("precision", "recall") if with_shares else ():
        table.add_column(title, justify="right", no_wrap=True)
    for c in range(len(class_names) if with_matrix else 0):
        table.add_column(f"as {c}" if c < 10 else str(c), justify="right", no_wrap=True)
    for c, (name, row) in enumerate(zip(class_names, scores.classes, strict=True)):
        shares = ["-" if row[what] is None else f"{row[what]:.3f}" for what in ("precision", "recall")]
        counts = [cell(int(scores.confusion[c, k]), k == c) for k in range(len(class_names))]
        table.add_row(f"{c} {name}".rstrip(), *(shares if with_shares else ()), *(counts if with_matrix else ()))
    return table


def cell(count: int, is_right: bool) -> str:
    """Return a count of the confusion matrix: bold on the diagonal, a dot for zero."""
    return f"[bold]{count}[/bold]" if is_right else (str(count) if count else ".")


def show_gradients(report: GradientReport) -> None:
    """Print the relative error of every parameter's gradient."""
    console = output_console()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("parameter", "relative error", "checked", "skipped at kinks"):
        table.add_column(title, justify="left" if title == "parameter" else "right")
    for row in report.parameters:
        table.add_row(row.name, f"{row.relative_error:.1e}", str(row.n_checked), str(row.n_skipped))
    console.print(table)
    verdict = "all gradients agree" if report.passed else "WRONG"
    console.print(
        f"{verdict}: largest relative error {report.relative_error:.1e}, at most {report.tolerance:g} allowed"
    )


def show_diagnosis(diagnosis: Diagnosis) -> None:
    """Print what decides speed on this machine, and what to change."""
    console = output_console()
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    blas = " ".join(str(diagnosis.blas[name]) for name in ("internal_api", "version") if name in diagnosis.blas)
    kernel = diagnosis.blas.get("architecture", "unknown")
    table.add_row("Python, NumPy", f"{diagnosis.python}, {diagnosis.numpy}")
    table.add_row("processor", f"{diagnosis.processor}, {diagnosis.cores} cores for this process")
    table.add_row("vector instructions", " ".join(diagnosis.cpu_features[-6:]) or "unknown")
    table.add_row("BLAS", f"{blas or 'unknown'}, kernel {kernel}, {diagnosis.blas.get('num_threads', '?')} threads set")
    for n, peak in diagnosis.peak_gflops.items():
        step = diagnosis.step_microseconds[n]
        figures = f"{peak:.0f} GFLOP/s on a large product, {step:.0f} µs a step of 16 images through 784-128-32-10"
        table.add_row(f"{n} thread{'s' if n > 1 else ''}", figures)
    console.print(table)
    for sentence in diagnosis.advice or ["Nothing holds training back here."]:
        console.print(sentence, style="bold")


def output_console() -> Console:
    """Return a console on stdout that keeps long lines whole where there is no terminal to fold them."""
    console = Console(highlight=False, emoji=False)
    return console if console.is_terminal or console.is_jupyter else Console(highlight=False, emoji=False, width=160)
