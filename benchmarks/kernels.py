"""The compiled engine's products as shares of the processor's peak, and how long compiling takes.

    taskset -c 0 python benchmarks/kernels.py               needs barenet[fast]
    taskset -c 0 python benchmarks/kernels.py --compiling   three times with an empty cache, three times with a full one

The peak is the speed of a loop that only uses registers: fused multiply-adds that do not wait for earlier ones. It is
timed in turn with the products, since the speed of a shared machine changes. Times are processor times.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
f32 = np.float32
# Batch, inputs, outputs: those of the course's network, of larger ones, and square matrices.
SHAPES = ((16, 784, 128), (16, 128, 32), (128, 784, 128), (256, 784, 256), (128, 784, 512), (128, 512, 256),
          (1024, 1024, 1024))  # fmt: skip
ROUNDS = 15
CHUNK = 64  # rows of the weights whose product x^T dy the engine computes at once

# Makes an engine without taking a step. Prints the seconds until then: CPU time and wall time.
START = """
import time
wall = time.perf_counter()
from barenet.config.names import setting_path
from barenet.config.sources import build_config
from barenet.data.batches import TrainingImages
from barenet.engine.making import choose_engine
from barenet.training.epochs import start_state
from barenet.training.preparation import architecture_of, loss_of
import numpy as np
config = build_config("course", flags={setting_path("hidden"): "16"})
architecture, loss = architecture_of(config, 20, 10), loss_of(config)
images = TrainingImages(np.zeros((32, 20), np.uint8), np.zeros(32, np.int64), scale=1.0, image_shape=(4, 5))
state = start_state(config, architecture)
if choose_engine(config) == "compiled":
    from barenet.engine.compiled.engine import CompiledEngine as Engine
else:
    from barenet.engine.numpy_engine.engine import NumpyEngine as Engine
