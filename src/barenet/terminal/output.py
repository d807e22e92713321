"""The console on stdout, tables without lines, and notes on stderr, which observers of runs and searches print."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from rich.table import Table
from rich.text import Text

from barenet.config.tables import Config
from barenet.messages import count
from barenet.printing.consoles import Heading, PlainConsole
from barenet.printing.handlers import printed_notes

__all__ = ["Notes", "describe_settings", "output_console", "plain_table"]


def output_console() -> PlainConsole:
    """Return a console on stdout that does not fold long lines where there is no terminal."""
    console = PlainConsole()
    if console.is_terminal or console.is_jupyter:
        return console
    return PlainConsole(width=160, soft_wrap=True)


def plain_table(words: Sequence[str | Text], figures: Sequence[str | Text], **options: Any) -> Table:
    """Return a table without lines: first columns of words, then columns of figures with `options`."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in words:
        table.add_column(title_of(title), overflow="fold")
    for title in figures:
        table.add_column(title_of(title), justify="right", **options)
    return table


def title_of(title: str | Text) -> Heading | Text:
    """Return the title of a column as the console takes it: words as a heading, a name, given as `Text`, as it is."""
    return Heading(title) if isinstance(title, str) else title


def describe_settings(config: Config, engine: str, searched: Collection[str] = ()) -> str:
    """Return optimizer, rate, schedule, epochs and engine in one line; `searched` settings, by path, have many values.

    >>> from barenet.config.sources import build_config
    >>> describe_settings(build_config("course"), "NumPy, 1 thread", ["optimizer.learning_rate"])
    'recipe course: optimizer sgd, learning rate searched, schedule step, 100 epochs; engine: NumPy, 1 thread'
    """

    def shown(path: str, value: object) -> str:
        return "searched" if path in searched else str(value)

    parts = (
        f"optimizer {shown('optimizer.name', config.optimizer.name)}",
        f"learning rate {shown('optimizer.learning_rate', f'{config.optimizer.learning_rate:g}')}",
        f"schedule {shown('schedule.name', config.schedule.name)}",
        "epochs searched" if "trainer.epochs" in searched else count(config.trainer.epochs, "epoch"),
    )
    return f"{config.origin or 'settings'}: {', '.join(parts)}; engine: {engine}"


class Notes:
    """Prints notes on stderr from `with` on, unless `quiet`.

    takes_flags: whether notes name flags of the command line; a notebook needs keywords of Python.
    """

    def __init__(self, *, quiet: bool = False, takes_flags: bool = True) -> None:
        self.quiet, self.takes_flags = quiet, takes_flags
        self.console = PlainConsole(stderr=True, soft_wrap=True)

    def __enter__(self) -> Self:
        """Begin to print notes."""
        self.printing = ExitStack()
        if not self.quiet:
            self.printing.enter_context(printed_notes(self.console))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Print no more notes."""
        self.printing.close()

    @property
    def can_redraw(self) -> bool:
        """Whether the console can replace what it showed, which a progress bar needs."""
        return (self.console.is_terminal and not self.console.is_dumb_terminal) or self.console.is_jupyter
