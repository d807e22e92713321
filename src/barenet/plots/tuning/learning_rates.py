"""The plot of a range test: the loss over rising learning rates, and the rate that it suggests."""

from __future__ import annotations

from typing import Any

from barenet.plots.appearance import BLUE, GREEN, GREY, INK, ORANGE, new_figure, png, style
from barenet.plots.learning_curves import say_empty
from barenet.tuning.range_test.result import RangeTest

__all__ = ["range_test_plot"]

ABOVE = 0.35  # how far above the first loss the axis ends, as a share of the range of losses below


def range_test_plot(result: RangeTest) -> bytes:
    """Return the losses, the smoothed loss, the range where it falls and the suggestion as a PNG."""
    with new_figure(7.6, 4.2) as figure:
        show_range_test(figure.subplots(), result)
        return png(figure)


def show_range_test(axes: Any, result: RangeTest) -> None:
    """Draw a range test on a panel."""
    style(axes, "Loss at rising learning rates", x="learning rate of the step (log scale)", y="training loss")
    if len(result.losses) < 2:
        say_empty(axes, "the loss was not finite after the first step")
        return
    axes.set_xscale("log")
    axes.set_xlim(result.rates[0], 1.15 * result.rates[-1])
    axes.set_ylim(*shown_losses(result))
    axes.plot(result.rates, result.losses, color=BLUE, alpha=0.45, linewidth=0.9, label="of each step")
    axes.plot(result.rates, result.smoothed, color=BLUE, linewidth=2.2, label="smoothed")
    axes.legend(frameon=False, labelcolor=INK, fontsize=9, loc="lower left")
    if result.suggestion is None or result.falls_from is None or result.smallest_at is None:
        return
    axes.axvspan(result.falls_from, result.smallest_at, color=GREEN, alpha=0.13, linewidth=0)
    write_at_top(axes, result.falls_from, "the loss falls", GREEN, ha="left")
    axes.axvline(result.suggestion, color=ORANGE, linewidth=2)
    write_at_top(axes, result.suggestion, f"suggestion {result.suggestion:g}", ORANGE, row=1)
    if result.half_lost_at is not None:
        axes.axvline(result.half_lost_at, color=GREY, linewidth=1.2, linestyle=":")
        write_at_top(axes, result.half_lost_at, "half is lost", GREY)


def write_at_top(axes: Any, rate: float, text: str, colour: str, *, ha: str = "right", row: int = 0) -> None:
    """Write a small text below the upper edge of a panel, beside a learning rate."""
    offset = (5 if ha == "left" else -5, -12 - 14 * row)
    look = {"fontsize": 9, "color": colour, "ha": ha, "textcoords": "offset points"}
    axes.annotate(text, (rate, 1.0), xytext=offset, xycoords=axes.get_xaxis_transform(), **look)


def shown_losses(result: RangeTest) -> tuple[float, float]:
    """Return the limits of the axis of losses, without very large losses, which would make all others a flat line."""
    low, high = float(result.losses.min()), float(result.losses.max())
    if result.suggestion is not None:
        began = float(result.smoothed[: len(result.smoothed) // 4].max())
        high = min(high, began + ABOVE * (began - low))
    room = 0.05 * ((high - low) or abs(low) or 1.0)
    return low - room, high + room
