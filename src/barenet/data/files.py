"""What every reader of data files needs: errors in one line, limits, and the name of what lies in place of data."""

from __future__ import annotations

import errno
import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from barenet.errors import DataError, MachineError

__all__ = ["GZIP_MAGIC", "MAX_BYTES", "MAX_DEFLATE_RATIO", "impostor", "reading"]

# 64 GiB: no header beyond it is believed. A million colour images of 128 x 128 pixels are below it.
MAX_BYTES = 2**36
# Deflate, the compression inside gzip and zip, spends at least 2 bits on 258 bytes: nothing inflates further.
MAX_DEFLATE_RATIO = 1032
GZIP_MAGIC = b"\x1f\x8b"

# What most often lies in place of data, by its first bytes (in lower case, without white space before them).
IMPOSTORS = {
    b"<": "holds a web page, not data: download the file itself",
    b"version https://git-lfs": "is a Git LFS pointer, not the data: run `git lfs pull`",
    b"pk\x03\x04": "is a zip archive: unpack it first",
    b"\x93numpy": "is a NumPy array: save train and test together with np.savez, or use barenet.from_arrays",
    b"\x89png": "is a single picture, not a file of many",
    GZIP_MAGIC: "was compressed twice: unpack it once",
}


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever Python raises while `path` is read into one of barenet's errors."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist: check the path") from error
    # NotImplementedError: a flipped bit makes a zip file ask for a version or a cipher that nobody has.
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(f"{path} is truncated or damaged ({error}): download it again") from error
    except MemoryError as error:
        raise MachineError(f"{path} does not fit into memory: take a smaller data set") from error
    except MachineError:
        raise
    except OSError as error:
        if error.errno == errno.EINVAL:  # a damaged zip file sends its reader to before the beginning
            raise DataError(f"{path} is truncated or damaged ({error.strerror}): download it again") from error
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise MachineError(f"{path} cannot be read ({reason}): check its permissions and the disk") from error


def impostor(beginning: bytes) -> str | None:
    """Name what lies in place of data, judged by the file's first bytes, or return None."""
    beginning = beginning.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((fault for magic, fault in IMPOSTORS.items() if beginning.startswith(magic)), None)
