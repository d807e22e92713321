"""The IDX reader turns bytes that were packed by hand into arrays or one-line errors."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import tracemalloc
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from barenet.data.formats.idx import read_idx, write_idx
from barenet.errors import DataError, MachineError

# Two images of 2 x 3 pixels.
PIXELS = bytes(range(12))
UBYTE_IMAGES = b"\0\0\x08\x03" + struct.pack(">3I", 2, 2, 3) + PIXELS


def message_of(path: Path, *fragments: str, error: type[Exception] = DataError) -> str:
    """Read `path`, which must fail in one line that names the file and every fragment."""
    with pytest.raises(error) as caught:
        read_idx(path)
    message = str(caught.value)
    assert "\n" not in message
    for fragment in (str(path), *fragments):
        assert fragment in message
    return message


@pytest.fixture
def written(tmp_path: Path):
    """Return a function that writes bytes to a file and returns its path."""

    def write(content: bytes, name: str = "some-idx") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    ("code", "pack", "dtype", "values"),
    [
        (0x08, ">3B", "uint8", [0, 200, 255]),
        (0x09, ">3b", "int8", [-128, 0, 127]),
        (0x0B, ">3h", "int16", [-32768, 258, 32767]),
        (0x0C, ">3i", "int32", [-(2**31), 16909060, 2**31 - 1]),
        (0x0D, ">3f", "float32", [-1.5, 0.25, 3.0e38]),
        (0x0E, ">3d", "float64", [-1.5, 0.1, 1.0e300]),
    ],
)
def test_each_element_type_is_read_big_endian_and_returned_native(written, code, pack, dtype, values):
    path = written(bytes([0, 0, code, 1]) + struct.pack(">I", 3) + struct.pack(pack, *values))
    array = read_idx(path)
    assert array.dtype == np.dtype(dtype)
    assert array.dtype.isnative
    assert array.flags.c_contiguous
    assert array.tolist() == np.array(values, dtype).tolist()


def test_the_last_dimension_runs_fastest(written):
    expected = [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
    assert read_idx(written(UBYTE_IMAGES)).tolist() == expected


def test_gzip_is_recognised_by_content_and_not_by_name(written):
    packed_without_suffix = written(gzip.compress(UBYTE_IMAGES), "images")
    plain_with_suffix = written(UBYTE_IMAGES, "images.gz")
    assert read_idx(packed_without_suffix).tobytes() == PIXELS
    assert read_idx(plain_with_suffix).tobytes() == PIXELS


def test_gzip_of_several_members_is_read_as_one(written):
    path = written(gzip.compress(UBYTE_IMAGES[:20]) + gzip.compress(UBYTE_IMAGES[20:]))
    assert read_idx(path).tobytes() == PIXELS


def test_an_array_larger_than_one_chunk_arrives_whole(written):
    pixels = np.random.default_rng(0).integers(0, 256, 3_000_001, dtype=np.uint8).tobytes()
    path = written(gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", len(pixels)) + pixels, compresslevel=1))
    assert read_idx(path).tobytes() == pixels


@pytest.mark.slow
@given(
    array=st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8", ">f4", "<i4"]).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(max_dims=4, min_side=0, max_side=5))
    ),
    suffix=st.sampled_from(["", ".gz"]),
)
def test_what_is_written_is_read_back_bit_for_bit(tmp_path_factory, array, suffix):
    path = tmp_path_factory.getbasetemp() / f"round-trip{suffix}"
    write_idx(path, array)
    back = read_idx(path)
    native = array.astype(array.dtype.newbyteorder("="))
    assert (back.shape, back.dtype, back.tobytes()) == (native.shape, native.dtype, native.tobytes())


def test_written_bytes_are_those_packed_by_hand(tmp_path):
    write_idx(tmp_path / "images", np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    assert (tmp_path / "images").read_bytes() == UBYTE_IMAGES


@pytest.mark.parametrize("array", [np.zeros(3, np.int64), np.float32(1.0), np.zeros(2, complex)])
def test_an_array_that_idx_cannot_hold_is_refused(tmp_path, array):
    with pytest.raises(DataError, match=str(array.dtype)):
        write_idx(tmp_path / "images", np.asarray(array))


def test_the_checksum_covers_header_and_elements(written):
    path = written(gzip.compress(UBYTE_IMAGES))
    assert read_idx(path, sha256=hashlib.sha256(UBYTE_IMAGES).hexdigest()).shape == (2, 2, 3)
    with pytest.raises(DataError, match="is not the expected file") as caught:
        read_idx(path, sha256=hashlib.sha256(PIXELS).hexdigest())
    assert hashlib.sha256(UBYTE_IMAGES).hexdigest() in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    message_of(tmp_path / "absent", "does not exist")


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    message_of(tmp_path, "is a folder")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    message_of(tmp_path / "pipe", "is a pipe, not a file")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty (0 bytes)"),
        (b"\n <!DOCTYPE html>\n<html><body>404</body></html>", "web page"),
        (b"\xef\xbb\xbf<HTML>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "git lfs pull"),
        (b"PK\x03\x04" + bytes(30), "zip archive"),
        (b"\x93NUMPY\x01\0" + bytes(30), "NumPy array"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "single picture"),
        (gzip.compress(UBYTE_IMAGES, mtime=0), "compressed twice"),
    ],
)
def test_files_that_are_not_data_are_recognised_packed_or_not(written, content, fault):
    if not content.startswith(b"\x1f\x8b"):
        message_of(written(content), fault)
    if content:
        message_of(written(gzip.compress(content)), fault)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\x08\x03\0\0" + UBYTE_IMAGES[4:], "08 03 00 00"),
        (b"\0\0\x0a\x03" + UBYTE_IMAGES[4:], "00 00 0a 03"),
        (b"\0\x01\x08\x03" + UBYTE_IMAGES[4:], "00 01 08 03"),
        (b"\0\0", "00 00"),
    ],
)
def test_a_bad_magic_number_is_shown(written, content, found):
    message_of(written(content), "not an IDX file", f"bytes {found},")


@pytest.mark.parametrize("n_dimensions", [0, 9, 255])
def test_an_impossible_number_of_dimensions_is_shown(written, n_dimensions):
    message_of(written(bytes([0, 0, 8, n_dimensions]) + bytes(2000)), f"{n_dimensions} dimensions", "1 to 8")


def test_a_file_that_ends_inside_its_header_is_truncated(written):
    message_of(written(UBYTE_IMAGES[:11]), "11 bytes", "header of 16", "truncated")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_too_few_elements_are_counted(written, pack):
    message_of(written(pack(UBYTE_IMAGES[:-5])), "12 bytes of uint8 in shape (2, 2, 3)", "but 7 follow", "truncated")


def test_trailing_bytes_are_counted_where_the_size_is_known(written):
    message_of(written(UBYTE_IMAGES + b"xyz"), "12 bytes", "but 15 follow", "trailing bytes")


def test_trailing_bytes_inside_gzip_are_refused(written):
    message_of(written(gzip.compress(UBYTE_IMAGES + b"x")), "12 bytes", "trailing bytes")


def test_trailing_bytes_after_gzip_are_refused(written):
    message_of(written(gzip.compress(UBYTE_IMAGES) + b"garbage"), "damaged")


@pytest.mark.parametrize("n_kept", [2, 10, 20, -8, -1])
def test_truncated_gzip_is_recognised(written, n_kept):
    message_of(written(gzip.compress(UBYTE_IMAGES)[:n_kept]), "truncated or damaged")


@pytest.mark.parametrize("position", [12, -8, -4])
def test_a_flipped_byte_in_gzip_is_recognised(written, position):
    """In the deflated data, in the CRC and in the length."""
    packed = bytearray(gzip.compress(UBYTE_IMAGES))
    packed[position] ^= 0xFF
    message_of(written(bytes(packed)), "truncated or damaged")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (0, 2**32 - 1, 2**32 - 1), (2**32 - 1,) * 8])
def test_dimensions_whose_product_is_impossible_are_refused(written, pack, shape):
    header = bytes([0, 0, 0x0E, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    message_of(written(pack(header)), str(shape), "cannot be right")


def test_a_small_gzip_that_promises_more_than_gzip_can_hold_takes_no_memory(written):
    path = written(gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 2**32 - 1) + PIXELS))
    tracemalloc.start()
    try:
        message_of(path, "4,294,967,295 bytes", "gzip can hold")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20


def test_a_gzip_bomb_is_read_no_further_than_its_header_allows(written):
    path = written(gzip.compress(UBYTE_IMAGES + bytes(100_000_000), compresslevel=1))
    tracemalloc.start()
    try:
        message_of(path, "12 bytes", "trailing bytes")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_a_machine_that_cannot_read_the_file_is_not_called_bad_data(written, monkeypatch, error):
    path = written(UBYTE_IMAGES)

    def refuse(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(Path, "open", refuse)
    message_of(path, error.strerror, error=MachineError)


def test_too_little_memory_is_a_machine_error(written, monkeypatch):
    path = written(UBYTE_IMAGES)

    def refuse(*_args, **_kwargs):
        raise MemoryError

    monkeypatch.setattr(np, "empty", refuse)
    message_of(path, "memory", error=MachineError)


def test_bytes_of_a_large_unpacked_file_are_mapped_and_not_read(written, monkeypatch):
    read = read_idx(written(UBYTE_IMAGES))
    assert read.base is None or not isinstance(read.base, np.memmap)
    monkeypatch.setattr("barenet.data.formats.idx.MAPPED_FROM", len(PIXELS))
    mapped = read_idx(written(UBYTE_IMAGES))
    assert isinstance(mapped.base, np.memmap)
    assert not mapped.flags.writeable
    np.testing.assert_array_equal(mapped, read)
    np.testing.assert_array_equal(read_idx(written(gzip.compress(UBYTE_IMAGES))), read)
    message_of(written(UBYTE_IMAGES[:-1]), "truncated")
