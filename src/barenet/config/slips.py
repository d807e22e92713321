"""What a person probably meant by a line that is not TOML: typographic quotation marks, or a text without any."""

from __future__ import annotations

import re

__all__ = ["explain_line"]

QUOTES = "“”„‟‘’‚«»「」『』＂＇"
OTHER_SIGNS = {"＝": "=", "，": ",", "：": "=", "［": "[", "］": "]", "　": "a space"}
BARE_TEXT = re.compile(r"^\s*([\w.-]+)\s*=\s*([A-Za-z_][\w.-]*)\s*(#.*)?$")


def explain_line(text: str, error: Exception) -> str:
    """Return how to write the line that a TOML error names, as the end of a message, or "" where that is unknown.

    >>> explain_line("name = adamw", ValueError("Invalid value (at line 1, column 8)"))
    '; write name = "adamw": a text needs quotation marks'
    """
    place = re.search(r"at line (\d+)", str(error))
    if place is None:
        return ""
    line = text.splitlines()[int(place[1]) - 1] if int(place[1]) <= len(text.splitlines()) else ""
    quote = next((sign for sign in line if sign in QUOTES), None)
    if quote is not None:
        return f'; {quote} is not a quotation mark of TOML: write "'
    sign = next((sign for sign in line if sign in OTHER_SIGNS), None)
    if sign is not None:
        return f"; in place of {sign} write {OTHER_SIGNS[sign]}"
    bare = BARE_TEXT.match(line)
    if bare is not None and bare[2] not in ("true", "false", "inf", "nan"):
        return f'; write {bare[1]} = "{bare[2]}": a text needs quotation marks'
    key = re.match(r"^\s*([^\s=#\[\"']+)\s*=", line)
    if key is not None and not key[1].isascii():
        return f"; {key[1]} is not a setting: the names of settings are English, see barenet train --help"
    return ""
