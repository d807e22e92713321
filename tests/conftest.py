"""Small shared data: 600 blurred prototypes of four classes, 8 x 8 pixels; a network learns them in a few epochs."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import told
from odd_runs import KINDS, draw
from odd_runs import SMALL as ODD
from threadpoolctl import threadpool_limits

import barenet
from barenet.api import searching, training
from barenet.config.names import setting_path
from barenet.config.sources import build_config
from barenet.data.datasets import Dataset, from_arrays
from barenet.data.formats.idx import write_idx
from barenet.errors import DivergedError
from barenet.user_cache import cache_folder

SMALL = {"n_valid": 100, "hidden": "16,8", "batch_size": 48, "epochs": 4, "lr": 0.002, "label_smoothing": 0}
SMALL |= {"activation": "relu", "normalization": "none", "average_decay": 0.999}  # also if the recipe changes


def draw_images(n_images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    prototypes = np.random.default_rng(0).integers(0, 256, (4, 8, 8))
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n_images)
    return np.clip(prototypes[labels] / 2 + rng.normal(60, 60, (n_images, 8, 8)), 0, 255).astype(np.uint8), labels


# All test runs use the same folder of compiled kernels: to compile them takes many seconds.
os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / "kernels"))
os.environ["BARENET_LANG"] = "en"  # tests of other languages ask for them
os.environ["BARENET_ENGINE"] = "numpy"  # tests of the compiled kernels ask for them


@pytest.fixture(scope="session", autouse=True)
def temporary_cache(tmp_path_factory):
    """Decoded pictures go to a temporary folder and not to the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BARENET_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def unflushed():
    """No file is flushed to disk, which takes milliseconds; tests of flushing replace os.fsync, or watch a child."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def _forget_notes():
    """End what `told.listen` began."""
    yield
    told.forget()


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Let BLAS compute on one thread, as training does: of two, one would use the processor while it waits."""
    with threadpool_limits(1, "blas"):
        yield


def pytest_collection():
    """Switch the garbage collector off: the tests that are found now stay, and it would look at each many times."""
    gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.enable()


DRAWN = {training: "draw_learning_curves", searching: "write_search_plots"}


@pytest.fixture(scope="session", autouse=True)
def undrawn() -> dict[str, Any]:
    """Draw no pictures of runs and studies, which takes longer than to train small ones; return what draws them."""
    drawing = {name: getattr(module, name) for module, name in DRAWN.items()}
    with pytest.MonkeyPatch.context() as patch:
        for module, name in DRAWN.items():
            patch.setattr(module, name, lambda *about: None)
        yield drawing


@pytest.fixture
def with_pictures(undrawn, monkeypatch):
    """Draw the pictures of runs and studies in this test."""
    for module, name in DRAWN.items():
        monkeypatch.setattr(module, name, undrawn[name])


@pytest.fixture(scope="session")
def drafts() -> Callable[[], AbstractContextManager[None]]:
    """Return a context in which figures are prepared and saved empty: to save takes most of the time."""
    from matplotlib.figure import Figure

    def save_nothing(figure: Figure, file: IO[Any], *, format: str, **about: object) -> None:
        file.write('<svg viewBox="0 0 1 1"></svg>' if format == "svg" else b"\x89PNG")

    @contextmanager
    def drafting() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Figure, "savefig", save_nothing)
            yield

    return drafting


@pytest.fixture(scope="session")
def arrays() -> dict[str, np.ndarray]:
    """x (600, 8, 8) uint8, y, x_test (120, 8, 8), y_test."""
    x, y = draw_images(600, 1)
    x_test, y_test = draw_images(120, 2)
    return {"x": x, "y": y, "x_test": x_test, "y_test": y_test}


@pytest.fixture(scope="session")
def dataset(arrays):
    return from_arrays(**arrays)


@pytest.fixture(scope="session")
def write_data(arrays):
    """Return a function that writes the small data set, or its first training images, as four IDX files."""

    def write(folder: Path, n_train: int = 300) -> Path:
        folder.mkdir()
        write_idx(folder / "train-images-idx3-ubyte.gz", arrays["x"][:n_train])
        write_idx(folder / "train-labels-idx1-ubyte.gz", arrays["y"][:n_train].astype(np.uint8))
        write_idx(folder / "t10k-images-idx3-ubyte", arrays["x_test"])
        write_idx(folder / "t10k-labels-idx1-ubyte", arrays["y_test"].astype(np.uint8))
        return folder

    return write


@pytest.fixture(scope="session")
def make_config():
    """Settings by any name that `setting_path` knows, over the quick recipe with a small network."""

    def make(**values):
        return build_config(flags={setting_path(name): value for name, value in {**SMALL, **values}.items()})

    return make


@pytest.fixture(scope="session")
def plain():
    """Records as text, without what differs from run to run: the seconds, and the place in a stack."""

    def strip(records):
        return [json.dumps(asdict(record) | {"seconds": 0, "network": 0}) for record in records]

    return strip


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
                barenet.train(x, y, **test, output=output, name="run", **(ODD | values))
            except DivergedError:
                assert kind == "diverged"
            made[kind] = output / "run", from_arrays(x, y, **test)
        return made[kind]

    return make
