"""Load images and labels, from the package, a folder or a file, into one checked `Dataset`.

Which reader takes a path is decided here. Reading itself is left to `formats` and `pictures`, the checks to `datasets`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from barenet.data.datasets import CARRIED_FINGERPRINT, CARRIED_NAME, Dataset, checked, ignore
from barenet.data.files import reading
from barenet.data.formats.idx_folders import read_carried, read_folder
from barenet.data.formats.npz import read_npz
from barenet.data.formats.tables import find_tables, read_tables
from barenet.data.pictures.folders import holds_pictures
from barenet.errors import DataError

__all__ = ["load_dataset"]


def load_dataset(
    path: str | Path | None = None,
    *,
    image_size: tuple[int, int] | None = None,
    color: bool = False,
    skip_broken: bool = False,
    note: Callable[[str], None] = ignore,
    show_progress: bool = False,
) -> Dataset:
    """Load a data set from disk; the carried Fashion-MNIST where `path` is None.

    A path is a folder of four IDX files, of pictures in a folder a class or of tables, or an .npz or .csv file; one
    that isn't there and ends in `fashion-mnist` means the carried data too. Pictures are brought to `image_size`
    (height, width), by default the commonest among them and at most 64, in grey or in `color`; `skip_broken` leaves
    out those that cannot be read. `note` gets a sentence for whatever deserves attention without being wrong;
    `show_progress` shows a bar where pictures are decoded and stderr is a terminal. Raises DataError or MachineError.
    """
    if path is not None:
        path = Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises RuntimeError for an unknown user
        with reading(path):
            if path.is_dir() and holds_pictures(path):
                from barenet.data.pictures.cache import read_picture_folder

                found = read_picture_folder(
                    path, image_size, color=color, skip_broken=skip_broken, note=note, show_progress=show_progress
                )
                facts: dict[str, Any] = {"class_names": found.class_names, "were_scaled": found.were_scaled}
                return _from_parts(path.resolve().name, found.parts, note, kind="pictures", **facts)
            if path.exists() and find_tables(path):
                tables = read_tables(path, note)
                facts = {"class_names": tables.class_names, "kind": "images" if tables.are_images else "features"}
                return _from_parts(path.stem if path.is_file() else path.resolve().name, tables.arrays(), note, **facts)
            if path.is_dir():
                return checked(path.resolve().name, read_folder(path), note)
            if path.exists():
                return checked(path.name, read_npz(path), note)
        if path.name.lower() != CARRIED_NAME:
            raise DataError(f"data path {path} does not exist: expected a folder or an .npz file, or {CARRIED_NAME}")
        note(f"{path} does not exist: using the Fashion-MNIST that comes with barenet")
    return checked(CARRIED_NAME, read_carried(), note, fingerprint=CARRIED_FINGERPRINT)


def _from_parts(
    name: str, parts: Mapping[str, Mapping[str, np.ndarray]], note: Callable[[str], None], **facts: Any
) -> Dataset:
    """Return a Dataset of the parts train, and val and test where they are there; say when there is no test."""
    if "test" not in parts:
        note(f"{name} has no test part: results will be of validation alone")
    return checked(name, {**parts["train"], **parts.get("test", {})}, note, validation=parts.get("val"), **facts)
