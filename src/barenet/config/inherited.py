"""Which settings of a recipe change training although nobody named them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from barenet.config.comparing import setting_of
from barenet.config.tables import Config

__all__ = ["inherited"]

WORDS: dict[str, Callable[[Any], str]] = {
    "model.label_smoothing": "label smoothing {:g}".format,
    "model.normalization": "{} normalisation".format,
    "model.teacher": "the teacher {}".format,
    "model.dropout": "dropout {:g}".format,
    "model.input_dropout": "dropout of pixels {:g}".format,
    "data.mirror": lambda _: "mirrored images",
    "data.shift": "shifts by up to {} px".format,
    "data.affine": "affine maps of up to {:g}".format,
    "data.mixup": "mixed images ({:g})".format,
    "optimizer.l2": "L2 {:g}".format,
    "optimizer.weight_decay": "weight decay {:g}".format,
    "optimizer.clip_norm": "gradients clipped to {:g}".format,
    "optimizer.average_decay": "averaged weights ({:g})".format,
    "schedule.warmup_epochs": lambda n: "warm-up of 1 epoch" if n == 1 else f"warm-up of {n:g} epochs",
}


def inherited(config: Config) -> Iterator[str]:
    """Yield a note about them where a settings file or another optimizer changes a recipe that nobody named."""
    if not config.inherits:
        return
    named = [words(setting_of(config, path)) for path, words in WORDS.items() if counts(config, path)]
    if named:
        note = f"from recipe {config.recipe}: {', '.join(named)}"
        yield f"{note}; --recipe course starts without them" if config.recipe == "quick" else note


def counts(config: Config, path: str) -> bool:
    """Whether a setting changes training and nobody gave it."""
    return setting_of(config, path) not in (None, "none", 0) and not config.is_given(path)
