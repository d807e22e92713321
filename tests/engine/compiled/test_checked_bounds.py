"""With BARENET_CHECK_BOUNDS every load and store of a vector is checked, for networks of unusual sizes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")
pytestmark = [pytest.mark.extra, pytest.mark.full]


@pytest.fixture(scope="module")
def told():
    """What `checked_cases` prints, line by line."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("checked_cases.py"))],
        env=os.environ | {"BARENET_CHECK_BOUNDS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_odd_networks_stay_within_their_arrays(told):
    assert int(told[0]) == 5 * 3 * 5 * 3 + 5 * 5


@pytest.mark.parametrize(
    "name",
    [
        "values",
        "gradients",
        "transposed",
    ],
)
def test_an_array_that_is_too_small_is_an_error(told, name):
    (error,) = [line for line in told[1:] if line.startswith(name)]
    assert "outside" in error
