"""The range of an axis without a few outliers, and marks at its edge for points outside of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["LEGEND_ROOM", "Points", "bound", "kept_range"]

Points = Sequence[tuple[float, float, str]]  # x, y and the colour of the point's curve

LEGEND_ROOM = {"borderaxespad": 1.2}  # keeps a legend away from marks at the edge of an axis


def kept_range(values: Iterable[float], factor: float, *, both_ends: bool = False) -> tuple[float, float] | None:
    """Return the lowest and the highest of the values that an axis shows, or None without finite values.

    The largest values are left out if they are more than `factor` times the next smaller positive one. At most half of
    the values are left out, and none if there are fewer than three. With `both_ends`, which a logarithmic axis needs,
    the smallest values are left out by the same rule.
    """
    finite = sorted(value for value in values if math.isfinite(value))
    if not finite:
        return None
    low, high = finite[0], finite[-1]
    known = [value for value in finite if value > 0]
    n = len(known)
    if n < 3:
        return low, high
    high = next((known[i - 1] for i in range(n - n // 2, n) if known[i] > factor * known[i - 1]), high)
    if both_ends:
        low = next((known[i + 1] for i in range(n // 2 - 1, -1, -1) if known[i] * factor < known[i + 1]), low)
    return low, high


def bound(axes: Any, points: Points, shown: tuple[float, float] | None) -> None:
    """Limit an axis to the shown range if points lie outside of it, and mark these points at its edge."""
    if shown is None:
        return
    low, high = shown
    below = [(x, colour) for x, y, colour in points if y < low]
    above = [(x, colour) for x, y, colour in points if y > high]
    if not below and not above:
        return
    if axes.get_yscale() == "log":
        # Whole powers of ten, since labels of ticks between them are hard to read.
        bottom, top = 10.0 ** math.floor(math.log10(low / 1.1)), 10.0 ** math.ceil(math.log10(high * 1.1))
    else:
        room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
        bottom, top = low - room, high + room
    axes.set_ylim(bottom, top)
    for beyond, edge, marker in ((below, bottom, "v"), (above, top, "^")):
        for x, colour in beyond:
            axes.plot([x], [edge], marker=marker, markersize=7, color=colour, linestyle="none", clip_on=False, zorder=5)
    sides = " and ".join(word for word, some in (("▼ below", below), ("▲ above", above)) if some)
    axes.set_xlabel(f"{axes.get_xlabel()} ({sides} the axis)", color=axes.xaxis.label.get_color())
