"""A document as one HTML file for reading and printing on A4; its figures are in the file."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from barenet.documents.blocks import (
    Block,
    Code,
    Document,
    Figure,
    Heading,
    Note,
    Paragraph,
    Table,
    caption_of,
    numbered,
)
from barenet.documents.words import Words
from barenet.documents.writers.texts import with_code
from barenet.plots.rasters import data_uri

__all__ = ["as_html"]

WIDE = 7  # a table with so many columns has small letters
LONG = 26  # a table with so many rows may go over a page
TAGS = {"en": "en", "zh": "zh-CN"}


def as_html(document: Document, words: Words) -> str:
    """Return the document as a page without scripts that loads nothing."""
    style = (files("barenet.documents.writers") / "document.css").read_text("utf-8")
    title, author = text(words(document.title)), text(document.author)
    body = "\n".join(block_of(block, number, words) for block, number in numbered(document.blocks))
    by = f'<p class="author">{author}</p>\n' if author else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{TAGS[document.language]}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n{by}</header>\n{body}\n</body>\n</html>\n"
    )


def block_of(block: Block, number: str, words: Words) -> str:
    """Return one block as HTML."""
    if isinstance(block, Heading):
        tag = f"h{block.level + 1}"
        return f'<{tag}><span class="number">{number}</span>{text(words(block.text))}</{tag}>'
    if isinstance(block, Paragraph):
        return f"<p>{words.together(block.sentences, text)}</p>"
    if isinstance(block, Note):
        return f'<p class="note">{words.together(block.sentences, text)}</p>'
    if isinstance(block, Code):
        return f"<pre><code>{escape(chr(10).join(block.lines))}</code></pre>"
    lead = escape(words(caption_of(block, number)))
    caption = f'<figcaption><b class="lead">{lead}</b>{words.together(block.caption, text)}</figcaption>'
    if isinstance(block, Figure):
        look, alt = f"width:{100 * block.width:.0f}%", escape(words.together(block.caption).replace("`", ""))
        image = f'<img src="{data_uri(block.png)}" alt="{alt}" style="{look}">'
        return f"<figure>{image}{caption}</figure>"
    return table_of(block, caption, words)


def table_of(table: Table, caption: str, words: Words) -> str:
    """Return a table as HTML."""
    kinds = [*["wide"] * (len(table.header) >= WIDE), *["long"] * (len(table.rows) > LONG)]

    def row(cells: list[str], tag: str, is_total: bool = False) -> str:
        looks = [' class="n"' if kind == "r" else "" for kind in table.columns]
        inner = "".join(f"<{tag}{look}>{text(words(cell))}</{tag}>" for cell, look in zip(cells, looks, strict=True))
        look = ' class="total"' if is_total else ""
        return f"<tr{look}>{inner}</tr>"

    last = len(table.rows) - 1
    body = "\n".join(row(list(cells), "td", table.total and i == last) for i, cells in enumerate(table.rows))
    rows = f"<thead>{row(list(table.header), 'th')}</thead>\n<tbody>\n{body}\n</tbody>"
    return f'<figure class="{" ".join(["table", *kinds])}">{caption}<table>\n{rows}</table></figure>'


def text(words: str) -> str:
    """Return a text as HTML, with code between backticks."""
    return with_code(words, escape, lambda code: f"<code>{escape(code)}</code>")
