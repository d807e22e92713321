"""Families of tests that differ in one value: one or a few run by default, all of them with the slow tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slow_except(values: Iterable[Any], *quick: Any) -> list[Any]:
    """Return the values to parametrise by; those that are not among `quick` are marked as slow."""
    values = list(values)
    assert all(value in values for value in quick), f"{quick} are not all in {values}"
    return [value if value in quick else slow(value) for value in values]


def slow(value: Any) -> Any:
    """Return one value, or a tuple of several, whose test is slow."""
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.slow)
