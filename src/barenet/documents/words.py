"""The texts of a document in its language: all pass through here when they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from barenet.language.choice import ENGLISH, language_named
from barenet.language.translation import heading

__all__ = ["Name", "Words"]


class Name(str):
    """A text that no language changes: the name of a class or a run, a path, a command."""

    __slots__ = ()


class Words:
    """Translates the texts of one document."""

    def __init__(self, language: str) -> None:
        self.language = language_named(language, "language")

    def __call__(self, text: str) -> str:
        """Return a text in the document's language; a `Name` stays as it is."""
        return str(text) if isinstance(text, Name) or self.language == ENGLISH else heading(text, self.language)

    def together(self, sentences: Iterable[str], show: Callable[[str], str] = str) -> str:
        """Return sentences as one text, each as `show` writes it; Chinese has no spaces between sentences."""
        found, last = "", ""
        for sentence in map(self, sentences):
            found += " " + show(sentence) if last.isascii() and last else show(sentence)
            last = sentence[-1:]
        return found
