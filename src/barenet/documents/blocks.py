"""The blocks that a document is made of, in English; the writers translate and number them.

A text may hold code between backticks. What a reader sees as one paragraph or caption is a tuple of whole sentences, so
that each of them can be translated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Block", "Code", "Document", "Figure", "Heading", "Note", "Paragraph", "Table", "caption_of", "numbered"]

Sentences: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Heading:
    """The title of a section; level 1 for sections, 2 for their parts."""

    text: str
    level: int = 1


@dataclass(frozen=True)
class Paragraph:
    """Some sentences."""

    sentences: Sentences


@dataclass(frozen=True)
class Note:
    """Sentences that a reader must not miss: what is not there, and why."""

    sentences: Sentences


@dataclass(frozen=True)
class Code:
    """Commands as a person types them, a line each."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of texts under a header.

    align: "l" for each column of words, "r" for one of numbers; what it leaves out is "r". total: whether the last row
    sums up the others.
    """

    caption: Sentences
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str = "l"
    total: bool = False

    @property
    def columns(self) -> str:
        """The alignment of all columns, a letter each."""
        return self.align.ljust(len(self.header), "r")


@dataclass(frozen=True)
class Figure:
    """A PNG and what it shows. name: that of its file, without ending; width: its share of the text's width."""

    name: str
    png: bytes = field(repr=False)
    caption: Sentences
    width: float = 1.0


Block: TypeAlias = Heading | Paragraph | Note | Code | Table | Figure


@dataclass(frozen=True)
class Document:
    """A document: its title, the language it is to be written in, and its blocks."""

    title: str
    language: str
    blocks: list[Block]
    author: str = ""


def numbered(blocks: Sequence[Block]) -> Iterator[tuple[Block, str]]:
    """Yield each block with its number: "2" and "2.1" for headings, "3" for tables and figures, "" for all others."""
    section, part, counts = 0, 0, {Table: 0, Figure: 0}
    for block in blocks:
        if isinstance(block, Heading):
            section, part = (section + 1, 0) if block.level == 1 else (section, part + 1)
            yield block, f"{section}" if block.level == 1 else f"{section}.{part}"
        elif isinstance(block, Table | Figure):
            counts[type(block)] += 1
            yield block, str(counts[type(block)])
        else:
            yield block, ""


def caption_of(block: Table | Figure, number: str) -> str:
    """Return the words before a caption, in English: "Table 1", "Figure 2"."""
    return f"Table {number}" if isinstance(block, Table) else f"Figure {number}"
