"""A console of rich that shows text from outside as it is: no escape sequence and no markup has an effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.segment import Segment
from rich.text import Text

from barenet.messages import escaped

__all__ = ["PlainConsole", "counting_bar"]


class PlainConsole(Console):
    """Show text as it is, and escape what does not print; styles are given by `style=` and `Text`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, emoji=False, markup=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Escape before lines are folded and columns measured."""
        return super().render_str(escaped(text, keep="\n"), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Escape what does not pass through `render_str`, such as `Text`."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(escaped(segment.text, keep="\n"), segment.style)


@contextmanager
def counting_bar(what: str, total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the number of things done; show a bar on stderr if that is a terminal."""
    console = PlainConsole(stderr=True)
    disable = not (shown and (console.is_terminal or console.is_jupyter))
    columns = (TextColumn(what, markup=False), BarColumn(bar_width=None), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=disable) as bar:
        task = bar.add_task("", total=total)
        yield lambda n: bar.advance(task, n)
