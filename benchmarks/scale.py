"""Measure how the cost grows with batch, width, depth, stack and images: images per second, share of the peak.

    pip install ".[bench]"
    python benchmarks/scale.py
    python benchmarks/scale.py --axes batch stack --output scale.json --chart scale.png

One thread. A point is the best of several short runs, and the peak of BLAS is measured between them. For the number of
images, synthetic IDX files of up to two million 28 x 28 images are written to a temporary folder. A separate process
trains on them for one epoch with `barenet.train`, and its anonymous resident memory is measured (Linux). `sizes` adds
up the installed files of barenet and of its peers, each with everything that it requires.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.pop("OPENBLAS_CORETYPE", None)  # OpenBLAS chooses its kernel by itself

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from barenet.config.sources import build_config
from barenet.data.batches import TrainingImages
from barenet.data.formats.idx import write_idx
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.protocol import EpochPlan
from barenet.engine.state import TrainingState
from barenet.nn import MLP, make_loss

BASE = {"batch": 16, "width": 128, "depth": 2, "stack": 1}
AXES: dict[str, list[int]] = {
    "batch": [1, 4, 16, 32, 64, 256, 1024, 4096],
    "width": [8, 32, 128, 512, 2048],
    "depth": [1, 2, 4, 8, 16],
    "stack": [1, 2, 4, 8, 16],
    "images": [60_000, 200_000, 600_000, 2_000_000],
}
PEERS = ["barenet", "scikit-learn", "jax", "torch"]
SECONDS, ROUNDS = 0.15, 5


def make_epoch(batch: int, width: int, depth: int, stack: int) -> tuple[Callable[[], None], int, float]:
    """Return a function that trains for some steps, its number of images (of all networks) and its multiply-adds."""
    hidden = (width,) * depth
    flags = {"data.batch_size": batch, "model.hidden_sizes": hidden}
    config = build_config("course", flags=flags)
    start = MLP(784, hidden, 10, seed=list(range(stack)), n_networks=stack)
    state = TrainingState.start(start.parameters.values, (), False, 1)
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (20_000, 784), np.uint8), rng.integers(0, 10, 20_000)
    images = TrainingImages(pixels, labels, scale=1 / 255)
    loss = make_loss("cross_entropy")
    engine = NumpyEngine([config] * stack, start.architecture, loss, state, images, batch_size=batch)
    weights = [row.input_dim * row.output_dim for row in start.architecture.rows]
    per_image = 3 * sum(weights) - weights[0]  # forward, gradient of weights, and of inputs except in the first layer

    def train(n_steps: int) -> float:
        order = rng.integers(0, 20_000, n_steps * batch)
        started = time.perf_counter()
        engine.begin(EpochPlan(0, np.full((n_steps, stack), 0.01), order, is_measured=False))
        engine.train(0, n_steps)
        return time.perf_counter() - started

    train(2)
    n_steps = max(2, int(SECONDS / (train(4) / 4)))
    return lambda: train(n_steps) and None, n_steps * batch * stack, n_steps * batch * stack * per_image


def peak() -> float:
    """Return the multiply-adds per second of BLAS in a large product."""
    a, out = np.ones((1536, 1536), np.float32), np.empty((1536, 1536), np.float32)
    return 1536**3 / best([lambda: np.matmul(a, a, out=out)], 3)[0]


def best(calls: list[Callable[[], object]], rounds: int) -> list[float]:
    """Return the best seconds of each call; the calls take turns."""
    seconds = [float("inf")] * len(calls)
    for _ in range(rounds):
        for i, call in enumerate(calls):
            started = time.perf_counter()
            call()
            seconds[i] = min(seconds[i], time.perf_counter() - started)
    return seconds


def measure_axis(axis: str) -> list[dict[str, float]]:
    """Return a row for each value: microseconds per network and step, images per second, share of the peak."""
    points = [make_epoch(**{**BASE, axis: value}) for value in AXES[axis]]
    top = peak()
    seconds = best([epoch for epoch, _, _ in points], ROUNDS)
    top = max(top, peak())
    rows = []
    for value, (_, n_images, multiply_adds), taken in zip(AXES[axis], points, seconds, strict=True):
        batch = value if axis == "batch" else BASE["batch"]
        rows.append(
            {
                axis: value,
                "microseconds_a_step": taken / n_images * batch * 1e6,
                "images_a_second": n_images / taken,
                "share_of_peak": multiply_adds / taken / top,
            }
        )
    return rows


def measure_images() -> list[dict[str, float]]:
    """Return a row for each number of images: seconds of an epoch, images per second, anonymous memory."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in AXES["images"]:
            write_data(Path(folder), n)
            command = [sys.executable, __file__, "--train-on", folder]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
            rows.append({"images": n, **json.loads(answer.splitlines()[-1])})
    return rows


def write_data(folder: Path, n: int) -> None:
    """Write n synthetic training images and 1000 test images, whose brightness depends on the class."""
    rng = np.random.default_rng(0)
    for part, count in (("train", n), ("t10k", 1000)):
        labels = rng.integers(0, 10, count).astype(np.uint8)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels)
        with (folder / f"{part}-images-idx3-ubyte").open("wb") as file:
            file.write(bytes((0, 0, 8, 3)) + np.array([count, 28, 28], ">u4").tobytes())
            for start in range(0, count, 10_000):
                chunk = labels[start : start + 10_000]
                file.write(rng.integers(0, 100, (len(chunk), 784), np.uint8) + 15 * chunk[:, None])


