"""Where a link of a page leads on the site. In the repository, links lead to files, so that GitHub can follow them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from website.contents import ROOT, name_of

# A block of code, code in a sentence, or the target of a link; only the last has the group.
CODE_OR_LINK = re.compile(
    r"^ *(```+).*?^ *\1 *$|(?<!`)(`+)(?!`).+?(?<!`)\2(?!`)|\]\(([^()\s]+)\)", re.DOTALL | re.MULTILINE
)
PICTURES = (".png", ".svg", ".jpg")


def rewritten(text: str, change: Callable[[str], str]) -> str:
    """Return a page in Markdown with another target of each link; code stays as it is.

    >>> rewritten("[a](b) `[c](d)` [`e`](f)", str.upper)
    '[a](B) `[c](d)` [`e`](F)'
    """
    return CODE_OR_LINK.sub(lambda found: f"]({change(found[3])})" if found[3] else found[0], text)


def headings(text: str) -> list[str]:
    r"""Return the anchors of a page's headings, as GitHub makes them.

    >>> headings("# A row of `model.layers`\n```\n# no\n```\n## L2, twice\n## L2, twice")
    ['a-row-of-modellayers', 'l2-twice', 'l2-twice-1']
    """
    anchors: list[str] = []
    for heading in re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    ):
        anchor = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        seen = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other) is not None for other in anchors)
        anchors.append(f"{anchor}-{seen}" if seen else anchor)
    return anchors


class Links:
    """The links of one language's site; it collects the pictures and the source files that they lead to."""

    def __init__(self, pages: dict[str, Path], language: str):
        self.pages = pages
        self.language = language
        self.pictures: set[Path] = set()
        self.sources: set[Path] = set()

    def target(self, link: str, file: Path) -> str:
        """Return where a link of a file leads on the site."""
        if re.match(r"[a-z]+:|#", link):
            return link
        path, _, anchor = link.partition("#")
        other = Path(os.path.normpath(file.parent / path))
        name = name_of(other)
        if name is not None:
            return self._page(name, other, anchor, file)
        address = other.relative_to(ROOT).as_posix()
        if other.suffix in PICTURES:
            self.pictures.add(other)
            return f"/{address}"
        self.sources.add(other)
        return f"/source/{address}.md"

    def _page(self, name: str, other: Path, anchor: str, file: Path) -> str:
        """Return where a link to a page leads: to the page of this language, or to one that only the other has."""
        shown = self.pages.get(name)
        if shown is None or (name == name_of(file) and other != shown):
            return f"site:{to_other_language(name_of(file) or 'index', name, self.language)}"
        if anchor and shown != other:
            anchor = same_heading(anchor, other.read_text("utf-8"), shown.read_text("utf-8"))
        return f"/{name}.md#{anchor}" if anchor else f"/{name}.md"


def to_other_language(page: str, name: str, language: str) -> str:
    """Return the relative address by which a page reaches the page `name` of the other language.

    >>> to_other_language("docs/search", "docs/search", "en"), to_other_language("docs/search", "index", "zh")
    ('../zh/docs/search.html', '../../index.html')
    """
    up = "../" * page.count("/")
    return f"{up}../{name}.html" if language == "zh" else f"{up}zh/{name}.html"


def same_heading(anchor: str, page: str, translation: str) -> str:
    """Return the anchor of the heading that has the same place in a translation, "" if there is none."""
    ours, theirs = headings(page), headings(translation)
    return theirs[ours.index(anchor)] if anchor in ours and len(ours) == len(theirs) else ""
