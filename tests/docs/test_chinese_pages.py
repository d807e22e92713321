"""Each page in docs/zh has the parts of its English page, section by section, and is typeset as Chinese is."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_pages import BLOCK, CHINESE, ENGLISH, LINK, ROOT, Section, headings, sections, without_code

WITHOUT_ENGLISH = {"terms.md"}
TRANSLATED = sorted(path.name for path in CHINESE.glob("*.md") if path.name not in WITHOUT_ENGLISH)
TYPESET = [*sorted(CHINESE.glob("*.md")), ROOT / "README.zh-CN.md"]
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").exists(), reason="a source archive has no benchmarks")
HAN = "[\u4e00-\u9fff]"
LIST_ITEM = re.compile(r"^ *(?:-|\d+\.) ", re.MULTILINE)
NUMBER = re.compile(r"\d(?:[\d,.]*\d)?")


# The same parts


def code_in(text: str) -> set[str]:
    """Return the code in the sentences of a text."""
    return {" ".join(code.split()) for code in re.findall(r"`([^`]+)`", BLOCK.sub("", text))}


def formulas_in(text: str) -> set[str]:
    """Return the formulas of a text, on lines of their own or in sentences."""
    return {*re.findall(r"\$\$?([^$]+)\$\$?", re.sub(r"`[^`]*`", "", BLOCK.sub("", text)))}


def rows_in(text: str) -> list[set[str]]:
    """Return the code in each row of the tables of a text."""
    return [code_in(line) for line in BLOCK.sub("", text).splitlines() if line.startswith("|")]


def links_in(text: str, page: Path) -> list[str]:
    """Return where the links of a text lead."""
    return sorted(place(page, target) for target in LINK.findall(without_code(text)))


def place(page: Path, target: str) -> str:
    """Return where a link leads, the same for both languages: the file (of English), and the number of the heading."""
    if re.match(r"[a-z]+:", target):
        return target
    path, _, anchor = target.partition("#")
    other = (page.parent / path).resolve() if path else page
    heading = f", heading {headings(other.read_text('utf-8')).index(anchor)}" if anchor else ""
    return str((ENGLISH / other.name if other.parent == CHINESE else other).relative_to(ROOT)) + heading


def lines_of_code(text: str) -> list[list[str]]:
    """Return the lines of all blocks of code, cut into a command and its remark; not lines that continue a remark."""
    lines = [line for _, block in BLOCK.findall(text) for line in block.splitlines() if not line.startswith(" " * 20)]
    return [re.split(r"(?<=\S) {2,}", line.rstrip()) for line in lines]


def is_translation(english: str, chinese: str) -> bool:
    """Return whether a piece of a line of code is the same, or Chinese words with the same numbers."""
    is_chinese = re.search(HAN, chinese) is not None
    return english == chinese or (is_chinese and {*NUMBER.findall(english)} <= {*NUMBER.findall(chinese)})


def differences(english: Section, chinese: Section, page: Path, chinese_page: Path) -> list[str]:
    """Return in what a section differs from its English one."""
    before, after = (f"{section.heading}\n{section.text}" for section in (english, chinese))
    pairs = {
        "level of the heading": (english.level, chinese.level),
        "code in sentences": (code_in(before), code_in(after)),
        "formulas": (formulas_in(before), formulas_in(after)),
        "code in rows of tables": (rows_in(before), rows_in(after)),
        "links": (links_in(before, page), links_in(after, chinese_page)),
        "number of list items": tuple(len(LIST_ITEM.findall(BLOCK.sub("", text))) for text in (before, after)),
        "number of paragraphs": tuple(len(re.findall(r"\n\n+\S", BLOCK.sub("", text))) for text in (before, after)),
    }
    found = [f"{what}: {one} in English, {other} in Chinese" for what, (one, other) in pairs.items() if one != other]
    lines, translated = lines_of_code(before), lines_of_code(after)
    if len(lines) != len(translated):
        found.append(f"lines of code: {len(lines)} in English, {len(translated)} in Chinese")
    for line, other in zip(lines, translated, strict=False):
        if len(line) != len(other) or not all(map(is_translation, line, other)):
            found.append(f"line of code: {line} in English, {other} in Chinese")
            break
    before = re.sub(r"(\d+) million", lambda words: f"{words[1]}00 万", before)
    figures, kept = ({*NUMBER.findall(re.sub(r"\$[^$]+\$", "", without_code(text)))} for text in (before, after))
    return found + [f"number {figure} is not in Chinese" for figure in sorted(figures - kept)]


def differences_of_pages(english: str, chinese: str, page: Path, chinese_page: Path) -> list[str]:
    """Return in what a page differs from its English one; if the number of sections differs, only that."""
    here, there = sections(english), sections(chinese)
    if len(here) != len(there):
        return [f"docs/zh/{chinese_page.name}: {len(here)} headings in English, {len(there)} in Chinese"]
    return [
        f"docs/zh/{chinese_page.name}, {two.heading} ({one.heading}): {difference}"
        for one, two in zip(here, there, strict=True)
        for difference in differences(one, two, page, chinese_page)
    ]


@functools.cache
def both(name: str) -> tuple[str, str]:
    """Return the English page and the Chinese page of a name, without the links to each other."""
    english, chinese = ((folder / name).read_text("utf-8") for folder in (ENGLISH, CHINESE))
    return english.replace(f"[中文](zh/{name})\n\n", ""), chinese.replace(f"[English](../{name})\n\n", "")


@pytest.mark.parametrize("name", TRANSLATED)
def test_a_page_has_the_parts_of_its_english_page(name):
    found = differences_of_pages(*both(name), ENGLISH / name, CHINESE / name)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", TRANSLATED)
def test_both_pages_begin_with_a_link_to_each_other(name):
    for folder, link in ((ENGLISH, f"[中文](zh/{name})"), (CHINESE, f"[English](../{name})")):
        title, empty, line, *_ = (folder / name).read_text("utf-8").splitlines()
        assert (title[:2], empty, line) == ("# ", "", link)


PAGE = """# Search

