"""Letters that the font of the pictures lacks: drawn with an installed font that has them, or a box, and said once.

matplotlib's own font has Latin, Greek, Cyrillic, Hebrew, Arabic and many signs, but no Chinese, Japanese, Korean or
Thai. Fonts are looked for only where a text needs one.
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
# Fonts that have many letters and no good shapes of them, symbols at the places of letters, or pictures for letters.
UNFIT = ("last resort", "lastresort", "adobe blank", "cmb", "cmex", "cmmi", "cmr", "cmss", "cmsy", "cmti", "cmtt")
UNFIT_WORDS = ("color", "emoji", "nonunicode", "unifont")
REGULAR = ("regular", "book", "normal", "medium", "roman", "")
CJK = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
# Packages with fonts of Chinese, Japanese and Korean, and of all other scripts, by what /etc/os-release calls a system.
PACKAGES = {
    "debian": ("fonts-noto-cjk", "fonts-noto-core"),
    "fedora": ("google-noto-sans-cjk-fonts", "a Google Noto font of the script"),
    "arch": ("noto-fonts-cjk", "noto-fonts"),
    "alpine": ("font-noto-cjk", "font-noto-all"),
}


def cut(name: object, limit: int) -> str:
    """Return a name as one line of at most so many columns, a longer one ending in an ellipsis.

    Wide letters, such as the Chinese, take two columns.
    """
    line = one_line(name)
    ends = list(itertools.accumulate(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line))
    return line if not ends or ends[-1] <= limit else line[: sum(end < limit for end in ends)] + "…"


def fit_letters(figure: Any, *, is_page: bool = False) -> None:
    """Give the texts of a figure fonts for the letters that `FAMILY` lacks, and let dollar signs be dollar signs.

    Letters that no installed font has become boxes, which is said once; on a page they stay, as browsers have fonts.
    """
    from matplotlib.text import Text

    texts = [text for text in figure.findobj(Text) if "$" in text.get_text() or not text.get_text().isascii()]
    for text in texts:
        # matplotlib would take dollar signs for the borders of a formula, which only its own ticks contain.
        if "$" in text.get_text() and r"\mathdefault" not in text.get_text():
            text.set_parse_math(False)
    lacking = {c for text in texts for c in text.get_text() if not c.isascii() and not has(font_file(), c)}
    if not lacking:
        return
    families = {c: family_for(c) for c in sorted(lacking)}
    for text in texts:
        own = [family for c in text.get_text() if (family := families.get(c)) is not None]
        text.set_fontfamily([FAMILY, *dict.fromkeys(own)])
    nowhere = {c for c, family in families.items() if family is None}
    if nowhere and not is_page:
        put_boxes(figure, texts, {c: stand_in(c) for c in nowhere})
        if any(map(stand_in, nowhere)):
            say_once(nowhere)


def put_boxes(figure: Any, texts: Iterable[Any], stand_ins: Mapping[str, str]) -> None:
    """Replace letters in the texts of a figure and in the labels of ticks, which are written anew when it is drawn."""
    from matplotlib.axis import Axis

    table = str.maketrans(dict(stand_ins))
    for axis in figure.findobj(Axis):
        labels = [tick.label1.get_text() for tick in axis.majorTicks]
        if any(label != label.translate(table) for label in labels):
            axis.set_ticks(axis.get_majorticklocs(), [label.translate(table) for label in labels])
    for text in texts:
        text.set_text(text.get_text().translate(table))


def stand_in(letter: str) -> str:
    """Return what is drawn for a letter that no font has: nothing for marks and joiners, which have no width."""
    return "" if unicodedata.category(letter) in ("Mn", "Me", "Cf") else BOX


_said: set[str] = set()  # kinds of notes that were given in this process


def say_once(letters: Iterable[str]) -> None:
    """Warn, the first time in this process, that letters are drawn as boxes, and name what to install."""
    if _said:
        return
    _said.add("boxes")
    shown = sorted(c for c in letters if stand_in(c))
    is_cjk = any(unicodedata.name(c, "").startswith(CJK) for c in shown)
    warnings.warn(
        f"pictures show {BOX} in place of {few(shown, 8)}: no installed font has them; install {remedy(is_cjk)}, and "
        f"draw again",
        InputWarning,
        stacklevel=2,
    )


def remedy(is_cjk: bool) -> str:
    """Return the package that brings fonts, by the name it has on this system."""
    try:
        known = platform.freedesktop_os_release()
    except OSError:  # not a Linux, or a bare one
        known = {}
    for system in (known.get("ID", ""), *known.get("ID_LIKE", "").split()):
        if system in PACKAGES:
            return PACKAGES[system][0 if is_cjk else 1]
    return "Noto Sans CJK" if is_cjk else "the Noto font of the script"


@cache
def family_for(letter: str) -> str | None:
    """Return the family of the first font that has a letter, fonts that were used for others before all others."""
    return next((use(path) for path in [*_families, *candidates()] if has(path, letter)), None)


_families: dict[str, str] = {}  # of the files of fonts, in the order in which they were needed


def use(path: str) -> str:
    """Return a family that means one font file alone, whatever weight and style the file says that it has."""
    from matplotlib.font_manager import FontEntry, fontManager

    if path not in _families:
        _families[path] = f"{FAMILY} stand-in {len(_families) + 1}"
        entry = FontEntry(fname=path, name=_families[path], weight=400, stretch="normal", size="scalable")
        fontManager.ttflist.append(entry)
    return _families[path]


@cache
def candidates() -> tuple[str, ...]:
    """Return the files of all fonts that may stand in, regular ones of usual width first, in a fixed order."""
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    # matplotlib's own list is kept in a file, and lacks what was installed since.
    files = {entry.fname for entry in font_manager.fontManager.ttflist} | set(font_manager.findSystemFonts())
    rows = []
    for path in files:
        try:
            font = FT2Font(path)
        except (RuntimeError, OSError):  # damaged, or gone since the list was made
            continue
        family, style = font.family_name.lower(), font.style_name.lower()
        if not font.scalable or family.startswith(UNFIT) or any(word in family for word in UNFIT_WORDS):
            continue
        rank = (style not in REGULAR, "sans" not in family and "hei" not in family, "mono" in family)
        rows.append((rank, family, style, Path(path).name, path))
    return tuple(row[-1] for row in sorted(rows))


@cache
def font_file() -> str:
    """Return the file of the font of the pictures."""
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
