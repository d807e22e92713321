"""Plots of a run over its epochs: loss, accuracy, learning rate, and the size of updates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from barenet.messages import few
from barenet.plots.appearance import BLUE, GREEN, GREY, INK, ORANGE, SERIES, new_figure, png, style, whole_numbers
from barenet.plots.ranges import LEGEND_ROOM, Points, bound, kept_range
from barenet.storage.files import check_no_link, make_folder, replace_file
from barenet.training.records import EpochRecord

__all__ = [
    "draw_learning_curves",
    "finite",
    "has_ratios",
    "learning_curves",
    "loss_range",
    "marks",
    "ratio_range",
    "ratios_of",
    "say_empty",
    "show_accuracy",
    "show_epochs",
    "show_loss",
    "show_rate",
    "show_ratios",
    "still_words",
]

TRAINING, VALIDATION, RATE = BLUE, ORANGE, GREEN
GOOD_RATIO = 1e-3
JUMP = 10  # a loss of more than so many times the next smaller one does not change the axis
RATIO_JUMP = 100  # the same for update ratios, whose axis is logarithmic
NO_RATE = 1e-3  # share of the largest learning rate; with smaller rates, updates are small because of the schedule


def draw_learning_curves(
    history: Sequence[EpochRecord], best_epoch: int, path: Path, training: str = "training"
) -> None:
    """Write a PNG at `path` with loss, accuracy and learning rate over the epochs, and a mark at the best epoch.

    The same records give the same bytes. `training` is the name of the training loss in the legend, as
    `setting_notes.training_label` gives it.
    """
    check_no_link(path.parent)
    make_folder(path.parent)
    replace_file(path, learning_curves(history, best_epoch, training))


def learning_curves(history: Sequence[EpochRecord], best_epoch: int, training: str = "training") -> bytes:
    """Return the three panels side by side as a PNG."""
    # Fixed margins, since computing the layout at each validation would take as long as drawing.
    with new_figure(11, 3.4, layout=None) as figure:
        figure.subplots_adjust(left=0.068, right=0.985, bottom=0.145, top=0.91, wspace=0.36)
        loss, accuracy, rate = figure.subplots(1, 3)
        show_loss(loss, history, best_epoch, training)
        show_accuracy(accuracy, history, best_epoch)
        show_rate(rate, history)
        return png(figure)


def show_loss(axes: Any, history: Sequence[EpochRecord], best_epoch: int, training: str = "training") -> None:
    """Draw training and validation loss; an epoch in which the network diverged leaves a gap."""
    validated = [record for record in history if record.valid_loss is not None]
    epochs = [r.epoch for r in history]
    axes.plot(epochs, [finite(r.train_loss) for r in history], color=TRAINING, label=training, **marks(history))
    losses = [finite(r.valid_loss) for r in validated]
    axes.plot([r.epoch for r in validated], losses, color=VALIDATION, label="validation", **marks(validated))
    style_epochs(axes, "Loss", history, "loss")
    best = find_epoch(validated, best_epoch)
    if best is not None:
        ring(axes, best_epoch, finite(best.valid_loss))
    points: Points = [(r.epoch, finite(r.train_loss), TRAINING) for r in history]
    validated_points: Points = [(r.epoch, loss, VALIDATION) for r, loss in zip(validated, losses, strict=True)]
    bound(axes, [*points, *validated_points], loss_range(history))
    if not any(math.isfinite(y) for _, y, _ in [*points, *validated_points]):
        axes.set_yticks([])
        say_empty(axes, "no epoch ended with a finite loss")
        return
    axes.legend(frameon=False, labelcolor=INK, **LEGEND_ROOM)


def loss_range(history: Sequence[EpochRecord]) -> tuple[float, float] | None:
    """Return the lowest and the highest loss that the axis shows, or None without finite losses."""
    return kept_range([finite(loss) for r in history for loss in (r.train_loss, r.valid_loss)], JUMP)


def show_accuracy(axes: Any, history: Sequence[EpochRecord], best_epoch: int) -> None:
    """Draw training and validation accuracy in percent, and name the best epoch."""
    # The accuracy of an epoch in which the network diverged means nothing.
    kept = [record for record in history if not record.diverged]
    validated = [record for record in kept if record.valid_accuracy is not None]
    training = [100 * r.train_accuracy for r in kept]
    axes.plot([r.epoch for r in kept], training, color=TRAINING, label="training", **marks(history))
    shares = [100 * (r.valid_accuracy or 0) for r in validated]
    axes.plot([r.epoch for r in validated], shares, color=VALIDATION, label="validation", **marks(validated))
    style_epochs(axes, "Accuracy", history, "accuracy, %")
    if not kept:
        axes.set_ylim(0, 100)
        say_empty(axes, "no epoch was finished")
    best = find_epoch(validated, best_epoch)
    if best is None or best.valid_accuracy is None:
        return
    ring(axes, best_epoch, 100 * best.valid_accuracy, f"best: {100 * best.valid_accuracy:.2f} %, epoch {best_epoch}")
    axes.legend(handles=[axes.lines[-1]], frameon=False, labelcolor=VALIDATION, fontsize=9)


def show_rate(axes: Any, history: Sequence[EpochRecord]) -> None:
    """Draw the learning rate at the end of each epoch."""
    axes.plot([r.epoch for r in history], [r.learning_rate for r in history], color=RATE, **marks(history))
    style_epochs(axes, "Learning rate after each epoch", history, "learning rate")


def has_ratios(history: Sequence[EpochRecord]) -> bool:
    """Whether there is an update ratio of a weight matrix that a logarithmic axis can show."""
    return bool(history) and any(ratios_of(history).values())


def ratios_of(history: Sequence[EpochRecord]) -> dict[str, list[tuple[EpochRecord, float]]]:
    """Return the update ratios of each weight matrix that a logarithmic axis can show, with their epochs' records."""
    names = [name for name in history[0].update_ratios if name.startswith("W")]
    found = {name: [(r, finite(r.update_ratios.get(name))) for r in history] for name in names}
    return {name: [(r, ratio) for r, ratio in pairs if ratio > 0] for name, pairs in found.items()}


