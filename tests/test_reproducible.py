"""Powers and cosines against decimal arithmetic; the same bits with and without vector instructions."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
from decimal import Decimal, localcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy._core import _multiarray_umath as compiled

from barenet.data.standardising import Standardiser
from barenet.nn import INITIALIZERS, OPTIMIZERS, SCHEDULES, Schedule, WeightAverage
from barenet.nn.hyperparameters import names_of
from barenet.reproducible import power, raised_cosine
from barenet.training.labels import weigh_classes

PI = Decimal("3.14159265358979323846264338327950288419716939937510582")


def decimal_power(base, exponent):
    """Return a float's power by a float in 50 decimal digits."""
    with localcontext(prec=50, Emin=-(10**6), Emax=10**6):
        return Decimal(base) ** Decimal(exponent)


def decimal_cosine(x):
    """Return the cosine of a decimal number by its series in 50 digits."""
    with localcontext(prec=50):
        term, total, n = Decimal(1), Decimal(1), 0
        while abs(term) > Decimal("1e-45"):
            n += 2
            term *= -x * x / (n * (n - 1))
            total += term
        return total


def relative_errors(found, expected):
    with localcontext(prec=50):
        return [abs(float(Decimal(float(a)) / b - 1)) for a, b in zip(found, expected, strict=True)]


def whole_exponents(rng):
    """Return bases near 1 with exponents up to a million, as of Adam's averages."""
    exponents = rng.integers(1, 10**6, 60).astype(np.float64)
    return 1 - rng.uniform(1e-7, 1, 60) * 20 / exponents, exponents


def fractional_exponents(rng):
    """Return bases from 0 to 2, and tiny ones, with exponents from 0 to 50, and between 0 and 1."""
    bases = np.concatenate([rng.uniform(0, 2, 30), 10.0 ** rng.uniform(-280, 0, 30)])
    return bases, np.concatenate([rng.uniform(0, 50, 30), rng.uniform(0, 1, 30)])


@pytest.mark.parametrize(("draw", "largest"), [(whole_exponents, 5e-15), (fractional_exponents, 2e-14)])
def test_powers_agree_with_decimal_arithmetic(draw, largest):
    bases, exponents = draw(np.random.default_rng(0))
    expected = [decimal_power(float(b), float(e)) for b, e in zip(bases, exponents, strict=True)]
    assert min(expected) > Decimal("1e-290")
    assert max(relative_errors(power(bases, exponents), expected)) < largest


def test_powers_that_floats_hold_are_exact():
    assert power(2.0, np.arange(1024)).tolist() == [float(2**n) for n in range(1024)]
    assert power(0.5, np.arange(1075)).tolist() == [math.ldexp(1, -n) for n in range(1075)]
    assert power([16.0, 81.0], [[0.5], [0.25], [1.75]]).tolist() == [[4, 9], [2, 3], [128, 2187]]
    assert power(0.0, [0.0, 0.5, 1.0, 3.0]).tolist() == [1, 0, 0, 0]
    assert power([0.999, 0.1, 7.3], 1).tolist() == [0.999, 0.1, 7.3]


def test_powers_too_large_are_infinite_and_too_small_zero():
    assert power([2.0, 1.5, 3.0], [[1024], [10**5 + 0.5]]).tolist() == [
        [math.inf, pytest.approx(1.5**1024, rel=1e-12), math.inf],
        [math.inf] * 3,
    ]
    assert power([0.5, 1e-300], [[1075.0], [10**6]]).tolist() == [[0, 0], [0, 0]]


def test_a_power_has_the_same_bits_alone_in_an_array_and_in_a_table_of_broadcast_shapes():
    bases, exponents = np.array([[0.9], [0.999], [1.1]]), np.array([0, 1, 2, 0.3, 77, 1000.25, 5000]).reshape(-1, 1, 1)
    table = power(bases, exponents)
    assert table.shape == (7, 3, 1)
    alone = np.array([[power(float(base), float(exponent)) for base in bases.flat] for exponent in exponents.flat])
    assert table.tobytes() == alone.tobytes()
    columns = np.stack([power(base, exponents.ravel()) for base in bases.flat], axis=1)
    assert table.tobytes() == columns.tobytes()
    assert power(0.9, np.arange(0)).shape == (0,)
    assert power(0.9, 3).shape == ()


def test_the_raised_cosine_agrees_with_decimal_arithmetic():
    rng = np.random.default_rng(0)
    near_0, near_1 = 10.0 ** rng.uniform(-20, 0, 20), 1 - 10.0 ** rng.uniform(-9, 0, 20)
    shares = np.concatenate([rng.uniform(0, 1, 100), near_0, near_1])
    with localcontext(prec=50):
        expected = [(1 + decimal_cosine(PI * Decimal(float(share)))) / 2 for share in shares]
    assert max(relative_errors(raised_cosine(shares), expected)) < 5e-16


