"""Show a text, a value, a number of things, a path or a list of names in a message of one printable line.

The caller decides what a message says. Characters that control a terminal are shown as Python escapes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["as_typed", "count", "describe", "escaped", "few", "one_line"]

JOINERS = "\u200c\u200d"  # Persian, Hindi and emoji need them; between Latin letters they only hide


def escaped(text: str, keep: str = "") -> str:
    r"""Return `text` with what does not print escaped: controls, line breaks, changes of direction, lone surrogates.

    Characters in `keep` stay.

    >>> escaped("\x1b[2J"), escaped("\u202egpj.exe"), escaped("a\u3000b")
    ('\\x1b[2J', '\\u202egpj.exe', 'a\u3000b')
    """
    if text.isprintable():
        return text
    shown = []
    for before, c in zip(" " + text, text, strict=False):
        joins = c in JOINERS and not before.isascii()
        harmless = c.isprintable() or c in keep or joins or unicodedata.category(c) == "Zs"
        shown.append(c if harmless else ascii(c)[1:-1])
    return "".join(shown)


def one_line(text: object, limit: int = 1_000) -> str:
    """Return `text` with line breaks and control characters escaped, cut after `limit` characters."""
    shown = str(text)
    return escaped(shown[:limit]) + "..." * (len(shown) > limit)


def describe(value: object) -> str:
    """Return a short name of any value; never prints what a container holds."""
    if isinstance(value, str):
        return one_line(repr(value[:200]), 80)
    if value is None or isinstance(value, float) or (isinstance(value, int) and value.bit_length() < 128):
        return repr(value)
    return f"a value of type {type(value).__name__.lower()}"


def count(n: int, what: str, many: str = "") -> str:
    """Return a number of things, with commas at the thousands; `many` is a plural that needs more than an s.

    >>> count(1, "trial"), count(2000, "image"), count(0, "class", "classes")
    ('1 trial', '2,000 images', '0 classes')
    """
    return f"{n:,} {what if n == 1 else many or f'{what}s'}"


def as_typed(path: object) -> str:
    """Return a path as a person types it after a command: in quotes where it has a space or another special character.

    >>> as_typed("runs/quick-1"), as_typed("my runs/quick-1")
    ('runs/quick-1', '"my runs/quick-1"')
    """
    text = str(path)
    return text if re.fullmatch(r"[\w./\\:~+,@%=-]+", text) else f'"{text}"'


def few(names: Sequence[str], limit: int = 4) -> str:
    """Return the first names, quoted where they hold a character that does not print, and how many others there are."""
    shown = [name if name.isprintable() else repr(name) for name in names[:limit]]
    listed = ", ".join(shown) or "nothing"
    return f"{listed} and {len(names) - limit} more" if len(names) > limit else listed
