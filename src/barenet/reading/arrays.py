"""Read .npy files, and zip archives of them as np.savez writes them.

Memory for an array is taken only when its header agrees with what follows it, and no pickle is ever loaded. NumPy's
reader trusts the header: it takes the memory first, and does not read what follows the array. The format:
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import ast
import math
import os
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from barenet.errors import BarenetError, DataError
from barenet.messages import one_line
from barenet.reading.borders import open_regular
from barenet.reading.limits import MAX_DEFLATE_RATIO, check_memory, check_ratio

__all__ = ["Header", "open_archive", "read_content", "read_header", "read_member", "read_npy"]

MAGIC = b"\x93NUMPY"
MAX_HEADER = 2**16  # bytes; NumPy's reader takes 10,000
MAX_BYTES = 2**36  # 64 GiB: a header that says more is refused
MAX_AXES = 32
CHUNK = 2**20
# An array of more than LARGE bytes, packed to less than 1 / SUSPECT of its size, is unpacked twice: first to check it.
LARGE, SUSPECT = 2**26, 20
MAX_DIRECTORY = 2**22  # bytes of an archive's list of its members; in memory it takes ten times as many
AGAIN = "save it again with np.save"
AGAIN_PACKED = "save it again with np.savez_compressed"


class Header(NamedTuple):
    """The header of an array, which says how to read its bytes; `n_before`: bytes of the header."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    is_fortran: bool
    n_before: int

    @property
    def n_bytes(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize

    def promise(self, where: str) -> str:
        """Return what the header says, for a message."""
        shape = one_line(self.shape, 80)
        return f"{where}: its header promises {self.n_bytes:,} bytes of {one_line(self.dtype, 40)} in shape {shape}"


def read_header(stream: IO[bytes], where: str, again: str = AGAIN) -> Header:
    """Read the header of an array; raise DataError if it is damaged, or says that the array holds Python objects."""
    fixed = stream.read(8)
    if not fixed.startswith(MAGIC) or len(fixed) < 8:
        fault = "has a damaged header" if again == AGAIN_PACKED else "is no .npy file of numbers or text, or is damaged"
        raise DataError(f"{where} {fault}: {again}")
    length, kind = (2, "<H") if fixed[6] == 1 else (4, "<I")
    try:
        (n_text,) = struct.unpack(kind, stream.read(length))
        text = stream.read(n_text) if n_text <= MAX_HEADER else b""
        if fixed[6] not in (1, 2, 3) or len(text) != n_text:
            raise ValueError
        # Python 2 wrote an L behind large numbers.
        values = ast.literal_eval(
            re.sub(r"(?<=\d)L(?=[,) ])", "", text.decode("utf-8" if fixed[6] == 3 else "latin-1"))
        )
        shape, is_fortran = values["shape"], values["fortran_order"]
        dtype = np.lib.format.descr_to_dtype(values["descr"])
        if set(values) != {"descr", "fortran_order", "shape"} or type(is_fortran) is not bool:
            raise ValueError
        if type(shape) is not tuple or len(shape) > MAX_AXES or any(type(n) is not int for n in shape):
            raise ValueError
        if dtype.subdtype is not None:
            raise ValueError
    except Exception as error:  # literal_eval and NumPy raise many kinds, also MemoryError for deep brackets
        raise DataError(f"{where} has a damaged header: {again}") from error
    if dtype.hasobject:
        raise DataError(
            f"{where} holds Python objects (dtype {dtype}), never loaded: save numbers, or text by astype(str)"
        )
    header = Header(dtype, shape, is_fortran, 8 + length + n_text)
    # A zero among the sizes must not hide that the others are impossible.
    n_most = math.prod(max(n, 1) for n in shape) * dtype.itemsize
    if not dtype.itemsize or min(shape, default=0) < 0 or n_most > MAX_BYTES:
        raise DataError(f"{header.promise(where)}, which cannot be right: the file is damaged, get it again")
    return header


def read_content(stream: IO[bytes], header: Header, where: str) -> NDArray[Any]:
    """Read the array that follows a header; raise DataError if it is not as long as the header says."""
    check_memory(header.n_bytes, where)
    content = np.empty(header.n_bytes, np.uint8)
    view, filled = content.data, 0
    # In pieces, because a packed stream fills a buffer through a copy of the same size.
    while got := stream.readinto(view[filled : filled + CHUNK]):  # type: ignore[attr-defined]
        filled += got
    if filled < header.n_bytes:
        raise DataError(f"{header.promise(where)}, but {filled:,} follow: the file is truncated, get it again")
    if stream.read(1):
        raise DataError(f"{header.promise(where)}, but more follow: there are trailing bytes, get the file again")
    array: NDArray[Any] = content.view(header.dtype).reshape(header.shape, order="F" if header.is_fortran else "C")
    return array


def read_npy(file: Path) -> NDArray[Any]:
    """Return the array of an .npy file; raise DataError, or OSError where it cannot be opened."""
    with open_regular(file) as stream:
        return read_alone(stream, os.fstat(stream.fileno()).st_size, str(file))


def read_alone(stream: IO[bytes], n_stored: int, where: str) -> NDArray[Any]:
    """Return the array of a stream of `n_stored` bytes."""
    header = read_header(stream, where)
    if (n_held := n_stored - header.n_before) != header.n_bytes:
        fault = "the file is truncated" if n_held < header.n_bytes else "there are trailing bytes"
        raise DataError(f"{header.promise(where)}, but {n_held:,} follow: {fault}, get the file again")
    return read_content(stream, header, where)


@contextmanager
def open_archive(path: Path, kind: type[BarenetError] = DataError) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive; raise `kind` if two members have one name, or a member lies outside of its folder."""
    name = one_line(path)
    with open_regular(path, kind) as file:
        n_stored = file.seek(0, os.SEEK_END)
        file.seek(max(0, n_stored - 2**16 - 22))
        _, found, end = file.read().rpartition(b"PK\x05\x06")
        if found and len(end) >= 12 and int.from_bytes(end[8:12], "little") > MAX_DIRECTORY:
            raise kind(f"{name} has too many members, or is damaged: {AGAIN_PACKED}")
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if twice := [member for member, n in Counter(names).items() if n > 1]:
                raise kind(f"{name} holds {one_line(twice[0], 80)} twice, and only one can be meant: {AGAIN_PACKED}")
            for member in names:
                is_absolute = member.startswith(("/", "\\")) or re.match("[A-Za-z]:", member)
                if is_absolute or ".." in re.split(r"[/\\]", member):
                    raise kind(f"{name} holds a member outside of its folder, {one_line(member, 80)!r}: {AGAIN_PACKED}")
            yield archive


def read_member(
    archive: zipfile.ZipFile, key: str, where: str, n_stored: int, *, shape_alone: bool = False
) -> NDArray[Any]:
    """Read one array of an archive of `n_stored` bytes.

    With `shape_alone`, return zeros of its shape and dtype instead, which take no memory.
    """
    info = archive.getinfo(f"{key}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
        raise DataError(f"{where} is encrypted or packed in an unusual way: save it with np.savez_compressed")
    with archive.open(info) as member:
        header = read_header(member, where, AGAIN_PACKED)
        n_packed = min(info.compress_size, n_stored)
        n_most = n_packed * (MAX_DEFLATE_RATIO if info.compress_type == zipfile.ZIP_DEFLATED else 1)
        n_held = min(info.file_size, n_most) - header.n_before
        if header.n_bytes != n_held:
            raise DataError(
                f"{header.promise(where)}, but the archive holds {n_held:,}: the file is damaged, get it again"
            )
        check_ratio(info.file_size, n_packed, where)
        if shape_alone:
            return np.broadcast_to(np.zeros((), header.dtype), header.shape)
        if info.file_size > LARGE and info.file_size > SUSPECT * n_packed:
            with archive.open(info) as copy:  # checks the checksum before memory is taken
                while copy.read(CHUNK):
                    pass
        return read_content(member, header, where)