def test_the_raised_cosine_is_exact_at_both_ends_and_half_way_and_never_rises():
    assert raised_cosine(np.array([0, 0.5, 1])).tolist() == [1, 0.5, 0]
    assert (np.diff(raised_cosine(np.linspace(0, 1, 20_001))) < 0).all()
    assert (np.diff(raised_cosine(np.linspace(0.499999, 0.500001, 2001))) <= 0).all()


# The same bits everywhere


def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:16]


def host_digests():
    """Return a digest of each value that weights depend on and that the host computes."""
    steps = np.arange(3000)
    words = {"warmup_steps": 70, "decay_rate": 0.83, "decay_step": 37, "minimum": 1e-4}
    found = {f"schedule {name}": digest(Schedule(name, 0.037, 3000, **words).rates(steps)) for name in SCHEDULES}
    rates, column = np.linspace(1e-4, 0.1, 6000).reshape(3000, 2, 1), np.array([[0.9], [0.99]])
    for name, kind in OPTIMIZERS.items():
        has = names_of(kind.hypers)
        hypers = {"beta1": column, "beta2": 1 - (1 - column) / 50} if "beta1" in has else {"momentum": column}
        hypers |= {"weight_decay": column / 100} if "weight_decay" in has else {}
        factors = kind(np.zeros((2, 8)), 6, **hypers).factors(rates, steps.reshape(-1, 1, 1) + 1)
        found[f"factors of {name}"] = digest(*(factors[key] for key in sorted(factors)))
    found["average"] = digest(WeightAverage(np.zeros((2, 8)), column).rest(steps.reshape(-1, 1, 1) + 1))
    for name, fill in INITIALIZERS.items():
        weights = np.empty((123, 45), np.float32)
        fill(weights, np.random.default_rng(5))
        found[f"initial weights {name}"] = digest(weights)
    for width in (1, 7):
        for dtype in (np.float32, np.float64):
            rows = np.random.default_rng(6).normal(3, 5, (4999, width)).astype(dtype)
            for order in "CF":
                standardise = Standardiser.of(np.asarray(rows, order=order))
                parts = (standardise.mean, standardise.deviation, standardise(rows))
                found[f"standardised {dtype.__name__} {order} {width}"] = digest(*parts)
    names = [str(number) for number in range(23)]
    labels, factors = np.arange(5000) ** 2 % 23, {name: 0.1 + int(name) / 7 for name in names}
    found["class weights"] = weigh_classes(SimpleNamespace(weighted=digest), factors, names, labels)
    return found


# From NumPy 2.0.2 and 2.4.6 on a processor with AVX2, with and without these instructions.
DIGESTS = {
    "schedule constant": "68278839d625de89",
    "schedule step": "454a0e580acbae6d",
    "schedule exponential": "63fcd737b87ff469",
    "schedule cosine": "883d70a73a0c765c",
    "schedule one_cycle": "c69d8c648e56b458",
    "factors of sgd": "f9c9053ffe5fdb25",
    "factors of adam": "24270aa852fc4f39",
    "factors of adamw": "293e6372fc74290a",
    "average": "8b54ed9e3c9c5741",
    "initial weights he": "74858330f54e1423",
    "initial weights glorot": "fa1cca98b16a1813",
    "initial weights lecun": "c58e6a16f67aa2a2",
    "initial weights course": "c58e6a16f67aa2a2",
    "standardised float32 C 1": "1bd5157344f62ed5",
    "standardised float32 F 1": "1bd5157344f62ed5",
    "standardised float64 C 1": "7b2c0938d2442996",
    "standardised float64 F 1": "7b2c0938d2442996",
    "standardised float32 C 7": "8484fa3d301db9ee",
    "standardised float32 F 7": "8484fa3d301db9ee",
    "standardised float64 C 7": "7123690e9db02e9f",
    "standardised float64 F 7": "7123690e9db02e9f",
    "class weights": "4f07f6cb14c96c10",
}


def test_what_weights_depend_on_has_the_same_bits_on_every_computer():
    assert host_digests() == DIGESTS


@pytest.mark.slow
def test_what_weights_depend_on_has_the_same_bits_without_vector_instructions():
    vectors = [name for name in compiled.__cpu_dispatch__ if compiled.__cpu_features__[name]]
    if not vectors:
        pytest.skip("NumPy uses no instructions here beyond those that it always uses")
    script = """
import json
from numpy._core import _multiarray_umath as compiled
from test_reproducible import host_digests
print(json.dumps([[name for name in compiled.__cpu_dispatch__ if compiled.__cpu_features__[name]], host_digests()]))
"""
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(vectors)}
    command = [sys.executable, "-c", script]
    told = subprocess.run(
        command, env=environment, cwd=Path(__file__).parent, capture_output=True, encoding="utf-8", check=True
    )
    used, found = json.loads(told.stdout)
    assert used == []
    assert found == host_digests()
