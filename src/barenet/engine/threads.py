"""The threads of NumPy's BLAS.

More threads of BLAS give other last bits. So BLAS uses one thread, and barenet has threads of its team (see `team`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from threadpoolctl import ThreadpoolController, threadpool_info

__all__ = ["BlasLimit", "find_blas", "limit_this_thread", "one_blas_thread"]


def find_blas() -> dict[str, Any]:
    """Return what threadpoolctl says about NumPy's BLAS; other libraries, such as SciPy, may have loaded another."""
    found: list[dict[str, Any]] = [info for info in threadpool_info() if info["user_api"] == "blas"]
    carried = [info for info in found if {"numpy", "numpy.libs"} & set(Path(info["filepath"]).parts[-3:])]
    return next(iter([*carried, *found]), {})


class BlasLimit:
    """Sets the loaded BLAS libraries to one thread, while any code needs it.

    Usually the setting is one for the whole process, and a server may predict in several threads at once. So the first
    user sets it, and the last user restores the old one. In OpenBLAS with OpenMP each thread has a separate setting.
    """

    def __init__(self, libraries: Sequence[Any]) -> None:
        def is_per_thread(library: Any) -> bool:
            return getattr(library, "threading_layer", "") == "openmp"

        self.shared = [library for library in libraries if not is_per_thread(library)]
        self.per_thread = [library for library in libraries if is_per_thread(library)]
        self._lock = threading.Lock()
        self._users = 0
        self._before: list[tuple[Any, int]] = []

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        """Set one thread inside, unless other code has done so, and restore the old setting after the last user."""
        before = set_one_thread(self.per_thread)
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._before = set_one_thread(self.shared)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    put_back(self._before)
            put_back(before)


def set_one_thread(libraries: Sequence[Any]) -> list[tuple[Any, int]]:
    """Set one thread, and return the libraries that had another number, with it."""
    before = [(library, n) for library in libraries if (n := library.get_num_threads()) not in (1, None)]
    put_back([(library, 1) for library, _ in before])
    return before


def put_back(numbers: Sequence[tuple[Any, int]]) -> None:
    """Set the number of threads of each library."""
    for library, n in numbers:
        # threadpoolctl ignores all threads except the first that sets a number, until that one has restored it. Here a
        # lock protects the setting, and the last user may be another thread than the first.
        take_turn = getattr(library, "clear_controlling_thread", None)  # in its newer versions
        if take_turn is not None:
            take_turn(force=True)
        library.set_num_threads(n)
        if take_turn is not None:
            take_turn(force=True)


@cache
def blas_limit() -> BlasLimit:
    """Return the limit for the BLAS libraries that were loaded at the first call.

    Finding them takes some milliseconds; threadpoolctl's `limit` takes 22 µs each time, this takes 10.
    """
    return BlasLimit(ThreadpoolController().select(user_api="blas").lib_controllers)


def one_blas_thread() -> AbstractContextManager[None]:
    """Let BLAS use one thread inside, and as many as before afterwards."""
    return blas_limit().one_thread()


def limit_this_thread() -> None:
    """Let BLAS use one thread in the calling thread, until it ends, if each thread has a separate setting."""
    set_one_thread(blas_limit().per_thread)
