"""The pages of the documentation site before Sphinx reads them: all are there, and no link leads nowhere."""

from __future__ import annotations

import functools
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))

from website import links  # noqa: E402
from website.contents import LANGUAGES, name_of, pages_of, sections_of  # noqa: E402
from website.links import Links, rewritten, same_heading, to_other_language  # noqa: E402
from website.notebooks import notebook_page  # noqa: E402
from website.staging import stage  # noqa: E402

pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").exists(), reason="pages name files of benchmarks")


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """Return the folder of each language's pages."""
    folder = tmp_path_factory.mktemp("staged")
    for language in LANGUAGES:
        stage(language, folder / language)
    return {language: folder / language for language in LANGUAGES}


headings = functools.cache(links.headings)


def targets(page):
    found: list[str] = []
    rewritten(page.read_text("utf-8"), lambda target: found.append(target) or target)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_link_leads_to_a_page_a_picture_or_the_other_language(staged, language):
    folder = staged[language]
    lost = []
    for page in [path for path in folder.rglob("*.md") if "source" not in path.relative_to(folder).parts]:
        for target in targets(page):
            path, _, anchor = target.partition("#")
            if target.startswith("site:"):
                other = (page.parent / target.removeprefix("site:")).with_suffix("")
                # The English site is the folder above the Chinese one.
                name = other.resolve().relative_to(folder.resolve() if language == "en" else folder.parent.resolve())
                known = name.as_posix().removeprefix("zh/") in pages_of("zh" if language == "en" else "en")
                lost += [] if known else [(page.name, target)]
            elif path.startswith("/"):
                there = folder / path[1:]
                if not there.exists() or (anchor and anchor not in headings(there.read_text("utf-8"))):
                    lost.append((page.name, target))
            elif anchor and not path:
                lost += [] if anchor in headings(page.read_text("utf-8")) else [(page.name, target)]
            else:
                assert re.match(r"https?:|mailto:", target), (page, target)
    assert lost == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_page_of_the_docs_and_each_notebook_is_on_the_site_once(language):
    names = set(pages_of(language))
    files = [*(ROOT / "docs").glob("*.md"), *(ROOT / "examples" / "notebooks").glob("*.ipynb")]
    assert len(files) > 20
    assert {name_of(file) for file in files} | {"index", "contributing", "changelog", "security"} <= names
    listed = [name for _, found in sections_of(language, names) for name in found]
    assert sorted(listed) == sorted(names - {"index"})


def test_a_page_that_no_section_names_is_in_the_last_one():
    assert sections_of("en", {"index", "docs/search", "docs/new"}) == [
        ("Train and search", ["docs/search"]),
        ("Behind it", ["docs/new"]),
    ]


def test_the_front_page_begins_with_its_words_a_picture_and_the_two_commands(staged):
    for folder in staged.values():
        text = (folder / "index.md").read_text("utf-8")
        places = [text.index(part) for part in ("# barenet", "playground.png", "pip install . && barenet train")]
        assert places == sorted(places)
        assert places[-1] < 2500


def test_links_in_code_stay_as_they_are():
    text = "[a](b) `[c](d)`\n\n```\n[e](f)\n```\n[`g`](h) ![i](j)"
    assert rewritten(text, str.upper) == "[a](B) `[c](d)`\n\n```\n[e](f)\n```\n[`g`](H) ![i](J)"


@pytest.fixture
def chinese_search():
    """Return the links of a Chinese site on which one page is translated, and that page."""
    page = ROOT / "docs" / "zh" / "search.md"
    return Links({"index": ROOT / "README.zh-CN.md", "docs/search": page}, "zh"), page


def test_a_page_leads_to_pages_of_its_language_and_to_its_translation(chinese_search):
    links, page = chinese_search
    readme = ROOT / "README.zh-CN.md"
    assert links.target("docs/search.md", readme) == "/docs/search.md"
    assert links.target("docs/zh/search.md", readme) == "/docs/search.md"
    assert links.target("README.md", readme) == "site:../index.html"
    assert links.target("../search.md", page) == "site:../../docs/search.html"
    assert links.target("../../src/barenet/nn", page) == "/source/src/barenet/nn.md"
    assert links.target("../images/scale.png", page) == "/docs/images/scale.png"
    assert links.target("#there", page) == "#there"
    assert (links.sources, links.pictures) == ({ROOT / "src/barenet/nn"}, {ROOT / "docs/images/scale.png"})
    english = Links({"index": ROOT / "README.md", "docs/search": ROOT / "docs/search.md"}, "en")
    assert english.target("zh/search.md", ROOT / "docs" / "search.md") == "site:../zh/docs/search.html"
    assert english.target("zh/terms.md", ROOT / "docs" / "search.md") == "site:../zh/docs/terms.html"


def test_a_heading_of_a_page_is_found_in_its_translation_by_its_place():
    page, translation = "# Search\n## Cost\n## End\n", "# 搜索\n## 代价\n## 结束\n"
    assert same_heading("end", page, translation) == "结束"
    assert same_heading("gone", page, translation) == ""
    assert same_heading("end", page, "# 搜索\n") == ""


@pytest.mark.parametrize(
    ("language", "name", "address"), [("en", "index", "zh/index.html"), ("zh", "docs/search", "../../docs/search.html")]
)
def test_the_address_in_the_other_language(language, name, address):
    assert to_other_language(name, name, language) == address


def test_a_notebook_becomes_text_code_outputs_and_pictures(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["# One\n", "two"]},
        {
            "cell_type": "code",
            "source": ["print(1)"],
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["1\n"]},
                {"output_type": "display_data", "data": {"image/png": "aGk=", "text/plain": ["<Figure>"]}},
            ],
        },
        {"cell_type": "code", "source": ["x = 2"], "outputs": []},
    ]
    file = tmp_path / "lesson.ipynb"
    file.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    text = notebook_page(file, tmp_path, "/notebooks", lambda target: target)
    assert text.splitlines()[:6] == ["# One", "two", "", "```python", "print(1)", "```"]
    assert "\n1\n``````\n\n![](/notebooks/lesson-1-1.png)\n\n```python\nx = 2\n```\n" in text
    assert (tmp_path / "lesson-1-1.png").read_bytes() == b"hi"
