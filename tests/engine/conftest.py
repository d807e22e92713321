"""Both engines, for tests that both must pass."""

from __future__ import annotations

import pytest
from engines import ENGINES


@pytest.fixture(params=ENGINES)
def kind(request):
    """Which engine takes the steps; skipped without Numba."""
    if request.param == "compiled":
        pytest.importorskip("numba")
    return request.param
