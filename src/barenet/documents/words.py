"""The texts of a document in its language: all pass through here when they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from barenet.errors import ConfigError
from barenet.language.translation import heading

__all__ = ["LANGUAGES", "Name", "Words", "check_language"]

LANGUAGES = {"en": "English", "zh": "Chinese"}


class Name(str):
    """A text that no language changes: the name of a class or a run, a path, a command."""

    __slots__ = ()


class Words:
    """Translates the texts of one document."""

    def __init__(self, language: str) -> None:
        self.language = check_language(language)

    def __call__(self, text: str) -> str:
        """Return a text in the document's language; a `Name` stays as it is."""
        return str(text) if isinstance(text, Name) or self.language == "en" else heading(text, self.language)

    def together(self, sentences: Iterable[str], show: Callable[[str], str] = str) -> str:
        """Return sentences as one text, each as `show` writes it; Chinese has no spaces between sentences."""
        found, last = "", ""
        for sentence in map(self, sentences):
            found += " " + show(sentence) if last.isascii() and last else show(sentence)
            last = sentence[-1:]
        return found


def check_language(language: str) -> str:
    """Return the name of a language that documents can have, or raise ConfigError."""
    if language not in LANGUAGES:
        known = ", ".join(f"{code} ({name})" for code, name in LANGUAGES.items())
        raise ConfigError(f"unknown language {language!r}; known: {known}")
    return language
