"""Which files of a folder are the tables of which part: train, validation, test."""

from __future__ import annotations

import re
from pathlib import Path

from barenet.data.parts import Role, role_of
from barenet.errors import DataError

__all__ = ["NAMES", "find_tables", "is_table", "stem_of"]

NAMES = "x_train and y_train, as .npy or .csv, or train.csv"
TEXT = (".csv", ".tsv", ".txt", ".data", ".dat")
SUFFIXES = (*TEXT, *(f"{suffix}.gz" for suffix in TEXT))

Key = tuple[str, str]  # part, and kind: "x", "y" or "both"


def is_table(name: str) -> bool:
    """Whether a file is a text table by its name."""
    return name.lower().endswith(SUFFIXES)


def stem_of(name: str) -> str:
    """Return a file's name without the endings of a table."""
    return Path(re.sub(r"\.gz$", "", name, flags=re.IGNORECASE)).stem


def find_tables(path: Path) -> dict[Key, Path]:
    """Return the files of tables at `path` by (part, kind); kind is "x", "y" or "both". Empty if there are none.

    In a folder, files count whose names say only a part or a kind, or also share all other words: `train.csv`,
    `x_test.npy`, `fashion-mnist_train.csv` beside `fashion-mnist_test.csv`. A single table counts with any name.
    """
    if path.is_file():
        return {("train", "both"): path} if is_table(path.name) else {}
    if not path.is_dir():
        return {}
    files = [
        file
        for file in sorted(path.iterdir())
        if file.is_file() and not file.name.startswith(".") and (is_table(file.name) or file.suffix.lower() == ".npy")
    ]
    by_rest: dict[tuple[str, ...], list[tuple[Path, Role]]] = {}
    for file in files:
        role = role_of(stem_of(file.name))
        by_rest.setdefault(role.rest, []).append((file, role))
    if () in by_rest:
        return by_key(path, by_rest[()])
    named = [group for group in by_rest.values() if any(role.part == "train" or role.kind for _, role in group)]
    if len(named) == 1:
        return by_key(path, named[0])
    return {("train", "both"): files[0]} if len(files) == 1 and is_table(files[0].name) else {}


def by_key(folder: Path, files: list[tuple[Path, Role]]) -> dict[Key, Path]:
    """Return files by part and kind; a text table of features without a file of labels holds the labels too."""
    has_labels = {role.part or "train" for _, role in files if role.kind == "y"}
    found: dict[Key, Path] = {}
    for file, role in files:
        part = role.part or "train"
        kind = role.kind or "both"
        if kind == "x" and part not in has_labels and is_table(file.name):
            kind = "both"
        if (part, kind) in found:
            raise DataError(f"{folder} holds {found[part, kind].name} and {file.name}: keep one of them")
        found[part, kind] = file
    return found
