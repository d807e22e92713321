"""The settings of a training, and its learning curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from barenet.config.tables import Config
from barenet.documents.blocks import Block, Figure, Heading, Note, Paragraph, Table
from barenet.documents.figures import curves_figure
from barenet.documents.inputs.work import Work
from barenet.documents.words import Name, Words
from barenet.pages.settings_table import show
from barenet.training.records import EpochRecord, format_loss, training_seconds
from barenet.training.setting_notes import training_label

__all__ = ["curve_blocks", "percent", "settings_blocks"]

HEADINGS = ("Setting", "Value", "Epoch")
TITLES = {
    "optimizer.name": "Optimizer",
    "optimizer.learning_rate": "Learning rate",
    "schedule.name": "Schedule of the learning rate",
    "schedule.decay_rate": "Factor of each decay",
    "schedule.decay_step": "Steps between decays",
    "schedule.warmup_epochs": "Warm-up in epochs",
    "optimizer.momentum": "Momentum",
    "optimizer.nesterov": "Nesterov's kind of momentum",
    "optimizer.clip_norm": "Largest norm of the gradient",
    "optimizer.l2": "L2 regularisation",
    "optimizer.weight_decay": "Weight decay",
    "optimizer.average_decay": "Moving average of the weights",
    "trainer.epochs": "Epochs",
    "data.batch_size": "Batch size",
    "model.loss": "Loss",
    "model.label_smoothing": "Label smoothing",
    "model.class_weight": "Weight of each class in the loss",
    "model.teacher": "Teacher",
    "model.teacher_weight": "Share of the labels from the teacher",
    "model.dropout": "Dropout",
    "model.input_dropout": "Dropout of the inputs",
    "model.initializer": "Initial weights",
    "data.mirror": "Share of images mirrored",
    "data.shift": "Images shifted by up to, pixels",
    "data.affine": "Images stretched and turned by up to",
    "data.mixup": "Images mixed",
    "trainer.patience": "Validations without a better one before it stops",
    "trainer.metric": "Best epoch by validation",
    "trainer.seed": "Seed",
}
ALWAYS = (
    "optimizer.name",
    "optimizer.learning_rate",
    "schedule.name",
    "model.loss",
    "model.initializer",
    "trainer.seed",
)
MOST_ROWS = 20  # of the table of epochs
RISE = 1.02  # a validation loss that is higher at the end by this factor has risen
GAP = 0.05  # training accuracy above validation accuracy by more than this is overfitting


def settings_blocks(work: Work) -> list[Block]:
    """Return the settings that a person would write down, as a table."""
    heading = Heading("Training settings")
    if work.config is None:
        return [heading, Note(work.lacks.get("settings", ("The settings of the training are not known.",)))]
    rows = [(name, Name(value)) for name, value in settings_of(work.config)]
    return [heading, Table(("The settings of the training.",), HEADINGS[:2], rows, "ll")]


def settings_of(config: Config) -> list[tuple[str, str]]:
    """Return title and value of the settings that matter; those that change nothing are left out."""
    rows = []
    for path, title in TITLES.items():
        table, name = path.split(".")
        value = getattr(getattr(config, table), name)
        if path in ALWAYS or (value and is_used(config, name)):
            rows.append((title, "0.5" if name == "mirror" else show(value)))
    return rows


def is_used(config: Config, name: str) -> bool:
    """Whether a setting that belongs to one kind of optimizer or schedule is used."""
    kinds = {"momentum": "sgd", "weight_decay": "adamw"}
    if name in kinds:
        return config.optimizer.name == kinds[name]
    if name == "teacher_weight":
        return config.model.teacher is not None
    return not name.startswith("decay_") or config.schedule.name in ("step", "exponential")


def curve_blocks(work: Work, words: Words, *, is_brief: bool = False) -> list[Block]:
    """Return the learning curves, what they show, and, unless it `is_brief`, a table of the epochs."""
    heading = Heading("Learning curves")
    if not work.history:
        return [heading, Note(work.lacks.get("curves", ("There are no learning curves.",)))]
    history, n = work.history, len(work.history)
    drawing = curves_figure(history, work.best_epoch, training_label(work.config), words)
    caption = [
        f"Loss (left) and accuracy (right) over the epochs, {n:,} in all, of the training set and the validation set."
    ]
    if work.validation is not None:
        caption.append(f"The ring marks the best epoch, {work.best_epoch}.")
    blocks: list[Block] = [heading, Figure(f"learning-curves-{work.name}", drawing, tuple(caption))]
    sentences = curve_sentences(work)
    if sentences:
        blocks.append(Paragraph(tuple(sentences)))
    return blocks if is_brief else [*blocks, epochs_table(history, work.best_epoch)]


def curve_sentences(work: Work) -> list[str]:
    """Return what the curves show, in sentences."""
    history, best = work.history, work.validation
    seconds = training_seconds([history])
    found = []
    if 0 < seconds < math.inf:
        found.append(f"Training took {seconds:.1f} s.")
    if history[-1].diverged:
        return [*found, f"Training diverged in epoch {history[-1].epoch}."]
    if best is not None and best.valid_accuracy is not None:
        accuracy = percent(best.valid_accuracy)
        found.append(f"The best validation accuracy is {accuracy}, after epoch {best.epoch}.")
    last = history[-1]
    if last.valid_accuracy is not None and math.isfinite(last.train_accuracy):
        here, there = percent(last.train_accuracy), percent(last.valid_accuracy)
        found.append(f"In the last epoch the accuracy is {here} on the training set and {there} on the validation set.")
        if last.train_accuracy - last.valid_accuracy > GAP:
            found.append("The network is clearly better on the images that it was trained on: it overfits.")
    losses = [(r.valid_loss, r.epoch) for r in history if r.valid_loss is not None and math.isfinite(r.valid_loss)]
    if len(losses) > 2:
        lowest, epoch = min(losses)
        if losses[-1][0] > RISE * lowest:
            found.append(f"The validation loss is lowest in epoch {epoch} and rises after it.")
        elif epoch == losses[-1][1]:
            found.append("The validation loss is lowest at the end, so longer training may help.")
    return found


def epochs_table(history: Sequence[EpochRecord], best_epoch: int) -> Table:
    """Return the epochs as rows: all if they are few, else an even choice with the best and the last."""
    step = 1 + (len(history) - 1) // MOST_ROWS
    last = history[-1].epoch
    kept = [r for i, r in enumerate(history) if i % step == 0 or r.epoch in (best_epoch, last)]
    columns: tuple[tuple[str, Callable[[EpochRecord], str]], ...] = (
        (HEADINGS[2], lambda r: f"{r.epoch}"),
        ("Training loss", lambda r: loss_text(r.train_loss)),
        ("Training accuracy", lambda r: percent(r.train_accuracy)),
        ("Validation loss", lambda r: loss_text(r.valid_loss)),
        ("Validation accuracy", lambda r: percent(r.valid_accuracy)),
        ("Learning rate", lambda r: f"{r.learning_rate:.4g}" if math.isfinite(r.learning_rate) else "–"),
    )
    cells = [[show(record) for _, show in columns] for record in kept]
    shown = [i for i in range(len(columns)) if any(row[i] != "–" for row in cells)]
    caption = ["Loss and accuracy of the epochs."]
    if step > 1:
        caption.append(f"Epochs that are left out: {len(history) - len(kept):,}.")
    rows = [tuple(row[i] for i in shown) for row in cells]
    return Table(tuple(caption), tuple(columns[i][0] for i in shown), rows)


def loss_text(loss: float | None) -> str:
    """Return a loss as text."""
    return "–" if loss is None or not math.isfinite(loss) else format_loss(loss)


def percent(share: float | None, digits: int = 2) -> str:
    """Return a fraction as text in percent."""
    return "–" if share is None or not math.isfinite(share) else f"{100 * share:.{digits}f} %"
