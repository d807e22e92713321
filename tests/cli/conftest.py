"""What the tests of commands share."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

from barenet.data.formats.idx import write_idx


@pytest.fixture(scope="session")
def data(tmp_path_factory, arrays) -> Path:
    """A folder of four small IDX files."""
    folder = tmp_path_factory.mktemp("data") / "small"
    folder.mkdir()
    write_idx(folder / "train-images-idx3-ubyte.gz", arrays["x"][:300])
    write_idx(folder / "train-labels-idx1-ubyte.gz", arrays["y"][:300].astype(np.uint8))
    write_idx(folder / "t10k-images-idx3-ubyte", arrays["x_test"])
    write_idx(folder / "t10k-labels-idx1-ubyte", arrays["y_test"].astype(np.uint8))
    return folder


@pytest.fixture(autouse=True)
def interruptible():
    """Let commands see Ctrl-C, also where the tests themselves run in the background, where shells switch it off."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
