"""The pages of the project, and their parts: links, headings, sections."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
ENGLISH = ROOT / "docs"
CHINESE = ROOT / "docs" / "zh"
PAGES = sorted([*ROOT.glob("README*.md"), ROOT / "CONTRIBUTING.md", *ENGLISH.glob("*.md"), *CHINESE.glob("*.md")])
LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


class Section(NamedTuple):
    """A heading, the number of its #, and the text below it up to the next heading."""

    level: int
    heading: str
    text: str


def without_code(text: str) -> str:
    """Return a page without blocks of code and without code in sentences; what a link shows may be code."""
    text = BLOCK.sub("", text)
    return re.sub(r"(\[[^\[\]]*\]\([^()\s]+\))|`[^`]*`", lambda found: found[1] or "", text)


def sections(text: str) -> list[Section]:
    """Return the sections of a page. A line of a code block is no heading."""
    found: list[tuple[str, list[str]]] = []
    is_code = False
    for line in text.splitlines():
        is_code ^= line.lstrip().startswith("```")
        if line.startswith("#") and not is_code:
            found.append((line, []))
        elif found:
            found[-1][1].append(line)
    return [
        Section(len(line) - len(line.lstrip("#")), line.lstrip("# ").strip(), "\n".join(lines)) for line, lines in found
    ]


def headings(text: str) -> list[str]:
    r"""Return the anchors of a page's headings, as GitHub makes them.

    >>> headings("# All settings\n## A row of `model.layers`\n## L2, twice\n## L2, twice")
    ['all-settings', 'a-row-of-modellayers', 'l2-twice', 'l2-twice-1']
    """
    anchors: list[str] = []
    for section in sections(text):
        anchor = re.sub(r"[^\w\- ]", "", section.heading.lower()).replace(" ", "-")
        seen = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other) is not None for other in anchors)
        anchors.append(f"{anchor}-{seen}" if seen else anchor)
    return anchors
