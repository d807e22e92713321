"""The threads of NumPy's BLAS.

More threads of BLAS give other bits in the last place. So BLAS has one, and the threads are ours (see `team`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from threadpoolctl import ThreadpoolController, threadpool_info

__all__ = ["find_blas", "one_blas_thread"]


def find_blas() -> dict[str, Any]:
    """Return what threadpoolctl tells of NumPy's BLAS: other libraries, such as SciPy, may have loaded another."""
    found: list[dict[str, Any]] = [info for info in threadpool_info() if info["user_api"] == "blas"]
    carried = [info for info in found if {"numpy", "numpy.libs"} & set(Path(info["filepath"]).parts[-3:])]
    return next(iter([*carried, *found]), {})


class BlasLimit:
    """One thread for the BLAS libraries that are loaded, while anybody needs it.

    The setting belongs to the process. So the first who needs it sets it, and the last puts the old one back: a server
    may predict in several threads at once.
    """

    def __init__(self) -> None:
        # To find the libraries takes some milliseconds. threadpoolctl's `limit` takes 22 µs each time, this 6.
        self.libraries = ThreadpoolController().select(user_api="blas").lib_controllers
        self._lock = threading.Lock()
        self._users = 0
        self._before: list[int | None] = []

    def enter(self) -> None:
        """Set one thread, unless somebody else has."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._before = [library.get_num_threads() for library in self.libraries]
                self._set([None if n == 1 else 1 for n in self._before])

    def leave(self) -> None:
        """Put back what was set before, unless somebody else still needs one thread."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._set([None if n == 1 else n for n in self._before])

    def _set(self, numbers: list[int | None]) -> None:
        for library, n in zip(self.libraries, numbers, strict=True):
            if n is not None:
                library.set_num_threads(n)


@cache
def blas_limit() -> BlasLimit:
    """Return the limit for the BLAS libraries that were loaded when it was first asked for."""
    return BlasLimit()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS use one thread inside, and as many as before afterwards."""
    limit = blas_limit()
    limit.enter()
    try:
        yield
    finally:
        limit.leave()
