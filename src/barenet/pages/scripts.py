"""Scripts of pages in another language: strings and template literals with words are replaced by their translations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from barenet.language.choice import ENGLISH
from barenet.language.translation import read, separator

__all__ = ["Literal", "literals_of", "script_in_language"]

TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|`""", re.DOTALL)
STRING = re.compile(r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""")
EDGES = re.compile(r"([ ,;:]*)(.*?)([ ,;:.]*)", re.DOTALL)


@dataclass(frozen=True)
class Literal:
    """A text of a script: where it is, its edges, the text with places, and the expressions in these places."""

    start: int
    end: int
    before: str
    text: str
    places: tuple[str, ...]
    after: str


def literals_of(script: str) -> Iterator[Literal]:
    """Yield the strings and template literals of a script in order, those inside of others left out."""
    at = 0
    while found := TOKEN.search(script, at):
        at = found.end()
        if found[0][0] == '"':
            yield literal(found.start(), at, [json.loads(found[0])])
        elif found[0] == "`":
            parts, at = template_parts(script, at)
            yield literal(found.start(), at, parts)


def template_parts(script: str, at: int) -> tuple[list[str], int]:
    """Return the parts of a template literal, texts and expressions in turn, and where it ends."""
    parts, start = [], at
    while script[at] != "`":
        if script.startswith("${", at):
            parts.append(script[start:at])
            start, depth = at + 2, 1
            at = start
            while depth:
                if script[at] == "`":
                    at = template_parts(script, at + 1)[1] - 1
                elif inner := STRING.match(script, at):
                    at = inner.end() - 1
                depth += {"{": 1, "}": -1}.get(script[at], 0)
                at += 1
            parts.append(script[start : at - 1])
            start = at
        else:
            at += 2 if script[at] == "\\" else 1
    return [*parts, script[start:at]], at + 1


def literal(start: int, end: int, parts: list[str]) -> Literal:
    """Return a literal of texts and expressions in turn; expressions in a row become one place."""
    places: list[str] = []
    text = ""
    for i, part in enumerate(parts):
        if i % 2 and places and text.endswith(f"{{{len(places) - 1}}}"):
            places[-1] += "}${" + part
        elif i % 2:
            text += f"{{{len(places)}}}"
            places.append(part)
        else:
            text += part.replace("{", "{{").replace("}", "}}")
    edges = EDGES.fullmatch(text)
    assert edges is not None
    return Literal(start, end, edges[1], edges[2], tuple(places), edges[3])


def script_in_language(script: str, language: str) -> str:
    """Return a script whose texts are those of a language; what is not in its catalogue stays English."""
    if language == ENGLISH:
        return script
    said, at = "", 0
    for found in literals_of(script):
        words = read(language).template(found.text) if is_text(found.text) else None
        if words is not None:
            said += script[at : found.start] + template_literal(found, words, language)
            at = found.end
    return said + script[at:]


def template_literal(found: Literal, words: str, language: str) -> str:
    """Return the source of a literal whose text is translated, and so are the texts in its expressions."""
    filled = ""
    for part in re.split(r"({\d+}|{{|}})", words):
        if re.fullmatch(r"{\d+}", part):
            filled += f"${{{script_in_language(found.places[int(part[1:-1])], language)}}}"
        else:
            filled += part[:1] if part in ("{{", "}}") else part
    return f"`{separator(found.before, language)}{filled}{separator(found.after, language)}`"


def is_text(text: str) -> bool:
    """Whether a literal may be a text for people: it has two words, or a place and a word."""
    return " " in text
