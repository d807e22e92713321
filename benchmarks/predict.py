"""Measure how long a loaded model takes to predict one image, and 10,000 images compared with their matrix products.

    python benchmarks/predict.py
    python benchmarks/predict.py --hidden 128,32 --rounds 50

Predicting the 10,000 test images and multiplying them take turns, so that a machine whose speed changes slows both
equally; the median of the ratios counts. The products use images that are floats already, in batches of the same size
as in predicting, in one thread. Predicting uses all available cores: `taskset -c 0 python benchmarks/predict.py`
compares the two on one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import barenet
from barenet.nn import LOSSES, MLP
from barenet.run_folders.checkpoint import ModelInfo, SavedModel
from barenet.training.evaluation import EVALUATION_BATCH as BATCH


def make_predictor(hidden: tuple[int, ...]) -> barenet.Predictor:
    """Return a predictor of an untrained network, since weights do not change the speed."""
    mlp = MLP(784, hidden, 10, seed=0)
    info = ModelInfo(
        architecture=mlp.architecture.as_dicts(),
        loss="cross_entropy",
        label_smoothing=0.0,
        image_shape=[28, 28],
        scale=1 / 255,
        input_dtype="uint8",
        class_names=[str(i) for i in range(10)],
        epoch=0,
        step=0,
        seed=0,
        data_name="",
        data_fingerprint="",
    )
    return barenet.Predictor([SavedModel(mlp, info, LOSSES["cross_entropy"], Path("benchmark"))])


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Print the time of one image, and the ratio for 10,000."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", default="256,128", help="units of each hidden layer")
    parser.add_argument("--rounds", type=int, default=30, help="how often both are timed in turn")
    arguments = parser.parse_args()
    predictor = make_predictor(tuple(int(size) for size in arguments.hidden.split(",")))
    images = barenet.load_dataset().test_images
    assert images is not None
    floats = (images / 255).astype(np.float32)
    views = predictor.models[0].mlp.parameters.views
    weights = [view for name, view in views.items() if name.startswith("W")]

    def products() -> None:
        for start in range(0, len(floats), BATCH):
            x = floats[start : start + BATCH]
            for W in weights:
                x = x @ W

    one = images[0].reshape(28, 28)
    with threadpool_limits(1):
        products(), predictor.predict(images), predictor.predict(one)
        pairs = [(seconds(lambda: predictor.predict(images)), seconds(products)) for _ in range(arguments.rounds)]
        singles = [seconds(lambda: predictor.predict(one)) for _ in range(2_000)]
    figures = {
        "hidden": arguments.hidden,
        "rounds": arguments.rounds,
        "10000_images_against_products": statistics.median(ours / theirs for ours, theirs in pairs),
        "one_image_us_median": 1e6 * statistics.median(singles),
        "one_image_us_best": 1e6 * min(singles),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
