"""Arrays are read as NumPy reads them, and only if the file is as long as the header says."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from barenet.errors import DataError
from barenet.reading.arrays import open_archive, read_npy

ARRAYS = [
    np.arange(6, dtype=np.uint8).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(3, dtype=">f4"),
    np.float64(2.5).reshape(()),
    np.array(["a", "ö"]),
    np.zeros((0, 4)),
    np.array([True, False]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=str)
def test_an_array_is_read_as_numpy_reads_it(array, tmp_path):
    np.save(tmp_path / "own.npy", array)
    read = read_npy(tmp_path / "own.npy")
    np.testing.assert_array_equal(read, np.load(tmp_path / "own.npy"))
    assert (read.dtype, read.shape, read.flags.f_contiguous) == (array.dtype, array.shape, array.flags.f_contiguous)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_all_versions_of_the_header_are_read(version, tmp_path):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.arange(4), version)
    (tmp_path / "own.npy").write_bytes(file.getvalue())
    assert read_npy(tmp_path / "own.npy").tolist() == [0, 1, 2, 3]


def test_the_long_numbers_of_python_2_are_read(tmp_path):
    np.save(tmp_path / "own.npy", np.arange(4))
    content = (tmp_path / "own.npy").read_bytes()
    (tmp_path / "own.npy").write_bytes(content.replace(b"(4,) ", b"(4L,)", 1).replace(b"(4,), } ", b"(4L,), }", 1))
    assert read_npy(tmp_path / "own.npy").tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda own: own + b"\0", "trailing bytes"),
        (lambda own: own[:-1], "truncated"),
        (lambda own: own.replace(b"(4,)", b"(9" + b"9" * 3 + b",)")[: len(own)], "promises"),
        (lambda own: own.replace(b"<i8", b"|O8"), "Python objects|damaged header"),
        (lambda own: own.replace(b"(4,)", b"((((")[: len(own)], "damaged header"),
        (lambda own: own.replace(b"(4,)", b"(-4)"), "damaged header"),
        (lambda own: b"", "is no .npy file"),
    ],
)
def test_a_file_that_is_not_as_its_header_says_is_refused(change, fault, tmp_path):
    np.save(tmp_path / "own.npy", np.arange(4))
    (tmp_path / "own.npy").write_bytes(change((tmp_path / "own.npy").read_bytes()))
    with pytest.raises(DataError, match=fault):
        read_npy(tmp_path / "own.npy")


@pytest.mark.parametrize("name", ["../x.npy", "/x.npy", "a/../../x.npy", "C:/x.npy"])
def test_a_member_outside_of_its_folder_is_refused(name, tmp_path):
    with zipfile.ZipFile(tmp_path / "own.npz", "w") as archive:
        archive.writestr(name, b"")
    with pytest.raises(DataError, match="outside of its folder"), open_archive(tmp_path / "own.npz"):
        pass


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_comes_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "own.npz", "w") as archive:
        archive.writestr("x.npy", b"1")
        archive.writestr("x.npy", b"2")
    with pytest.raises(DataError, match=r"holds x\.npy twice"), open_archive(tmp_path / "own.npz"):
        pass
