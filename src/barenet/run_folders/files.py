"""Files that are replaced whole: after a crash there is the old one or the new one, never half of either."""

from __future__ import annotations

import os
from pathlib import Path

from barenet.errors import MachineError

__all__ = ["append_line", "replace_file"]


def replace_file(path: Path, content: bytes | str) -> None:
    """Write `content` (text as UTF-8) beside the target, flush it to disk, and rename it into place.

    Raises:
        MachineError: the disk is full or the folder cannot be written; the old file is left as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, where the system can (Windows cannot)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def append_line(path: Path, line: str) -> None:
    """Append one line of UTF-8 text."""
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(line + "\n")
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror}") from None
