"""Pictures of a run, drawn from its records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from barenet.training.records import EpochRecord

__all__ = ["draw_learning_curves"]

TRAINING, VALIDATION, RATE, INK, FAINT = "#3b6fb6", "#d1603d", "#5f8f5a", "#2b2b2b", "#d9d9d9"


def draw_learning_curves(
    history: Sequence[EpochRecord], best_epoch: int, path: Path, label_smoothing: float = 0.0
) -> None:
    """Draw loss, accuracy and learning rate over the epochs, the best epoch marked, as a PNG at `path`.

    The same records give the same bytes. With label smoothing the training loss is of smoothed labels, and says so.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)  # draws without a screen
    loss, accuracy, rate = figure.subplots(1, 3)
    validated = [record for record in history if record.valid_loss is not None]
    epochs, valid_epochs = [r.epoch for r in history], [r.epoch for r in validated]
    smoothed = "training" if not label_smoothing else "training, smoothed labels"
    loss.plot(epochs, [r.train_loss for r in history], color=TRAINING, label=smoothed)
    loss.plot(valid_epochs, [r.valid_loss for r in validated], color=VALIDATION, label="validation", **marks(validated))
    accuracy.plot(epochs, [100 * r.train_accuracy for r in history], color=TRAINING, label="training")
    shares = [100 * (r.valid_accuracy or 0) for r in validated]
    accuracy.plot(valid_epochs, shares, color=VALIDATION, label="validation", **marks(validated))
    rate.plot(epochs, [r.learning_rate for r in history], color=RATE, label="learning rate")
    for axes, title in ((loss, "Loss"), (accuracy, "Accuracy, %"), (rate, "Learning rate at the end of each epoch")):
        style(axes, title)
    mark_best(loss, accuracy, validated, best_epoch)
    loss.legend(frameon=False, labelcolor=INK)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Software": None})


def marks(validated: Sequence[EpochRecord]) -> dict[str, Any]:
    """Return how validations are marked: with dots while they are few."""
    return {"marker": "o", "markersize": 4} if len(validated) <= 15 else {}


def mark_best(loss: Any, accuracy: Any, validated: Sequence[EpochRecord], best_epoch: int) -> None:
    """Mark the epoch whose weights the run keeps as its best."""
    best = next((record for record in validated if record.epoch == best_epoch), None)
    if best is None or best.valid_accuracy is None:
        return
    for axes, value in ((loss, best.valid_loss), (accuracy, 100 * best.valid_accuracy)):
        axes.plot([best_epoch], [value], marker="o", markersize=9, fillstyle="none", color=VALIDATION, linestyle="none")
    accuracy.annotate(
        f"best: {100 * best.valid_accuracy:.2f} %\nepoch {best_epoch}",
        (best_epoch, 100 * best.valid_accuracy),
        xytext=(0, -34),
        textcoords="offset points",
        ha="right" if best_epoch > validated[-1].epoch / 2 else "left",
        color=VALIDATION,
        fontsize=9,
    )


def style(axes: Any, title: str) -> None:
    """Give one panel its title and quiet lines."""
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel("epoch", color=INK)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.xaxis.get_major_locator().set_params(integer=True)
