"""List the pictures in a folder and below it, without the files of systems and other programs.

`layouts` decides what the folders mean. Nothing is decoded here.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from barenet.data.files import is_system
from barenet.data.pictures.picture import SUFFIXES
from barenet.messages import count, few
from barenet.notes import logger

__all__ = ["LeftOut", "Names", "PictureFile", "has_own_pictures", "has_pictures", "list_pictures"]


class PictureFile(NamedTuple):
    """A picture of class `label`; `name` is its path inside its class's folder, with forward slashes."""

    name: str
    label: int
    path: str
    size: int
    mtime_ns: int


@dataclass
class LeftOut:
    """Files and folders that are not pictures of a data set.

    system: how many files and folders of systems, by name. others: files that are not pictures. loose: pictures that
    are in no folder of a class, or that no table of labels names.
    """

    system: Counter[str] = field(default_factory=Counter)
    others: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)

    def look_beside_classes(self, folder: Path) -> None:
        """Count files of the system, and pictures without a class, directly in a folder of classes."""
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
        self.system.update(name for name in names if is_system(name))
        self.loose += [name for name in names if name.lower().endswith(SUFFIXES) and not is_system(name)]

    def report(self, root: Path) -> None:
        """Note what was left out."""
        if self.others:
            listed = few(sorted(self.others))
            n_files, kinds = count(len(self.others), "file"), ", ".join(SUFFIXES)
            logger.info(f"{root}: left out {n_files} of other kinds than {kinds}: {listed}")
        if self.loose:
            logger.info(f"{root}: left out {count(len(self.loose), 'picture')} of no class: {few(sorted(self.loose))}")
        if self.system:
            names = [f"{n} {name}" if n > 1 else name for name, n in sorted(self.system.items())]
            logger.info(f"{root}: left out {self.system.total()} hidden or system files and folders: {few(names)}")


def has_own_pictures(folder: Path) -> bool:
    """Whether there are pictures directly in a folder."""
    with os.scandir(folder) as entries:
        return any(entry.name.lower().endswith(SUFFIXES) and not is_system(entry.name) for entry in entries)


def has_pictures(folder: Path) -> bool:
    """Whether there are pictures in a folder or below it."""
    return next(list_pictures(folder), None) is not None


def list_pictures(folder: Path, label: int = 0, left_out: LeftOut | None = None) -> Iterator[PictureFile]:
    """Yield the pictures in a folder and the folders below it; all other files are counted in `left_out`."""
    n_prefix = len(os.path.join(folder, ""))  # noqa: PTH118 - slices are many times faster than paths
    pending = [folder]
    followed: list[Path] = []
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if is_system(entry.name):
                    if left_out is not None:
                        left_out.system[entry.name] += 1
                elif entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and leads_on(entry, folder, followed)):
                    pending.append(Path(entry.path))
                elif entry.name.lower().endswith(SUFFIXES):
                    name = entry.path[n_prefix:].replace(os.sep, "/")
                    yield PictureFile(name, label, entry.path, *size_and_time(entry))
                elif left_out is not None:
                    left_out.others.append(entry.name)


def leads_on(entry: os.DirEntry[str], folder: Path, followed: list[Path]) -> bool:
    """Whether a link leads to a folder that is not listed anyway: neither in or above `folder` nor one of `followed`.

    A link to a folder that contains the link would be followed forever.
    """
    if not entry.is_dir():
        return False
    target = Path(entry.path).resolve()
    walked = (folder.resolve(), *followed)
    if any(target.is_relative_to(known) or known.is_relative_to(target) for known in walked):
        return False
    followed.append(target)
    return True


def size_and_time(entry: os.DirEntry[str]) -> tuple[int, int]:
    """Return a file's size and time of change; -1 and 0 for a broken link, which decoding reports as unreadable."""
    try:
        status = entry.stat()
    except OSError:
        return -1, 0
    return status.st_size, status.st_mtime_ns


class Names:
    """The pictures of a data set, by the names that a table may use for them."""

    def __init__(self, root: Path) -> None:
        self.left_out = LeftOut()
        self.by_name: dict[str, list[PictureFile]] = {}
        self.pictures = sorted(list_pictures(root, left_out=self.left_out))
        for picture in self.pictures:
            for name in self.names_of(picture.name):
                self.by_name.setdefault(name, []).append(picture)

    @staticmethod
    def names_of(name: str) -> set[str]:
        """Return what a table may call a picture: path or name, with or without suffix; also 7 for 007."""
        paths = {name, name.rpartition("/")[2]}
        names = paths | {os.path.splitext(path)[0] for path in paths}  # noqa: PTH122 - many times faster
        return names | {str(int(number)) for number in names if number.isascii() and number.isdecimal()}

    def find(self, cell: str) -> list[PictureFile]:
        """Return the pictures that a cell may mean: by its whole path, else without its first folder, and so on."""
        name = cell.strip().replace("\\", "/").removeprefix("./")
        while name:
            if name in self.by_name:
                return self.by_name[name]
            name = name.partition("/")[2]
        return []