def train_on(folder: str) -> None:
    """Train for one epoch and print its seconds and this process's memory, as JSON."""
    import barenet

    resident: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            status = Path("/proc/self/status").read_text("ascii")
            resident.extend(int(kb) * 1024 for kb in re.findall(r"RssAnon:\s+(\d+) kB", status))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    result = barenet.train(data=folder, epochs=1, threads=1, n_valid=5000, output=None, verbose=False)
    done.set()
    record = result.networks[0].history[-1]
    n_train = record.step * result.config.data.batch_size
    print(
        json.dumps(
            {
                "seconds_an_epoch": record.seconds,
                "images_a_second": n_train / record.seconds,
                "rss_anon_peak_mb": max(resident, default=0) / 1e6,
                "valid_accuracy": record.valid_accuracy,
            }
        )
    )


def installed_sizes() -> dict[str, float]:
    """Return the megabytes of each installed peer with everything that it requires, without Python."""
    sizes = {}
    for peer in PEERS:
        try:
            sizes[peer] = sum(size_of(name) for name in closure(peer)) / 1e6
        except importlib.metadata.PackageNotFoundError:
            print(f"skipped: {peer} is not installed", file=sys.stderr)
    return sizes


def closure(name: str, found: set[str] | None = None) -> set[str]:
    """Return a distribution and all that it requires, without extras."""
    found = set() if found is None else found
    if name not in found:
        requirements = importlib.metadata.requires(name) or []
        found.add(name)
        for requirement in requirements:
            required = re.match(r"[\w.-]+", requirement)
            if required is None or "extra ==" in requirement:
                continue
            try:
                importlib.metadata.distribution(required[0])
            except importlib.metadata.PackageNotFoundError:
                continue  # for another system or an older Python
            closure(required[0].lower().replace("_", "-"), found)
    return found


def size_of(name: str) -> int:
    """Return the bytes of a distribution's files; for an editable barenet, those of its source folder."""
    if name == "barenet":
        import barenet

        files = [path for path in Path(barenet.__file__).parent.rglob("*") if "__pycache__" not in path.parts]
    else:
        files = [Path(str(file.locate())) for file in importlib.metadata.files(name) or []]
    return sum(path.stat().st_size for path in files if path.is_file())


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw one panel for each axis: the share of the peak, or the seconds of an epoch over the number of images."""
    from barenet.plots.appearance import BLUE, ORANGE, new_figure, png, style

    axes_names = [name for name in AXES if name in results]
    with new_figure(3.2 * len(axes_names), 3.2) as figure:
        for axes, name in zip(np.atleast_1d(figure.subplots(1, len(axes_names))), axes_names, strict=True):
            rows = results[name]
            x = [row[name] for row in rows]
            if name == "images":
                axes.loglog(x, [row["seconds_an_epoch"] for row in rows], "o-", color=BLUE, label="seconds an epoch")
                axes.loglog(x, [row["rss_anon_peak_mb"] for row in rows], "s--", color=ORANGE, label="RssAnon, MB")
                axes.legend(frameon=False, fontsize=8)
            else:
                axes.semilogx(x, [100 * row["share_of_peak"] for row in rows], "o-", base=2, color=BLUE)
                axes.set_xticks(x, [str(value) for value in x])
                axes.set_ylim(0, 100)
            style(axes, "% of BLAS's peak" if name != "images" else "an epoch", x=name)
        path.write_bytes(png(figure))


def show(axis: str, rows: list[dict[str, float]]) -> None:
    """Print one axis as a table."""
    print("\n" + "  ".join(f"{name:>20}" for name in rows[0]))
    for row in rows:
        print("  ".join(f"{value:20,.3f}" if isinstance(value, float) else f"{value:20,}" for value in row.values()))


def main() -> None:
    """Measure the chosen axes, print a table of each, and write JSON and a chart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axes", nargs="+", choices=[*AXES, "sizes"], default=[*AXES, "sizes"])
    parser.add_argument("--output", type=Path, default=Path("scale.json"))
    parser.add_argument("--chart", type=Path, help="a PNG of all axes")
    parser.add_argument("--train-on", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train_on:
        train_on(arguments.train_on)
        return
    results: dict[str, Any] = {}
    with threadpool_limits(1, user_api="blas"):
        results["blas"] = {k: threadpool_info()[0].get(k) for k in ("internal_api", "version", "architecture")}
        print(f"NumPy {np.__version__}, {results['blas']}, one thread; where an axis does not vary: {BASE}")
        for axis in (name for name in AXES if name in arguments.axes):
            results[axis] = measure_images() if axis == "images" else measure_axis(axis)
            show(axis, results[axis])
            arguments.output.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    if "sizes" in arguments.axes:
        results["sizes_mb"] = installed_sizes()
        print("\nMB installed: " + ", ".join(f"{name} {size:.0f}" for name, size in results["sizes_mb"].items()))
        arguments.output.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    if arguments.chart:
        draw(results, arguments.chart)


if __name__ == "__main__":
    main()
