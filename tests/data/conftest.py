"""The small data set in files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from small_files import ARRAYS, CONTENTS, USUAL_NAMES


@pytest.fixture
def folder(tmp_path: Path):
    """Return a function that fills a folder, under the usual names unless others are given."""

    def fill(contents=CONTENTS, names=USUAL_NAMES) -> Path:
        path = tmp_path / "pictures"
        path.mkdir(exist_ok=True)
        for name, content in zip(names, contents, strict=True):
            (path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return fill


@pytest.fixture
def npz(tmp_path: Path):
    """Return a function that writes an .npz file of the small arrays, some of them replaced."""

    def write(save=np.savez, **replaced) -> Path:
        save(tmp_path / "small.npz", **{**ARRAYS, **replaced})
        return tmp_path / "small.npz"

    return write
