"""Read an .npz file of Keras's layout: `x_train`, `y_train`, `x_test`, `y_test`.

As in `idx`, no memory is taken for an array before its length is known to be true, and no pickle is ever loaded.
What the arrays hold is left to `data.checks`.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np

from barenet.data.files import GZIP_MAGIC, MAX_BYTES, MAX_DEFLATE_RATIO, impostor
from barenet.data.formats.idx_folders import EXPECTED_FILES
from barenet.errors import DataError
from barenet.messages import few

__all__ = ["read_npz"]

KEYS = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the images and labels by "key in path", in order: training, then test.

    Raises DataError, and as they come the errors of `zipfile`, which `idx.reading` translates.
    """
    if not path.is_file():
        raise DataError(f"{path} is neither a folder nor a file: expected {EXPECTED_FILES} or an .npz file")
    with path.open("rb") as file:
        beginning = file.read(64)
    if beginning.startswith((GZIP_MAGIC, b"\0\0")):
        raise DataError(f"{path} is a single file: give the folder with {EXPECTED_FILES}")
    if not beginning.startswith(b"PK"):
        fault = impostor(beginning) or "is not a zip archive, as an .npz file is: save it with np.savez_compressed"
        raise DataError(f"{path} {fault if beginning else 'is empty (0 bytes): download it again'}")
    with zipfile.ZipFile(path) as archive:
        found = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        if missing := [key for key in KEYS if key not in found]:
            raise DataError(f"{path} lacks {', '.join(missing)}: found {few(found)}; expected {', '.join(KEYS)}")
        n_stored = path.stat().st_size
        return {f"{key} in {path}": _read_member(archive, key, f"{key} in {path}", n_stored) for key in KEYS}


def _read_member(archive: zipfile.ZipFile, key: str, where: str, n_stored: int) -> np.ndarray:
    """Read one array of an .npz file, once its header and the archive agree on a credible length."""
    info = archive.getinfo(f"{key}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
        raise DataError(f"{where} is encrypted or packed in an unusual way: save it with np.savez_compressed")
    try:
        with archive.open(info) as member:
            version = np.lib.format.read_magic(member)
            old = version == (1, 0)
            header_of = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
            shape, _, dtype = header_of(member)
            n_header = member.tell()
    except ValueError as error:
        raise DataError(f"{where} has a damaged header: save it again with np.savez_compressed") from error
    if dtype.hasobject:
        raise DataError(f"{where} holds Python objects (dtype {dtype}), which are never loaded: save numbers")
    n_bytes = math.prod(max(size, 1) for size in shape) * dtype.itemsize
    promise = f"{where}: its header promises {n_bytes:,} bytes of {dtype} in shape {shape}"
    if min(shape, default=0) < 0 or n_bytes > MAX_BYTES:
        raise DataError(f"{promise}, which cannot be right: the file is damaged, get it again")
    n_held = min(info.file_size, min(info.compress_size, n_stored) * MAX_DEFLATE_RATIO) - n_header
    if math.prod(shape) * dtype.itemsize != n_held:
        raise DataError(f"{promise}, but the archive holds {n_held:,}: the file is damaged, get it again")
    with archive.open(info) as member:
        array: np.ndarray = np.lib.format.read_array(member, allow_pickle=False)
    return array
