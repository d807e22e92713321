"""The data that workers map into memory: networks do not train on data that are damaged during a search."""

from __future__ import annotations

import pytest

from barenet.errors import MachineError
from barenet.tuning.space.points import Base
from barenet.tuning.workers import shared_data
from barenet.tuning.workers.shared_data import share_data


@pytest.fixture
def shared(dataset, tmp_path):
    """Data in a folder, which no worker has opened yet."""
    resolved, data = Base("quick", {"data.n_valid": 100}).prepare(dataset, "acc")
    shared = share_data(tmp_path / ".data", data, resolved, has_path=False)
    return shared, data, tmp_path / ".data"


def test_a_worker_maps_what_was_shared(shared):
    shared, data, _ = shared
    found = shared.load()
    assert found.fingerprint == data.fingerprint
    assert found.class_names == data.class_names
    assert (found.images == data.images).all()
    assert (found.valid_labels == data.valid_labels).all()


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "about.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "none", "nonsense"])
def test_shared_data_that_are_damaged_are_not_trained_on(name, damage, shared):
    shared, _, folder = shared
    path = folder / name
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    contents = {"flip": data, "cut": data[: len(data) // 2], "none": b"", "nonsense": b"[" * 5_000}
    path.write_bytes(contents[damage])
    with pytest.raises(MachineError, match=r"the data for the workers in .* (cannot be read|are damaged)") as error:
        shared.load()
    assert "\n" not in str(error.value)


def test_forgotten_data_are_neither_on_disk_nor_open(shared):
    shared, _, folder = shared
    shared.open()
    shared_data.forget_data(folder)
    assert not folder.exists()
    assert not shared_data._opened
