"""The cost of mirroring, shifting and mixing images, as shares of a training step, on one core, with both engines.

    taskset -c 0 python benchmarks/augmentation.py

Batch 256, hidden layers (1024, 1024), AdamW, GELU. Steps without and with each change take turns. The share is the
difference of the medians, divided by the median without a change. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import numpy as np

from barenet import load_dataset
from barenet.config.sources import build_config
from barenet.data.batches import TrainingImages
from barenet.engine.making import make_engine
from barenet.engine.protocol import Engine
from barenet.training.epochs import plan_epoch, start_state
from barenet.training.labels import soft_labels
from barenet.training.preparation import architecture_of, loss_of

CHANGES: dict[str, dict[str, Any]] = {
    "none": {},
    "mirror": {"data.mirror": True},
    "shift": {"data.shift": 1},
    "mirror, shift": {"data.mirror": True, "data.shift": 1},
    "mirror, shift, mixup": {"data.mirror": True, "data.shift": 1, "data.mixup": 0.2},
    "mirror, affine, mixup": {"data.mirror": True, "data.shift": 1, "data.affine": 0.05, "data.mixup": 0.2},
}
BATCH, HIDDEN, N_IMAGES = 256, [1024, 1024], 8192


def make(kind: str, changes: dict[str, Any]) -> Engine:
    """Return an engine that is ready to take steps."""
    flags = {"data.mirror": False, "data.batch_size": BATCH, "model.hidden_sizes": HIDDEN, "trainer.engine": kind}
    config = build_config("quick", flags=flags | changes)
    data = load_dataset()
    images, labels = data.train_images[:N_IMAGES].reshape(N_IMAGES, -1), data.train_labels[:N_IMAGES]
    architecture, loss = architecture_of(config, images.shape[1], 10), loss_of(config)
    training = TrainingImages(
        images,
        labels,
        scale=1 / 255,
        image_shape=(28, 28),
        most_shift=config.data.shift,
        affine=config.data.affine,
        soft_labels=soft_labels(config, loss, labels, 10),
    )
    state = start_state(config, architecture)
    engine = make_engine([config], architecture, loss, state, training, batch_size=BATCH, most_threads=1, n_steps=32)
    engine.begin(plan_epoch([config], np.arange(N_IMAGES), 1, 0, np.full((N_IMAGES // BATCH, 1), 1e-4)))
    return engine


def seconds(engine: Engine, first: int, steps: int) -> float:
    """Return the seconds of one step."""
    started = time.perf_counter()
    engine.train(first, first + steps)
    return (time.perf_counter() - started) / steps


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=14)
    parser.add_argument("--engines", nargs="+", default=["numpy", "compiled"])
    given = parser.parse_args()
    figures: dict[str, Any] = {"rounds": given.rounds, "steps a round": 2}
    for kind in given.engines:
        engines = {name: make(kind, changes) for name, changes in CHANGES.items()}
        taken: dict[str, list[float]] = {name: [] for name in CHANGES}
        for number in range(given.rounds + 1):
            for name, engine in engines.items():
                taken[name].append(seconds(engine, 2 * number, 2))
        medians = {name: statistics.median(times[1:]) for name, times in taken.items()}
        bare = medians["none"]
        figures[kind] = {"milliseconds": {name: round(1e3 * median, 2) for name, median in medians.items()}}
        figures[kind]["share"] = {name: round(m / bare - 1, 3) for name, m in medians.items() if name != "none"}
        for engine in engines.values():
            engine.close()
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
