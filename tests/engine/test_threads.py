"""BLAS has one thread as long as one user needs it, and NumPy's BLAS is found among others."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from barenet.engine import threads
from barenet.engine.threads import BlasLimit, find_blas, limit_this_thread, one_blas_thread

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


def counts() -> set[int]:
    """Return the number of threads of NumPy's BLAS; a library that was loaded after the limit does not count."""
    return {find_blas()["num_threads"]} if find_blas() else set()


@pytest.fixture
def two_threads():
    """Let BLAS have two threads, also on a machine with one core; return the number that it reports."""
    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(2, user_api="blas"):
        yield counts()


def test_threads_are_put_back(two_threads):
    with one_blas_thread():
        assert counts() <= {1}
    assert counts() == two_threads


def test_threads_are_put_back_after_an_error(two_threads):
    with pytest.raises(KeyboardInterrupt), one_blas_thread():
        raise KeyboardInterrupt
    assert counts() == two_threads


def test_the_first_user_that_ends_changes_nothing_for_the_others(two_threads):
    is_inside, may_leave = threading.Event(), threading.Event()

    def stay():
        with one_blas_thread():
            is_inside.set()
            may_leave.wait(20)

    other = threading.Thread(target=stay)
    with one_blas_thread():
        other.start()
        assert is_inside.wait(20)
    assert counts() <= {1}
    may_leave.set()
    other.join(20)
    assert counts() == two_threads


class Library:
    """Replaces a BLAS library; with OpenMP each thread has a separate number of threads, two at first."""

    def __init__(self, threading_layer):
        self.threading_layer = threading_layer
        self.number = {}

    def key(self):
        return threading.get_ident() if self.threading_layer == "openmp" else 0

    def get_num_threads(self):
        return self.number.get(self.key(), 2)

    def set_num_threads(self, n):
        self.number[self.key()] = n


def in_another_thread(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join(20)
    return found[0]


def test_on_openmp_each_thread_has_its_limit():
    library = Library("openmp")
    limit = BlasLimit([library])

    def count():
        with limit.one_thread():
            inside = library.get_num_threads()
        return inside, library.get_num_threads()

    with limit.one_thread():
        assert library.get_num_threads() == 1
        assert in_another_thread(count) == (1, 2)
        assert library.get_num_threads() == 1
    assert library.get_num_threads() == 2


def test_a_thread_of_a_team_is_limited_if_each_thread_has_a_setting(monkeypatch):
    own, shared = Library("openmp"), Library("pthreads")
    monkeypatch.setattr(threads, "blas_limit", lambda: BlasLimit([own, shared]))

    def count():
        limit_this_thread()
        return own.get_num_threads(), shared.get_num_threads()

    assert in_another_thread(count) == (1, 2)
    assert own.get_num_threads() == 2


def test_a_library_that_does_not_tell_its_threads_is_left_alone():
    library = Library("pthreads")
    library.number[0] = None
    with BlasLimit([library]).one_thread():
        assert library.number == {0: None}
