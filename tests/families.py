"""Families of tests that differ in one value: a few run by default, others with the slow or the full tests.

Hundreds of quick cases are one test, since pytest takes longer for a test than such a case does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


def slow_except(values: Iterable[Any], *quick: Any) -> list[Any]:
    """Return the values to parametrise by; those that are not among `quick` are marked as slow."""
    values = list(values)
    assert all(value in values for value in quick), f"{quick} are not all in {values}"
    return [value if value in quick else slow(value) for value in values]


def full_except(values: Iterable[Any], *kept: Any) -> list[Any]:
    """Return the values to parametrise by; those that are not among `kept` are marked as full."""
    values = list(values)
    assert all(value in values for value in kept), f"{kept} are not all in {values}"
    return [value if value in kept else full(value) for value in values]


def full(value: Any) -> Any:
    """Return one value, or a tuple of several, whose test is full."""
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.full)


def slow(value: Any) -> Any:
    """Return one value, or a tuple of several, whose test is slow."""
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.slow)


@contextmanager
def case(*about: object) -> Iterator[None]:
    """Name one case of a test that has several, if it fails."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"in the case {', '.join(map(str, about))}")
        raise
