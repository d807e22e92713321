"""Products in parts against whole ones, layer by layer: what `barenet.engine.products` saves on this machine.

python benchmarks/parts.py
python benchmarks/parts.py --batches 16 32 --layers 784,128 512,256
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial

os.environ.pop("OPENBLAS_CORETYPE", None)  # OpenBLAS chooses its kernel by itself

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from barenet.engine.products import Parts, columns, cut, rows

LAYERS = ["784,128", "784,256", "784,512", "512,256", "256,128", "128,32", "1024,1024"]


def interleaved(calls: list[Callable[[], object]], rounds: int = 15) -> list[float]:
    """Return the best microseconds of each call; the calls take turns, so that a drifting machine slows all alike."""
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
    """Return how a layer is cut, and its three products, each whole and then in parts."""
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


def main() -> None:
    """Print a line a layer and batch: microseconds whole and in parts of y = x W, dW = x^T dy and dx = dy W^T."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--layers", nargs="+", default=LAYERS)
    arguments = parser.parse_args()
    with threadpool_limits(1, user_api="blas"):
        (blas, *_) = threadpool_info()
        kernel = f"{blas['internal_api']} {blas['version']}, {blas.get('architecture')} kernel"
        print(f"NumPy {np.__version__}, {kernel}, 1 thread; microseconds whole > in (n) parts")
        print(f"{'batch':>5} {'layer':>10} {'y = x W':>22} {'dW = x^T dy':>22} {'dx = dy W^T':>22}")
        for layer in arguments.layers:
            for batch in arguments.batches:
                parts, calls = products(batch, *map(int, layer.split(",")))
                times = interleaved(calls)
                cells = [
                    f"{times[2 * i]:8.1f} > {times[2 * i + 1]:6.1f} ({n})"
                    for i, n in enumerate((parts.forward, parts.dW, parts.dx))
                ]
                print(f"{batch:5} {layer:>10} " + " ".join(f"{cell:>22}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
