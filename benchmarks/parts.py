"""Measure what cutting costs and saves on one thread: small products in parts, and steps in parts for threads.

    python benchmarks/parts.py
    python benchmarks/parts.py --only steps --steps 256:256,128 --recipe course
    python benchmarks/parts.py --only products --batches 16 32 --layers 784,128 512,256

The first table compares small products in parts with whole ones, layer by layer: what `barenet.engine.products` saves.
The second compares steps. `barenet.engine.parts` decides into how many parts the images of a batch are cut, and into
how many pieces each weight matrix. One thread computes all of them, so a ratio above 1 is the cost of cutting.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable
from functools import partial

os.environ.pop("OPENBLAS_CORETYPE", None)  # OpenBLAS chooses its kernel by itself

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from barenet.config.sources import build_config
from barenet.data.batches import TrainingImages
from barenet.engine.numpy_engine import batch_tasks
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.parts import image_parts, weight_pieces
from barenet.engine.products import Parts, columns, cut, rows
from barenet.engine.protocol import EpochPlan
from barenet.training.epochs import start_state
from barenet.training.preparation import architecture_of, loss_of

LAYERS = ["784,128", "784,256", "784,512", "512,256", "256,128", "128,32", "1024,1024"]
SHAPES = ["128:128,32", "256:256,128", "128:512,256", "1024:1024,1024"]
NUMBERS = (2, 4, 8)
SECONDS = 0.1  # the length of a timing, with at least one step


def interleaved(calls: list[Callable[[], object]], rounds: int = 15) -> list[float]:
    """Return the best microseconds of each call; calls take turns, so that a slower machine slows all of them."""
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for i, call in enumerate(calls):
            call()
            started = time.perf_counter()
            for _ in range(50):
                call()
            best[i] = min(best[i], (time.perf_counter() - started) / 50 * 1e6)
    return best


def products(batch: int, d: int, h: int) -> tuple[Parts, list[Callable[[], object]]]:
    """Return the parts of a layer, and its three products, each whole and then in parts."""
    rng = np.random.default_rng(0)
    x, W = rng.random((batch, d), np.float32), rng.random((d, h), np.float32)
    y, dW, dx = rng.random((batch, h), np.float32), np.empty_like(W), np.empty_like(x)
    parts = cut(batch, d, h)
    xT_rows, WT_columns = columns(x, parts.dW).swapaxes(-1, -2), rows(W, parts.dx).swapaxes(-1, -2)
    return parts, [
        partial(np.matmul, x, W, out=y),
        partial(np.matmul, x, columns(W, parts.forward), out=columns(y, parts.forward)),
        partial(np.matmul, x.T, y, out=dW),
        partial(np.matmul, xT_rows, y, out=rows(dW, parts.dW)),
        partial(np.matmul, y, W.T, out=dx),
        partial(np.matmul, y, WT_columns, out=columns(dx, parts.dx)),
    ]


def make_step(shape: str, recipe: str, n_parts: int, n_pieces: int) -> Callable[[], object]:
    """Return a function that takes steps with `n_parts` of the images and `n_pieces` of each weight matrix."""
    batch_size, hidden = shape.split(":")
    batch = int(batch_size)
    config = build_config(recipe, flags={"data.batch_size": batch, "model.hidden_sizes": hidden})
    architecture = architecture_of(config, 784, 10)
    rng = np.random.default_rng(0)
    n = 4 * batch
    images = TrainingImages(rng.integers(0, 256, (n, 784)).astype(np.uint8), rng.integers(0, 10, n), scale=1 / 255)
    engine = NumpyEngine(
        [config], architecture, loss_of(config), start_state(config, architecture), images, batch_size=batch
    )
    engine.begin(EpochPlan(0, np.full((4, 1), 1e-4), rng.permutation(n), is_measured=False))
    rule = batch_tasks.image_parts, batch_tasks.weight_pieces
    batch_tasks.image_parts = lambda batch_size, n_weights: n_parts
    batch_tasks.weight_pieces = lambda batch_size, n_inputs, n_outputs: min(n_pieces, n_inputs)
    try:
        engine.train(0, 1)  # makes the parts
    finally:
        batch_tasks.image_parts, batch_tasks.weight_pieces = rule
    return lambda: engine.train(1, 4)


def compare_steps(shape: str, recipe: str, rounds: int) -> tuple[float, list[float]]:
    """Return the best microseconds of a whole step, and the ratios of cut steps to it.

    First come steps with the images in NUMBERS of parts, then steps with the matrices in so many pieces.
    """
    cuts = [(1, 1), *((n, 1) for n in NUMBERS), *((1, n) for n in NUMBERS)]
    steps = [make_step(shape, recipe, *each) for each in cuts]
    best = [float("inf")] * len(steps)
    for _ in range(rounds):
        for i, step in enumerate(steps):
            taken, started = 0, time.perf_counter()
            while (spent := time.perf_counter() - started) < SECONDS or not taken:
                step()
                taken += 3
            best[i] = min(best[i], spent / taken * 1e6)
    return best[0], [each / best[0] for each in best[1:]]


def print_products(batches: list[int], layers: list[str]) -> None:
    """Print for each layer and batch the microseconds of y = x W, dW = x^T dy and dx = dy W^T, whole and in parts."""
    print("microseconds whole > in (n) parts")
    print(f"{'batch':>5} {'layer':>10} {'y = x W':>22} {'dW = x^T dy':>22} {'dx = dy W^T':>22}")
    for layer in layers:
        for batch in batches:
            parts, calls = products(batch, *map(int, layer.split(",")))
            times = interleaved(calls)
            cells = [
                f"{times[2 * i]:8.1f} > {times[2 * i + 1]:6.1f} ({n})"
                for i, n in enumerate((parts.forward, parts.dW, parts.dx))
            ]
            print(f"{batch:5} {layer:>10} " + " ".join(f"{cell:>22}" for cell in cells), flush=True)


def print_steps(shapes: list[str], recipe: str, rounds: int) -> None:
    """Print a line for each shape: a whole step, the ratios of cut steps to it, and the choice of the rule."""
    print(f"\nsteps with the recipe {recipe}: whole, and cut into parts in times of the whole")
    heads = [*(f"{n} parts" for n in NUMBERS), *(f"{n} pieces" for n in NUMBERS)]
    print(f"{'batch:hidden':>16} {'whole':>12} " + " ".join(f"{head:>8}" for head in heads) + "   the rule takes")
    for shape in shapes:
        whole, ratios = compare_steps(shape, recipe, rounds)
        batch_size, hidden = shape.split(":")
        batch, widths = int(batch_size), [784, *map(int, hidden.split(",")), 10]
        pairs = list(itertools.pairwise(widths))
        n_parts = image_parts(batch, sum(a * b for a, b in pairs))
        pieces = "+".join(str(weight_pieces(batch, a, b)) for a, b in pairs)
        cells = " ".join(f"{ratio:8.3f}" for ratio in ratios)
        print(f"{shape:>16} {whole:9.0f} µs {cells}   {n_parts} parts, {pieces} pieces", flush=True)


def main() -> None:
    """Print the chosen tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["products", "steps"], help="print one table alone")
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--layers", nargs="+", default=LAYERS)
    parser.add_argument("--steps", nargs="+", default=SHAPES, metavar="BATCH:HIDDEN")
    parser.add_argument("--recipe", default="quick", help="whose activation and learning rule steps have [quick]")
    parser.add_argument("--rounds", type=int, default=7, help="timings of a step, of which the best counts [7]")
    arguments = parser.parse_args()
    with threadpool_limits(1, user_api="blas"):
        (blas, *_) = threadpool_info()
        kernel = f"{blas['internal_api']} {blas['version']}, {blas.get('architecture')} kernel"
        print(f"NumPy {np.__version__}, {kernel}, 1 thread")
        if arguments.only != "steps":
            print_products(arguments.batches, arguments.layers)
        if arguments.only != "products":
            print_steps(arguments.steps, arguments.recipe, arguments.rounds)


if __name__ == "__main__":
    main()
