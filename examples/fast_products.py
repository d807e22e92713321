"""A product of matrices, made faster in six stages, from three loops to a register tile. Each stage is a function.

    pip install ".[fast]"
    python examples/fast_products.py                # 128 images, 784 inputs, 512 units
    python examples/fast_products.py 16 784 128     # another batch and other widths; the last one is a multiple of 16

The product is y = x W, with x (B, D) and W (D, H). Numba compiles each function; docs/compiled-engine.md says what each
stage changes and why. All stages add the terms of a number of y in the order of k. So stages 1 and 2 give the same
bits, and so do stages 3 to 6, which round only once after a product and its sum.
"""

import sys
import time

import numpy as np
from numba import njit

from barenet.engine.compiled.kernels.memory import load, store
from barenet.engine.compiled.kernels.products import tile
from barenet.engine.compiled.kernels.vectors import fma, splat

ROWS = 6  # rows of a tile: 6 x 16 sums fill 12 of the 16 registers of AVX2
TERMS = 256  # terms of a block: 256 rows of a panel of 16 columns are 16 KB, half of a first-level cache
ZERO, ONE = np.float32(0), np.float32(1)


@njit
def three_loops(x, W, y):
    """Stage 1: the formula, y_ij = sum_k x_ik W_kj. In memory, the next W_kj is a whole row of W away."""
    for i in range(x.shape[0]):
        for j in range(W.shape[1]):
            total = ZERO
            for k in range(x.shape[1]):
                total += x[i, k] * W[k, j]
            y[i, j] = total


@njit
def loops_in_order(x, W, y):
    """Stage 2: the loop over j is the inner one. It reads W and y without gaps, and LLVM takes several j at once."""
    y[:] = ZERO
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            for j in range(W.shape[1]):
                y[i, j] += x[i, k] * W[k, j]


@njit
def vectors(x, W, y):
    """Stage 3: 16 sums stay in registers until they are complete. fma rounds x_ik W_kj + sum once, not twice."""
    flat, out, width = W.reshape(-1), y.reshape(-1), W.shape[1]
    for i in range(x.shape[0]):
        for j in range(0, width, 16):
            total = splat(ZERO)
            for k in range(x.shape[1]):
                total = fma(splat(x[i, k]), load(flat, k * width + j), total)
            store(out, i * width + j, total)


one_tile, one_row = tile(ROWS, 1), tile(1, 1)


@njit
def register_tiles(x, W, y):
    """Stage 4: 6 rows at once. Each loaded vector of W is used six times, and no sum waits for the one before it."""
    (n, depth), width = x.shape, W.shape[1]
    y[:] = ZERO
    add_product(n, depth, width // 16, x.reshape(-1), depth, W.reshape(-1), width, 16, y.reshape(-1))


@njit
def add_product(n, depth, panels, x, stride, W, row, panel, y):  # noqa: PLR0917 (Numba needs positional arguments)
    """Add the product of x (n, depth) and panels of 16 columns of W to y, tile by tile.

    The rows of x are `stride` numbers apart. All arrays are flat: W[k, 16 p] is at W[k row + p panel].
    """
    width = 16 * panels
    for p in range(panels):
        i = 0
        while i + ROWS <= n:
            at = i * width + 16 * p
            one_tile(depth, x, i * stride, stride, 1, W, p * panel, row, 0, y, at, width, 0, y, at, width, 0, ONE)
            i += ROWS
        while i < n:
            at = i * width + 16 * p
            one_row(depth, x, i * stride, stride, 1, W, p * panel, row, 0, y, at, width, 0, y, at, width, 0, ONE)
            i += 1


@njit
def into_panels(W, packed):
    """Write W as panels, one after another; a panel is 16 columns with all rows."""
    depth = W.shape[0]
    for p in range(W.shape[1] // 16):
        for k in range(depth):
            for j in range(16):
                packed[(p * depth + k) * 16 + j] = W[k, 16 * p + j]


@njit
def panels(x, W, y):
    """Stage 5: W in panels, so that a tile reads it without gaps. barenet stores weights so; here they are copied."""
    (n, depth), width = x.shape, W.shape[1]
    packed = np.empty(W.size, np.float32)
    into_panels(W, packed)
    y[:] = ZERO
    add_product(n, depth, width // 16, x.reshape(-1), depth, packed, 16, 16 * depth, y.reshape(-1))


@njit
def blocks(x, W, y):
    """Stage 6: 256 terms at a time, so that their rows of a panel stay in the first-level cache; y adds them up."""
    (n, depth), width = x.shape, W.shape[1]
    packed = np.empty(W.size, np.float32)
    into_panels(W, packed)
    y[:] = ZERO
    flat, out = x.reshape(-1), y.reshape(-1)
    for k in range(0, depth, TERMS):
        some = min(TERMS, depth - k)
        add_product(n, some, width // 16, flat[k:], depth, packed[16 * k :], 16, 16 * depth, out)


STAGES = (three_loops, loops_in_order, vectors, register_tiles, panels, blocks)


def seconds_of(product, x, W, y):
    """Return the seconds of the fastest of several calls."""
    product(x, W, y)  # the first call compiles
    least, began = np.inf, time.perf_counter()
    while time.perf_counter() - began < 0.5:
        started = time.perf_counter()
        product(x, W, y)
        least = min(least, time.perf_counter() - started)
    return least


def main(n=128, depth=784, width=512):
    """Print the billions of operations per second of each stage and of NumPy."""
    rng = np.random.default_rng(0)
    x, W = rng.random((n, depth), np.float32), rng.standard_normal((depth, width), np.float32)
    y, right = np.zeros((n, width), np.float32), x.astype(np.float64) @ W
    for stage in (*STAGES, lambda x, W, y: np.matmul(x, W, out=y)):
        seconds = seconds_of(stage, x, W, y)
        error = np.abs(y - right).max() / np.abs(right).max()
        name = getattr(stage, "__name__", "")
        name = "NumPy" if name == "<lambda>" else name.replace("_", " ")
        print(f"{name:16s} {2 * n * depth * width / seconds / 1e9:7.1f} GFLOP/s   largest error {error:.0e}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
