"""Arrays in a safetensors file, with a checksum of each, and information about them with its checksum.

No pickle is written. The information is one JSON text in the file's metadata: several metadata keys would be written in
an order that changes from process to process.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from barenet.errors import CheckpointError, MachineError
from barenet.messages import one_line
from barenet.reading.borders import open_regular
from barenet.storage.files import replace_file

__all__ = ["FORMAT", "checksum", "read_arrays", "write_arrays"]

FORMAT = 1
KEY = "barenet"


def write_arrays(
    path: Path,
    info: Mapping[str, Any],
    arrays: Mapping[str, NDArray[np.generic]],
    *,
    also: Path | None = None,
    previous: Path | None = None,
) -> None:
    """Write arrays by name, and `info`, which JSON can hold; the file is replaced whole.

    `also`, `previous`: see `replace_file`.

    Arrays without elements have no place in the format, and are left out.

    Raises:
        MachineError: the file cannot be written; the old one is left as it was.
    """
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items() if array.size}
    metadata = {
        "format": FORMAT,
        "info": info,
        "info_checksum": checksum_of_info(info),
        "checksums": {name: checksum(array) for name, array in sorted(whole.items())},
    }
    content = save(whole, metadata={KEY: json.dumps(metadata, sort_keys=True)})
    replace_file(path, content, also=also, previous=previous)


def checksum(array: NDArray[np.generic]) -> str:
    """Return a checksum of an array's dtype, shape and bytes."""
    hashed = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=16)
    hashed.update(np.ascontiguousarray(array).reshape(-1).data)  # a view, not a copy
    return hashed.hexdigest()


def checksum_of_info(info: Mapping[str, Any]) -> str:
    """Return a checksum of the information about a file's arrays."""
    return hashlib.blake2b(json.dumps(info, sort_keys=True).encode(), digest_size=16).hexdigest()


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the information and the arrays of a file, after checking all its checksums.

    Raises:
        CheckpointError: the file is missing, damaged, not one of ours, or from a newer barenet.
        MachineError: the file cannot be read.
    """
    try:
        # safetensors reports a file without permission as one that does not exist, so it is opened here first.
        open_regular(path, CheckpointError).close()
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(KEY)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError:
        if path.exists():  # what safetensors says of every file that it cannot open
            raise MachineError(f"cannot read {path}: the system does not open it") from None
        raise CheckpointError(f"no model file {str(path)!r}; give a run folder or a .safetensors file") from None
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror or error}") from None
    except (SafetensorError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or not a safetensors file: {one_line(error)}") from None
    if text is None:
        raise CheckpointError(f"{path} was not written by barenet: its metadata has no {KEY!r}")
    info, checksums = read_metadata(path, text)
    if set(checksums) != set(arrays):
        raise CheckpointError(f"{path} is damaged: it holds {len(arrays)} arrays where {len(checksums)} were written")
    for name, array in arrays.items():
        if checksum(array) != checksums[name]:
            raise CheckpointError(f"{path} is damaged: the checksum of {name} does not fit; use another checkpoint")
    return info, arrays


def read_metadata(path: Path, text: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the info and the checksums from the metadata's JSON."""
    try:
        metadata = json.loads(text)
        version = metadata["format"]
        if version > FORMAT:
            raise CheckpointError(
                f"{path} has format {version}, newer than the {FORMAT} that this barenet reads; update barenet"
            )
        if "info_checksum" not in metadata and set(metadata) == {"checksums", "format", "info"}:
            raise CheckpointError(
                f"{path} is damaged, or of a version of barenet older than those whose files are read; train once more"
            )
        if version != FORMAT or metadata["info_checksum"] != checksum_of_info(metadata["info"]):
            raise CheckpointError(
                f"{path} is damaged: the checksum of its metadata does not fit; use another checkpoint"
            )
        return dict(metadata["info"]), dict(metadata["checksums"])
    except CheckpointError:  # which is a ValueError
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: its metadata cannot be read: {one_line(error)}") from None
