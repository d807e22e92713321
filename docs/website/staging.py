"""Write all pages of a language as Markdown into a folder, from which Sphinx builds the site."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from website.contents import ROOT, pages_of, sections_of
from website.links import Links, rewritten
from website.notebooks import first_text, notebook_page
from website.sources import write_sources

ENGLISH_ONLY = "```{note}\n本页目前只有英文。\n```\n\n"


def stage(language: str, folder: Path) -> None:
    """Write the pages, the source files that they name, and the pictures."""
    pages = pages_of(language)
    links = Links(pages, language)
    for name, file in pages.items():
        page = folder / f"{name}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(page_text(name, file, links, folder), encoding="utf-8")
    write_sources(links.sources, folder / "source")
    for picture in links.pictures:
        copy = folder / picture.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, copy)


def page_text(name: str, file: Path, links: Links, folder: Path) -> str:
    """Return a page in Markdown with links as they are on the site."""

    def change(link: str) -> str:
        return links.target(link, file)

    if file.suffix == ".ipynb":
        return notebook_page(file, folder / "notebooks", "/notebooks", change)
    text = rewritten(file.read_text("utf-8"), change)
    if name == "index":
        return front_page(text) + navigation(links)
    if links.language == "zh" and file.parent.name != "zh":
        heading, rest = text.split("\n", 1)
        return f"{heading}\n\n{ENGLISH_ONLY}{rest}"
    return text


def front_page(text: str) -> str:
    """Return the README as front page: its first words beside its last picture, and the first picture further down."""
    first, *_, last = re.findall(r"^!\[.*\]\(.*\)$", text, re.MULTILINE)
    heading, text = text.split("\n", 1)
    lead, rest = text.split("\n## ", 1)
    words, rest = lead.replace(first, "").strip(), rest.replace(last, first)
    lead = f"::::{{container}} lead\n:::{{container}}\n{words}\n:::\n\n{last}\n::::"
    return f"---\nhide-toc: true\n---\n{heading}\n\n{lead}\n\n## {rest}"


def navigation(links: Links) -> str:
    """Return the sections of the navigation, which Sphinx shows beside each page."""
    trees = []
    for title, names in sections_of(links.language, set(links.pages)):
        entries = [f"{short_title(links.pages[name])} </{name}>" for name in names]
        trees.append("\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *entries, "```"]))
    return "\n\n" + "\n\n".join(trees) + "\n"


def short_title(file: Path) -> str:
    """Return the heading of a page up to a colon: the commands after it are too long for the navigation."""
    text = file.read_text("utf-8") if file.suffix == ".md" else first_text(file)
    found = re.search(r"^# (.*)$", text, re.MULTILINE)
    return re.split(r"[:：]", found[1])[0].replace("`", "") if found else file.stem
