"""A console of rich that shows text from outside as it is: no escape sequence and no markup has an effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.segment import Segment
from rich.text import Text

from barenet.language.translation import heading, translated
from barenet.messages import escaped
from barenet.printing.encodings import language_of

__all__ = ["Heading", "PlainConsole", "counting_bar"]


class Heading(str):
    """The heading of a column or a row, which may be one word."""


class PlainConsole(Console):
    """Show text in the chosen language, and escape what does not print; styles are given by `style=` and `Text`.

    A `Text` is shown as it is.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, emoji=False, markup=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Translate and escape before lines are folded and columns measured."""
        return super().render_str(escaped(self.in_its_language(text), keep="\n"), **options)

    def in_its_language(self, text: str) -> str:
        """Return a text in the language of this console."""
        language = language_of(self.file)  # type: ignore[arg-type]
        return heading(text, language) if isinstance(text, Heading) else translated(text, language)

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
    if not shown or not (console.is_terminal or console.is_jupyter):
        yield lambda n: None
        return
    columns = (TextColumn(console.in_its_language(what), markup=False), BarColumn(bar_width=None), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda n: bar.advance(task, n)
