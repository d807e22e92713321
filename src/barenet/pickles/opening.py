"""Open the files of the course project, `.pkl` or `.json`, and pickled data, so that a wrong one costs a message alone.

What they hold is left to `reader` and `barenet.course_files`.
"""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from barenet.errors import CheckpointError, MachineError
from barenet.messages import one_line

__all__ = ["open_data_file", "open_model_file"]

MAX_FILE = 2**30
MAX_DATA = 2**33  # CIFAR-100 has 0.15 GB, MNIST as floats 0.22 GB
GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 2**20


@contextmanager
def open_model_file(path: str | Path, max_size: int = MAX_FILE) -> Iterator[tuple[IO[bytes], int]]:
    """Open a regular file of 1 to `max_size` bytes; yield it and its size.

    Raises CheckpointError, or MachineError where disk, memory or permissions fail, then or while it is read.
    """
    name = one_line(path)
    try:
        # Before opening: open() would wait forever for a pipe that nobody writes to.
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise CheckpointError(f"{name} is not a file; name a model_epoch_N.pkl with its .json beside it")
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if not 0 < size <= max_size:
                raise CheckpointError(f"{name} has {size:,} bytes, expected 1 to {max_size:,}; is it the right file?")
            yield file, size
    except CheckpointError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{name} does not exist; a model is a .pkl and the .json beside it") from None
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or "not enough memory"
        raise MachineError(f"{name} cannot be read: {reason}; check permissions, disk and memory") from None
    except ValueError as error:  # a NUL character in the path
        raise CheckpointError(f"{name} is not a path: {error}; check its characters") from None


@contextmanager
def open_data_file(path: str | Path) -> Iterator[tuple[IO[bytes], int]]:
    """Open a file, packed with gzip or not; yield it and its size when it is unpacked.

    A packed file is read twice: its size limits what is believed of it. Raises as `open_model_file` does.
    """
    with open_model_file(path, MAX_DATA) as (file, size):
        is_packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        if not is_packed:
            yield file, size
            return
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                n_unpacked = 0
                while n_read := len(unpacked.read(CHUNK)):
                    n_unpacked += n_read
                    if n_unpacked > MAX_DATA:
                        raise CheckpointError(f"{one_line(path)} unpacks to more than {MAX_DATA:,} bytes")
                unpacked.seek(0)
                yield unpacked, n_unpacked  # type: ignore[misc]
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise CheckpointError(f"{one_line(path)} is truncated or damaged ({error}); get it again") from None
