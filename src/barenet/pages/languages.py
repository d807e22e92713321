"""Pages in another language: texts of templates and scripts are replaced by their translations before they are used.

A text of a template is what is between two tags or statements. Expressions, and tags inside a sentence, such as
`<strong>`, are its places. What expressions give is translated when the page is made.
"""

from __future__ import annotations

import html
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from barenet.language.choice import ENGLISH
from barenet.language.translation import heading, read, separator, translated

__all__ = ["LANGUAGE_TAGS", "Piece", "drawing_in_language", "hover_in_language", "pieces_of", "template_in_language"]

LANGUAGE_TAGS = {"zh": "zh-CN"}
TAG = r"<(?:{{.*?}}|{%.*?%}|{(?![{%])|[^>{])*>"
TOKEN = re.compile(
    rf"{{#.*?#}}|{{%.*?%}}|{{{{.*?}}}}|<!--.*?-->|<(?:script|style)\b.*?</(?:script|style)>|{TAG}|(?:(?!{{[#%{{])[^<])+",
    re.DOTALL,
)
INSIDE = re.compile(r"</?(?:a|abbr|b|code|em|i|kbd|small|span|strong|sub|sup)\b", re.IGNORECASE)
ATTRIBUTE = re.compile(r'(?<= )(aria-label|alt|title|placeholder)="((?:{{.*?}}|[^"])*)"', re.DOTALL)
EXPRESSION = re.compile(r"({{.*?}})", re.DOTALL)


@dataclass(frozen=True)
class Piece:
    """A text of a template: what is before and after it, the text with places, and what is in these places."""

    before: str
    text: str
    places: tuple[str, ...]
    after: str

    def filled(self, said: str, language: str) -> str:
        """Return the template's source for a translation."""
        shown = html.escape(said, quote=False)
        words = re.sub(r"{(\d+)}|{{|}}", lambda m: self.places[int(m[1])] if m[1] else m[0][0], shown)
        before = "" if words.startswith("（") and self.before.isspace() else separator(self.before, language)
        return f"{before}{words}{separator(self.after, language)}"


def pieces_of(source: str) -> Iterator[str | Piece]:
    """Yield a template in order: source that is no text as it is, and texts."""
    run: list[tuple[str, bool]] = []  # source, and whether it is a place
    for token in TOKEN.findall(source):
        is_text = token[0] != "<" and not token.startswith(("{%", "{#", "{{"))
        if is_text or token.startswith("{{") or INSIDE.match(token):
            run.append((token, not is_text))
            continue
        yield from piece_of(run)
        run = []
        yield from attributes_of(token) if token[0] == "<" else [token]
    yield from piece_of(run)


def piece_of(run: list[tuple[str, bool]]) -> Iterator[str | Piece]:
    """Yield what texts and places in a row are: one text, or source without words."""
    whole = "".join(source for source, _ in run)
    before: list[str | Piece] = []
    after: list[str | Piece] = []
    while run and (is_blank(run[0]) or (is_tag(run[0]) and closes_last(run))):
        before += attributes_of(run.pop(0)[0])
    while run and (is_blank(run[-1]) or is_tag(run[-1])) and (is_blank(run[-1]) or not is_open(run)):
        after[:0] = attributes_of(run.pop()[0])
    places: list[str] = []
    text, was_place = "", False
    for source, is_place in run:
        if not is_place:
            text += source.replace("{", "{{").replace("}", "}}")
        elif was_place:
            places[-1] += source
        else:
            text += f"{{{len(places)}}}"
            places.append(source)
        was_place = is_place
    plain = re.sub(r"\s+", " ", html.unescape(text).replace("\u00a0", " "))
    edges = re.fullmatch(r"(\.? *[ ,;:|]*)(.*?)([ ,;:|]*)", plain)
    assert edges is not None
    if not has_words(edges[2]):
        yield whole
        return
    yield from before
    yield Piece(edges[1], edges[2], tuple(places), edges[3])
    yield from after


def has_words(text: str) -> bool:
    """Whether a template has a word of two letters or more."""
    return re.search("[A-Za-z]{2,}", re.sub(r"{\d+}", "", text)) is not None


def is_blank(token: tuple[str, bool]) -> bool:
    """Whether a token is white space."""
    return not token[0].strip()


def is_tag(token: tuple[str, bool]) -> bool:
    """Whether a token is a tag of HTML."""
    return token[0].startswith("<")


