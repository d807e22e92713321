"""What a stream can show: texts in the chosen language, and other characters for those that its encoding lacks."""

from __future__ import annotations

import codecs
import sys
from functools import cache
from typing import TextIO

from barenet.errors import ConfigError
from barenet.language.choice import ENGLISH, chosen_language
from barenet.language.translation import translated

__all__ = ["PLAIN", "in_its_language", "language_of", "output_language"]

PLAIN = "barenet.plain"  # a way to handle errors of encoding
SAMPLE = {"zh": "训练网络，错误：验证"}  # simplified characters: Big5 lacks some
INSTEAD = {
    **{"µ": "u", "μ": "u", "×": "x", "±": "+/-", "·": "*", "→": "->", "…": "...", "–": "-", "—": "-", "−": "-"},
    **{"≤": "<=", "≥": ">=", "‘": "'", "’": "'", "“": '"', "”": '"', "²": "^2", "³": "^3", "\u00a0": " "},
}


def output_language() -> str:
    """Return the language of texts on stdout."""
    return language_of(sys.stdout)


def language_of(stream: TextIO) -> str:
    """Return the language of texts on a stream: the chosen one, or English where the encoding cannot write it."""
    try:
        language = chosen_language()
    except ConfigError:  # the command line has said so, or is about to
        return ENGLISH
    return language if language == ENGLISH or can_write(getattr(stream, "encoding", None), language) else ENGLISH


@cache
def can_write(encoding: str | None, language: str) -> bool:
    """Whether texts of a language can be written in an encoding; a stream in memory has none, and takes all."""
    try:
        SAMPLE[language].encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def in_its_language(text: str, stream: TextIO) -> str:
    """Return a text in the language of a stream."""
    return translated(text, language_of(stream))


def plain(error: UnicodeError) -> tuple[str, int]:
    """Return what is written for characters that an encoding lacks: others that mean the same, or question marks.

    >>> codecs.register_error(PLAIN, plain)
    >>> "4 ± 1 µs, 网".encode("ascii", PLAIN)
    b'4 +/- 1 us, ?'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(INSTEAD.get(c, "?") for c in error.object[error.start : error.end]), error.end


codecs.register_error(PLAIN, plain)
