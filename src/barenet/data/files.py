"""What every reader of data files needs: limits, names for files that are not data, and a search for data.

Files that are not data are recognised by their content, not by their name.
"""

from __future__ import annotations

import gzip
import os
import re
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from barenet.errors import DataError
from barenet.messages import count, few
from barenet.reading.arrays import open_archive
from barenet.reading.borders import open_regular, reading
from barenet.reading.limits import GZIP_MAGIC

__all__ = [
    "AS_PATH",
    "MAX_BYTES",
    "PICTURE",
    "Place",
    "fault_of_file",
    "impostor",
    "is_address",
    "is_system",
    "kind_of_file",
    "subfolders",
]

# 64 GiB: a header that says more is refused. A million colour images of 128 x 128 pixels take less.
MAX_BYTES = 2**36
IDX_TYPES = (b"\x08", b"\x09", b"\x0b", b"\x0c", b"\x0d", b"\x0e")  # third byte of an IDX file; then its dimensions
PICTURE = "is a single picture, not a file of many"
AS_PATH = "download what is there, and give the path of that (without file://)"
PEEKED = 512  # first bytes that show what a file is: those of a tar archive are at byte 257
AS_NPZ = "save its arrays with np.savez(x_train=..., y_train=...)"

# What files that are not data most often are, by their first bytes: text in small letters, without leading space.
TEXTS = {
    b"<": "holds a web page, not data: download the file itself",
    b"version https://git-lfs": "is a Git LFS pointer, not the data: run `git lfs pull`",
    b"matlab 5.0": f"is a MATLAB file: read it with scipy.io.loadmat and {AS_NPZ}",
    b"sqlite format 3": "is an SQLite database: save its table as CSV",
}
# Unchanged bytes. A text may begin with these letters too, such as the column names `PAR1,PAR2`.
BINARIES = {
    b"PK\x03\x04": "is a zip archive: unpack it first",
    b"PK\x05\x06": "is an empty zip archive: get it again",
    b"\x93NUMPY": "is a NumPy array: save train and test together with np.savez, or use barenet.from_arrays",
    b"PAR1": "is a Parquet file: save it as CSV (pandas: read_parquet, then to_csv)",
    b"ARROW1": "is an Arrow file: save it as CSV (pandas: read_feather, then to_csv)",
    b"FEA1": "is a Feather file: save it as CSV (pandas: read_feather, then to_csv)",
    b"ORC": "is an ORC file: save it as CSV (pandas: read_orc, then to_csv)",
    b"\x89HDF": f"is an HDF5 file (also MATLAB's from 7.3 on): read it with h5py and {AS_NPZ}",
    b"7z\xbc\xaf": "is a 7z archive: unpack it first",
    b"Rar!": "is a RAR archive: unpack it first",
    b"BZh": "is packed with bzip2: unpack it first",
    b"\xfd7zXZ": "is packed with xz: unpack it first",
    b"(\xb5/\xfd": "is packed with zstd: unpack it first",
    b"\xd0\xcf\x11\xe0": "is an old Excel or Office file: save the table as CSV",
    b"%PDF": "is a PDF document, not data",
    b"\x89PNG": PICTURE,
    b"\xff\xd8\xff": PICTURE,
    b"GIF8": PICTURE,
    b"II*\0": PICTURE,
    b"MM\0*": PICTURE,
    GZIP_MAGIC: "was compressed twice: unpack it once",
    # The opcode PROTO and a protocol from 2 on. Older pickles are text and are recognised by their names.
    **{bytes([0x80, protocol]): f"is a pickle: {AS_NPZ}" for protocol in range(2, 6)},
}


