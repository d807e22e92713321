"""Any error of a parser becomes one line that names the file, and only regular files are opened.

A parser is any code that reads the bytes of a person's file: zipfile, zlib, tomllib, json, NumPy, Pillow or barenet. A
damaged file can make it raise nearly any exception, so every exception that is not listed here means damage.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from barenet.errors import BarenetError, DataError, MachineError
from barenet.messages import one_line

__all__ = ["check_text", "open_regular", "reading", "refuse_special"]

KINDS = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"))


@contextmanager
def reading(
    path: str | Path,
    kind: type[BarenetError] = DataError,
    *,
    missing: str = "check the path",
    again: str = "download it again",
    smaller: str = "take a smaller data set",
) -> Iterator[None]:
    """Turn any exception that is raised while `path` is read into one of barenet's errors; those pass unchanged.

    `kind` is raised for a file that is missing, damaged, or a pipe, and MachineError where disk, memory or permissions
    fail. `missing`, `again` and `smaller` say what to do about a missing, a damaged and a too large file.
    """
    name = one_line(path)
    try:
        refuse_special(path, kind)
        yield
    except BarenetError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise kind(f"{name} does not exist: {missing}") from error
    except MemoryError as error:
        raise MachineError(f"{name} does not fit into memory: {smaller}") from error
    except OSError as error:
        reason = one_line(error.strerror or error, 80) or type(error).__name__
        if error.errno in (errno.EINVAL, None):  # a damaged zip file makes its reader seek to before the beginning
            raise kind(f"{name} is truncated or damaged ({reason}): {again}") from error
        raise MachineError(f"{name} cannot be read ({reason}): check its permissions and the disk") from error
    except Exception as error:
        reason = one_line(error, 120) or type(error).__name__
        raise kind(f"{name} is truncated or damaged ({reason}): {again}") from error


def refuse_special(path: str | Path, kind: type[BarenetError] = DataError) -> None:
    """Raise `kind` for a pipe, a socket or a device: reading one may never end, and parsers need to seek.

    A missing path, or one without permission, raises nothing here: opening it does.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - pictures are many, and this is faster
    except ValueError as error:  # a zero character
        raise kind(f"{one_line(path)} is not a path ({one_line(error, 80)}): check its characters") from None
    except OSError:
        return
    if not stat.S_ISREG(mode):
        for is_kind, what in KINDS:
            if is_kind(mode):
                raise kind(f"{one_line(path)} is {what}, not a file: save what comes from it as a file, and give that")


def open_regular(path: str | Path, kind: type[BarenetError] = DataError) -> IO[bytes]:
    """Open a file for reading bytes; raise `kind` for a pipe, a socket or a device, and OSError as `open` does."""
    refuse_special(path, kind)
    return Path(path).open("rb")


def check_text(text: str, what: str, kind: type[BarenetError] = DataError) -> None:
    """Raise `kind` for text that UTF-8 cannot write, such as a file name in another encoding; `what` names it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise kind(f"{what} {one_line(text, 200)} is not UTF-8: rename it") from None
