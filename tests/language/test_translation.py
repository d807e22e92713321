"""How a text finds its translation."""

from __future__ import annotations

import time

import pytest

from barenet.language import catalogue as catalogues
from barenet.language.catalogue import Catalogue
from barenet.language.templates import Template
from barenet.language.translation import heading, in_language, translated

TEXTS = {
    "is empty": "为空",
    "unknown format {0}; {1}": "未知的格式 {0}；{1}",
    "did you mean {0}?": "是否想用 {0}？",
    "{0} of {1} files": "{1} 个文件中的 {0} 个",
    "{0} of {1} damaged files": "{1} 个损坏文件中的 {0} 个",
    "{0} file": "{0} 个文件",
    "{0} files": "{0} 个文件",
    "note: {0}": "提示：{0}",
    "{0} and {1}": "{0}和 {1}",
    "{0} is not read: it {1}": "{0} 未读取：它{1}",
    "core{0} busy": "核心忙",
    "the space is {{}}": "空间为 {{}}",
    "interrupted": "已中断",
    "heading\x04file": "文件",
    "value\x04nothing": "无",
    "found {0} here": "此处找到 {0}",
    "found {0}, and must find {1}": "找到 {0}，应找到 {1}",
    "seeds {0}": "随机种子 {0}",
    "they end": "它们结束",
    "{0} (log)": "{0}（对数）",
    "{0} is {1}": "{0} 为 {1}",
}


@pytest.fixture(autouse=True)
def _small_catalogue(monkeypatch):
    small = Catalogue(TEXTS)
    monkeypatch.setattr(catalogues, "catalogue_of", lambda language: small)
    in_language.cache_clear()
    yield
    in_language.cache_clear()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("is empty", "为空"),
        ("no entry at all", "no entry at all"),
        ("unknown format 'x'; did you mean onnx?", "未知的格式 'x'；是否想用 onnx？"),
        ("note: unknown format 'x'; read on", "提示：未知的格式 'x'；read on"),
        ("1 of 3 damaged files", "3 个损坏文件中的 1 个"),  # the template with more letters
        ("2,000 files", "2,000 个文件"),
        ("note: a.txt and b.txt", "提示：a.txt 和 b.txt"),
        ("a.txt and b.txt", "a.txt and b.txt"),  # too little is literal to know that it is this text
        ("x.npz is not read: it is empty", "x.npz 未读取：它为空"),
        ("cores busy", "核心忙"),
        ("core 3 of 4 busy", "core 3 of 4 busy"),  # only the ending of a plural may be lost
        ("seeds", "seeds"),  # a word may be a name
        ("seeds 0, 1; they end", "随机种子 0, 1；它们结束"),
        ("found [3, 2], and must find [[0.25, -1. ], [1e-05, 2]]", "找到 [3, 2]，应找到 [[0.25, -1. ], [1e-05, 2]]"),
        ("is empty (a.txt)", "为空（a.txt）"),
        ("lr (log)", "lr（对数）"),
        ("seeds = 3", "seeds = 3"),  # the name of a setting stays
        ("this is so", "this is so"),  # "{0} is {1}" fits too many texts
        ("the space is {}", "空间为 {}"),
        ("  is empty; ", "  为空；"),
        ("quick-1: is empty, whatever; interrupted", "quick-1：为空，whatever；已中断"),
        ("found nothing here", "此处找到无"),
        ("found interrupted here", "此处找到 interrupted"),  # a word inside a text may be a name
        ("found is empty\nx here", "此处找到为空\nx"),
        ("is\nempty", "is\nempty"),
        ("12.5 %", "12.5 %"),
        ("", ""),
    ],
)
def test_a_text_is_translated(text, said):
    assert translated(text, "zh") == said


def test_english_texts_stay():
    assert translated("is empty", "en") == translated("is empty") == "is empty"
    assert heading("file") == "file"


def test_a_heading_has_its_translation():
    assert heading("file", "zh") == "文件"
    assert heading("is empty", "zh") == "为空"
    assert heading("loss", "zh") == "loss"


@pytest.mark.parametrize(
    "text", ["a" * 3_900, "a; " * 1_300, "note: " * 600, "1 of 2 of " * 390, "not read: it " * 300]
)
def test_no_text_takes_long(text):
    began = time.perf_counter()
    translated(text, "zh")
    assert time.perf_counter() - began < 0.5


def test_values_are_what_stands_between_the_pieces():
    template = Template("{0} of {1} files", "")
    assert template.values_in("1 of 2 files") == ["1", "2"]
    assert template.values_in(" of  files") == ["", ""]
    assert template.values_in("1 of 2 files.") is None
    assert template.values_in(" files of ") is None
    assert Template("files", "").values_in("files") == []
    assert Template("files", "").values_in("files!") is None
    assert Template("ab{0}bc", "").values_in("abc") is None  # no letter is used twice
