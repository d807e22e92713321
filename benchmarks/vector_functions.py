"""Measure the errors of the compiled engine's functions, compared with float64, and their time.

    python benchmarks/vector_functions.py               needs barenet[fast]

Prints for each function the largest error on dense samples of its domain, in units in the last place (ulp) of a float32
result; the largest absolute error; and the nanoseconds per value on one core.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from barenet.engine.compiled.kernels import functions
from barenet.engine.compiled.kernels.compiling import compiled
from barenet.engine.compiled.kernels.memory import load, store
from barenet.engine.compiled.kernels.vectors import LANES, multiply

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

NAMES = ("exp", "expm1", "log", "tanh", "sigmoid", "softplus", "elu", "gelu", "gelu_slope", "silu", "silu_slope")
SAMPLES = 2**20
REPEATS = 7


@compiled
def apply(code, x, out):
    """Write a function of x (n,), the one with this number among NAMES, into `out`; n is a multiple of 16."""
    for i in range(0, x.size, LANES):
        v = load(x, i)
        if code == 0:
            store(out, i, functions.exp(v))
        elif code == 1:
            store(out, i, functions.expm1(v))
        elif code == 2:
            store(out, i, functions.log(v))
        elif code == 3:
            store(out, i, functions.tanh(v))
        elif code == 4:
            store(out, i, functions.sigmoid(v))
        elif code == 5:
            store(out, i, functions.softplus(v))
        elif code == 6:
            store(out, i, functions.elu(v))
        elif code == 7:
            store(out, i, multiply(v, functions.gelu_share(v)))
        elif code == 8:
            store(out, i, functions.gelu_slope(v, functions.gelu_share(v)))
        elif code == 9:
            store(out, i, multiply(v, functions.sigmoid(v)))
        else:
            store(out, i, functions.silu_slope(v, functions.sigmoid(v)))


def evaluate(name: str, x: Floats) -> Floats:
    """Return a compiled function of any number of values."""
    padded = np.ones(-(-x.size // LANES) * LANES, np.float32)
    padded[: x.size] = x
    out = np.empty_like(padded)
    apply(NAMES.index(name), padded, out)
    return out[: x.size]


def sigmoid(x: Doubles) -> Doubles:
    """Return 1 / (1 + e^-x) in a form that does not overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def gelu_argument(x: Doubles) -> tuple[Doubles, Doubles]:
    """Return the argument of the sigmoid in GELU, and its derivative."""
    scale = 2 * math.sqrt(2 / math.pi)
    return scale * (x + 0.044715 * x**3), scale * (1 + 3 * 0.044715 * x**2)


def gelu_slope(x: Doubles) -> Doubles:
    """Return the derivative of x sigmoid(g(x))."""
    g, slope = gelu_argument(x)
    return sigmoid(g) + x * sigmoid(g) * sigmoid(-g) * slope


# The exact functions in float64, for float32 values.
EXPECTED: dict[str, Callable[[Doubles], Doubles]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: x * sigmoid(gelu_argument(x)[0]),
    "gelu_slope": gelu_slope,
    "silu": lambda x: x * sigmoid(x),
    "silu_slope": lambda x: sigmoid(x) + x * sigmoid(x) * sigmoid(-x),
}


def samples(name: str) -> Floats:
    """Return values in a function's whole domain, and near each place where its computation changes."""
    low, high = {"exp": (-87.3, 88.7), "expm1": (-87.3, 0), "sigmoid": (-87, 87), "softplus": (-87, 100)}.get(
        name, (-30.0, 30.0)
    )
    if name == "log":
        powers = np.random.default_rng(0).uniform(-125.9, 127.9, SAMPLES // 2)
        spread = np.concatenate([np.linspace(0.5, 2, SAMPLES // 2), np.exp2(powers)])
        seams = np.array([1.0, math.sqrt(0.5), math.sqrt(2), 2 * math.sqrt(0.5)])
    else:
        tiny = np.logspace(-30, 0, SAMPLES // 8)
        spread = np.concatenate([np.linspace(low, high, SAMPLES // 2), np.linspace(-1, 1, SAMPLES // 4), tiny, -tiny])
        seams = np.concatenate([[0.625, -0.625, 0.0], math.log(2) * (np.arange(-126, 128) + 0.5)])
    # A float32 number and 64 on each side of it.
    near = seams.astype(np.float32).view(np.int32)[:, None] + np.arange(-64, 65, dtype=np.int32)
    values = np.concatenate([spread.astype(np.float32), near.view(np.float32).ravel()])
    values = values[np.isfinite(values)]
    return values if name == "log" else values[(values >= low) & (values <= high)]


def errors(name: str) -> tuple[float, float, float]:
    """Return the largest error in ulp, the number where it occurs, and the largest absolute error."""
    x = samples(name)
    expected = EXPECTED[name](x.astype(np.float64))
    difference = np.abs(evaluate(name, x) - expected)
    ulp = difference / np.spacing(np.maximum(np.abs(expected), np.finfo(np.float32).tiny).astype(np.float32))
    return float(ulp.max()), float(x[ulp.argmax()]), float(difference.max())


def nanoseconds(name: str) -> float:
    """Return the least time per value of several runs, on numbers in the cache."""
    x = np.linspace(0.1, 4, 4096).astype(np.float32)
    out, fastest = np.empty_like(x), math.inf
    for _ in range(REPEATS):
        started = time.perf_counter()
        for _ in range(100):
            apply(NAMES.index(name), x, out)
        fastest = min(fastest, time.perf_counter() - started)
    return fastest / 100 / x.size * 1e9


def main() -> None:
    """Print a line for each function."""
    print(f"{'function':12}{'ulp':>10}{'at':>16}{'absolute':>12}{'ns a value':>14}")
    for name in NAMES:
        ulp, where, absolute = errors(name)
        print(f"{name:12}{ulp:>10.2f}{where:>16.6g}{absolute:>12.1e}{nanoseconds(name):>14.2f}")


if __name__ == "__main__":
    main()
