"""Show a search in a terminal: the best and the running trials, and the ranking at the end.

Results go to stdout, everything else to stderr. Without a terminal there is a line for each trial in place of the live
table.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from barenet.config.tables import Config
from barenet.engine.making import NAMES
from barenet.messages import as_typed, count
from barenet.notes import logger
from barenet.printing.consoles import Heading
from barenet.terminal.output import Notes, describe_settings, output_console, plain_table
from barenet.training.records import format_loss
from barenet.tuning.space.dimensions import NAME
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.points import describe
from barenet.tuning.study.observer import SearchObserver
from barenet.tuning.study.results import StudyResult, unlearned_words
from barenet.tuning.study.trial import Trial, rank

__all__ = ["ConsoleSearchObserver", "show_search"]

SHOWN = 5  # best trials in the live table
RANKED = 10  # best trials in the results
ENDS = {"finished": "{} finished", "stopped": "{} stopped", "diverged": "{} diverged", "failed": "{} failed"}
WIDE = 80  # loss and accuracy both fit beside the settings in a terminal with so many columns


class ConsoleSearchObserver(Notes, SearchObserver):
    """Shows a running search; with `quiet`, only how to continue after an interruption."""

    def __init__(self, *, quiet: bool = False, takes_flags: bool = True) -> None:
        super().__init__(quiet=quiet, takes_flags=takes_flags)
        self.live: Live | None = None
        self.folder: Path | None = None
        self.running: dict[str, tuple[Sequence[Trial], int, float]] = {}
        self.best: list[Trial] = []
        self.n_done = 0
        self.began = time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the live table, and after an interruption say how to continue."""
        super().__exit__(kind, error, trace)
        if self.live is not None:
            self.live.stop()
        if isinstance(error, KeyboardInterrupt) and self.folder is not None:
            error.args = (f"interrupted; go on with: barenet search --resume {as_typed(self.folder)}",)

    def settings(self, config: Config, searched: Sequence[str]) -> None:
        """Print in one line the settings that all trials have in common."""
        if not self.quiet:
            engine = f"{NAMES[config.trainer.engine]}, 1 thread per trial"
            self.console.print(describe_settings(config, engine, searched))

    def start(self, folder: Path, plan: Plan, n_trials: int, workers: str, names: Sequence[str]) -> None:
        """Print what is searched, and start the live table."""
        self.folder, self.plan, self.n_trials, self.names = folder, plan, n_trials, names
        self.began = time.monotonic()
        if self.quiet:
            return
        strategy = strategy_name(plan.strategy, names)
        how = f"{strategy} with halving" if plan.halving else strategy
        self.console.print(f"{count(n_trials, 'trial')} ({how}), {workers}; {folder}")
        if self.can_redraw:
            self.live = Live(get_renderable=self.live_view, console=self.console, transient=True, refresh_per_second=2)
            self.live.start()

    def ended(self, trial: Trial) -> None:
        """Count a trial, and rank it among the best."""
        if not trial.is_repeat:
            self.n_done += 1
            self.best = rank([*(t for t in self.best if t.key != trial.key), trial], self.plan)[:SHOWN]

    def started(self, stack: Sequence[Trial], rung: int) -> None:
        """Show a stack as running."""
        self.running[stack[0].key] = (list(stack), rung, time.monotonic())

    def finished(self, stack: Sequence[Trial], rung: int) -> None:
        """Show the results of a stack."""
        for trial in stack:
            self.running.pop(trial.key, None)
        scored = [trial for trial in stack if not trial.is_repeat and trial.score(self.plan) is not None]
        keys = {trial.key for trial in scored}
        self.best = rank([*(t for t in self.best if t.key not in keys), *scored], self.plan)[:SHOWN]
        if self.quiet:
            return
        for trial in stack:
            if self.live is None:
                self.console.print(line_of(trial, self.plan, self.names))
            elif trial.lost and trial.last is not None:
                logger.info(f"trial {trial.number} ({describe(trial.point, self.names)}) {trial.last.reason}")

    def live_view(self) -> Group:
        """Return the current content of the terminal."""
        elapsed = time.monotonic() - self.began
        head = f"{self.n_done} of {self.n_trials} trials done, {clock(elapsed)}"
        table = trial_table(self.best, self.plan, self.console.width, self.names)
        table.title, table.title_justify, table.title_style = "best so far", "left", "bold"
        lines = []
        for stack, rung, since in list(self.running.values()):
            names = ", ".join(str(trial.number) for trial in stack)
            what = f"trial{'s' if len(stack) > 1 else ''} {names}"
            where = f" in rung {rung + 1}" if self.plan.halving else ""
            lines.append(f"  {what}{where} for {clock(time.monotonic() - since)}")
        said = [self.console.in_its_language(line) for line in [Heading("running"), *lines] if self.running]
        running = Text("\n".join(said), style="dim", no_wrap=True, overflow="ellipsis")
        head = self.console.in_its_language(head)
        return Group(Text(head, style="bold"), *([table] if self.best else []), running)


def strategy_name(strategy: str, names: Sequence[str]) -> str:
    """Return how points are chosen; `names` are the settings with more than one value."""
    return "as listed" if list(names) == [NAME] else strategy


