"""One look for all pictures: colours, letters, and the same bytes for the same figures on paper and on a page.

Each panel is drawn once, by a function that gets matplotlib axes. `png` puts panels on white paper; `svg` makes one for
a page, whose ink and grid are the page's own, so that it reads in the light and in the dark.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from barenet.plots.letters import FAMILY, fit_letters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "FAINT",
    "GREEN",
    "GREY",
    "INK",
    "ORANGE",
    "SERIES",
    "new_figure",
    "png",
    "style",
    "svg",
    "whole_numbers",
]

INK, GREY, FAINT = "#2b2b2b", "#8c8c8c", "#d9d9d9"
BLUE, ORANGE, GREEN = "#3b6fb6", "#d1603d", "#5f8f5a"
# Of several runs or layers, one after another; all of them readable on white and on near-black.
SERIES = (BLUE, ORANGE, GREEN, "#9a6fb0", "#b98b2f", "#4b9aa8", "#c2607f", "#7d7d7d")

# A page's names for the colours above; its style sheet gives each a value for light and for dark.
PAGE_COLOURS = {INK: "currentColor", GREY: "var(--quiet)", FAINT: "var(--faint)"}
PAGE_COLOURS |= {colour: f"var(--c{i})" for i, colour in enumerate(SERIES)}

# What a page leaves out of an SVG, or writes otherwise: names, since several figures share a page, and the font.
PAGE_WRITING = (
    (r"<metadata>.*?</metadata>", ""),
    (r"<!--.*?-->\s*", ""),
    (r'(<g) id="[^"]*"', r"\1"),
    (r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px"),
    (r"\s*\n\s*", "\n"),
)

LETTERS: Any = {
    "font.family": FAMILY,
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",  # text stays text: small, and read aloud
    "svg.hashsalt": "barenet",
}


@contextmanager
def own_settings() -> Iterator[None]:
    """Draw with matplotlib's defaults and our letters, whatever the person's own matplotlibrc says."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(LETTERS)
        yield


@contextmanager
def new_figure(width: float, height: float, *, dpi: int = 110, layout: str | None = "constrained") -> Iterator[Figure]:
    """Yield a figure of so many inches that needs no screen and leaves nothing open; save it inside."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with own_settings():
        figure = Figure(figsize=(width, height), dpi=dpi, layout=layout)  # type: ignore[arg-type]
        FigureCanvasAgg(figure)
        yield figure


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG without dates and versions in it."""
    fit_letters(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def svg(figure: Figure, label: str) -> str:
    """Return a figure as an `<svg>` to stand in a page: its colours and letters the page's, `label` read aloud.

    `label` is plain text.
    """
    from html import escape

    fit_letters(figure, is_page=True)
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # A letter that no font here has is text on the page all the same, and the browser's fonts may have it.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    box = re.search(r'viewBox="([^"]+)"', text)
    assert box is not None
    body = text[text.index(">") + 1 :]
    for pattern, replacement in PAGE_WRITING:
        body = re.sub(pattern, replacement, body, flags=re.DOTALL)
    for colour, name in PAGE_COLOURS.items():
        body = body.replace(colour, name)
    return f'<svg viewBox="{box[1]}" role="img" aria-label="{escape(label)}">{body}'


def style(axes: Any, title: str, *, x: str = "", y: str = "", grid: bool = True) -> None:
    """Give one panel its title, its labels and quiet lines."""
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    if grid:
        axes.grid(color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def whole_numbers(axes: Any, *which: str, most: int | str = "auto") -> None:
    """Let the axes `which` ("x", "y") of a panel, of things that are counted, have ticks at whole numbers alone."""
    for axis in which:
        # Without min_n_ticks, an axis with a single whole number on it would have fractions again.
        axes.locator_params(axis=axis, nbins=most, integer=True, min_n_ticks=1)
