"""The pages of `--help` in another language than English."""

from __future__ import annotations

import re
from typing import Any

from cyclopts.help import DefaultFormatter, HelpEntry, HelpPanel
from rich.text import Text

from barenet.language.templates import HAN
from barenet.language.translation import heading, translated

__all__ = ["TranslatedHelp", "translated_page"]

# What cyclopts says.
HEADINGS = ("Commands", "Arguments", "Parameters")
SENTENCES = ("Display this message and exit.", "Display application version.", "Usage: {}", "default: {}")
ABOUT_VALUES = ("choose from: {}", "must be given")


class TranslatedHelp(DefaultFormatter):
    """Draws the panels of a page, on a console of rich: titles, and what is said about commands and options."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self.language = language

    def __call__(self, console: Any, options: Any, panel: HelpPanel) -> None:
        """Draw a panel."""
        entries = [self.in_language(entry, console) for entry in panel.entries]
        title = heading(str(panel.title), self.language)
        super().__call__(console, options, panel.copy(title=title, entries=entries))

    def render_usage(self, console: Any, options: Any, usage: Any) -> None:
        """Print how the command is typed."""
        if usage:
            console.print(Text(translated(f"Usage: {str(usage).strip()}", self.language), style="bold"))

    def in_language(self, entry: HelpEntry, console: Any) -> HelpEntry:
        """Return what is said about one option."""
        words = plain_text(entry.description, console)
        is_new = words and not re.search(HAN, words)  # help of commands is in the language already
        said = [translated_option(words, self.language) if is_new else words] if words else []
        if entry.default is not None:
            said.append(f"[{translated(f'default: {entry.default}', self.language)}]")
        if entry.choices:
            choices = ", ".join(entry.choices)
            said.append(f"[{translated(f'choose from: {choices}', self.language)}]")
        if entry.required:
            said.append(f"[{translated('must be given', self.language)}]")
        return entry.copy(description=Text(" ".join(said)), default=None, choices=(), required=False)


def plain_text(description: Any, console: Any) -> str:
    """Return a description of cyclopts as text in one line."""
    if description is None or isinstance(description, str):
        return description or ""
    with console.capture() as capture:
        console.print(description, soft_wrap=True)
    return " ".join(capture.get().split())


def translated_option(text: str, language: str) -> str:
    """Return what is said about an option; a default in brackets at its end may be part of the entry or not."""
    found = re.fullmatch(r"(.*[^ ])( \[[^\[\]]*\])", text)
    ways = [*([translated(found[1], language) + found[2]] if found else []), translated(text, language)]
    return min(ways, key=lambda said: sum(c.isascii() and c.isalpha() for c in said))  # what is left in English


def translated_page(text: str, language: str) -> str:
    """Return a text of the help, whose paragraphs are lines; of an example only what is said about it is translated."""
    return "\n".join(translated_line(line, language) for line in text.split("\n"))


def translated_line(line: str, language: str) -> str:
    """Return a paragraph or an example."""
    if not line.startswith("    "):
        return translated(line, language)
    found = re.fullmatch(r"(    .*?  +)(\S.*)", line)
    return found[1] + translated(found[2], language) if found else line
