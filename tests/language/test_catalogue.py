"""The catalogue is what the source and its translations give."""

from __future__ import annotations

import re

import pytest
from catalogues import catalogue, extraction

from barenet.language.catalogue import catalogue_of
from barenet.language.templates import HAN, Template


@pytest.fixture(scope="module")
def kept():
    return catalogue.read(catalogue.FOLDER / "barenet.po")


@pytest.fixture(scope="module")
def found():
    return extraction.find_entries(catalogue.SOURCE)


@pytest.mark.slow
def test_the_entries_are_the_texts_of_the_source(kept, found):
    """If this fails: python .ci/catalogue.py update, and translate the new entries."""
    entries = {(e.context or None, e.text, e.plural) for e in found}
    known = set(catalogue.translations_in(kept))
    assert sorted(map(str, entries - known)) == []
    assert sorted(map(str, known - entries)) == []


def test_each_entry_has_a_translation_that_fits(kept):
    assert catalogue.faults_of(kept) == []


@pytest.mark.slow
def test_both_files_are_what_the_entries_give(kept, found):
    made = catalogue.made_from(found, catalogue.translations_in(kept))
    for name, content in (("barenet.po", catalogue.po_of(made)), ("barenet.mo", catalogue.mo_of(made))):
        assert (catalogue.FOLDER / name).read_bytes() == content, f"{name}: python .ci/catalogue.py update"


def test_an_unknown_command_changes_nothing_and_shows_the_commands(monkeypatch):
    monkeypatch.setattr(catalogue, "update", lambda: pytest.fail("the catalogue was written"))
    for arguments in (["chek"], []):
        with pytest.raises(SystemExit, match=r"catalogue\.py check"):
            catalogue.main(*arguments)


def test_each_template_finds_itself():
    """A filled template is not taken for another one that is as literal."""
    texts = catalogue_of("zh").texts
    templates = [Template(text, said) for text, said in texts.items() if "{0}" in text and "\x04" not in text]
    assert len(templates) > 900
    for template in templates:
        filled = "7".join(template.pieces)
        assert template.values_in(filled) == ["7"] * (len(template.pieces) - 1)


def test_the_translations_are_chinese(kept):
    said = catalogue.translations_in(kept).values()
    assert sum(re.search(HAN, words) is not None for words in said) > 0.97 * len(said)