Engine([config], architecture, loss, state, images, batch_size=16, most_threads=1).close()
print(time.process_time(), time.perf_counter() - wall)
"""


def start(engine: str, cache: str) -> tuple[float, float]:
    """Return the CPU seconds and wall seconds that a process needs until an engine can train."""
    environment = os.environ | {"BARENET_ENGINE": engine, "NUMBA_CACHE_DIR": cache}
    done = subprocess.run([sys.executable, "-c", START], env=environment, check=True, capture_output=True, text=True)
    cpu, wall = map(float, done.stdout.split())
    return cpu, wall


def compiling(repeats: int = 3) -> dict[str, Any]:
    """Return medians of `start`: with an empty cache, with all kernels compiled, and with the NumPy engine."""
    found: dict[str, list[tuple[float, float]]] = {"nothing compiled": [], "compiled": [], "NumPy engine": []}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            found["nothing compiled"].append(start("compiled", cache))
            found["compiled"].append(start("compiled", cache))
            found["NumPy engine"].append(start("numpy", cache))
    return {
        name: dict(zip(("cpu_s", "wall_s"), map(statistics.median, zip(*times, strict=True)), strict=True))
        for name, times in found.items()
    }


def seconds(call: Callable[[], object], times: int) -> float:
    """Return the mean seconds of a call, over several in a row."""
    started = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - started) / times


def peak_loop() -> tuple[Callable[[], object], float]:
    """Return a function whose fused multiply-adds stay in registers, and its number of operations in billions."""
    from barenet.engine.compiled.kernels.compiling import compiled
    from barenet.engine.compiled.kernels.registers import TILE_VECTORS
    from barenet.engine.compiled.kernels.vectors import LANES, add, fma, splat, total

    n = 20_000

    @compiled
    def five_sums(n, x):
        y, z = splat(f32(0.999)), splat(f32(0.001))
        a = b = c = d = e = splat(x)
        for _ in range(n):
            a, b, c, d, e = fma(a, y, z), fma(b, y, z), fma(c, y, z), fma(d, y, z), fma(e, y, z)
        return total(add(add(a, b), add(c, add(d, e))))

    @compiled
    def ten_sums(n, x):
        y, z = splat(f32(0.999)), splat(f32(0.001))
        a = b = c = d = e = g = h = i = j = k = splat(x)
        for _ in range(n):
            a, b, c, d, e = fma(a, y, z), fma(b, y, z), fma(c, y, z), fma(d, y, z), fma(e, y, z)
            g, h, i, j, k = fma(g, y, z), fma(h, y, z), fma(i, y, z), fma(j, y, z), fma(k, y, z)
        return total(add(add(add(a, b), add(c, d)), add(add(e, g), add(h, add(i, add(j, k))))))

    # Ten sums of 16 numbers do not fit into AVX2's registers; AVX-512 needs at least eight sums.
    loop, sums = (ten_sums, 10) if TILE_VECTORS == 2 else (five_sums, 5)
    return lambda: loop(n, f32(1)), 2e-9 * n * sums * LANES


def products_of(batch: int, n_in: int, n_out: int) -> dict[str, Callable[[], object]]:
    """Return a layer's three products in the engine, and the first one in NumPy."""
    from barenet.engine.compiled.kernels.compiling import addresses, compiled
    from barenet.engine.compiled.kernels.products import product
    from barenet.engine.compiled.layout import row_length

    @compiled
    def multiply(  # noqa: PLR0917 (as a kernel takes them)
        kernels, rows, panels, n, a, a0, a_row, a_term, b, b_panel, c, c0, c_row, c_panel, scale
    ):  # fmt: skip
        product(kernels, rows, panels, n, a, a0, a_row, a_term, b, 0, 16, b_panel, c, c0, c_row, c_panel, c, c0, c_row,
                c_panel, scale)  # fmt: skip

    rng = np.random.default_rng(0)
    kernels, row_in, row_out, panels = addresses(), row_length(n_in), row_length(n_out), n_out // 16

    def drawn(n: int) -> Floats:
        return rng.normal(size=n).astype(f32)

    x, dy, dy_panels = drawn(batch * row_in), drawn(batch * row_out), drawn(batch * n_out)
    weights, transposed, y, dx = drawn(n_in * n_out), drawn(n_in * n_out), drawn(batch * row_out), drawn(batch * row_in)
    keep, matrix, square = f32(0.9), drawn(batch * n_in).reshape(batch, n_in), drawn(n_in * n_out).reshape(n_in, n_out)
    out = np.empty((batch, n_out), f32)

    def move() -> None:
        for row in range(0, n_in, CHUNK):
            multiply(kernels, min(CHUNK, n_in - row), panels, batch, x, row, 1, row_in, dy_panels, 16 * batch, weights,
                     16 * row, 16, 16 * n_in, keep)  # fmt: skip

    return {
        "x W": lambda: multiply(
            kernels, batch, panels, n_in, x, 0, row_in, 1, weights, 16 * n_in, y, 0, row_out, 16, f32(0)
        ),
        "x^T dy": move,
        "dy W^T": lambda: multiply(
            kernels, batch, n_in // 16, n_out, dy, 0, row_out, 1, transposed, 16 * n_out, dx, 0, row_in, 16, f32(0)
        ),
        "NumPy's x W": lambda: np.matmul(matrix, square, out=out),
    }


def shares() -> dict[str, Any]:
    """Return the peak in GFLOP/s, and the median share of the peak for each shape and product."""
    from threadpoolctl import threadpool_limits

    loop, work = peak_loop()
    loop()
    peaks, found = [], {}
    with threadpool_limits(1):
        for shape in SHAPES:
            calls = products_of(*shape)
            operations = 2e-9 * shape[0] * shape[1] * shape[2]
            times = max(1, int(0.02 / operations))
            measured: dict[str, list[float]] = {name: [] for name in calls}
            for call in calls.values():
                call()
            for _ in range(ROUNDS):
                for name, call in calls.items():
                    peaks.append(work / seconds(loop, 5))
                    measured[name].append(operations / seconds(call, times) / peaks[-1])
            found["x".join(map(str, shape))] = {
                name: round(statistics.median(values), 3) for name, values in measured.items()
            }
    return {"peak_gflops": round(statistics.median(peaks), 1), "shares": found}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiling", action="store_true")
    figures = compiling() if parser.parse_args().compiling else shares()
    import llvmlite
    import numba

    about = {"Python": platform.python_version(), "NumPy": np.__version__, "Numba": numba.__version__}
    print(json.dumps(figures | about | {"llvmlite": llvmlite.__version__}, indent=2))


if __name__ == "__main__":
    main()
