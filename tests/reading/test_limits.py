"""A packed file that unpacks to far more than data do is refused, also if it gives a wrong length."""

from __future__ import annotations

import gzip
import io

import pytest

from barenet.errors import DataError, MachineError
from barenet.reading import limits
from barenet.reading.limits import check_memory, check_ratio, open_packed


def test_a_packed_file_is_read_whole():
    content = bytes(range(256)) * 1000
    packed = gzip.compress(content)
    assert open_packed(io.BytesIO(packed), len(packed), "own.gz").read() == content


def test_a_file_that_unpacks_to_too_much_is_refused_by_the_length_at_its_end(monkeypatch):
    monkeypatch.setattr(limits, "FREE", 1000)
    packed = gzip.compress(bytes(10**6))
    with pytest.raises(DataError, match=r"^own\.gz unpacks to 1 MB from "):
        open_packed(io.BytesIO(packed), len(packed), "own.gz")


def test_a_file_that_gives_a_wrong_length_is_refused_while_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(limits, "FREE", 1000)
    packed = gzip.compress(bytes(10**6))[:-4] + b"\x01\0\0\0"
    with pytest.raises(DataError, match=r"unpacks to .* data never do"):
        open_packed(io.BytesIO(packed), len(packed), "own.gz").read()


def test_data_that_pack_well_are_read():
    check_ratio(200 * 2**24, 2**24, "own.npz")


def test_an_array_that_memory_cannot_hold_is_refused_before_it_is_made(monkeypatch, tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:  1000000 kB\n", "ascii")
    monkeypatch.setattr(limits, "MEMORY", tmp_path / "meminfo")
    check_memory(10**9, "own.npy")
    with pytest.raises(MachineError, match=r"^own\.npy takes 2 GB of memory, and 1\.02 GB are free"):
        check_memory(2 * 10**9, "own.npy")
