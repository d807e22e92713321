"""The stages of examples/fast_products.py give the right product, and stages that round alike give the same bits."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")
pytestmark = [pytest.mark.extra, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def stages():
    sys.path.insert(0, str(EXAMPLES))
    try:
        import fast_products
    finally:
        sys.path.remove(str(EXAMPLES))
    return fast_products.STAGES


@pytest.mark.full
def test_all_stages_give_the_product_and_stages_that_round_alike_give_the_same_bits(stages):
    rng = np.random.default_rng(0)
    for n, depth, width in ((1, 16, 16), (7, 300, 48), (17, 784, 128)):
        x, W = rng.random((n, depth), np.float32), rng.standard_normal((depth, width), np.float32)
        results = []
        for stage in stages:
            y = np.full((n, width), np.nan, np.float32)
            stage(x, W, y)
            np.testing.assert_allclose(y, x.astype(np.float64) @ W, rtol=1e-4, atol=1e-4)
            results.append(y.tobytes())
        assert results[0] == results[1]
        assert len(set(results[2:])) == 1