def ratio_range(history: Sequence[EpochRecord]) -> tuple[float, float] | None:
    """Return the lowest and the highest update ratio that the axis shows, or None without ratios.

    The usual ratio is always shown. Epochs that end with a learning rate of nearly 0 do not count, unless all do.
    """
    largest = max(r.learning_rate for r in history)
    pairs = [pair for found in ratios_of(history).values() for pair in found]
    moving = [ratio for r, ratio in pairs if r.learning_rate >= NO_RATE * largest]
    kept = kept_range(moving or [ratio for _, ratio in pairs], RATIO_JUMP, both_ends=True)
    return kept and (min(kept[0], GOOD_RATIO), max(kept[1], GOOD_RATIO))


def show_ratios(axes: Any, history: Sequence[EpochRecord]) -> None:
    """Draw, for each weight matrix, the norm of each epoch's last update divided by the norm of the weights."""
    points: list[tuple[float, float, str]] = []
    found = ratios_of(history)
    for i, (name, pairs) in enumerate(found.items()):
        colour = SERIES[i % len(SERIES)]
        epochs, ratios = [r.epoch for r, _ in pairs], [ratio for _, ratio in pairs]
        axes.plot(epochs, ratios, color=colour, label=name, **marks(pairs))
        points += [(epoch, ratio, colour) for epoch, ratio in zip(epochs, ratios, strict=True)]
    axes.axhline(GOOD_RATIO, color=GREY, linewidth=1, linestyle=":", label="0.001, common")
    style_epochs(axes, "Last update of each epoch over the weights", history, "ratio of their norms")
    axes.set_yscale("log")
    bound(axes, points, ratio_range(history))
    if any(found.values()) and (words := still_words(history)):
        axes.set_xlabel(f"{axes.get_xlabel()}; {words}", color=INK)
    axes.legend(frameon=False, labelcolor=INK, ncols=1 + len(found) // 5, **LEGEND_ROOM)


def still_words(history: Sequence[EpochRecord]) -> str:
    """Return which epochs have no point, since a logarithmic axis cannot show it, or "" where all have one."""
    shown = {r.epoch for pairs in ratios_of(history).values() for r, _ in pairs}
    missing = [r for r in history if r.epoch not in shown]
    lost = [str(r.epoch) for r in missing if r.diverged]
    still = [str(r.epoch) for r in missing if not r.diverged]
    parts = []
    if still:
        parts.append(f"no update in epoch {still[0]}" if len(still) == 1 else f"no update in epochs {few(still)}")
    if lost:
        parts.append(f"lost in epoch {lost[0]}" if len(lost) == 1 else f"lost in epochs {few(lost)}")
    return ", ".join(parts)


def finite(value: float | None) -> float:
    """Return a value to draw: NaN, which leaves a gap, for a value that is missing, infinite or too large to draw."""
    return value if value is not None and math.isfinite(value) and abs(value) < 1e30 else math.nan


def say_empty(axes: Any, words: str) -> None:
    """Write in the middle of a panel why it is empty."""
    axes.annotate(words, (0.5, 0.5), xycoords="axes fraction", ha="center", color=GREY)


def find_epoch(history: Sequence[EpochRecord], epoch: int) -> EpochRecord | None:
    """Return the record of an epoch."""
    return next((record for record in history if record.epoch == epoch), None)


def marks(points: Sequence[object]) -> dict[str, Any]:
    """Return the style of markers: dots for at most 15 points, otherwise none."""
    return {"marker": "o", "markersize": 4} if len(points) <= 15 else {}


def ring(axes: Any, epoch: int, value: float, label: str | None = None) -> None:
    """Draw a ring at the epoch whose weights the run keeps as its best."""
    look = {"marker": "o", "markersize": 9, "fillstyle": "none", "linestyle": "none"}
    axes.plot([epoch], [value], color=VALIDATION, label=label, **look)


def style_epochs(axes: Any, title: str, history: Sequence[EpochRecord], y: str) -> None:
    """Style a panel over epochs: ticks at whole numbers, and space around a single epoch."""
    style(axes, title, x="epoch", y=y)
    show_epochs(axes, [record.epoch for record in history])


def show_epochs(axes: Any, epochs: Sequence[int]) -> None:
    """Let an axis show all epochs, in whole numbers, even those without a point."""
    whole_numbers(axes, "x")
    first, last = min(epochs), max(epochs)
    room = 0.05 * (last - first) or 1
    axes.set_xlim(first - room, last + room)
    if last - first < 2:
        axes.set_xticks(range(first, last + 1))