Two trials, `--trials 2`, give $a_1$ ([results](results.md)).

```
barenet search    2 trials
```

| a | b |
|---|---|
| `lr` | 0.5 |

- one
"""
SAME = """# 搜索

两次试验（`--trials 2`）得到 $a_1$（[结果](../results.md)）。

```
barenet search    2 次试验
```

| 甲 | 乙 |
|---|---|
| `lr` | 0.5 |

- 一
"""


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("# Search", "# Search\n## More", "headings"),
        ("# Search", "## Search", "level"),
        ("--trials 2", "--trials 3", "code in sentences"),
        ("a_1", "a_2", "formulas"),
        ("results.md", "search.md", "links"),
        ("results.md", "results.md#the-recipes", "links"),
        ("barenet search  ", "barenet train  ", "line of code"),
        ("  2 trials", "  3 trials", "line of code"),
        ("2 trials\n", "2 trials\nbarenet test\n", "lines of code"),
        ("| `lr` | 0.5 |\n", "| `lr` | 0.5 |\n| `lr` | 0.5 |\n", "rows"),
        ("0.5", "0.6", "number 0.6"),
        ("- one", "- one\n- two", "list items"),
        ("- one", "- one\n\nMore.", "paragraphs"),
    ],
)
def test_a_change_of_the_english_page_alone_is_found(old, new, difference):
    pages = (ENGLISH / "search.md", CHINESE / "search.md")
    assert differences_of_pages(PAGE, SAME, *pages) == []
    found = differences_of_pages(PAGE.replace(old, new, 1), SAME, *pages)
    assert len(found) == 1
    assert difference in found[0]


# Links


@pytest.mark.parametrize("page", TYPESET, ids=lambda page: page.name)
def test_links_lead_to_chinese_pages_where_there_are_any_and_name_english_ones(page):
    text = page.read_text("utf-8").replace(f"[English](../{page.name})", "").replace("[English](README.md)", "")
    faults = []
    for match in LINK.finditer(text):
        other = (page.parent / match[1].partition("#")[0]).resolve()
        is_marked = "英文" in match[0] or text[match.end() :].startswith("（英文）")
        if other.parent == ENGLISH and other.suffix == ".md":
            faults += [f"{match[1]} is also in Chinese"] * (CHINESE / other.name).exists()
            faults += [f"{match[1]} is not marked （英文）"] * (not is_marked)
        elif is_marked:
            faults.append(f"{match[1]} is marked （英文）")
    assert faults == []


# Typesetting

MARK = "[，。；：？！、（）“”]"
MISTAKES = {
    "a mark of Latin text beside a Chinese character": rf"{HAN}[,;:?!.\"(]|[,;:?] ?{HAN}|[\")]{HAN}|\([^()\n]*{HAN}",
    "no space between Chinese and other characters": rf"{HAN}[A-Za-z0-9`$]|[A-Za-z0-9%`$]{HAN}",
    "a space beside a Chinese mark": rf"[^|\n] {MARK}|{MARK} [^|\n$]",
    "no space before a formula, which GitHub then does not show": r"[^\s]\$x\$",
    "a line break in a paragraph, which is shown as a space": rf"^[^|#!\n].*\n *(?!-|[|#>!]|\d+\.).*{HAN}",
}


def mistakes(text: str) -> list[str]:
    """Return the mistakes of typesetting in a page, with the characters around each."""
    text = re.sub(r"\$\$?[^$]+\$\$?", "$x$", re.sub(r"`[^`]*`", "`x`", BLOCK.sub("", text)))
    inline = [part for token in MarkdownIt().enable("table").parse(text) for part in token.children or ()]
    found = [f"emphasis that does not end: {part.content!r}" for part in inline if "*" in part.content]
    found += re.findall(rf"(?<!\*)\*(?!\*)[^*\n]*{HAN}[^*\n]*\*(?!\*)", text)  # Chinese has no italics
    text = LINK.sub(lambda link: link[0].rpartition("](")[0].replace("[", "", 1), text).replace("*", "")
    return found + [
        f"{what}: {text[max(match.start() - 12, 0) : match.end() + 12]!r}"
        for what, pattern in MISTAKES.items()
        for match in re.finditer(pattern, text, re.MULTILINE)
    ]


@pytest.mark.parametrize("page", TYPESET, ids=lambda page: page.name)
def test_a_page_is_typeset_as_chinese_is(page):
    assert mistakes(page.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("训练 5 轮，用 `lr` 设置**学习率**。\n\n- 一\n- 二", 0),
        ("训练5 轮", 1),
        ("训练 5轮", 1),
        ("训练,测试", 1),
        ("训练. 测试", 1),
        ("用`lr`设置", 2),
        ("其中 $a$、 $b$ 和 $c$", 0),
        ("其中 $a$、$b$ 和 $c$", 1),
        ("训练 （测试）", 1),
        ("训练，\n测试", 1),
        ("训练，测试。\n\n测试", 0),
        ("**训练。**测试", 1),
        ("**训练**。测试，*logits* 和**权重**", 0),
        ("*训练*。测试", 1),
        ("见[结果](results.md)和[搜索](search.md)。", 0),
        ("```\n训练,测试\n```", 0),
    ],
)
def test_mistakes_of_typesetting_are_found(text, number):
    assert len(mistakes(text)) == number
