"""How much a packed file may unpack to, and how much memory an array may take.

Useful data unpack to a few times their size. A file that unpacks to hundreds of times its size repeats the same bytes,
and is made to fill the memory of the computer that opens it.
"""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path
from typing import IO, Any

from barenet.errors import BarenetError, DataError, MachineError
from barenet.messages import one_line

__all__ = ["GZIP_MAGIC", "MAX_DEFLATE_RATIO", "Lines", "check_memory", "check_ratio", "open_packed"]

GZIP_MAGIC = b"\x1f\x8b"
FREE = 2**25  # bytes that any file may unpack to
# To more bytes a file may unpack only if they are at most so many times its size. Float64 images in which one pixel of
# a thousand is not zero reach about 200, zeros alone 1,000.
MOST_RATIO = 400
LARGE = 2**28  # for an array of so many bytes or more the free memory is checked
PART = 2**16
MAX_LINE = 2**23  # characters of a line of text: a million numbers
# Deflate, the compression inside gzip and zip, spends at least 2 bits on 258 bytes: nothing inflates further.
MAX_DEFLATE_RATIO = 1032
MEMORY = Path("/proc/meminfo")


def check_ratio(n_unpacked: int, n_packed: int, where: str, kind: type[BarenetError] = DataError) -> None:
    """Raise `kind` for a file that unpacks to far more bytes than data do."""
    if n_unpacked > max(FREE, MOST_RATIO * n_packed):
        raise kind(
            f"{where} unpacks to {in_words(n_unpacked)} from {in_words(n_packed)}, more than {MOST_RATIO} times as "
            f"much, as data never do: get it again, or unpack it yourself and give that"
        )


def check_memory(n_bytes: int, where: str) -> None:
    """Raise MachineError for an array larger than the free memory, where the system says how much is free."""
    if n_bytes < LARGE:
        return
    try:
        lines = MEMORY.read_text("ascii").splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):  # another system
        return
    if n_bytes > free:
        raise MachineError(
            f"{where} takes {in_words(n_bytes)} of memory, and {in_words(free)} are free: take a smaller data set"
        )


def open_packed(file: IO[bytes], n_packed: int, where: object, kind: type[BarenetError] = DataError) -> IO[bytes]:
    """Return what a gzip file holds, as a stream that raises `kind` once it has given more than `check_ratio` allows.

    The length at the end of the file is checked first, though it may be false.
    """
    name = one_line(where)
    file.seek(-4, io.SEEK_END)
    (told,) = struct.unpack("<I", file.read(4)) if n_packed > 4 else (0,)
    file.seek(0)
    check_ratio(min(told, MAX_DEFLATE_RATIO * n_packed), n_packed, name, kind)
    return io.BufferedReader(Unpacked(file, n_packed, name, kind), PART)


class Unpacked(io.RawIOBase):
    """The bytes inside a gzip file, counted."""

    def __init__(self, file: IO[bytes], n_packed: int, name: str, kind: type[BarenetError]) -> None:
        self.stream = gzip.GzipFile(fileobj=file)
        self.n_packed, self.name, self.kind = n_packed, name, kind
        self.n_unpacked = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there are bytes; bytes that are read again are counted again."""
        n: int = self.stream.readinto(buffer)
        self.n_unpacked += n
        check_ratio(self.n_unpacked, self.n_packed, self.name, self.kind)
        return n

    def close(self) -> None:
        """Close the stream; the caller closes the file itself."""
        self.stream.close()
        super().close()


class Lines(io.TextIOWrapper):
    """The lines of a text; a line that is too long for a table raises DataError before all of it is in memory."""

    def __next__(self) -> str:  # type: ignore[override]
        """Return the next line."""
        line = self.readline(MAX_LINE)
        if not line:
            raise StopIteration
        if len(line) == MAX_LINE:
            raise DataError(f"it has a line of {MAX_LINE:,} characters or more, no table has one: is it another file?")
        return line


def in_words(n_bytes: int) -> str:
    """Return a size in the unit that suits it.

    >>> in_words(2_070_000_000), in_words(2_000_000), in_words(900)
    ('2.07 GB', '2 MB', '900 bytes')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.3g} {unit}"
    return f"{n_bytes} bytes"