def closes_last(run: list[tuple[str, bool]]) -> bool:
    """Whether the first token, a tag, is closed by the last one, or is a closing tag."""
    if run[0][0].startswith("</"):
        return True
    tags = [token[0] for token in run if is_tag(token)]
    depth = 0
    for i, tag in enumerate(tags):
        depth += -1 if tag.startswith("</") else 1
        if depth == 0:
            return i == len(tags) - 1 and run[-1][0] == tag
    return True


def is_open(run: list[tuple[str, bool]]) -> bool:
    """Whether the last token, a closing tag, closes one that is inside the text."""
    if not run[-1][0].startswith("</"):
        return False
    return any(is_tag(token) and not token[0].startswith("</") for token in run[:-1])


def attributes_of(tag: str) -> list[str | Piece]:
    """Return a tag, cut at the attributes that a person reads."""
    found: list[str | Piece] = []
    start = 0
    for attribute in ATTRIBUTE.finditer(tag):
        parts = EXPRESSION.split(attribute[2])
        text = "".join(f"{{{i // 2}}}" if i % 2 else part for i, part in enumerate(parts))
        if has_words(text):
            text = " ".join(html.unescape(text).split())
            found += [tag[start : attribute.start(2)], Piece("", text, tuple(parts[1::2]), "")]
            start = attribute.end(2)
    return [*found, tag[start:]]


def template_in_language(source: str, language: str) -> str:
    """Return a template whose texts are those of a language; what is not in its catalogue stays English."""
    if language == ENGLISH:
        return source
    parts = []
    for piece in pieces_of(source):
        if isinstance(piece, str):
            source = piece.replace('<html lang="en">', f'<html lang="{LANGUAGE_TAGS[language]}">')
            parts.append(re.sub(r"(^|}})\.(\s*)$", rf"\1{separator('.', language)}\2", source))
        else:
            said = read(language).template(piece.text)
            parts.append(piece.filled(piece.text, ENGLISH) if said is None else piece.filled(said, language))
    return "".join(parts)


DRAWN = re.compile(r"(<text[^>]*>)([^<]+)(</text>)")
LINES = re.compile(r"(?:<text[^>]*>[^<]+</text>\n?){2,}")  # of one text: a group is between two texts
PLACE = re.compile(r"translate\(([\d.]+) ([\d.]+)\)")
SIZE = re.compile(r"font-size: ([\d.]+)px")
WIDER = 0.6  # how many Chinese letters are as wide as one Latin letter
HALF_LETTER = 0.24  # the half of a Latin letter's width, over the size of the font


def drawing_in_language(svg: str, language: str) -> str:
    """Return an SVG whose texts, and whose words for screen readers, are those of a language."""
    if language == ENGLISH:
        return svg

    def said(found: re.Match[str]) -> str:
        return f"{found[1]}{html.escape(heading(html.unescape(found[2]), language))}{found[3]}"

    svg = LINES.sub(lambda found: broken_again(found[0], language), svg)
    return re.sub(r'( aria-label=")([^"]*)(")', said, DRAWN.sub(said, svg))


def broken_again(drawn: str, language: str) -> str:
    """Return the lines of one text in a language: it is translated as a whole, and broken again.

    Lines that begin at one place begin there again. Others are centred, about where the English lines were.
    """
    lines = [(before, html.unescape(text)) for before, text, _ in DRAWN.findall(drawn)]
    places = [PLACE.search(before) for before, _ in lines]
    size = SIZE.search(drawn)
    text = " ".join(text for _, text in lines)
    said = heading(text, language)
    if said == text or size is None or "rotate" in drawn:
        return drawn
    starts = [float(place[1]) for place in places if place is not None]
    if len(starts) < len(lines):
        return drawn
    width = int(WIDER * max(len(text) for _, text in lines))
    while len(parts := textwrap.wrap(said, width)) > len(lines):
        width += 1
    middles = [x + HALF_LETTER * float(size[1]) * len(text) for x, (_, text) in zip(starts, lines, strict=True)]
    middle = f"translate({sum(middles) / len(middles):.6f} "
    is_centred = len(set(starts)) > 1
    again = []
    for (tag, _), part in zip(lines, parts, strict=False):
        moved = re.sub(r"translate\([\d.]+ ", middle, tag).replace('style="', 'style="text-anchor: middle; ')
        again.append(f"{moved if is_centred else tag}{html.escape(part)}</text>\n")
    return "".join(again)


def hover_in_language(points: str, language: str) -> str:
    """Return the points of a plot, JSON of [x, y, text], with texts of a language."""
    if language == ENGLISH:
        return points
    return json.dumps([[x, y, translated(text, language)] for x, y, text in json.loads(points)])
