"""Files of arrays in the layout of Keras, whole and damaged."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from families import full_except
from small_files import ARRAYS, TRAIN_IMAGES, TRAIN_PIXELS, X_TEST, Y_TEST, X, Y, check_is_the_small_one, message_of
from told import listen

from barenet.data.datasets import from_arrays
from barenet.data.loading import load_dataset
from barenet.errors import DataError


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_file_in_the_layout_of_keras_is_read(npz, save):
    check_is_the_small_one(load_dataset(npz(save)), "small.npz")


def test_labels_in_a_column_and_images_in_fortran_order_are_read(npz):
    path = npz(x_train=np.asfortranarray(X), y_train=Y[:, None].astype(np.uint8))
    check_is_the_small_one(load_dataset(path), "small.npz")


def test_an_npz_file_without_the_keys_says_which(tmp_path):
    np.savez(tmp_path / "other.npz", x_train=X, note=Y)
    message_of(lambda: load_dataset(tmp_path / "other.npz"), "lacks y_train: found x_train, note; expected x_train")


def test_two_arrays_that_may_be_the_same_are_named(tmp_path):
    np.savez(tmp_path / "other.npz", x_train=X, images=X, labels=Y)
    message_of(lambda: load_dataset(tmp_path / "other.npz"), "holds x_train, images, which may all be the train images")


def test_images_without_labels_are_named(npz):
    path = npz(x_val=X)
    message_of(lambda: load_dataset(path), f"{path} holds x_val without labels to it")


def test_a_line_break_in_a_name_does_not_break_the_message(tmp_path):
    np.savez(tmp_path / "other.npz", **{"two\nlines": X})
    message_of(lambda: load_dataset(tmp_path / "other.npz"), r"'two\nlines'")


def test_arrays_of_python_objects_are_never_loaded(npz):
    path = npz(y_train=np.array([0, 1, None, "x"], dtype=object))
    message_of(lambda: load_dataset(path), f"y_train in {path} holds Python objects (dtype object)")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty (0 bytes)"),
        (b"<html>404</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"a,b,c\n1,2,3\n", "is no file that barenet reads (it begins with 'a,b,c"),
        (b"PK\x03\x04" + bytes(100), "truncated or damaged"),
        (b"\x93NUMPY" + bytes(100), "np.savez"),
        (TRAIN_IMAGES, "is a single IDX file: give the folder with all four"),
        (gzip.compress(TRAIN_IMAGES, mtime=0), "is packed with gzip, and inside it is a single IDX file"),
    ],
)
def test_a_file_that_is_no_npz_is_recognised(tmp_path, content, fault):
    path = tmp_path / "mnist.npz"
    path.write_bytes(content)
    message_of(lambda: load_dataset(path), f"{path} ", fault)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_truncated_npz_is_damaged(npz, save):
    path = npz(save)
    path.write_bytes(path.read_bytes()[:-40])
    message_of(lambda: load_dataset(path), path, "damaged")


def test_a_flipped_byte_in_an_npz_is_damaged(npz):
    path = npz()
    content = path.read_bytes()
    assert content.count(TRAIN_PIXELS) == 1
    path.write_bytes(content.replace(TRAIN_PIXELS, bytes([99]) + TRAIN_PIXELS[1:]))
    message_of(lambda: load_dataset(path), path, "damaged")


@pytest.mark.slow
@pytest.mark.parametrize("save", full_except([np.savez, np.savez_compressed], np.savez))
def test_each_flipped_byte_of_an_npz_gives_data_or_a_one_line_error(npz, save):
    path = npz(save)
    content = path.read_bytes()
    fingerprints, messages, notes = set(), [], listen()
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        notes.clear()
        try:
            fingerprint = load_dataset(path).fingerprint
        except DataError as error:
            messages.append(str(error))
            continue
        # If the archive's list of files ends early, the test part is missing, which is noted.
        if not any("has no test part" in note for note in notes):
            fingerprints.add(fingerprint)
    assert not any("\n" in message for message in messages)
    # Flips in time stamps and the like pass, which do not change the arrays.
    assert fingerprints == {from_arrays(X, Y, X_TEST, Y_TEST).fingerprint}
    assert len(messages) > len(content) / 2


def test_an_encrypted_member_is_refused(npz):
    path = npz()
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")  # the first entry of the directory; its flags are 8 bytes on
    path.write_bytes(content[: start + 8] + bytes([content[start + 8] | 1]) + content[start + 9 :])
    message_of(lambda: load_dataset(path), f"x_train in {path} is encrypted")


def test_a_member_that_only_begins_like_a_key_does_not_count(tmp_path):
    with zipfile.ZipFile(tmp_path / "small.npz", "w") as archive:
        archive.writestr("x_train", b"")
    message_of(lambda: load_dataset(tmp_path / "small.npz"), "is a zip archive of 1 file (x_train): unpack it")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    message_of(lambda: load_dataset(tmp_path / "pipe"), tmp_path / "pipe", "is a pipe, not a file")


def npy(header: str, elements: bytes) -> bytes:
    """Pack an .npy file by hand, as version 1.0 of its format describes it."""
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode() + elements


def write_npz(path: Path, x_train: bytes, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("x_train.npy", x_train)
        for key in ("y_train", "x_test", "y_test"):
            buffer = io.BytesIO()
            np.save(buffer, ARRAYS[key])
            archive.writestr(f"{key}.npy", buffer.getvalue())
    return path


@pytest.mark.parametrize(
    ("shape", "n_promised"),
    [("(4, 2, 30)", "240 bytes"), ("(4, 2, 2)", "16 bytes"), ("(60000, 1000, 1000)", "60,000,000,000 bytes")],
)
def test_an_npz_header_that_promises_another_length_takes_no_memory(tmp_path, shape, n_promised):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n"
    path = write_npz(tmp_path / "small.npz", npy(header, TRAIN_PIXELS))
    tracemalloc.start()
    try:
        message_of(lambda: load_dataset(path), f"x_train in {path}", n_promised, "the archive holds 24", "damaged")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize("shape", ["(4, -2, 3)", f"({2**40}, {2**40})", f"(0, {2**40})"])
def test_an_npz_header_with_an_impossible_shape_is_refused(tmp_path, shape):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}\n"
    path = write_npz(tmp_path / "small.npz", npy(header, TRAIN_PIXELS))
    message_of(lambda: load_dataset(path), f"x_train in {path}", shape, "cannot be right")


def test_an_npz_whose_directory_lies_about_its_length_takes_no_memory(tmp_path):
    """Header and directory agree on 4 GB, which the few bytes in the file cannot hold."""
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 1000, 1000000)}\n"
    member = npy(header, TRAIN_PIXELS)
    path = write_npz(tmp_path / "small.npz", member, zipfile.ZIP_STORED)
    claimed = len(member) - len(TRAIN_PIXELS) + 4_000_000_000
    content, sizes = path.read_bytes(), struct.pack("<2I", len(member), len(member))
    assert content.count(sizes) == 2  # beside the member and in the directory
    path.write_bytes(content.replace(sizes, struct.pack("<2I", claimed, claimed)))
    tracemalloc.start()
    try:
        # Later patch releases of Python notice that such members overlap; with earlier ones barenet notices it.
        message = message_of(lambda: load_dataset(path), path, "damaged")
        assert "4,000,000,000 bytes" in message or "Overlapped entries" in message
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize("member", [b"", b"no header", npy("{'descr': 'u1'}\n", b""), npy("__import__('os')\n", b"")])
def test_a_member_without_a_sound_header_is_refused(tmp_path, member):
    path = write_npz(tmp_path / "small.npz", member)
    message_of(lambda: load_dataset(path), f"x_train in {path} has a damaged header")


def test_a_member_packed_in_an_unusual_way_is_refused(tmp_path):
    path = write_npz(tmp_path / "small.npz", npy("", b""), zipfile.ZIP_BZIP2)
    message_of(lambda: load_dataset(path), f"x_train in {path}", "unusual way")
