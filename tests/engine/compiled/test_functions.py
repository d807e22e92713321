"""Functions of the compiled engine against NumPy's in float64, in units in the last place, and at their limits."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
pytestmark = [
    pytest.mark.extra,
    pytest.mark.skipif(not BENCHMARKS.exists(), reason="benchmarks are no part of a source archive"),
]

# A little above what `benchmarks/vector_functions.py` measures on the same samples.
MOST_ULP = {
    "exp": 1.0,
    "expm1": 0.95,
    "log": 0.85,
    "tanh": 1.35,
    "sigmoid": 2.5,
    "softplus": 2.6,
    "elu": 0.95,
    "silu": 2.8,
}
# GELU and the slopes pass zero, or go to it faster than a float32 sigmoid can represent: near zero their error is that
# of numbers of size 1.
MOST_ABSOLUTE = {"gelu": 8e-7, "gelu_slope": 2.5e-6, "silu_slope": 1.2e-6}
AROUND_ZERO = {"gelu": 2e-7, "gelu_slope": 3e-7, "silu_slope": 3e-7}  # from -1 to 1
INFINITE, NAN = math.inf, math.nan


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def values_of(name, *x):
    from vector_functions import evaluate

    return evaluate(name, np.array(x, np.float32)).tolist()


@pytest.mark.parametrize("name", MOST_ULP)
def test_a_function_is_right_to_a_few_ulp(name):
    from vector_functions import errors

    ulp, where, _ = errors(name)
    assert 0.5 <= ulp <= MOST_ULP[name], where  # no float32 function has less than half an ulp


@pytest.mark.parametrize("name", MOST_ABSOLUTE)
def test_a_function_that_passes_zero_is_right_to_a_small_error(name):
    from vector_functions import EXPECTED, errors, evaluate

    assert 0 < errors(name)[2] <= MOST_ABSOLUTE[name]
    x = np.linspace(-1, 1, 100_001).astype(np.float32)
    assert np.abs(evaluate(name, x) - EXPECTED[name](x.astype(np.float64))).max() <= AROUND_ZERO[name]


def test_every_function_is_measured():
    from vector_functions import NAMES

    assert {*MOST_ULP, *MOST_ABSOLUTE} == {*NAMES}


AT_ZERO = {
    **dict.fromkeys(("expm1", "tanh", "elu", "gelu", "silu"), 0.0),
    **dict.fromkeys(("sigmoid", "gelu_slope", "silu_slope"), 0.5),
    "exp": 1.0,
}


@pytest.mark.parametrize("name", AT_ZERO)
def test_values_at_zero_are_exact(name):
    assert values_of(name, 0.0, -0.0, 1e-45, -1e-45) == pytest.approx([AT_ZERO[name]] * 4, rel=0, abs=2e-45)


def test_small_numbers_keep_all_their_digits():
    small = np.array([1e-30, -1e-30, 3e-10, -3e-10, 1e-45, -1e-45], np.float32)
    for name in ("expm1", "tanh"):
        assert values_of(name, *small) == small.tolist()
    assert values_of("elu", *small) == small.tolist()
    np.testing.assert_array_equal(values_of("log", 1), [0])
    assert values_of("softplus", -80.0) == pytest.approx([math.exp(-80)], rel=3e-7)


def test_exp_overflows_where_float32_does_and_ends_at_the_smallest_normal_number():
    largest = float(np.nextafter(np.float32(88.722839), np.float32(0)))
    assert values_of("exp", 88.0, largest) == pytest.approx([math.exp(88.0), math.exp(largest)], rel=1e-7)
    assert values_of("exp", 88.73, 1e4, 3e38, INFINITE) == [INFINITE] * 4
    lowest = values_of("exp", -88.0, -1e4, -3e38, -INFINITE)
    assert all(np.finfo(np.float32).tiny <= value < 1.3e-38 for value in lowest)


def test_functions_end_where_they_should():
    far = (88.8, 1e4, 1e12, 1e15)
    for x in far:
        assert values_of("tanh", x, -x) == [1, -1]
        assert values_of("sigmoid", x, -x) == [1, 0]
        assert values_of("elu", x, -x) == [np.float32(x), -1]
        assert values_of("softplus", x) == [np.float32(x)]
        assert 0 <= values_of("softplus", -x)[0] < 1.3e-38
        for name in ("gelu", "silu"):
            assert values_of(name, x, -x) == [np.float32(x), 0]
            assert values_of(f"{name}_slope", x, -x) == [1, 0]
    assert values_of("tanh", INFINITE, -INFINITE) == [1, -1]
    assert values_of("sigmoid", INFINITE, -INFINITE) == [1, 0]
    assert values_of("expm1", -INFINITE) == [-1]
    assert values_of("log", INFINITE) == [INFINITE]
    assert values_of("softplus", INFINITE) == [INFINITE]


def test_log_holds_at_both_ends_of_the_normal_numbers():
    numbers = np.finfo(np.float32)
    expected = [math.log(float(numbers.tiny)), math.log(float(numbers.max))]
    assert values_of("log", numbers.tiny, numbers.max) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("name", [*MOST_ULP, *MOST_ABSOLUTE])
def test_nan_stays_nan_in_its_place(name):
    """Otherwise a network that has diverged could look as if it had not."""
    found = values_of(name, -0.5 if name == "expm1" else 0.5, NAN, -NAN)
    assert np.isnan(found).tolist() == [False, True, True]
