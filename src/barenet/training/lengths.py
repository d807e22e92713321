"""The batch size, the number of epochs, and when training validates: as the settings say, or as the data allow."""

from __future__ import annotations

from typing import Literal

from barenet.config.tables import Config
from barenet.errors import ConfigError
from barenet.messages import count
from barenet.nn.architecture import Architecture
from barenet.notes import logger

__all__ = ["resolve_batch_size", "resolve_epochs", "resolve_eval_every", "resolve_metric", "resolve_normalization"]

LEAST_STEPS = 300  # steps of a training where nobody chose the number of epochs
FEW_IMAGES = 50  # with fewer validation images, many epochs get the same number right


def resolve_batch_size(config: Config, architecture: Architecture, n_train: int) -> int:
    """Return the batch size; a default that does not fit the training set is changed, a given one is an error."""
    batch_size, is_given = config.data.batch_size, config.is_given("data.batch_size")
    if batch_size > n_train:
        if is_given:
            raise ConfigError(f"data.batch_size must be at most the {n_train} training images, got {batch_size}")
        logger.info(f"batch size {batch_size} is more than the {n_train} training images; taking {n_train}")
        batch_size = n_train
    better = architecture.fitting_batch_size(n_train, batch_size)
    if better != batch_size and not is_given:
        logger.info(
            f"the last batch of an epoch would have one image, too few to normalise: batches of {better} images"
        )
        batch_size = better
    architecture.check_batches(n_train, batch_size)
    return batch_size


def resolve_normalization(config: Config, n_train: int) -> str:
    """Return the normalisation; a recipe's batch normalisation is left out if a given batch size rules it out."""
    normalization, batch_size = config.model.normalization, config.data.batch_size
    is_alone = batch_size <= n_train and (n_train % batch_size or batch_size) == 1
    if normalization != "batch" or config.is_given("model.normalization") or not config.is_given("data.batch_size"):
        return normalization
    if not is_alone:
        return normalization
    logger.info(
        f"{config.origin}: batch normalization is left out: it needs at least two images in each batch, and with "
        f"data.batch_size = {batch_size} the last batch of {n_train} images has one"
    )
    return "none"


def resolve_epochs(config: Config, n_train: int, batch_size: int) -> int:
    """Return the number of epochs; that of a recipe is raised where it would make fewer than `LEAST_STEPS` steps."""
    epochs, n_steps = config.trainer.epochs, -(-n_train // batch_size)
    if config.is_given("trainer.epochs") or epochs * n_steps >= LEAST_STEPS:
        return epochs
    more = -(-LEAST_STEPS // n_steps)
    logger.info(
        f"{count(more, 'epoch')} in place of {epochs} of {config.origin}: with {count(n_train, 'training image')} an "
        f"epoch has {count(n_steps, 'step')}"
    )
    return more


def resolve_metric(config: Config, n_valid: int) -> Literal["acc", "loss"]:
    """Return the metric that chooses the best weights: a recipe's accuracy becomes the loss where images are few."""
    if config.is_given("trainer.metric") or n_valid >= FEW_IMAGES:
        return config.trainer.metric
    if config.trainer.metric == "acc":
        few = f"{count(n_valid, 'validation image')} are few for accuracies"
        logger.info(f"the best weights are those of the lowest validation loss: {few}")
    return "loss"


def resolve_eval_every(config: Config) -> int:
    """Return the epochs between two validations; a default that leaves a single validation becomes 1."""
    every, epochs = config.trainer.eval_every, config.trainer.epochs
    if every < epochs or every == 1:
        return every
    few = f"trainer.eval_every = {every} leaves one validation in {count(epochs, 'epoch')}"
    if config.is_given("trainer.eval_every"):
        if epochs > 1:
            logger.info(
                f"{few}, after the last; a smaller number gives learning curves, and the best of several epochs"
            )
        return every
    if epochs > 1:
        logger.info(f"{few}: validating after each epoch instead; --trainer.eval-every changes that")
    return 1
