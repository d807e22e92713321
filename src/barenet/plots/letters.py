"""Letters that are not in the font of the plots: drawn with another installed font, or as a box, with one note.

matplotlib's font has Latin, Greek, Cyrillic, Hebrew, Arabic and many signs, but no Chinese, Japanese, Korean or Thai.
Other fonts are searched only if a text needs one.
"""

from __future__ import annotations

import itertools
import platform
import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from barenet.errors import InputWarning
from barenet.messages import few, one_line

__all__ = ["FAMILY", "cut", "fit_letters"]

FAMILY = "DejaVu Sans"  # comes with matplotlib, so it is the same everywhere
BOX = "□"
# Fonts that have poor shapes for many letters, or symbols or pictures in place of letters.
UNFIT = ("last resort", "lastresort", "adobe blank", "cmb", "cmex", "cmmi", "cmr", "cmss", "cmsy", "cmti", "cmtt")
UNFIT_WORDS = ("color", "emoji", "nonunicode", "unifont")
REGULAR = ("regular", "book", "normal", "medium", "roman", "")
CJK = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
# Packages with fonts for Chinese, Japanese and Korean, and for all other scripts, by the ID of a system in
# /etc/os-release.
PACKAGES = {
    "debian": ("fonts-noto-cjk", "fonts-noto-core"),
    "fedora": ("google-noto-sans-cjk-fonts", "a Google Noto font of the script"),
    "arch": ("noto-fonts-cjk", "noto-fonts"),
    "alpine": ("font-noto-cjk", "font-noto-all"),
}


def cut(name: object, limit: int) -> str:
    """Return a name as one line of at most `limit` columns; a longer name ends in an ellipsis.

    Wide letters, such as Chinese ones, take two columns.
    """
    line = one_line(name)
    ends = list(itertools.accumulate(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line))
    return line if not ends or ends[-1] <= limit else line[: sum(end < limit for end in ends)] + "…"


def fit_letters(figure: Any, *, is_page: bool = False) -> None:
    """Choose fonts for letters of a figure that are not in `FAMILY`, and draw dollar signs as dollar signs.

    Letters that no installed font has become boxes, with one warning. On a page they are kept, since browsers have more
    fonts.
    """
    from matplotlib.text import Text

    texts = [text for text in figure.findobj(Text) if "$" in text.get_text() or not text.get_text().isascii()]
    for text in texts:
        # matplotlib reads text between dollar signs as a formula; only its ticks contain formulas.
        if "$" in text.get_text() and r"\mathdefault" not in text.get_text():
            text.set_parse_math(False)
    lacking = {c for text in texts for c in text.get_text() if not c.isascii() and not has(font_file(), c)}
    if not lacking:
        return
    families = {c: family_for(c) for c in sorted(lacking)}
    for text in texts:
        needed = [family for c in text.get_text() if (family := families.get(c)) is not None]
        text.set_fontfamily([FAMILY, *dict.fromkeys(needed)])
    nowhere = {c for c, family in families.items() if family is None}
    if nowhere and not is_page:
        put_boxes(figure, texts, {c: stand_in(c) for c in nowhere})
        if any(map(stand_in, nowhere)):
            say_once(nowhere)


def put_boxes(figure: Any, texts: Iterable[Any], stand_ins: Mapping[str, str]) -> None:
    """Replace letters in the texts of a figure, and in the labels of ticks, which matplotlib writes when it draws."""
    from matplotlib.axis import Axis

    table = str.maketrans(dict(stand_ins))
    for axis in figure.findobj(Axis):
        labels = [tick.label1.get_text() for tick in axis.majorTicks]
        if any(label != label.translate(table) for label in labels):
            axis.set_ticks(axis.get_majorticklocs(), [label.translate(table) for label in labels])
    for text in texts:
        text.set_text(text.get_text().translate(table))


def stand_in(letter: str) -> str:
    """Return the replacement of a letter that no font has: a box, or "" for marks and joiners, which have no width."""
    return "" if unicodedata.category(letter) in ("Mn", "Me", "Cf") else BOX


_said: set[str] = set()  # kinds of warnings that were given in this process


def say_once(letters: Iterable[str]) -> None:
    """Warn once in this process that letters are drawn as boxes, and name the package to install."""
    if _said:
        return
    _said.add("boxes")
    shown = sorted(c for c in letters if stand_in(c))
    is_cjk = any(unicodedata.name(c, "").startswith(CJK) for c in shown)
    warnings.warn(
        f"plots show {BOX} in place of {few(shown, 8)}: no installed font has them; install {remedy(is_cjk)}, and "
        f"draw again",
        InputWarning,
        stacklevel=2,
    )


def remedy(is_cjk: bool) -> str:
    """Return the name of the package with these fonts on this system."""
    try:
        known = platform.freedesktop_os_release()
    except OSError:  # not Linux, or a Linux without that file
        known = {}
    for system in (known.get("ID", ""), *known.get("ID_LIKE", "").split()):
        if system in PACKAGES:
            return PACKAGES[system][0 if is_cjk else 1]
    return "Noto Sans CJK" if is_cjk else "the Noto font of the script"


@cache
def family_for(letter: str) -> str | None:
    """Return the family of the first font that has a letter; fonts that are in use already come first."""
    return next((use(path) for path in [*_families, *candidates()] if has(path, letter)), None)


_families: dict[str, str] = {}  # from font files to their families, in the order of their first use


def use(path: str) -> str:
    """Return a family that means exactly one font file, independent of its weight and style."""
    from matplotlib.font_manager import FontEntry, fontManager

    if path not in _families:
        _families[path] = f"{FAMILY} stand-in {len(_families) + 1}"
        entry = FontEntry(fname=path, name=_families[path], weight=400, stretch="normal", size="scalable")
        fontManager.ttflist.append(entry)
    return _families[path]


@cache
def candidates() -> tuple[str, ...]:
    """Return the files of all fonts that may be used, in a fixed order, with regular fonts of usual width first."""
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    # matplotlib keeps its list in a file, which lacks fonts that were installed later.
    files = {entry.fname for entry in font_manager.fontManager.ttflist} | set(font_manager.findSystemFonts())
    rows = []
    for path in files:
        try:
            font = FT2Font(path)
        except (RuntimeError, OSError):  # damaged, or deleted since the list was made
            continue
        family, style = font.family_name.lower(), font.style_name.lower()
        if not font.scalable or family.startswith(UNFIT) or any(word in family for word in UNFIT_WORDS):
            continue
        rank = (style not in REGULAR, "sans" not in family and "hei" not in family, "mono" in family)
        rows.append((rank, family, style, Path(path).name, path))
    return tuple(row[-1] for row in sorted(rows))


@cache
def font_file() -> str:
    """Return the file of the font of the plots."""
    from matplotlib.font_manager import findfont

    return str(findfont(FAMILY))


@cache
def opened(path: str) -> Any:
    """Return an open font."""
    from matplotlib.ft2font import FT2Font

    return FT2Font(path)


@cache
def has(path: str, letter: str) -> bool:
    """Whether a font has a letter."""
    return bool(opened(path).get_char_index(ord(letter)))
