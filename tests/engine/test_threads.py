"""BLAS threads are set and put back, and NumPy's BLAS is found among others."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from barenet.engine import threads
from barenet.engine.threads import blas_threads, find_blas

NUMPY = {"user_api": "blas", "filepath": "/lib/site-packages/numpy.libs/libscipy_openblas64_.so", "version": "0.3.31"}
SCIPY = {"user_api": "blas", "filepath": "/lib/site-packages/scipy.libs/libscipy_openblas.so", "version": "0.3.30"}
SYSTEM = {"user_api": "blas", "filepath": "/usr/lib/libopenblas.so", "version": "0.3.21"}
OPENMP = {"user_api": "openmp", "filepath": "/lib/site-packages/numpy.libs/libgomp.so", "version": None}


@pytest.mark.parametrize(
    ("loaded", "expected"),
    [([SCIPY, OPENMP, NUMPY], NUMPY), ([OPENMP, SYSTEM], SYSTEM), ([OPENMP], {}), ([], {})],
)
def test_numpy_s_blas_is_found_whatever_else_is_loaded(loaded, expected, monkeypatch):
    monkeypatch.setattr(threads, "threadpool_info", lambda: loaded)
    assert find_blas() == expected


def test_threads_are_put_back():
    def counts():
        return [info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"]

    np.ones((2, 2)) @ np.ones((2, 2))
    before = counts()
    with blas_threads(1):
        assert set(counts()) <= {1}
    assert counts() == before
