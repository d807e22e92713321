"""Show what came from outside, a text, a value or a list of names, in a message of one printable line.

What a message says is left to whoever raises it.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["describe", "few", "one_line"]


def one_line(text: object, limit: int = 1_000) -> str:
    """Return `text` with line breaks and control characters escaped, cut after `limit` characters."""
    shown = str(text)
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown[:limit])
    return line + "..." * (len(shown) > limit)


def describe(value: object) -> str:
    """Return a short name of any value; never prints what a container holds."""
    if isinstance(value, str):
        return one_line(repr(value[:200]), 80)
    if value is None or isinstance(value, float) or (isinstance(value, int) and value.bit_length() < 128):
        return repr(value)
    return f"a value of type {type(value).__name__.lower()}"


def few(names: Sequence[str], limit: int = 4) -> str:
    """Return the first names, quoted where they hold a line break or the like, and how many there are beyond."""
    shown = [name if name.isprintable() else repr(name) for name in names[:limit]]
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(shown) or "nothing") + more
