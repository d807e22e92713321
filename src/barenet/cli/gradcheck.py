"""`barenet gradcheck`."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter

from barenet.cli.flags import DataFlags, ModelFlags, OptimizerFlags, ScheduleFlags, TrainerFlags, read_flags
from barenet.data.batches import to_float
from barenet.data.datasets import load_dataset
from barenet.nn.gradcheck import check_gradients
from barenet.nn.mlp import MLP
from barenet.settings import build_config
from barenet.training.preparation import architecture_of, loss_of, prepare
from barenet.visualize.console import ConsoleObserver, show_gradients

__all__ = ["gradcheck"]

IMAGES = 16


def gradcheck(
    settings: Path | None = None,
    /,
    *,
    recipe: str = "quick",
    quiet: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    data: DataFlags = None,
    model: ModelFlags = None,
    optimizer: OptimizerFlags = None,
    schedule: ScheduleFlags = None,
    trainer: TrainerFlags = None,
) -> int:
    """Compare back-propagation with difference quotients on your own settings.

    Parameters
    ----------
    settings
        A TOML file with tables data, model, optimizer, schedule, trainer.
    recipe
        Settings to start from: quick or course.
    quiet
        Show results only.
    json
        Print the results as one JSON object.
    """
    flags = read_flags(data=data, model=model, optimizer=optimizer, schedule=schedule, trainer=trainer)
    observer = ConsoleObserver(quiet=quiet)
    config = build_config(recipe, settings, flags)
    dataset = load_dataset(config.data.path, note=observer.note)
    config, prepared = prepare(config, dataset, note=observer.note)
    loss = loss_of(config)
    mlp = MLP.from_architecture(
        architecture_of(config, dataset.n_inputs, dataset.n_classes),
        initializer=config.model.initializer,
        seed=config.trainer.seed,
        fuse_softmax=loss.output == "softmax",
        dtype=np.float64,
    )
    rows = prepared.train_rows[:IMAGES]
    images = to_float(prepared.images[rows], prepared.scale, dtype=np.float64)
    report = check_gradients(mlp, images, prepared.labels[rows], loss, l2=config.optimizer.l2)
    if json:
        print(json_module.dumps(report.as_dict()))
    else:
        show_gradients(report)
    return 0 if report.passed else 1
