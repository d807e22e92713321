"""Open the files of the course project, `.pkl` or `.json`, and pickled data; a wrong file gives one message.

`reader` and `barenet.course_files` read what the files hold.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from barenet.errors import CheckpointError
from barenet.messages import one_line
from barenet.reading.borders import open_regular, reading
from barenet.reading.limits import GZIP_MAGIC, open_packed

__all__ = ["open_data_file", "open_model_file"]

MAX_FILE = 2**30
MAX_DATA = 2**33  # CIFAR-100 has 0.15 GB, MNIST as floats 0.22 GB
CHUNK = 2**20


@contextmanager
def open_model_file(path: str | Path, max_size: int = MAX_FILE) -> Iterator[tuple[IO[bytes], int]]:
    """Open a regular file of 1 to `max_size` bytes; yield it and its size.

    Raises CheckpointError, or MachineError where disk, memory or permissions fail, at opening or while it is read.
    """
    name = one_line(path)
    missing = "a model is a .pkl and the .json beside it"
    with reading(path, CheckpointError, missing=missing, again="get it again", smaller="take a smaller model"):
        if Path(path).is_dir():
            raise CheckpointError(f"{name} is not a file; name a model_epoch_N.pkl with its .json beside it")
        with open_regular(path, CheckpointError) as file:
            size = os.fstat(file.fileno()).st_size
            if not 0 < size <= max_size:
                raise CheckpointError(f"{name} has {size:,} bytes, expected 1 to {max_size:,}; is it the right file?")
            yield file, size


@contextmanager
def open_data_file(path: str | Path) -> Iterator[tuple[IO[bytes], int]]:
    """Open a file, packed with gzip or not; yield it and its unpacked size.

    A packed file is read twice, first to find that size: no length inside may be larger. Raises as `open_model_file`.
    """
    with open_model_file(path, MAX_DATA) as (file, size):
        is_packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        if not is_packed:
            yield file, size
            return
        n_unpacked = 0
        with open_packed(file, size, path, CheckpointError) as unpacked:
            while n_read := len(unpacked.read(CHUNK)):
                n_unpacked += n_read
                if n_unpacked > MAX_DATA:
                    raise CheckpointError(f"{one_line(path)} unpacks to more than {MAX_DATA:,} bytes")
        with open_packed(file, size, path, CheckpointError) as unpacked:
            yield unpacked, n_unpacked
