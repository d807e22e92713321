"""Names in pictures: letters that the usual font lacks, dollar signs, and long or broken names."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from barenet.errors import InputWarning
from barenet.plots import letters
from barenet.plots.appearance import new_figure, png, svg
from barenet.plots.letters import cut

ELSEWHERE = "ᶁ"  # in STIXGeneral, which comes with matplotlib, and not in its usual font
NOWHERE = "ሴ"  # Ethiopic, in none of the fonts that come with matplotlib


@pytest.fixture(autouse=True)
def _fonts(monkeypatch):
    """Let one of matplotlib's fonts be the only other one, and let nothing be said yet."""
    from matplotlib import get_data_path
    from matplotlib.font_manager import fontManager

    others = [entry for entry in fontManager.ttflist if " stand-in " not in entry.name]  # without those of other tests
    monkeypatch.setattr(fontManager, "ttflist", others)
    fontManager._findfont_cached.cache_clear()
    forget = letters.family_for.cache_clear
    forget()
    path = f"{get_data_path()}/fonts/ttf/STIXGeneral.ttf"
    monkeypatch.setattr(letters, "candidates", lambda: (path,))
    monkeypatch.setattr(letters, "_families", {})
    monkeypatch.setattr(letters, "_said", set())
    yield
    forget()
    fontManager._findfont_cached.cache_clear()


def fitted(names):
    """Return a figure whose ticks, title and legend carry names, its letters fitted."""
    with new_figure(1.5, 1, dpi=50, layout=None) as figure:
        axes = figure.subplots()
        axes.barh(np.arange(len(names)), 1.0, label=names[0])
        axes.set_yticks(np.arange(len(names)), names)
        axes.set_title(names[0])
        axes.legend()
        letters.fit_letters(figure)
        return figure


def shown(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


@pytest.mark.slow
def test_a_letter_that_another_font_has_is_drawn_with_it_and_nothing_is_said():
    figure = fitted([ELSEWHERE, "b"])
    assert shown(figure) == [ELSEWHERE, "b"]
    assert len(figure.axes[0].get_yticklabels()[0].get_fontfamily()) == 2
    assert png(figure) != png(fitted(["□", "b"]))


def test_a_letter_that_no_font_has_becomes_a_box_and_is_said_once():
    with pytest.warns(InputWarning, match=f"plots show □ in place of {NOWHERE}: .* install ") as said:
        figure = fitted([f"{NOWHERE} and a", "b"])
    assert len(said) == 1
    fitted([NOWHERE])  # warnings are errors here
    assert shown(figure) == ["□ and a", "b"]
    assert png(figure) == png(fitted(["□ and a", "b"]))


@pytest.mark.parametrize(
    ("system", "letter", "package"),
    [
        ({"ID": "debian"}, "中", "install fonts-noto-cjk,"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "あ", "install fonts-noto-cjk,"),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, NOWHERE, "install fonts-noto-core,"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "한", "install google-noto-sans-cjk-fonts,"),
        ({"ID": "arch"}, "中", "install noto-fonts-cjk,"),
        (None, "中", "install Noto Sans CJK,"),
        (None, NOWHERE, "install the Noto font of the script,"),
    ],
)
def test_what_to_install_is_named_as_the_system_calls_it(system, letter, package, monkeypatch):
    def release():
        if system is None:
            raise OSError
        return system

    monkeypatch.setattr(letters.platform, "freedesktop_os_release", release)
    with pytest.warns(InputWarning, match=package):
        letters.say_once([letter])


def test_marks_and_joiners_without_a_glyph_are_left_out_and_not_said():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = fitted(["a\U000e0020b"])  # a tag, which has no width
    assert shown(figure) == ["ab"]


def test_on_a_page_letters_stay_as_browsers_have_fonts_and_nothing_is_said():
    with new_figure(1.5, 1, dpi=50) as figure:
        figure.subplots().set_title(NOWHERE)
        assert NOWHERE in svg(figure, "a picture")


@pytest.mark.parametrize("name", ["a$b$c_d", "$x", r"\$y", "$\\frac{1$", "−1", "a_b^c", "$$"])
def test_dollar_signs_and_the_like_are_drawn_as_they_are_written(name):
    figure = fitted([name])
    labels = [*figure.axes[0].get_yticklabels(), figure.axes[0].title, *figure.axes[0].get_legend().get_texts()]
    assert [label.get_text() for label in labels] == [name] * 3
    assert [label.get_parse_math() for label in labels] == ["$" not in name] * 3


def test_ticks_of_a_logarithmic_axis_keep_their_powers():
    with new_figure(1.5, 1, dpi=50) as figure:
        axes = figure.subplots()
        axes.plot([1, 1000], [1, 1000])
        axes.set_yscale("log")
        png(figure)
        png(figure)
        powers = [label for label in axes.get_yticklabels() if "10^" in label.get_text()]
        assert powers
        assert all(label.get_parse_math() for label in powers)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("T-shirt/top", "T-shirt/top"),
        ("x" * 16, "x" * 16),
        ("x" * 17, "x" * 15 + "…"),
        ("很" * 8, "很" * 8),
        ("很" * 9, "很" * 7 + "…"),
        ("a\nb\tc", r"a\nb\tc"),
        ("", ""),
        (12, "12"),
    ],
)
def test_names_are_one_line_of_at_most_sixteen_columns(name, line):
    assert cut(name, 16) == line


def test_plain_names_need_no_other_fonts(monkeypatch):
    monkeypatch.setattr(letters, "family_for", lambda letter: pytest.fail("looked for a font"))
    assert shown(fitted(["T-shirt/top", "Größe", "Ω"])) == ["T-shirt/top", "Größe", "Ω"]
