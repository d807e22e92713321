"""Train networks of unusual sizes with every load and store checked; then let one read outside of its arrays.

Needs BARENET_CHECK_BOUNDS=1. Prints how many networks were trained, and the error that the last one raised.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from engines import Case

from barenet.data.batches import TrainingImages
from barenet.engine.compiled.kernels import compiling
from barenet.nn import Architecture

WIDTHS = (1, 10, 31, 784, 1000)
SETTINGS = (
    {"optimizer": "sgd", "l2": 0.1},
    {"optimizer": "adamw", "dropout": 0.4, "input_dropout": 0.2, "average_decay": 0.9, "label_smoothing": 0.1},
    {"optimizer": "adam", "clip_norm": 0.5, "l2": 0.1, "loss": "mse", "activation": "gelu"},
    {"optimizer": "sgd", "momentum": 0.9, "clip_norm": 0.5, "loss": "hinge", "activation": "softmax"},
    {"optimizer": "adamw", "dropout": 0.4, "average_decay": 0.9, "activation": "gelu", "normalization": "batch"},
)


def train(settings, batch_size, n_inputs, hidden, n_classes):
    """Train an epoch of two steps, the second of one image fewer."""
    case = Case(settings, batch_size=batch_size, n_images=max(2 * batch_size - 1, 1), kind="compiled")
    row, last = case.architecture.rows[0], case.architecture.rows[-1].activation
    widths, names = [n_inputs, *hidden, n_classes], [row.activation] * len(hidden) + [last]
    is_residual = len(hidden) > 1 and len(set(hidden)) == 1
    case.architecture = Architecture.from_sizes(widths, names, normalization=row.normalization, residual=is_residual)
    rng = np.random.default_rng(0)
    n = len(case.images.images)
    images = rng.integers(0, 256, (n, n_inputs)).astype(np.uint8)
    case.images = TrainingImages(images, rng.integers(0, n_classes, n), scale=1 / 255)
    (found,) = case.train([0])
    assert np.isfinite(np.frombuffer(found["values"], np.float32)).all()
    return case


def main() -> None:
    """Train them all."""
    assert compiling.CHECKS_BOUNDS
    n = 0
    for settings, batch_size, width in itertools.product(SETTINGS, (1, 15, 17), WIDTHS):
        others = [own for own in WIDTHS[:3] if own != width]
        for n_inputs, hidden, n_classes in ((width, others, 10), (31, [width, 17], 3), (15, [], min(width, 31))):
            train(settings, batch_size, n_inputs, hidden, n_classes)
            n += 1
    for settings, width in itertools.product(SETTINGS, WIDTHS):  # several ghost batches, residual connections
        train(settings, 97, 31, [width, width], 3)
        n += 1
    print(n)
    for field in ("values", "transposed", "gradients"):
        case = Case({"optimizer": "sgd", "clip_norm": 0.5}, kind="compiled")
        engine = case.engine([0], 1)
        engine.begin(case.plan([0]))
        engine.networks[0] = engine.networks[0]._replace(**{field: getattr(engine.networks[0], field)[:-1]})
        try:
            engine.train(0, 1)
        except IndexError as error:
            print(field, error)
        engine.close()


if __name__ == "__main__":
    main()
