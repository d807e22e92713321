"""Notes on effects that a person may not expect: a rate that never falls, a training loss above the validation loss."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from barenet.config.tables import Config
from barenet.messages import count

__all__ = ["loss_note", "schedule_notes", "training_label", "why_constant"]

# If a search varies one of these, the schedule of the base settings says nothing about the trials.
DECIDING = ("optimizer.learning_rate", "trainer.epochs", "data.batch_size", "data.n_valid")
NEVER = "never lowers the rate: its"
HARDLY = 0.99  # a schedule that ends above this share of the rate hardly lowers it


def schedule_notes(config: Config, n_train: int, searched: Collection[str] = ()) -> Iterator[str]:
    """Yield notes about a schedule that never lowers the learning rate, and about warm-up as long as the training.

    n_train: the number of images trained on. searched: settings, by dotted path, that a search varies.
    """
    if any(path in DECIDING or path.startswith("schedule.") for path in searched):
        return
    n_steps = math.ceil(n_train / config.data.batch_size) * config.trainer.epochs
    schedule = config.schedule
    if reason := why_constant(config, n_steps):
        yield f"schedule {schedule.name} {reason}"
    if schedule.warmup_epochs >= config.trainer.epochs:
        flag = f"--schedule.warmup-epochs {config.trainer.epochs / 10:g}"  # or a keyword, where Python shows the note
        last = f"the last of its {count(n_steps, 'step')}"
        yield f"warm-up is as long as the training: the rate rises to {last}; {flag} makes it shorter"


def why_constant(config: Config, n_steps: int) -> str:
    """Return why a schedule that should lower the rate does not do so in `n_steps` steps, or "" where it does."""
    schedule, rate = config.schedule, config.optimizer.learning_rate
    if schedule.name not in ("step", "exponential", "cosine"):
        return ""
    if schedule.minimum >= rate:
        return f"{NEVER} minimum, {schedule.minimum:g}, is not below the learning rate, {rate:g}"
    return "" if schedule.name == "cosine" else why_no_decay(config, n_steps)


def why_no_decay(config: Config, n_steps: int) -> str:
    """Return why a factor at each decay does not lower the rate in `n_steps` steps, or "" where it does."""
    schedule, factor = config.schedule, config.schedule.decay_rate
    if factor == 1 or (schedule.name == "step" and not 0 < factor < 1):
        flag = "--schedule.decay-rate 0.5"
        return f"{NEVER} decay_rate is {factor:g}; {flag} halves the rate at each decay"
    if factor > 1:
        return f"raises the rate: its decay_rate, {factor:g}, is above 1"
    flag = f"--schedule.decay-step {max(1, n_steps // 3)}"
    sooner = f"{flag} decays sooner"
    if schedule.name == "step":
        has = f"training has {count(n_steps, 'step')}"
        after = f"{NEVER} first decay is after step {schedule.decay_step:,}, and {has}; {sooner}"
        return after if schedule.decay_step >= n_steps else ""
    left = factor ** (n_steps / schedule.decay_step)
    words = f"hardly lowers the rate: {100 * left:.2f} % are left after all {count(n_steps, 'step')}; {sooner}"
    return words if left > HARDLY else ""


def training_label(config: Config | None) -> str:
    """Return the name of the training curve in a legend, with what makes its loss another one than in validation.

    >>> from barenet.config.sources import build_config
    >>> training_label(build_config("strong"))
    'training, smoothed labels, mixed images'
    """
    if config is None:
        return "training"
    given = {
        "smoothed labels": config.model.label_smoothing > 0,
        "teacher's labels": config.model.teacher is not None,
        "mixed images": config.data.mixup > 0,
    }
    return ", ".join(["training", *(words for words, is_given in given.items() if is_given)])


def loss_note(config: Config) -> str:
    """Return why the training loss cannot be compared directly with the validation loss, or "" where it can."""
    model, parts, what = config.model, [], []
    if model.label_smoothing:
        parts.append(f"label smoothing {model.label_smoothing:g}")
        what.append("of smoothed labels")
    if model.teacher is not None:
        parts.append(f"teacher weight {model.teacher_weight:g}")
        what.append("of the teacher's labels")
    if config.data.mixup:
        parts.append(f"mixup {config.data.mixup:g}")
        what.append("of mixed images")
    if model.dropout or model.input_dropout:
        parts.append(f"dropout {max(model.dropout, model.input_dropout):g}")
        what.append("with units dropped")
    if parts:
        return f"{', '.join(parts)}: training loss is {', '.join(what)}, and lies above validation loss"
    if model.class_weight is not None:
        return "class weights: training loss counts classes by their weights, and validation loss does not"
    return ""
