"""What to try, as flags of the command line with their values, ready to be typed."""

from __future__ import annotations

from barenet.config.tables import Config
from barenet.nn import OPTIMIZERS

__all__ = [
    "after_divergence",
    "any_other_rate",
    "less_by_heart",
    "longer_training",
    "memory_advice",
    "more_steps",
    "slower",
    "smaller_rate",
    "steeper",
]

FIRST_L2 = 1e-4  # where the settings have none


def usual_rate(config: Config) -> float:
    """Return a learning rate that suits most networks with the optimizer of the settings."""
    return OPTIMIZERS[config.optimizer.name].usual_rate


def smaller_rate(config: Config) -> float:
    """Return a tenth of the learning rate, or the usual one where that is less."""
    return min(config.optimizer.learning_rate / 10, usual_rate(config))


def slower(config: Config) -> str:
    """Return how to take smaller steps."""
    smaller = smaller_rate(config)
    if smaller >= config.optimizer.learning_rate / 100:
        return f"a learning rate ten or a hundred times smaller, such as --lr {smaller:g}"
    return f"a learning rate much smaller, such as --lr {smaller:g}"


def steeper(config: Config) -> str:
    """Return how to take larger steps."""
    rate, usual = config.optimizer.learning_rate, usual_rate(config)
    return f"a larger learning rate, such as --lr {usual if rate < usual else rate * 10:g}"


def any_other_rate(config: Config) -> str:
    """Return advice to try a smaller and a larger learning rate, where it is not known which of them helps."""
    rate = config.optimizer.learning_rate
    return f"another learning rate: ten times smaller, --lr {rate / 10:g}, or larger, --lr {rate * 10:g}"


def more_steps(config: Config) -> str:
    """Return how to take more steps."""
    smaller = max(1, config.data.batch_size // 4)
    batches = f", or smaller batches, --batch-size {smaller}" if smaller < config.data.batch_size else ""
    return f"more steps: more epochs, --epochs {10 * config.trainer.epochs}{batches}"


def longer_training(config: Config) -> str:
    """Return how to train longer where validation still improves."""
    return f"more epochs: --epochs {2 * config.trainer.epochs}"


def less_by_heart(config: Config) -> list[str]:
    """Return what to try where the validation loss rises."""
    wider = [max(1, size // 2) for size in config.model.hidden_sizes] if config.model.layers is None else []
    smaller = f"half the units, --hidden {','.join(map(str, wider))}, " if wider else "smaller hidden layers "
    dropout = min(0.5, max(0.2, 2 * config.model.dropout))
    l2 = 10 * config.optimizer.l2 or FIRST_L2
    return [
        "--patience 3 stops when validation no longer improves",
        f"--l2 {l2:g}, --model.dropout {dropout:g}, {smaller}or more images reduce overfitting",
    ]


def after_divergence(config: Config) -> list[str]:
    """Return what to try where the loss or the weights became infinite."""
    found = [f"--lr {smaller_rate(config):g}"]
    if config.optimizer.clip_norm is None:
        found.append("--optimizer.clip-norm 1")
    if config.optimizer.l2 > 0:
        found.append(f"--l2 {config.optimizer.l2 / 10:g}")
    return found


def memory_advice() -> list[str]:
    """Return what to try where nothing is wrong with the training itself."""
    return ["check that each label belongs to its image: their order, and the column or folder of the labels"]
