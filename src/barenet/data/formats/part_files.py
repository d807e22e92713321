"""One file for each part, with images and labels: train.npz and test.npz, or train.p, valid.p and test.p."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from barenet.data.files import Place
from barenet.data.formats.npz import read_npz
from barenet.data.formats.pickled import SUFFIXES as PICKLES
from barenet.data.formats.pickled import read_pickled
from barenet.data.found import Found
from barenet.data.parts import parts_among
from barenet.errors import DataError

__all__ = ["find_part_files", "read_part_files"]


def files_among(names: Iterable[str]) -> dict[str, str]:
    """Return the files of arrays by part, if one is for training and no part has two; else an empty dictionary."""
    endings = (".npz", *PICKLES)
    stems: dict[str, str] = {}
    for name in sorted(names):
        if ending := next((known for known in endings if name.lower().endswith(known)), None):
            stems[name[: -len(ending)]] = name
    parts = parts_among(stems)
    if "train" not in parts.values() or not 1 < len(set(parts.values())) == len(parts):
        return {}
    return {part: stems[stem] for stem, part in parts.items()}


def find_part_files(place: Place) -> Path | None:
    """Return the folder with a file of arrays for each part, at a place or below it, or None."""
    return place.find(lambda names: bool(files_among(names)))


def read_part_files(folder: Path) -> Found:
    """Return the images and labels of each part's file; raise DataError."""
    files = files_among(file.name for file in folder.iterdir())
    read = {}
    for part, name in files.items():
        found = (read_npz if name.lower().endswith(".npz") else read_pickled)(folder / name, part)
        if set(found.parts) != {part}:
            raise DataError(
                f"{folder / name} holds the parts {', '.join(found.parts)}, expected {part} alone: name one file"
            )
        read[part] = found
    parts = {part: found.parts[part] for part, found in read.items()}
    listed = ", ".join(f"{part}: {files[part]}" for part in ("train", "val", "test") if part in files)
    return Found(parts, f"a file a part ({listed})", facts=read["train"].facts)
