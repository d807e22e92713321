"""Pages in another language: their templates, their scripts, and what a person sees."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from barenet.language import catalogue as catalogues
from barenet.language.catalogue import Catalogue
from barenet.pages.languages import (
    Piece,
    drawing_in_language,
    hover_in_language,
    pieces_of,
    template_in_language,
)
from barenet.pages.page import render
from barenet.pages.playground.playground import playground
from barenet.pages.reports.report import report
from barenet.pages.scripts import script_in_language

TEXTS = {
    "count\x04{0} image": "{0} 张图片",
    "{0} of the {1} right": "{1}中 {0} 正确",
    "heading\x04class": "类别",
    "heading\x04loss": "损失",
    "Each row is a true class.": "每行是一个真实类别。",
    "Choose a cell.": "选择一个单元格。",
    "loss {0}": "损失 {0}",
    "it adds {0} to {1}": "它给 {1} 加上 {0}",
    "no pushes": "没有推动量",
    "The drawing of {0}": "{0} 的图",
}


@pytest.fixture
def _few_texts(monkeypatch):
    small = Catalogue(TEXTS)
    monkeypatch.setattr(catalogues, "catalogue_of", lambda language: small)


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("<p>Each row is a true class.</p>", ["Each row is a true class."]),
        ("<p><b>{{ x }}</b> of the {{ y }} right</p>", ["{0} of the {1} right"]),
        ("<li><a href='#x'>Runs</a></li>", ["Runs"]),
        ("<p>Each row.{% if x %} <span>Choose a cell.</span>{% endif %}</p>", ["Each row.", "Choose a cell."]),
        ("<td>{{ x }}</td><td>–</td>", []),
        ('<p title="The drawing of {{ x }}">{{ y }}</p>', ["The drawing of {0}"]),
        ("<style>a b { c: d }</style>{# a comment #}{% if a > b %}<i class='x y'></i>{% endif %}", []),
        ("<p>two\n  lines</p>", ["two lines"]),
    ],
)
def test_texts_of_a_template_are_between_its_tags(source, texts):
    pieces = list(pieces_of(source))
    assert [piece.text for piece in pieces if isinstance(piece, Piece)] == texts
    assert "".join(p if isinstance(p, str) else p.filled(p.text, "en") for p in pieces) == re.sub(r"\s+", " ", source)


@pytest.mark.usefixtures("_few_texts")
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("<p><b>{{ x }}</b> of the {{ y }} right</p>", "<p>{{ y }}中 <b>{{ x }}</b> 正确</p>"),
        ("<th>class</th><td>{{ class }}</td>", "<th>类别</th><td>{{ class }}</td>"),
        ("<p>{{ x }}, loss {{ l }}.</p>", "<p>{{ x }}, loss {{ l }}.</p>"),
        ("<p>{% if x %}, loss {{ l }}{% endif %}.</p>", "<p>{% if x %}，损失 {{ l }}{% endif %}。</p>"),
        ('<html lang="en"><p>no entry</p>', '<html lang="zh-CN"><p>no entry</p>'),
    ],
)
def test_a_template_is_translated_with_its_places(source, said):
    assert template_in_language(source, "zh") == said
    assert template_in_language(source, "en") == source


@pytest.mark.usefixtures("_few_texts")
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('f("no pushes");', "f(`没有推动量`);"),
        ("f(`, it adds ${a[`x`]} to ${b ? `${c}` : '}'}`)", "f(`，它给 ${b ? `${c}` : '}'} 加上 ${a[`x`]}`)"),
        ('// it says "no pushes"\nf("loss");', '// it says "no pushes"\nf("loss");'),  # a name may be one word
        ('f(`it adds ${g("no pushes")} to ${a}`)', "f(`它给 ${a} 加上 ${g(`没有推动量`)}`)"),
    ],
)
def test_a_script_is_translated_and_its_code_stays(script, said):
    assert script_in_language(script, "zh") == said
    assert script_in_language(script, "en") == script


@pytest.mark.usefixtures("_few_texts")
def test_labels_of_drawings_and_points_are_translated():
    assert (
        drawing_in_language('<text x="1">loss</text><path d="loss"/>', "zh")
        == '<text x="1">损失</text><path d="loss"/>'
    )
    assert drawing_in_language('<svg aria-label="The drawing of a &lt; b">', "zh") == '<svg aria-label="a &lt; b 的图">'
    assert hover_in_language('[[1, 2.5, "loss 0.5"]]', "zh") == '[[1, 2.5, "\\u635f\\u5931 0.5"]]'


@pytest.fixture(scope="module")
def pages(make_run, make_report, tmp_path_factory):
    """The pages of a run in both languages, by kind and language."""
    folder = tmp_path_factory.mktemp("languages")
    run, dataset = make_run("plain")
    written = {}
    for language in ("en", "zh"):
        path = make_report("plain")[0]
        if language == "zh":
            path = report(run, dataset=dataset, output=folder / "report-zh.html", language=language)
        written["report", language] = path.read_text("utf-8")
        written["playground", language] = playground(
            run, dataset=dataset, output=folder / f"play-{language}.html", language=language
        ).page.read_text("utf-8")
    return written


def words_of(page):
    """Return what is between the tags of a page."""
    page = re.sub(r"<(style|script).*?</\1>|<code>.*?</code>|<table>\s*<caption>.*?</table>", "", page, flags=re.DOTALL)
    return [" ".join(text.split()) for text in re.findall(r">([^<>]+)<", page)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["report", "playground"])
def test_a_page_is_in_its_language(pages, kind):
    english, chinese = (pages[kind, language] for language in ("en", "zh"))
    assert '<html lang="en">' in english
    assert re.search("[\u3400-\u9fff]", english) is None
    assert '<html lang="zh-CN">' in chinese
    left = [text for text in words_of(chinese) if re.search(r"(?<![-\w])[A-Za-z][a-z]+ [a-z]+ [a-z]{2,}", text)]
    assert left == []


def test_the_style_sheet_of_a_chinese_page_is_that_of_an_english_one():
    values = {"title": "x", "notes": []}
    english, chinese = (render("base.html", language, **values) for language in ("en", "zh"))
    sheet = re.compile("<style>.*?</style>", re.DOTALL)
    assert ".side > *" in sheet.findall(english)[0]
    assert sheet.findall(chinese) == sheet.findall(english)


@pytest.mark.slow
def test_the_scripts_of_a_chinese_page_are_scripts(pages, tmp_path):
    if (node := shutil.which("node")) is None:
        pytest.skip("needs Node.js")
    script = re.findall(r"<script>\n(.*?)</script>", pages["playground", "zh"], re.DOTALL)[-1]
    assert "没有推动量" in script
    (tmp_path / "script.js").write_text(script, "utf-8")
    subprocess.run([node, "--check", "script.js"], cwd=tmp_path, check=True)


@pytest.mark.usefixtures("_few_texts")
def test_a_text_of_several_lines_is_translated_as_a_whole():
    line = '<text style="font-size: 10px" transform="translate({} {})">{}</text>\n'
    drawn = line.format("20.5", "10.0", "The drawing") + line.format("30.5", "22.0", "of x")
    again = drawing_in_language(drawn, "zh")
    assert again.count("<text") == 1
    assert "text-anchor: middle" in again
    assert ">x 的图</text>" in again
