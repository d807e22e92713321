"""Train one network on rows of features: the training loop of the estimator's `fit` and `partial_fit`.

The network, its steps and its random choices are the same as in barenet's runs. The trainer of runs is not used, since
it validates, measures and writes a record after every epoch: data sets of a few hundred rows take thousands of epochs
of a few steps, each of them shorter than a record takes.
"""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.cores import available_cores
from barenet.data.batches import TrainingImages
from barenet.data.randomness import generator
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.protocol import EpochPlan
from barenet.engine.state import TrainingState
from barenet.engine.threads import one_blas_thread
from barenet.errors import DivergedError
from barenet.nn import LOSSES, MLP, Architecture
from barenet.sklearn.rows import Rows
from barenet.sklearn.weighting import labels_and_loss, losses_of
from barenet.training.epochs import schedule_of
from barenet.training.evaluation import compute_outputs

__all__ = ["Fit", "even_batch_size", "train_rows"]


@dataclass
class Fit:
    """The result of training: the last state, and the losses of each epoch (those of validation if it had rows)."""

    state: TrainingState
    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)


def even_batch_size(n_rows: int, batch_size: int) -> int:
    """Return a size of at most `batch_size` that cuts the rows into batches of nearly equal size.

    Otherwise a last batch of a few rows would change the weights as much as a full one.
    """
    return math.ceil(n_rows / math.ceil(n_rows / batch_size))


def train_rows(
    config: Config,
    architecture: Architecture,
    state: TrainingState,
    rows: Rows,
    *,
    validation: Rows | None = None,
    patience: int | None = None,
) -> Fit:
    """Train from `state` for the epochs of the settings, on rows whose features are float32.

    Training stops after `patience` epochs without a lower validation loss, and the weights with the lowest one are
    taken.

    Raises:
        DivergedError: the loss or a weight is NaN or infinite.
    """
    labels, loss = labels_and_loss(rows, config.model.label_smoothing)
    batch_size = even_batch_size(len(rows), config.data.batch_size)
    engine = NumpyEngine(
        [config],
        architecture,
        loss,
        state,
        TrainingImages(rows.X, labels),
        batch_size=batch_size,
        most_threads=available_cores(),
    )
    n_steps = math.ceil(len(rows) / batch_size)
    rates = schedule_of(config, n_steps).rates(np.arange(n_steps * config.trainer.epochs)).reshape(-1, n_steps, 1)
    sizes = np.diff([*range(0, len(rows), batch_size), len(rows)])
    fit = Fit(state)
    best, best_epoch = (math.inf, state.values), -1
    first_epoch, first_step = int(state.epoch[0]), int(state.n_steps[0])
    with closing(engine), one_blas_thread(), np.errstate(all="ignore"):
        for epoch in range(config.trainer.epochs):
            order = generator(config.trainer.seed, "order", first_epoch + epoch + 1).permutation(len(rows))
            engine.begin(EpochPlan(first_step + epoch * n_steps, rates[epoch], order, is_measured=False))
            losses, _ = engine.train(0, n_steps)
            fit.losses.append(float(np.dot(losses[:, 0], sizes)) / len(rows))
            if not math.isfinite(fit.losses[-1]):
                raise DivergedError(explain_divergence(config, first_epoch + epoch + 1))
            if validation is None:
                continue
            fit.validation_losses.append(validation_loss(engine.evaluation_network(), validation))
            if patience is not None and fit.validation_losses[-1] < best[0]:
                best, best_epoch = (
                    (fit.validation_losses[-1], engine.evaluation_network().parameters.values.copy()),
                    epoch,
                )
            if patience is not None and epoch - best_epoch >= patience:
                break
        fit.state = replace(engine.capture(state), epoch=state.epoch + len(fit.losses))
    if not np.isfinite(fit.state.values).all():
        raise DivergedError(explain_divergence(config, first_epoch + len(fit.losses)))
    if patience is not None:
        average = None if fit.state.average is None else best[1].copy()
        fit.state = replace(fit.state, values=best[1], average=average)
    return fit


def validation_loss(mlp: MLP, rows: Rows) -> float:
    """Return the weighted mean cross-entropy of a stack of one network, without label smoothing."""
    outputs: NDArray[np.float64] = compute_outputs(mlp, rows.X, 1.0)[0].astype(np.float64)
    return float(np.average(losses_of(LOSSES["cross_entropy"], outputs, rows.codes), weights=rows.weights))


def explain_divergence(config: Config, epoch: int) -> str:
    """Return the message about a network that diverged, with what to do."""
    return (
        f"training diverged in epoch {epoch}: the loss or a weight is NaN or infinite; "
        f"choose a smaller learning_rate than {config.optimizer.learning_rate:g}, or standardize=True"
    )
