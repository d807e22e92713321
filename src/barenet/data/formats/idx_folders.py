"""Find and read the four IDX files of a data set, in any folder or in barenet's own.

What the arrays hold is left to `data.checks`.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import numpy as np

from barenet.data.formats.idx import read_idx
from barenet.errors import DataError
from barenet.messages import few

__all__ = ["EXPECTED_FILES", "read_carried", "read_folder"]

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
    r"(?:(?P<prefix>.+)-)?(?P<part>train|t10k|test)-(?P<what>images|labels)[-.]idx\d-ubyte(?:\.gz)?",
    re.IGNORECASE,
)


def read_carried() -> dict[str, np.ndarray]:
    """Return the images and labels of the carried Fashion-MNIST by file name, in order; raise DataError."""
    folder = resources.files("barenet.data") / "fashion_mnist"
    arrays = {}
    for name, sha256 in CARRIED_FILES.items():
        with resources.as_file(folder / name) as path:
            try:
                arrays[name] = read_idx(path, sha256=sha256)
            except DataError as error:
                raise DataError(f"{error}; it is part of barenet: reinstall barenet") from error
    return arrays


def read_folder(folder: Path) -> dict[str, np.ndarray]:
    """Return the images and labels in a folder by path, in order: training, then test; raise DataError."""
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    if not names:
        raise DataError(f"{folder} is an empty folder: expected {EXPECTED_FILES}")
    paths: dict[str, Path] = {}
    prefixes = set()
    for name in names:
        if (match := FILE_NAME.fullmatch(name)) and (folder / name).is_file():
            part = "train" if match["part"].lower() == "train" else "t10k"
            # Where a file lies there unpacked and packed, the unpacked one sorts first and wins.
            paths.setdefault(f"{part}-{match['what'].lower()}", folder / name)
            prefixes.add(match["prefix"] or "no prefix")
    if len(prefixes) > 1:
        raise DataError(
            f"{folder} holds several data sets ({few(sorted(prefixes), limit=8)}): move the four files of one "
            f"of them into a folder of their own"
        )
    if missing := [kind for kind in FILE_KINDS if kind not in paths]:
        raise DataError(f"{folder} lacks {', '.join(missing)}: found {few(names)}; expected {EXPECTED_FILES}")
    return {str(paths[kind]): read_idx(paths[kind]) for kind in FILE_KINDS}
