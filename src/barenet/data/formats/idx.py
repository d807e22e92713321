"""Read and write IDX files, the format of MNIST and its relatives.

    byte 0     two zero bytes, the element type, the number of dimensions
    byte 4     each dimension as a big-endian uint32
    after it   the elements, big-endian, last axis fastest

The header says the length, so everything is checked before memory is taken: a damaged or hostile file gives a message
and does not fill the memory. `data.checks` checks what the arrays hold.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from barenet.data.files import MAX_BYTES, impostor
from barenet.errors import DataError
from barenet.reading.borders import open_regular, reading
from barenet.reading.limits import GZIP_MAGIC, MAX_DEFLATE_RATIO, check_memory, check_ratio, open_packed

__all__ = ["read_idx", "read_shape", "write_idx"]

ELEMENT_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_DIMENSIONS = 8
CHUNK = 2**20
# An unpacked file of so many bytes or more is mapped into memory and not read: the system then loads only the pages
# that are used, and drops them again when memory is short.
MAPPED_FROM = 2**28


def read_idx(path: str | Path, *, sha256: str | None = None) -> np.ndarray:
    """Read an IDX file, plain or gzip (told apart by content), into a C-contiguous array.

    The dtype is the file's, in native byte order: uint8, int8, int16, int32, float32 or float64. Bytes of a large
    unpacked file are mapped, read-only: the file must not change while the array is used. `sha256` is the checksum that
    the unpacked file, with its header, must have. Raises DataError for a file that is missing, damaged or not IDX, and
    MachineError where disk, memory or permissions fail.
    """
    path = Path(path)
    with reading(path):
        if path.is_dir():
            raise DataError(f"{path} is a folder: expected an IDX file")
        with opened(path) as (stream, n_stored, packed):
            return _read_stream(stream, path, n_stored, packed=packed, sha256=sha256)


def read_shape(path: Path) -> tuple[int, ...]:
    """Return the shape that the header of an IDX file says; raises as `read_idx` does."""
    with reading(path), opened(path) as (stream, _, _):
        return _read_header(stream, path)[2]


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], int, bool]]:
    """Open an IDX file; yield its bytes, unpacked, how many are stored, and whether it is packed."""
    with open_regular(path) as file:
        n_stored = os.fstat(file.fileno()).st_size
        if n_stored == 0:
            raise DataError(f"{path} is empty (0 bytes): download it again")
        packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        yield (open_packed(file, n_stored, path) if packed else file), n_stored, packed


def write_idx(path: str | Path, array: np.ndarray) -> None:
    """Write an array of one of the six element types as an IDX file; gzip when the name ends in `.gz`."""
    codes = {np.dtype(name).newbyteorder("="): (code, name) for code, name in ELEMENT_TYPES.items()}
    native = array.dtype.newbyteorder("=")
    if native not in codes or not 1 <= array.ndim <= MAX_DIMENSIONS:
        known = ", ".join(str(dtype) for dtype in codes)
        raise DataError(
            f"IDX holds 1 to {MAX_DIMENSIONS} dimensions of {known}, got {array.ndim} of {array.dtype}: "
            f"convert the array"
        )
    code, big_endian = codes[native]
    content = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    content += array.astype(big_endian).tobytes()
    Path(path).write_bytes(gzip.compress(content, mtime=0) if Path(path).suffix == ".gz" else content)


def _read_stream(stream: IO[bytes], path: Path, n_stored: int, *, packed: bool, sha256: str | None) -> np.ndarray:
    header, dtype, shape = _read_header(stream, path)
    n_bytes = math.prod(shape) * dtype.itemsize
    promise = f"{path}: its header promises {n_bytes:,} bytes of {dtype.name} in shape {shape}"
    # A zero among the dimensions must not hide that the others are impossible: NumPy would refuse them too.
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize > MAX_BYTES:
        raise DataError(f"{promise}, which cannot be right: the header is damaged, get the file again")
    n_left = n_stored - len(header)
    if not packed and n_bytes != n_left:
        fault = "the file is truncated" if n_bytes > n_left else "there are trailing bytes"
        raise DataError(f"{promise}, but {n_left:,} follow: {fault}, get the file again")
    if packed and n_bytes > n_stored * MAX_DEFLATE_RATIO:
        raise DataError(f"{promise}, more than {n_stored:,} bytes of gzip can hold: get the file again")
    if packed:
        check_ratio(n_bytes, n_stored, str(path))
    if not packed and n_bytes >= MAPPED_FROM and dtype.itemsize == 1 and sha256 is None:
        return np.asarray(np.memmap(path, dtype, mode="r", offset=len(header), shape=shape))

    check_memory(n_bytes, str(path))
    content = np.empty(n_bytes, np.uint8)
    view, filled = content.data, 0
    # In pieces, because GzipFile fills a buffer through a copy of the same size.
    while got := stream.readinto(view[filled : filled + CHUNK]):  # type: ignore[attr-defined]
        filled += got
    if filled < n_bytes:
        raise DataError(f"{promise}, but {filled:,} follow: the file is truncated, get it again")
    # Reading one more byte shows whether more bytes follow, and makes gzip compare its checksum.
    if stream.read(1):
        raise DataError(f"{promise}, but more follow: there are trailing bytes, get the file again")
    if sha256 is not None:
        digest = hashlib.sha256(header)
        digest.update(content.data)
        if digest.hexdigest() != sha256:
            raise DataError(f"{path} is not the expected file: SHA-256 {digest.hexdigest()}, expected {sha256}")
    return content.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_header(stream: IO[bytes], path: Path) -> tuple[bytes, np.dtype, tuple[int, ...]]:
    """Return the header's bytes, the big-endian element type and the shape."""
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in ELEMENT_TYPES:
        start += stream.read(60)
        if fault := impostor(start):
            raise DataError(f"{path} {fault}")
        raise DataError(
            f"{path} is not an IDX file: it begins with bytes {start[:4].hex(' ') or '(none)'}, expected "
            f"00 00, an element type (08 09 0b 0c 0d 0e) and the number of dimensions"
        )
    dtype, n_dimensions = np.dtype(ELEMENT_TYPES[start[2]]), start[3]
    if not 1 <= n_dimensions <= MAX_DIMENSIONS:
        raise DataError(
            f"{path}: its header says {n_dimensions} dimensions, expected 1 to {MAX_DIMENSIONS}: get the file again"
        )
    sizes = stream.read(4 * n_dimensions)
    if len(sizes) < 4 * n_dimensions:
        raise DataError(
            f"{path} ends after {4 + len(sizes)} bytes, inside its header of {4 + 4 * n_dimensions}: "
            f"the file is truncated, get it again"
        )
    return start + sizes, dtype, struct.unpack(f">{n_dimensions}I", sizes)
