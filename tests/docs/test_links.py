"""Links of the pages lead somewhere: to files, to headings, to pictures; and what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_pages import CHINESE, ENGLISH, LINK, PAGES, ROOT, headings, without_code

NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").exists(), reason="a source archive has no benchmarks")
FOLDERS = "src|tests|benchmarks|examples|docs"
TEMPLATE = re.compile(r"NAME|HASH|KEY|\*")  # parts of a path that stand for others


def fault_of(page: Path, text: str, target: str) -> str | None:
    """Return what is wrong with a link of a page, None for nothing, and for one to another host."""
    if re.match(r"[a-z]+:", target):
        return None
    path, _, anchor = target.partition("#")
    other = (page.parent / path).resolve() if path else page
    if not other.exists():
        return f"{target}: no such file"
    if anchor and anchor not in headings(text if other == page else other.read_text("utf-8")):
        return f"{target}: no such heading"
    return None


def faults(page: Path, text: str) -> list[str]:
    """Return what is wrong with the links of a page."""
    return [fault for target in LINK.findall(without_code(text)) if (fault := fault_of(page, text, target))]


@pytest.mark.parametrize("name", NAMES)
def test_links_and_anchors_lead_somewhere(name):
    assert faults(ROOT / name, (ROOT / name).read_text("utf-8")) == []


def test_links_are_found_at_all():
    found = {name: LINK.findall(without_code((ROOT / name).read_text("utf-8"))) for name in NAMES}
    assert sum(len(targets) for targets in found.values()) > 200
    assert sum("#" in target for targets in found.values() for target in targets) > 20
    assert "docs/search.md#how-to-choose-a-learning-rate" in found["README.md"]
    assert "../src/barenet/nn/mlp.py" in found["docs/how-it-works.md"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a](docs/gone.md)", "docs/gone.md: no such file"),
        ("[`a`](docs/gone.md)", "docs/gone.md: no such file"),
        ("a [b](docs/search.md#gone).", "docs/search.md#gone: no such heading"),
        ("# One\n[b](#two)", "#two: no such heading"),
        ("![b](docs/images/gone.png)", "docs/images/gone.png: no such file"),
        ("# One\n[b](#one) [c](https://example.org/gone) `[d](gone.md)`\n```\n[e](gone.md)\n```\n", None),
    ],
)
def test_a_made_up_wrong_link_is_found(text, fault):
    assert faults(ROOT / "README.md", text) == ([fault] if fault else [])


def test_each_picture_is_shown_on_a_page():
    pictures = {path.name for path in (ROOT / "docs" / "images").iterdir()}
    shown = {
        Path(target).name
        for page in PAGES
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text("utf-8"))
        if "images/" in target
    }
    assert pictures == shown
    assert len(pictures) > 15


def test_each_page_can_be_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        for target in LINK.findall(page.read_text("utf-8")):
            other = (page.parent / target.partition("#")[0]).resolve()
            if other.suffix == ".md" and other.exists() and other not in reached:
                waiting.append(other)
    assert {*ENGLISH.glob("*.md"), *CHINESE.glob("*.md")} - reached == set()


@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_named_are_there(name):
    text = (ROOT / name).read_text("utf-8")
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(
        r"^.*\bpython (?:benchmarks|docs|examples|tests)/.*$", text, re.MULTILINE
    )
    paths = {path for words in code for path in re.findall(rf"(?<![\w/.])(?:{FOLDERS})/[\w./-]*\w", words)}
    assert [path for path in sorted(paths) if not TEMPLATE.search(path) and not (ROOT / path).exists()] == []


def test_what_contributing_tells_to_change_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = {name for name in re.findall(r"`([A-Za-z_]\w*)`", text) if len(name) > 3} - {"NAME"}
    sources = "\n".join(
        path.read_text("utf-8") for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.[pj][ys]")
    )
    checks = "\n".join(path.read_text("utf-8") for path in (ROOT / ".ci").iterdir() if path.is_file())
    words = {*re.findall(r"\w+", sources + checks)}
    assert len(named) > 40
    assert named - words - {"Found"} == set()