def clock(seconds: float) -> str:
    """Return a time in hours, minutes and seconds: 1:05, 2:01:05."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def line_of(trial: Trial, plan: Plan, names: Sequence[str]) -> str:
    """Return a line about the current results of a trial."""
    name = f"trial {trial.number}"
    if trial.is_repeat and trial.config is not None:
        name = f"trial {trial.number} seed {trial.config.trainer.seed}"
    if trial.lost and trial.last is not None:
        return f"{name} | {describe(trial.point, names)} | {trial.last.reason}"
    loss, accuracy = trial.figures(plan)
    epochs = trial.last.epochs if trial.last else 0
    parts = [name, describe(trial.point, names), f"epoch {epochs}"]
    if loss is not None and accuracy is not None:
        parts += [f"Valid Loss: {format_loss(loss)}", f"Valid Acc: {accuracy:.4f}"]
    return " | ".join(parts) + f" | {trial.seconds:.1f} s"


def trial_table(trials: Sequence[Trial], plan: Plan, width: int, names: Sequence[str]) -> Table:
    """Return a table with a row for each trial: its settings, in columns if they fit, and its figures."""
    names = [name for name in names if any(name in trial.point for trial in trials)]
    is_listed = names == [NAME]
    as_columns = not is_listed and width >= 36 + sum(max(8, len(name)) + 2 for name in names)
    both = ["valid loss", "valid acc", Heading("epochs")]
    shown = both if width >= WIDE else [f"valid {plan.metric}"]
    settings = [Text(name) for name in names] if as_columns else [Heading("point" if is_listed else "settings")]
    table = plain_table((), ("trial", *settings, *shown), no_wrap=True)
    if not as_columns:
        column = table.columns[1]
        column.justify, column.overflow, column.no_wrap = "left", "fold", False
    for trial in trials:
        figures = dict(zip(both, figures_of(trial, plan), strict=True))
        values = [value_text(trial.point.get(name)) for name in names]
        point = values if as_columns else [describe(trial.point, names)]
        table.add_row(str(trial.number), *point, *(figures[title] for title in shown))
    return table


def figures_of(trial: Trial, plan: Plan) -> tuple[str, str, str]:
    """Return validation loss, validation accuracy and epochs of a trial, as texts for a table."""
    loss, accuracy = ("-" if trial.lost or value is None else f"{value:.4f}" for value in trial.figures(plan))
    return loss, accuracy, str(trial.last.epochs) if trial.last else "-"


def value_text(value: Any) -> str:
    """Return a setting as text for a table."""
    return "" if value is None else (f"{value:.4g}" if isinstance(value, float) else str(value))


def show_search(result: StudyResult) -> None:
    """Print the results of a search."""
    console, plan = output_console(), result.plan
    compared = [trial for trial in result.trials if trial.ended == "finished"]
    console.print(trial_table(compared[:RANKED], plan, console.width, result.names))
    if len(compared) > RANKED:
        console.print(f"and {len(compared) - RANKED} more in {result.folder / 'results.csv'}", style="dim")
    counts = result.as_dict()
    parts = [words.format(counts[how]) for how, words in ENDS.items() if counts[how]]
    trained = f"{result.seconds:.1f} s of training in all trials"
    console.print(f"{count(counts['trials'], 'trial')}: {', '.join(parts)}; {trained}")
    if words := unlearned_words(result):
        console.print(words, style="bold red")
    for repeated in result.repeated:
        spread = f" ± {repeated.std:.4f}" if repeated.n > 1 else ""
        what = "accuracy" if plan.metric == "acc" else "loss"
        console.print(
            f"trial {repeated.trial.number} ({describe(repeated.trial.point, result.names)}) "
            f"with {count(repeated.n, 'other seed')}: validation {what} {repeated.mean:.4f}{spread}",
        )
    console.print(result.verdict)
    best = result.best
    if best is not None:
        console.print(
            f"best: trial {best.number} ({describe(best.point, result.names)}); {result.folder / 'best'}",
            style="bold",
        )
    if result.retrained is not None and result.retrained.networks[0].scores is not None:
        scores = result.retrained.networks[0].scores
        console.print(
            f"trained once more: test accuracy {scores.accuracy:.4f}, test loss {format_loss(scores.loss)}; "
            f"{result.retrained.folder}",
            style="bold",
        )


def show_estimate(figures: dict[str, Any]) -> None:
    """Print the estimate of a dry run."""
    console = output_console()
    rungs = figures["rungs"]
    halving = f", halved at epochs {', '.join(map(str, rungs[:-1]))} of {rungs[-1]}" if len(rungs) > 1 else ""
    repeats = f" and {count(figures['repeats'], 'repeat')}" if figures["repeats"] else ""
    trials, workers = count(figures["trials"], "trial"), count(figures["workers"], "worker")
    how = strategy_name(figures["strategy"], figures["settings"])
    over = "" if figures["settings"] == [NAME] else f" over {', '.join(figures['settings'])}"
    console.print(
        f"{trials} ({how}{halving}){repeats}{over}: about {clock(figures['estimated_seconds'])} on {workers}",
    )
