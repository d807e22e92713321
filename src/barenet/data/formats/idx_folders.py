"""Find and read the four IDX files of a data set, in any folder, and those of Fashion-MNIST that barenet carries.

`data.checks` checks what the arrays hold.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import numpy as np

from barenet.data.checks import check_counts
from barenet.data.files import Place, is_system
from barenet.data.formats.emnist import emnist_split, read_as_emnist
from barenet.data.formats.idx import read_idx, read_shape
from barenet.data.found import Found
from barenet.errors import DataError
from barenet.messages import few

__all__ = ["EXPECTED_FILES", "FILE_NAME", "find_idx_set", "read_carried", "read_idx_set"]

# The carried files in the order in which they are read, with the SHA-256 of each when unpacked.
CARRIED_FILES = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
EXPECTED_FILES = f"the four IDX files {', '.join(CARRIED_FILES)}"
# Four files in this order; EMNIST puts a prefix before each and says `test` for `t10k`.
FILE_KINDS = ("train-images", "train-labels", "t10k-images", "t10k-labels")
FILE_NAME = re.compile(
    r"(?:(?P<prefix>.+)[-_])?(?P<part>train|t10k|test)[-_](?P<what>images|labels)[-._]idx\d[-_.]ubyte(?:\.gz)?",
    re.IGNORECASE,
)


def read_carried() -> Found:
    """Return the images and labels of the carried Fashion-MNIST; raise DataError."""
    folder = resources.files("barenet.data") / "fashion_mnist"
    arrays: dict[str, np.ndarray] = {}
    for name, sha256 in CARRIED_FILES.items():
        with resources.as_file(folder / name) as path:
            try:
                arrays[name] = read_idx(path, sha256=sha256)
            except DataError as error:
                raise DataError(f"{error}; it is part of barenet: reinstall barenet") from error
    items = list(arrays.items())
    return Found({"train": dict(items[:2]), "test": dict(items[2:])})


def find_idx_files(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the IDX files in a folder by their prefix (`emnist-letters`, or nothing) and by kind."""
    found: dict[str, dict[str, Path]] = {}
    for name in sorted(entry.name for entry in folder.iterdir() if not is_system(entry.name)):
        if (match := FILE_NAME.fullmatch(name)) and (folder / name).is_file():
            part = "train" if match["part"].lower() == "train" else "t10k"
            # If a file is there unpacked and packed, the unpacked one is first in the order and is used.
            kinds = found.setdefault(match["prefix"] or "", {})
            kinds.setdefault(f"{part}-{match['what'].lower()}", folder / name)
    return found


def find_idx_set(place: Place) -> Path | None:
    """Return the folder of IDX files, at a place or below it (torchvision's `FashionMNIST/raw`), or None.

    A path may also end in the prefix of the names of four files, `folder/emnist-letters`.
    """
    path = place.path
    if not path.exists():
        return path if path.parent.is_dir() and path.name in find_idx_files(path.parent) else None
    return place.find(lambda names: any("ubyte" in name.lower() and FILE_NAME.fullmatch(name) for name in names))


def read_idx_set(path: Path) -> Found:
    """Return the images and labels of four IDX files, where `find_idx_set` found them; raise DataError."""
    folder = path if path.is_dir() else path.parent
    sets = find_idx_files(folder)
    if len(sets) > 1 and path.is_dir():
        listed = few([prefix or "no prefix" for prefix in sorted(sets)], limit=8)
        example = folder / next(prefix for prefix in sorted(sets) if prefix)
        raise DataError(f"{folder} holds several data sets ({listed}): name one, as in --data {example}")
    prefix = next(iter(sets)) if path.is_dir() else path.name
    paths = sets[prefix]
    if missing := [kind for kind in FILE_KINDS if kind not in paths]:
        names = sorted(file.name for file in paths.values())
        raise DataError(f"{folder} lacks {', '.join(missing)}: found {few(names)}; expected {EXPECTED_FILES}")
    arrays: dict[str, tuple[str, np.ndarray]] = {}
    for images, labels in (FILE_KINDS[:2], FILE_KINDS[2:]):
        # Labels are small and read first: errors in them and in the number of images are found before memory is taken.
        arrays[labels] = str(paths[labels]), read_idx(paths[labels])
        shape = read_shape(paths[images])
        if len(shape) > 1 and arrays[labels][1].ndim == 1:
            outline = np.broadcast_to(np.uint8(0), (shape[0], 0))
            check_counts(str(paths[images]), outline, *arrays[labels])
        arrays[images] = str(paths[images]), read_idx(paths[images])
    parts = {
        "train": dict([arrays[kind] for kind in FILE_KINDS[:2]]),
        "test": dict([arrays[kind] for kind in FILE_KINDS[2:]]),
    }
    split = emnist_split(prefix)
    return Found(parts) if split is None else read_as_emnist(folder, split, parts)
