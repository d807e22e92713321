"""Which strings of the source are texts for people, and how they become entries."""

from __future__ import annotations

import pytest
from catalogues import catalogue, extraction


def texts(source, file="barenet/x.py"):
    return [(entry.text, entry.plural, entry.context) for entry in extraction.entries_of(source, file)]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('raise ValueError(f"unknown format {name!r}; {hint:>3}")', "unknown format {0}; {1}"),
        ("print_line(f\"{count(n, 'x')} of {n - 1} trials\")", "{0} of {1} trials"),
        ('say("the first " "line is long")', "the first line is long"),
        ('say("no file " + name + ", look again")', "no file {0}, look again"),
        ('say(f"{name}{number} is missing")', "{0} is missing"),  # values in a row are one
        ('say(f"; {n} networks, ")', "{0} networks"),  # what may be at the ends is not of the text
        ('say("B = {B} images: {}".format(1))', "B = {0} images: {1}"),
        ('say(f"a list such as {{1, 2}} of {n}")', "a list such as {{1, 2}} of {0}"),
        ('print_note("interrupted")', "interrupted"),
        ('f(description="Images in a mini-batch.")', "Images in a mini-batch."),
        ('say("cross_entropy of four images")', "cross_entropy of four images"),
    ],
)
def test_a_text_is_an_entry(source, text):
    assert (text, "", "") in texts(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""A module that says something."""',
        'def f():\n    """Say something long."""',
        '__all__ = ["two words"]',
        're.compile("two words")',
        'f"epoch-{n}.safetensors"',
        'f"{table}.{name}"',
        '"relu"',
        'f"barenet report {run}"',
        'x == "--dry-run"',
        'names = "lr learning_rate rate loss_of_batch"',
    ],
)
def test_what_is_for_programs_is_no_entry(source):
    assert texts(source) == []


def test_a_noun_has_its_plural():
    assert texts('count(n, "image")') == [("{0} image", "{0} images", "")]
    assert texts('count(n, "class", "classes")') == [("{0} class", "{0} classes", "")]


def test_a_heading_of_one_word_has_a_context():
    assert texts('plain_table(("layer",), ("shape",))') == [("layer", "", "heading"), ("shape", "", "heading")]


def test_options_and_help_are_entries_without_their_line_breaks():
    command = (
        'def test():\n    """Test.\n\n    Parameters\n    ----------\n    top\n        How\n        many.\n    """'
    )
    assert texts(command, "barenet/cli/commands/x.py") == [("How many.", "", "")]
    help_text = 'HELP = """One\nparagraph.\n\n    barenet test      test the latest run\n"""'
    expected = [("One paragraph.", "", ""), ("test the latest run", "", "")]
    assert texts(help_text, "barenet/cli/help_texts.py") == expected


def made(**translations):
    entries = [extraction.Entry(text, "barenet/x.py") for text in translations]
    return catalogue.made_from(entries, {(None, text, ""): said for text, said in translations.items()})


@pytest.mark.parametrize(
    ("text", "said", "fault"),
    [
        ("is missing", "", "has no translation"),
        ("{0} is missing", "不存在", "needs the places"),
        ("is missing", "{0} 不存在", "needs the places"),
        ("{0} is missing", "{0} 和 {0} 不存在", "has a place twice"),
        ("no, no", "不,不", "half-width punctuation"),
        ("no, no", "不， 不", "space beside full-width"),
        ("use ONNX here", "用ONNX", "no space between"),
        ("is missing", "不存在；", "separator at an end"),
    ],
)
def test_a_wrong_translation_is_found(text, said, fault):
    (found,) = catalogue.faults_of(made(**{text: said}))
    assert fault in found


def test_an_english_ending_has_no_place_in_chinese():
    assert catalogue.faults_of(made(**{"{0} core{1} busy": "{0} 个核心忙"})) == []
