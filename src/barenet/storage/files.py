"""Files that are replaced whole: after a crash there is the old one or the new one, never half of either.

Also the endings of names that a person gives: the ending of a file's name says what the file holds, and a folder's name
has no such ending.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from barenet.errors import ConfigError, MachineError
from barenet.messages import one_line

__all__ = [
    "append_line",
    "check_folder_name",
    "check_no_link",
    "keep_damaged",
    "make_folder",
    "replace_file",
    "set_aside",
    "with_ending",
]

FILE_ENDINGS = {
    *(".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".svg", ".pdf", ".htm", ".html"),
    *(".csv", ".json", ".jsonl", ".toml", ".txt", ".log", ".pkl", ".npy", ".npz", ".safetensors", ".onnx", ".py"),
}


def with_ending(path: str | Path, content: str, endings: Sequence[str]) -> Path:
    """Return the path of a file to write, whose name ends in one of `endings`; without an ending it gets the first.

    `content` says in a message what the file holds. What follows the dot in `run-1.5` is a number, not an ending.

    Raises:
        ConfigError: the name has another ending, or is a folder's.
    """
    path, ending = Path(path), endings[0]
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file in it, one that ends in {ending}")
    if not re.fullmatch(r"\.[^\W\d]\w*", path.suffix):
        return path.with_name(path.name + ending)
    if path.suffix.lower() not in endings:
        right = path.with_suffix(ending)
        raise ConfigError(f"{path}: this file is {content}, whose name ends in {ending}; use {right}")
    return path


def check_folder_name(path: Path, content: str) -> None:
    """Raise ConfigError for the name of a new folder that ends like a file's; `content` is what goes there."""
    if path.suffix.lower() in FILE_ENDINGS and not path.is_dir():
        raise ConfigError(f"{path} ends like a file, and {content} go to a folder; use {path.with_suffix('')}")


def replace_file(path: Path, content: bytes | str, *, also: Path | None = None, previous: Path | None = None) -> None:
    """Write `content` (text as UTF-8) beside the target, flush it to disk, and rename it into place.

    `also`, if given, is another file of the folder that gets the same content, after the first. What was at `path`
    before is kept as `previous`, if that is given. A crash between the two renames leaves `previous` alone.

    Raises:
        MachineError: the disk is full or the folder cannot be written; the old file is left as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    targets = [path] if also is None else [path, also]
    temporaries = [target.with_name(f".{target.name}.{os.getpid()}.tmp") for target in targets]
    try:
        for temporary in temporaries:
            write_flushed(temporary, data)
        if previous is not None and path.exists():
            path.replace(previous)
        for target, temporary in zip(targets, temporaries, strict=True):
            temporary.replace(target)
        flush_folder(path.parent)
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror}") from None
    finally:
        for temporary in temporaries:
            # Half a file under a hidden name does no harm, and the first error says what is wrong.
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_flushed(path: Path, data: bytes) -> None:
    """Write a file, and flush it to disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def our_errors(folder: Path | None) -> Iterator[None]:
    """Turn the system's errors about files into MachineError, whichever call raises them; `folder` is the one in use.

    BrokenPipeError passes: it says that nobody reads the output any more, and is not about a disk.
    """
    try:
        yield
    except (MachineError, BrokenPipeError):
        raise
    except OSError as error:
        where = error.filename or folder
        if where is None:
            raise
        raise MachineError(
            f"cannot use {where}: {error.strerror or type(error).__name__}; check the disk and the permissions"
        ) from None


def make_folder(path: Path) -> None:
    """Make a folder, and those above it; raise MachineError if that fails."""
    try:
        make_lasting(path)
    except OSError as error:
        raise MachineError(f"cannot make the folder {path}: {error.strerror}") from None


def check_no_link(folder: Path, otherwise: str = "") -> None:
    """Raise MachineError for a folder of a run that is a link: such a run could make barenet write files anywhere.

    otherwise: what a person can do instead of removing the link; the text begins with a comma.
    """
    if folder.is_symlink():
        where = one_line(folder.resolve())
        raise MachineError(f"{folder} is a link to {where}, outside of the run: remove it{otherwise}")


def make_lasting(path: Path) -> None:
    """Make a folder, and those above it, that are there after a power cut too; raise OSError if that fails."""
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in new:
        flush_folder(folder.parent)


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, where the system can (Windows cannot)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def append_line(path: Path, line: str, *, flush: bool = False) -> None:
    """Append one line of UTF-8 text; `flush` it to disk, so that nothing written later can exist without it."""
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(line + "\n")
            if flush:
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror}") from None


def keep_damaged(path: Path) -> Path:
    """Copy a damaged file beside itself, as `history.damaged-1.jsonl`, and return the copy's path."""
    copy = free_name(path, "damaged")
    replace_file(copy, path.read_bytes())
    return copy


def set_aside(path: Path, word: str = "damaged") -> Path:
    """Rename a file or folder that is not what was written, as `rung-0.damaged-1.json`, and return its new path."""
    target = free_name(path, word)
    try:
        path.rename(target)
    except OSError as error:
        raise MachineError(f"cannot rename {path}: {error.strerror}") from None
    return target


def free_name(path: Path, word: str) -> Path:
    """Return the first path of the form `name.word-1.ending`, `-2`, ... that is not there yet."""
    for number in itertools.count(1):
        free = path.with_name(f"{path.stem}.{word}-{number}{path.suffix}")
        if not free.exists():
            break
    return free
