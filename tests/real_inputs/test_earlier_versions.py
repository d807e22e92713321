"""Runs of earlier versions are resumed with data read as by those versions, also if they are read otherwise today."""

from __future__ import annotations

import numpy as np
import pytest
from families import slow_except
from PIL import Image
from told import listen

import barenet
from barenet.config.sources import build_config
from barenet.data.formats.idx import write_idx
from barenet.data.loading import load_dataset
from barenet.errors import RunError
from barenet.run_folders.checkpoint import read_state
from barenet.run_folders.run import start_run

RNG = np.random.default_rng(0)
N, SIDE = 24, 8
X, Y = RNG.integers(0, 256, (N, SIDE, SIDE), np.uint8), np.arange(N) % 3
SETTINGS = {"model.hidden_sizes": (4,), "data.n_valid": 6, "data.batch_size": 9, "schedule.name": "constant"}


@pytest.fixture(autouse=True)
def _quick(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BARENET_CACHE", str(tmp_path_factory.mktemp("cache")))


class Notes(barenet.Observer):
    """Keeps all notes."""

    def __init__(self):
        self.heard = listen()


def emnist(folder):
    """EMNIST, which was not turned upright."""
    for part in ("train", "test"):
        write_idx(folder / f"emnist-digits-{part}-images-idx3-ubyte", X)
        write_idx(folder / f"emnist-digits-{part}-labels-idx1-ubyte", Y.astype(np.uint8))
    return folder, {"transpose": False}


def deep_pictures(folder):
    """Pictures of 12 bits in 16, of which the upper 8 were kept."""
    for i in range(N):
        path = folder / "abc"[Y[i]] / f"{i:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(X[i].astype(np.uint16) * 16).save(path)
    return folder, {"value_range": (0, 65535)}


def pixel_table(folder):
    """Pixels in a table, which were features."""
    rows = np.column_stack([X.reshape(N, -1), Y])
    header = ",".join([*(f"pixel{i + 1}" for i in range(SIDE**2)), "label"])
    with (folder / "train.csv").open("w", encoding="utf-8") as file:
        np.savetxt(file, rows, "%d", ",", header=header, comments="")
    return folder, {"standardize": True}


def pixel_rows(folder):
    """Pixels in rows of an .npy file, which were features."""
    np.save(folder / "x_train.npy", X.reshape(N, -1))
    np.save(folder / "y_train.npy", Y)
    return folder, {"standardize": True}


def counted_table(folder):
    """A table whose first column counts the rows, which was a feature then, and whose last column held the labels."""
    rows = np.column_stack([np.arange(N), RNG.normal(size=N).round(3), np.arange(N) % 2, Y])
    with (folder / "t.csv").open("w", encoding="utf-8") as file:
        np.savetxt(file, rows, "%g", ",", header="id,a,class,c", comments="")
    return folder / "t.csv", {"label": "c", "keep": ["id"]}


def start(path, reading, name, epochs):
    """Train as an earlier version, which had no settings for such a reading."""
    config = build_config("quick", None, {**SETTINGS, "data.path": str(path), "trainer.epochs": epochs})
    return start_run(config, load_dataset(path, **reading), output=path.parent / "runs", name=name).folder


@pytest.mark.parametrize("make", slow_except([emnist, deep_pictures, pixel_table, pixel_rows, counted_table], emnist))
def test_a_run_goes_on_with_what_it_was_started_with(make, tmp_path):
    (tmp_path / "data").mkdir()
    path, reading = make(tmp_path / "data")
    run, whole = start(path, reading, "run", 1), start(path, reading, "whole", 2)
    assert load_dataset(path).fingerprint != read_state(run / "last.safetensors")[0].data_fingerprint
    observer = Notes()
    barenet.resume(run, epochs=2, verbose=False, observer=observer)
    assert [note for note in observer.heard if "read as by the earlier version that trained this model" in note]
    one, other = (read_state(folder / "last.safetensors")[1].arrays() for folder in (run, whole))
    assert all(np.array_equal(one[name], other[name]) for name in other)


def test_data_that_changed_are_refused_with_a_description(tmp_path):
    path, reading = counted_table(tmp_path)
    run = start(path, reading, "run", 1)
    path.write_text(path.read_text("utf-8").replace("\n0,", "\n5,", 1), "utf-8")
    observer = Notes()
    with pytest.raises(RunError, match="was started with other images or labels than these"):
        barenet.resume(run, verbose=False, observer=observer)
    assert [note for note in observer.heard if "labels from the column 'class'" in note]
