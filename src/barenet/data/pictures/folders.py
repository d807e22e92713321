"""Find the pictures of a data set: a folder a class, or `train`, `val` and `test` above such folders.

The layout is that of torchvision's `ImageFolder` and Keras's `image_dataset_from_directory`. Nothing is decoded here.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from barenet.data.formats.idx_folders import EXPECTED_FILES, FILE_NAME
from barenet.data.parts import PARTS
from barenet.data.pictures.picture import SUFFIXES
from barenet.errors import DataError
from barenet.messages import few

__all__ = ["PictureFile", "PictureFolder", "find_pictures", "holds_pictures", "list_pictures"]


class PictureFile(NamedTuple):
    """A picture of class `label`; `name` is its path inside its class's folder, with forward slashes."""

    name: str
    label: int
    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of a data set by part: "train", and "val" and "test" where they are there."""

    root: Path
    class_names: tuple[str, ...]
    parts: dict[str, list[PictureFile]]


def holds_pictures(folder: Path) -> bool:
    """Whether a folder is meant as one of pictures: it holds folders, or pictures, and no IDX file."""
    with os.scandir(folder) as entries:
        names = {entry.name: entry.is_dir() for entry in entries if not entry.name.startswith(".")}
    promises = any(is_dir or name.lower().endswith(SUFFIXES) for name, is_dir in names.items())
    return promises and not any(FILE_NAME.fullmatch(name) for name in names)


def find_pictures(root: Path, note: Callable[[str], None]) -> PictureFolder:
    """Return the pictures under `root`, in order of their names and then classes, class names sorted.

    Pictures that were numbered through before they were sorted into folders so keep their order. Raises DataError.
    """
    names = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))
    if next(list_pictures(root), None) is None or not subfolders(root):
        raise DataError(
            f"{root} holds no pictures in folders: found {few(names)}; expected a folder a class, with pictures "
            f"({', '.join(SUFFIXES)}), or {EXPECTED_FILES}"
        )
    found = {PARTS[name.lower()]: folder for name, folder in subfolders(root) if name.lower() in PARTS}
    # A folder `train` of pictures of trains is a class.
    has_parts = any(subfolders(folder) for folder in found.values())
    if not has_parts:
        class_names = check_classes(root)
        return PictureFolder(root, class_names, {"train": find_part(root, class_names, note, is_train=True)})
    if "train" not in found:
        raise DataError(
            f"{root} has {few(sorted(found))} but no train: put the pictures to learn from into {root}/train"
        )
    if others := sorted(name for name, _ in subfolders(root) if name.lower() not in PARTS):
        note(f"{root}: left out what stands beside train: {few(others)}")
    class_names = check_classes(found["train"])
    parts: dict[str, list[PictureFile]] = {}
    for part in ("train", "val", "test"):
        if part not in found:
            continue
        if not subfolders(found[part]):
            note(f"{found[part]} has no folder a class: left out")
            continue
        parts[part] = find_part(found[part], class_names, note, is_train=part == "train")
    return PictureFolder(root, class_names, parts)


def subfolders(folder: Path) -> list[tuple[str, Path]]:
    """Return name and path of the folders in a folder, hidden ones left out."""
    with os.scandir(folder) as entries:
        # Some systems store an accent apart from its letter; a name must be the same on all of them.
        return [
            (unicodedata.normalize("NFC", entry.name), Path(entry.path))
            for entry in entries
            if entry.is_dir() and not entry.name.startswith(".")
        ]


def check_classes(folder: Path) -> tuple[str, ...]:
    """Return the names of the class folders, sorted; raise DataError for one alone or two that are nearly the same."""
    names = sorted(name for name, _ in subfolders(folder))
    by_folded: dict[str, str] = {}
    for name in names:
        other = by_folded.setdefault(name.casefold(), name)
        if other is not name:
            raise DataError(
                f"{folder} holds {other!r} and {name!r}, which differ in capital letters only and are one folder on "
                f"many systems: rename one, or move its pictures into the other"
            )
    if len(names) < 2:
        raise DataError(
            f"{folder} holds one class only, {few(names)}: a classifier needs two classes or more, the pictures of "
            f"each in a folder named after it"
        )
    return tuple(names)


def find_part(
    folder: Path, class_names: tuple[str, ...], note: Callable[[str], None], *, is_train: bool
) -> list[PictureFile]:
    """Return the pictures of one part, each with its label; a class may lack pictures to test, not to train."""
    label_of = {name: label for label, name in enumerate(class_names)}
    pictures: list[PictureFile] = []
    others: list[str] = []
    for name, class_folder in sorted(subfolders(folder)):
        if name not in label_of:
            raise DataError(
                f"{class_folder}: there is no class {name!r} to train on, only {few(class_names, limit=8)}: rename "
                f"the folder, or add one to the training pictures"
            )
        own = list(list_pictures(class_folder, label_of[name], others))
        if is_train and not own:
            raise DataError(f"{class_folder} holds no pictures ({', '.join(SUFFIXES)}): add some, or remove the folder")
        pictures += own
    if not pictures:
        raise DataError(f"{folder} holds no pictures ({', '.join(SUFFIXES)}): add some, or remove the folder")
    if others:
        note(f"{folder}: left out {len(others)} files that are no {', '.join(SUFFIXES)}: {few(sorted(others))}")
    return sorted(pictures)


def list_pictures(folder: Path, label: int = 0, others: list[str] | None = None) -> Iterator[PictureFile]:
    """Yield the pictures in a folder and the folders below it; names of other files are appended to `others`."""
    n_prefix = len(os.path.join(folder, ""))  # noqa: PTH118 - slices are many times faster than paths
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == "Thumbs.db":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
                elif entry.name.lower().endswith(SUFFIXES):
                    name = entry.path[n_prefix:].replace(os.sep, "/")
                    yield PictureFile(name, label, entry.path, *size_and_time(entry))
                elif others is not None:
                    others.append(entry.name)


def size_and_time(entry: os.DirEntry[str]) -> tuple[int, int]:
    """Return a file's size and time of change; a link that leads nowhere has neither, and will be found unreadable."""
    try:
        status = entry.stat()
    except OSError:
        return -1, 0
    return status.st_size, status.st_mtime_ns
