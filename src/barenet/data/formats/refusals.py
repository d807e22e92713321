"""Messages for a file or a folder in which no reader finds data: they say what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from barenet.data.files import PICTURE, Place, fault_of_file, is_system, kind_of_file
from barenet.data.formats.cifar import is_of_cifar
from barenet.data.formats.idx_folders import EXPECTED_FILES
from barenet.data.formats.pickled import SUFFIXES as PICKLES
from barenet.messages import count, few

__all__ = ["fault_of"]

SHOWN = 8  # files of a folder that are opened to say what they are
# Pictures in formats that barenet does not read.
UNREAD = frozenset(
    [
        *(".tif", ".tiff", ".pgm", ".ppm", ".pbm", ".pnm", ".heic", ".heif", ".avif", ".jp2", ".svg", ".ico", ".tga"),
        *(".dcm", ".nii", ".raw", ".cr2", ".nef", ".psd", ".xcf", ".eps"),
    ]
)


def fault_of(place: Place) -> str:
    """Return a message about a path that no reader accepts: what is there, and what was expected."""
    path = place.path
    if path.is_file():
        if is_of_cifar(path):
            return f"{path} is one of the files of CIFAR: give the folder, --data {path.parent}"
        return f"{path} {kind_of_file(path)}"
    if not path.is_dir():
        return f"{path} is neither a folder nor a file: expected {EXPECTED_FILES} or an .npz file"
    names = sorted(entry.name for entry in path.iterdir() if not is_system(entry.name))
    if not names:
        return f"{path} is an empty folder: expected {EXPECTED_FILES}, or pictures in a folder a class"
    files = [folder / name for level in place.levels for folder, names_in_it in level for name in sorted(names_in_it)]
    return what_files_are(path, files) or (
        f"{path} holds no data set: found {few(names)}; expected {EXPECTED_FILES}, pictures in a folder a class, or "
        f"tables (x_train.npy, train.csv)"
    )


def what_files_are(path: Path, files: Sequence[Path]) -> str | None:
    """Return what the files are in a folder that no reader accepts, or None if that is not known."""
    unread = Counter(suffix for file in files if (suffix := file.suffix.lower()) in UNREAD)
    if unread:
        suffix, n = unread.most_common(1)[0]
        return f"{path} holds {count(n, 'picture')} that barenet does not read ({suffix}): save them as PNG"
    arrays = [file for file in files if file.suffix.lower() in (".npz", *PICKLES)]
    if len(arrays) > 1:
        listed = few([str(file.relative_to(path)) for file in arrays], 8)
        return f"{path} holds several files of arrays ({listed}): name one, as in --data {arrays[0]}"
    for file in files[:SHOWN]:
        fault = fault_of_file(file)
        if fault == PICTURE:
            return (
                f"{path} holds pictures whose names do not end as those of pictures do ({file.name}): add .png or .jpg"
            )
        if fault is not None:
            return f"{path} holds no data set, but {file.relative_to(path)}, which {fault}"
    return None
