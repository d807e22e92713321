"""A document as Markdown, with its figures as files beside it."""

from __future__ import annotations

import re

from barenet.documents.blocks import Code, Document, Figure, Heading, Note, Paragraph, Table, caption_of, numbered
from barenet.documents.words import Words
from barenet.documents.writers.texts import name_figures, with_code

__all__ = ["as_markdown"]


def as_markdown(document: Document, words: Words) -> str:
    """Return the document as GitHub's Markdown; figures are looked for in figures/."""
    parts = [f"# {text(words(document.title))}"]
    if document.author:
        parts.append(text(document.author))
    names = name_figures(document.blocks)
    for place, (block, number) in enumerate(numbered(document.blocks)):
        if isinstance(block, Heading):
            dot = "." * (block.level == 1)
            parts.append(f"{'#' * (block.level + 1)} {number}{dot} {text(words(block.text))}")
        elif isinstance(block, Paragraph):
            parts.append(words.together(block.sentences, text))
        elif isinstance(block, Note):
            parts.append(f"> {words.together(block.sentences, text)}")
        elif isinstance(block, Code):
            parts.append("\n".join(["```", *block.lines, "```"]))
        else:
            caption = f"**{words(caption_of(block, number))}** {words.together(block.caption, text)}"
            if isinstance(block, Figure):
                parts += [f"![{words(caption_of(block, number))}](figures/{names[place]})", caption]
            else:
                parts += [caption, table_of(block, words)]
    return "\n\n".join(parts) + "\n"


def table_of(table: Table, words: Words) -> str:
    """Return a table of GitHub's Markdown."""
    rows = [table.header, *table.rows]
    lines = [f"| {' | '.join(text(words(cell)).replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    ruler = "|".join(" --- " if kind == "l" else " ---: " for kind in table.columns)
    return "\n".join([lines[0], f"|{ruler}|", *lines[1:]])


def text(words: str) -> str:
    """Return a text in one line, in which no character means anything but code between backticks."""
    return with_code(" ".join(words.split()), escape, code)


def escape(words: str) -> str:
    r"""Return a text as Markdown shows it.

    >>> escape("a_b*c <d> # 1.")
    'a\\_b\\*c &lt;d> # 1.'
    """
    found = re.sub(r"([\\`*_\[\]$~])", r"\\\1", words.replace("&", "&amp;").replace("<", "&lt;"))
    return re.sub(r"^(\s*)([#>+-]|\d+\.)(?=\s)", r"\1\\\2", found)


def code(words: str) -> str:
    """Return a piece of code."""
    return f"`{words}`" if words.strip() else ""
