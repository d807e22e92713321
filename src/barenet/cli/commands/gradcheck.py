"""`barenet gradcheck`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from barenet.cli.flags import SettingFlags, read_flags
from barenet.cli.options import Json, Quiet, Recipe
from barenet.cli.python_file import PythonFile, split_reference
from barenet.config.sources import build_config
from barenet.data.batches import to_float
from barenet.data.loading import load_dataset
from barenet.errors import ConfigError
from barenet.gradcheck.code import check_own_code
from barenet.gradcheck.functions.plans import N_IMAGES
from barenet.gradcheck.network import check_gradients
from barenet.messages import count
from barenet.nn.mlp import MLP
from barenet.printing.lines import print_json, print_note
from barenet.terminal.gradients import show_gradients, show_own_gradients
from barenet.training.preparation import architecture_of, prepare, training_loss_again

__all__ = ["gradcheck"]

IMAGES = 16
CODE_FLAGS = ("optimizer.l2", "trainer.seed", "data.batch_size")  # settings that the check of a person's code takes


def gradcheck(
    settings_or_code: str | None = None,
    /,
    *,
    sizes: str | None = None,
    one_hot: bool | None = None,
    recipe: Recipe = None,
    quiet: Quiet = False,
    json: Json = False,
    flags: SettingFlags = None,
) -> int:
    """Compare back-propagation with difference quotients, for any settings or in your code.

    Parameters
    ----------
    settings_or_code
        A TOML file with tables data, model, optimizer, schedule, trainer; or FILE.py:NAME, your code: a function,
        a class or an object. The file may be a notebook, FILE.ipynb:NAME.
    sizes
        Sizes of the network in your code: inputs, hidden units, classes, such as 20,16,12,5. [small sizes]
    one_hot
        Call your function with one-hot labels, or with integers. [the kind that it accepts]
    """
    given = read_flags(flags)
    code = split_reference(settings_or_code) if settings_or_code is not None else None
    if code is not None:
        return check_code(*code, given, sizes=sizes, one_hot=one_hot, recipe=recipe, quiet=quiet, json=json)
    if sizes is not None or one_hot is not None:
        raise ConfigError(
            "--sizes and --one-hot are for the check of your code: barenet gradcheck mine.py:loss_and_gradients"
        )
    settings = Path(settings_or_code) if settings_or_code is not None else None
    config = build_config(recipe, settings, given).as_given("trainer.epochs", "trainer.metric")  # neither matters here
    dataset = load_dataset(**config.data.reading())
    config, prepared = prepare(config, dataset)
    loss = training_loss_again(config, prepared)
    mlp = MLP.from_architecture(
        architecture_of(config, dataset.n_inputs, dataset.n_classes),
        initializer=config.model.initializer,
        seed=config.trainer.seed,
        loss=loss,
        dtype=np.float64,
    )
    rows = prepared.train_rows[:IMAGES]
    images = to_float(prepared.images[rows], prepared.scale, dtype=np.float64)
    report = check_gradients(mlp, images, prepared.labels[rows], loss, l2=config.optimizer.l2)
    if json:
        print_json(report.as_dict())
    else:
        of = "image" if dataset.kind == "images" else "row"
        penalty = f", L2 {config.optimizer.l2:g}" if config.optimizer.l2 else ""
        images_used = f"{count(len(rows), f'training {of}')} of {dataset.name}"
        show_gradients(report, f"{mlp.architecture}, {loss.name}{penalty}, on {images_used}")
    return 0 if report.passed else 1


def check_code(
    path: Path,
    function: str,
    flags: Mapping[str, Any],
    *,
    sizes: str | None,
    one_hot: bool | None,
    recipe: str | None,
    quiet: bool,
    json: bool,
) -> int:
    """Check code in a person's Python file or notebook; return 0 if its gradients are right and 1 if not."""
    unfit = [f"--{name.replace('_', '-')}" for name in flags if name not in CODE_FLAGS] + ["--recipe"] * (
        recipe not in (None, "quick")
    )
    if unfit:
        raise ConfigError(
            f"{', '.join(unfit)}: not for the check of your code, which takes --sizes, --one-hot, --l2, --batch-size, "
            f"--seed"
        )
    options: dict[str, Any] = {}
    if "optimizer.l2" in flags:
        options["l2"] = read_number("--l2", flags["optimizer.l2"], float)
    if "trainer.seed" in flags:
        options["seed"] = read_number("--seed", flags["trainer.seed"], int)
    n_images = read_number("--batch-size", flags.get("data.batch_size", str(N_IMAGES)), int)
    file = PythonFile(path, function)
    try:
        with file.running():
            report = check_own_code(
                file.load, function, sizes=read_sizes(sizes), one_hot=one_hot, n_images=n_images, **options
            )
    finally:
        if file.printed.text and not quiet:
            print_note(f"{path.name} prints; it began with:", file.printed.text.rstrip())
    if json:
        print_json(report.as_dict())
    else:
        show_own_gradients(report)
    return 0 if report.passed else 1


def read_number(flag: str, text: str, kind: type) -> Any:
    """Return a positive number; a seed may also be 0."""
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not 0 <= number < 1e9 or (number == 0 and flag != "--seed"):
        raise ConfigError(f"{flag} must be a positive {'number' if kind is float else 'whole number'}, got {text!r}")
    return number


def read_sizes(text: str | None) -> tuple[int, ...] | None:
    """Return sizes as a person types them: 20,16,12,5 or 20-16-12-5."""
    if text is None:
        return None
    parts = text.replace("-", ",").split(",")
    if len(parts) < 2 or not all(part.strip().isdecimal() and 0 < int(part) <= 10_000 for part in parts):
        raise ConfigError(f"--sizes must be inputs, hidden units and classes, such as 20,16,12,5; got {text!r}")
    return tuple(int(part) for part in parts)
