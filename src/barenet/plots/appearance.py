"""Colours, fonts and file formats of all plots; the same data give the same bytes.

Functions that get matplotlib axes draw each panel. `png` returns panels on a white background. `svg` returns one for a
page, with the colours of the page, so that it is readable in its light and dark themes.
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
    "DARK",
    "FAINT",
    "GREEN",
    "GREY",
    "INK",
    "ORANGE",
    "PAPER",
    "SERIES",
    "new_figure",
    "png",
    "style",
    "svg",
    "whole_numbers",
]

INK, GREY, FAINT = "#2b2b2b", "#8c8c8c", "#d9d9d9"
PAPER = "#fefefe"  # behind letters that lines would cross
DARK = "#2a2a2a"  # letters on light colours, which stay dark in a page's dark theme
BLUE, ORANGE, GREEN = "#3b6fb6", "#d1603d", "#5f8f5a"
# Colours for several runs or layers, in this order; all are readable on white and on nearly black.
SERIES = (BLUE, ORANGE, GREEN, "#9a6fb0", "#b98b2f", "#4b9aa8", "#c2607f", "#7d7d7d")

# The names of the colours above in a page; its style sheet defines each for the light and the dark theme.
PAGE_COLOURS = {INK: "currentColor", GREY: "var(--quiet)", FAINT: "var(--faint)", PAPER: "var(--paper)"}
PAGE_COLOURS |= {colour: f"var(--c{i})" for i, colour in enumerate(SERIES)}

# What is removed or changed in an SVG for a page: ids, since a page has several plots, and the font.
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
    "svg.fonttype": "none",  # text stays text: it is small, and screen readers can read it
    "svg.hashsalt": "barenet",
}


@contextmanager
def matplotlib_settings() -> Iterator[None]:
    """Draw with matplotlib's defaults and the settings of this module, independent of a person's matplotlibrc."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(LETTERS)
        yield


@contextmanager
def new_figure(width: float, height: float, *, dpi: int = 110, layout: str | None = "constrained") -> Iterator[Figure]:
    """Yield a figure of this size, in inches, that needs no screen; save it inside the `with` block."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib_settings():
        figure = Figure(figsize=(width, height), dpi=dpi, layout=layout)  # type: ignore[arg-type]
        FigureCanvasAgg(figure)
        yield figure


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG without date and version."""
    fit_letters(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def svg(figure: Figure, label: str) -> str:
    """Return a figure as an `<svg>` for a page, with the page's colours and font.

    `label` is plain text that screen readers read.
    """
    from html import escape

    fit_letters(figure, is_page=True)
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # A letter that no font here has stays as text in the page, and a font of the browser may have it.
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
    """Set title, labels, grid and spines of one panel."""
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    if grid:
        axes.grid(color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def whole_numbers(axes: Any, *which: str, most: int | str = "auto") -> None:
    """Put the ticks of the axes `which` ("x", "y") of a panel only at whole numbers."""
    for axis in which:
        # Without min_n_ticks, an axis with only one whole number would get fractions.
        axes.locator_params(axis=axis, nbins=most, integer=True, min_n_ticks=1)
