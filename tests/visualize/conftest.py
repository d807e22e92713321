"""Small finished runs of many kinds to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from odd_runs import KINDS, SMALL, draw

import barenet
from barenet.data.datasets import Dataset, from_arrays
from barenet.errors import DivergedError


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """Return a function from a name in KINDS to the folder of such a run and its data, trained once."""
    made: dict[str, tuple[Path, Dataset]] = {}

    def make(kind: str) -> tuple[Path, Dataset]:
        if kind not in made:
            shape, n_classes, values = KINDS[kind]
            dtype = np.float32 if kind == "floats" else np.uint8
            x, y = draw(shape, n_classes, 400, 1, dtype)
            test = (
                {}
                if kind == "untested"
                else dict(zip(("x_test", "y_test"), draw(shape, n_classes, 120, 2, dtype), strict=True))
            )
            output = tmp_path_factory.mktemp("runs")
            try:
                barenet.train(x, y, **test, output=output, name="run", **(SMALL | values))
            except DivergedError:
                assert kind == "diverged"
            made[kind] = output / "run", from_arrays(x, y, **test)
        return made[kind]

    return make