# Files and folders that systems and programs put beside a person's files, in small letters; hidden ones count too.
SYSTEM_NAMES = frozenset(
    [
        *("@eadir", "@tmp", "#recycle", "@recycle", "$recycle.bin", "system volume information", "lost+found"),
        *("__macosx", "__pycache__", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"),
    ]
)
DEPTH = 3  # data are searched in the given folder and so many levels of folders below it


def impostor(beginning: bytes) -> str | None:
    """Return what a file is that is not data, by its first bytes, and what to do; None if it is not known."""
    if beginning[257:262] == b"ustar":
        return "is a tar archive: unpack it first"
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    found = [fault for magic, fault in TEXTS.items() if text.startswith(magic)]
    if any(byte < 9 or byte > 126 for byte in beginning):
        found += [fault for magic, fault in BINARIES.items() if beginning.startswith(magic)]
    return found[0] if found else None


def kind_of_file(path: Path) -> str:
    """Return what a file is that no reader accepts, and what to do, in words that follow its name."""
    if (fault := fault_of_file(path)) is not None:
        return fault
    with open_regular(path) as file:
        beginning = file.read(8)
    if not beginning:
        return "is empty (0 bytes): download it again"
    shown = repr(beginning.decode("latin-1")) if beginning.isascii() else beginning.hex(" ")
    return f"is no file that barenet reads (it begins with {shown})"


def fault_of_file(path: Path) -> str | None:
    """Return what a file is whose kind is known but not read, in words that follow its name; None for others."""
    with open_regular(path) as file:
        beginning = file.read(PEEKED)
    if beginning.startswith(b"PK\x03\x04"):
        return kind_of_archive(path)
    is_packed = beginning.startswith(GZIP_MAGIC)
    inside = unpacked_beginning(path) if is_packed else beginning
    is_idx = inside[:2] == b"\0\0" and inside[2:3] in IDX_TYPES and b"\x01" <= inside[3:4] <= b"\x08"
    fault = "is a single IDX file: give the folder with all four" if is_idx else impostor(inside)
    if fault is not None:
        return f"is packed with gzip, and inside it {fault}" if is_packed else fault
    return "is packed with gzip: unpack it first" if is_packed else None


def unpacked_beginning(path: Path) -> bytes:
    """Return the first bytes inside a gzip file, or no bytes if it is damaged."""
    try:
        with open_regular(path) as packed, gzip.GzipFile(fileobj=packed) as file:
            return file.read(PEEKED)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return b""


def kind_of_archive(path: Path) -> str:
    """Return what a zip archive is, and what to do: several kinds of file are zip archives."""
    with reading(path), open_archive(path) as archive:
        names = archive.namelist()
    if "[Content_Types].xml" in names:
        return "is an Excel or Office file: save the table as CSV"
    if any(name.endswith("/data.pkl") for name in names):
        return f"is a PyTorch file: load it there and {AS_NPZ}"
    if all(name.endswith(".npy") for name in names):
        return f"is an .npz file of {few(names, 3)}: save one array with np.save"
    files = [name for name in names if not name.endswith("/")]
    return f"is a zip archive of {count(len(files), 'file')} ({few(files, 3)}): unpack it first, and give the folder"


def is_address(text: str) -> bool:
    """Whether a text is an address such as https://..., and not a path; one that became a Path has a single slash."""
    return re.match(r"[a-z][a-z0-9+.-]+:/", text, re.IGNORECASE) is not None


def is_system(name: str) -> bool:
    """Whether a file or folder is hidden, or is one of the system, such as thumbnails."""
    return name.startswith((".", "~$")) or name.lower() in SYSTEM_NAMES


def subfolders(folder: Path) -> list[tuple[str, Path]]:
    """Return name and path of the folders in a folder, sorted, without those of the system."""
    with os.scandir(folder) as entries:
        # Some systems store an accent apart from its letter; a name must be the same on all of them.
        return sorted(
            (unicodedata.normalize("NFC", entry.name), Path(entry.path))
            for entry in entries
            if not is_system(entry.name) and entry.is_dir()
        )


@dataclass(frozen=True)
class Place:
    """A file or folder in which data are searched; the names in a folder and below it are read once."""

    path: Path

    @cached_property
    def levels(self) -> list[list[tuple[Path, frozenset[str]]]]:
        """The folders at the path and up to three levels below, each with the names of its files."""
        levels: list[list[tuple[Path, frozenset[str]]]] = []
        folders = [self.path] if self.path.is_dir() else []
        while folders and len(levels) <= DEPTH:
            level, below = [], []
            for folder in folders:
                with os.scandir(folder) as entries:
                    kept = [entry for entry in entries if not is_system(entry.name)]
                are_folders = [entry.is_dir() for entry in kept]
                level.append(
                    (folder, frozenset(e.name for e, is_dir in zip(kept, are_folders, strict=True) if not is_dir))
                )
                below += [Path(e.path) for e, is_dir in zip(kept, are_folders, strict=True) if is_dir]
            levels.append(level)
            folders = sorted(below)
        return levels

    def find_alone(self, suffixes: tuple[str, ...]) -> Path | None:
        """Return the file at the path, or the only one in the folder there, whose name ends so, or None."""
        names = [self.path.name] if self.path.is_file() else [name for level in self.levels[:1] for name in level[0][1]]
        fitting = [name for name in names if name.lower().endswith(suffixes)]
        if len(fitting) != 1:
            return None
        return self.path if self.path.is_file() else self.path / fitting[0]

    def find(self, is_one: Callable[[frozenset[str]], bool]) -> Path | None:
        """Return the folder for whose file names `is_one` is true, on the first level that has one, or None.

        Raises DataError if that level has several.
        """
        for level in self.levels:
            if found := [folder for folder, names in level if is_one(names)]:
                if len(found) > 1:
                    listed = few([str(folder) for folder in found], 8)
                    raise DataError(f"{self.path} holds several data sets: name one of them, {listed}")
                return found[0]
        return None
