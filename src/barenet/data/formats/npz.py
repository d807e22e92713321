"""Read .npz files: one file with all arrays, as of Keras and MedMNIST, or one file for each array, as of KMNIST.

As in `idx`, memory is taken for an array only when its length has been checked, and no pickle is ever loaded.
`named_arrays` decides what each array is, and `data.checks` checks what it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from barenet.data.files import Place, kind_of_file
from barenet.data.formats.named_arrays import EXPECTED_NAMES, PARTS_OF_PAIRS, found_by_name, pairs_among
from barenet.data.found import Found
from barenet.data.parts import role_of
from barenet.errors import DataError
from barenet.messages import few, one_line
from barenet.reading.arrays import open_archive, read_member
from barenet.reading.borders import open_regular, reading

__all__ = ["find_npz", "find_npz_set", "read_members", "read_npz"]


def find_npz_set(place: Place) -> Path | None:
    """Return the folder whose .npz files hold one array each, at a place or below it, or None."""
    return place.find(lambda names: bool(sets_among(names)))


def find_npz(place: Place) -> Path | None:
    """Return the .npz file at a place, or in a folder that holds one and no other data, or None."""
    if place.path.is_file():
        return place.path if is_npz(place.path) else None
    return place.find_alone((".npz",))


def is_npz(path: Path) -> bool:
    """Whether a file is a zip archive that holds arrays, or has the ending .npz and begins as an archive."""
    with reading(path), open_regular(path) as file:
        if file.read(2) != b"PK":
            return False
    if path.suffix.lower() == ".npz":
        return True
    with reading(path), open_archive(path) as archive:
        return any(name.endswith(".npy") for name in archive.namelist())


def read_npz(path: Path, part: str | None = "train") -> Found:
    """Return the arrays of an .npz file, or of a folder with one file for each array, recognised by their names.

    Arrays whose names say no part belong to `part`, which must be there; with None any part is enough.

    Raises DataError.
    """
    if path.is_dir():
        return read_npz_folder(path)
    with reading(path), open_archive(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        if not names and archive.namelist():
            raise DataError(f"{path} {kind_of_file(path)}")
        if others := [name for name in archive.namelist() if not name.endswith(".npy")]:
            raise DataError(
                f"{path} holds {few(others)} beside its arrays: it is damaged or no .npz file, save it again"
            )

        def read(name: str, *, shape_alone: bool = False) -> np.ndarray:
            where = f"{one_line(name)} in {path}"
            return read_member(archive, name, where, path.stat().st_size, shape_alone=shape_alone)

        if names == ["arr_0"]:
            raise DataError(f"{path} holds one array without a name: give the folder that also holds its labels")
        if 0 < len(names) <= 2 * len(PARTS_OF_PAIRS) and all(re.fullmatch(r"arr_\d", name) for name in names):
            return unnamed({name: read(name) for name in names}, str(path), part or "train")
        return found_by_name(names, read, str(path), "arrays by name", part, outline=partial(read, shape_alone=True))


def read_members(path: Path) -> dict[str, np.ndarray]:
    """Return all arrays of an .npz file by name; raises DataError."""
    with reading(path), open_archive(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        return {name: read_member(archive, name, f"{one_line(name)} in {path}", path.stat().st_size) for name in names}


def unnamed(arrays: Mapping[str, np.ndarray], where: str, default: str) -> Found:
    """Return arrays that np.savez(path, x, y, ...) has numbered; raise DataError if shapes do not show the pairs."""
    pairs = pairs_among(list(arrays.values()))
    if pairs is None:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise DataError(f"{where} holds arrays without names ({shapes}): expected {EXPECTED_NAMES}")
    name_of = {id(array): name for name, array in arrays.items()}
    parts = (default,) if len(pairs) == 1 else PARTS_OF_PAIRS[len(pairs)]
    taken = {part: [name_of[id(array)] for array in pair] for part, pair in zip(parts, pairs, strict=True)}
    said = "; ".join(f"{part}: {images}, {labels}" for part, (images, labels) in taken.items())
    return Found(
        {part: {f"{name} in {where}": arrays[name] for name in pair} for part, pair in taken.items()},
        f"unnamed arrays ({said})",
    )


def sets_among(names: Iterable[str]) -> dict[str, dict[tuple[str, str], str]]:
    """Return .npz files of one array each, such as kmnist-train-imgs.npz, by data set and (part, kind)."""
    found: dict[str, dict[tuple[str, str], str]] = {}
    for name in sorted(names):
        stem, dot, suffix = name.rpartition(".")
        role = role_of(stem)
        if dot and suffix.lower() == "npz" and role.part is not None and role.kind is not None:
            found.setdefault(" ".join(role.rest), {})[role.part, role.kind] = name
    return {name: files for name, files in found.items() if {("train", "x"), ("train", "y")} <= set(files)}


def read_npz_folder(folder: Path) -> Found:
    """Return the arrays of a folder with an .npz file for each array; raise DataError for several data sets."""
    sets = sets_among(file.name for file in folder.iterdir())
    if len(sets) > 1:
        raise DataError(f"{folder} holds several data sets ({few(sorted(sets))}): move the files of one into a folder")
    ((name, files),) = sets.items()
    parts = {}
    for part in ("train", "val", "test"):
        pair = [files[part, kind] for kind in "xy" if (part, kind) in files]
        if len(pair) == 1:
            raise DataError(f"{folder / pair[0]} has no {'labels' if (part, 'x') in files else 'images'} beside it")
        if pair:
            parts[part] = {str(folder / name): read_alone(folder / name) for name in pair}
    return Found(parts, f"{name} .npz files of one array each".strip())


def read_alone(path: Path) -> np.ndarray:
    """Return the one array of an .npz file."""
    with reading(path), open_archive(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        if len(names) != 1:
            raise DataError(f"{path} holds {few(names)}, expected one array")
        return read_member(archive, names[0], str(path), path.stat().st_size)
