"""Find the texts of pages: of templates, of what their expressions give, and of scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, nodes

from barenet.pages.languages import Piece, pieces_of
from barenet.pages.scripts import literals_of

__all__ = ["texts_of_page", "texts_of_script", "texts_of_tags"]


def texts_of_page(source: str) -> Iterator[tuple[str, str]]:
    """Yield the texts of a template, and those in its expressions, each with the plural of a noun, or ""."""
    yield from ((piece.text, "") for piece in pieces_of(source) if isinstance(piece, Piece))
    yield from texts_of_node(Environment().parse(source))


def texts_of_tags(path: Path) -> Iterator[str]:
    """Yield the texts between the tags of a template."""
    if path.suffix == ".html":
        yield from (piece.text for piece in pieces_of(path.read_text("utf-8")) if isinstance(piece, Piece))


def texts_of_node(node: nodes.Node) -> Iterator[tuple[str, str]]:
    """Yield the texts in expressions: strings, strings that are joined by `~`, and nouns of the filter `things`."""
    if isinstance(node, nodes.Filter) and node.name == "things" and isinstance(node.args[0], nodes.Const):
        yield f"{{0}} {node.args[0].value}", f"{{0}} {node.args[0].value}s"
        yield from texts_of_node(node.node)
        return
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value, ""
        return
    if isinstance(node, nodes.Concat):
        text, n = "", 0
        for part in node.nodes:
            if isinstance(part, nodes.Const):
                text += str(part.value)
            elif not text.endswith(f"{{{n - 1}}}") or not n:
                text, n = f"{text}{{{n}}}", n + 1
        yield text, ""
    for child in node.iter_child_nodes():
        if not (isinstance(node, nodes.Concat) and isinstance(child, nodes.Const)):
            yield from texts_of_node(child)


def texts_of_script(path: Path) -> Iterator[str]:
    """Yield the texts of a script, and those inside of their expressions."""
    todo = [path.read_text("utf-8")]
    while todo:
        for found in literals_of(todo.pop(0)):
            yield re.sub(r"\s+", " ", found.text)
            todo += found.places
