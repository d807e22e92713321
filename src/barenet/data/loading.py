"""Load images and labels, from the package, a folder or a file, into one checked `Dataset`.

A table decides here which reader reads a path. The readers are in `formats`, `tables` and `pictures`, the checks in
`datasets`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Unpack

import numpy as np

from barenet.data.datasets import CARRIED_FINGERPRINT, CARRIED_NAME, Dataset, checked
from barenet.data.files import AS_PATH, Place, is_address
from barenet.data.formats.cifar import find_cifar, read_cifar
from barenet.data.formats.emnist import emnist_split, tables_as_emnist
from barenet.data.formats.idx_folders import find_idx_set, read_carried, read_idx_set
from barenet.data.formats.npz import find_npz, find_npz_set, read_npz
from barenet.data.formats.part_files import find_part_files, read_part_files
from barenet.data.formats.pickled import find_pickle, read_pickled
from barenet.data.formats.refusals import fault_of
from barenet.data.found import Found, turned
from barenet.data.options import Options
from barenet.data.pictures.layouts import find_picture_root
from barenet.data.tables.choosing import Choices, ChoiceWords, choices_of
from barenet.data.tables.columns import Columns
from barenet.data.tables.files import find_tables, is_table, stem_of
from barenet.data.tables.loading import found_in, read_tables
from barenet.data.tables.parts import as_labels, parts_of_arrays
from barenet.errors import ConfigError, DataError
from barenet.messages import count, few
from barenet.notes import held_back, logger
from barenet.reading.borders import check_text, reading

__all__ = ["load_dataset"]


def find_pictures_at(place: Place) -> Path | None:
    """Return the path if there are pictures; with tables beside them, only if folders or a table say their classes."""
    from barenet.data.pictures.label_tables import is_list_of_pictures
    from barenet.data.pictures.labelled import says_classes

    if place.path.is_file():
        return place.path if is_table(place.path.name) and says_classes(place.path) else None
    root = find_picture_root(place)
    if root is None or says_classes(root):
        return root
    tables = find_tables(root).values()
    # A table of picture names is not a table of features, even if no picture has one of these names.
    return root if not tables or any(map(is_list_of_pictures, tables)) else None


def read_picture_folder(path: Path, options: Options) -> Found:
    """Return the pictures in folders of classes, or beside a table of labels."""
    from barenet.data.pictures.cache import decode_folder
    from barenet.data.pictures.labelled import find_all_pictures

    return decode_folder(find_all_pictures(path, options), options)


def find_tables_at(place: Place) -> Path | None:
    """Return the path if there are tables."""
    return place.path if find_tables(place.path) else None


def read_tables_at(path: Path, options: Options) -> Found:
    """Return the tables of a file or a folder; a file gives the data set its name, without the ending."""
    found = read_tables(path, options.choices)
    columns: Columns | None = found.facts.get("columns")
    if options.choices == Choices():
        # Earlier versions used the last column as labels and all others as features, even pixels.
        n_columns = 0 if columns is None else columns.n_columns
        label = n_columns if columns is not None and columns.label is not None else None
        before = Choices(label, keep=tuple(str(i + 1) for i in range(n_columns)), standardize=True)
        found = replace(found, as_before=partial(read_tables, path, before))
    split = next(filter(None, (emnist_split(file.name) for file in find_tables(path).values())), None)
    if split is not None and found.facts.get("kind") == "images":
        found = tables_as_emnist(found, split)
    return replace(found, name=stem_of(path.name)) if path.is_file() else found


# In this order, the first function that finds its kind of data at or below a path returns where; its reader reads that.
READERS: tuple[tuple[Callable[[Place], Path | None], Callable[[Path, Options], Found]], ...] = (
    (find_idx_set, lambda path, _: read_idx_set(path)),
    (find_cifar, lambda path, options: read_cifar(path, options.choices.label)),
    (find_npz_set, lambda path, _: read_npz(path)),
    (find_part_files, lambda path, _: read_part_files(path)),
    (find_pictures_at, read_picture_folder),
    (find_tables_at, read_tables_at),
    (find_pickle, lambda path, options: read_pickled(path, None if options.for_model else "train")),
    (find_npz, lambda path, options: read_npz(path, None if options.for_model else "train")),
)


def load_dataset(
    path: str | Path | None = None,
    *,
    image_size: tuple[int, int] | None = None,
    color: bool = False,
    skip_broken: bool = False,
    transpose: bool | None = None,
    value_range: tuple[int, int] | None = None,
    trained_on: str = "",
    show_progress: bool = False,
    **words: Unpack[ChoiceWords],
) -> Dataset:
    """Load a data set from disk; the carried Fashion-MNIST where `path` is None.

    A path is a folder of IDX files, of pictures, of CIFAR's batches, of .npz or .npy files or of tables; or a file:
    .npz, a table, or a pickle such as mnist.pkl.gz. A path that does not exist and ends in `fashion-mnist` means the
    carried data too. Pictures get `image_size` (height, width), by default their commonest size, at most 64, in grey or
    in `color`; `skip_broken` leaves out those that cannot be read; `value_range` are the values of 16-bit pictures that
    become 0 and 255, by default those found in them. `transpose` swaps height and width of every image; by default only
    of EMNIST's. `trained_on` is the fingerprint of the data that a model was trained on: if earlier versions read the
    data in another way, and that way gives this fingerprint, it is used. `words` are the settings of columns of tables,
    `label`, `drop`, `keep`, `standardize` and `unknown`, and a model's `columns` and `class_names`. A note tells what
    was guessed, and what is unusual without being wrong; `show_progress` shows a bar while pictures are decoded, if
    stderr is a terminal. Raises DataError or MachineError.
    """
    if path is not None:
        if str(path) == "":
            raise DataError("the path of the data is empty: name a folder or a file, or . for this folder")
        if is_address(str(path)):
            raise DataError(f"{path} is an address, not a path: {AS_PATH}")
        check_text(str(path), "the path of the data")
        path = Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises RuntimeError for an unknown user
        choices = choices_of(words)
        for_model = bool(trained_on)
        options = Options(image_size, color, skip_broken, value_range, choices, show_progress, for_model)
        with reading(path):
            if (dataset := read_dataset(path, transpose, trained_on, options)) is not None:
                return dataset
        if path.name.lower() != CARRIED_NAME:
            raise DataError(
                f"data path {path} does not exist: name a folder of pictures or IDX files, a table, an .npz or .npy "
                f"file, or {CARRIED_NAME}"
            )
        logger.info(f"{path} does not exist: using the Fashion-MNIST that comes with barenet")
    carried = read_carried()
    return checked(CARRIED_NAME, in_order(carried.parts), fingerprint=CARRIED_FINGERPRINT)


def read_dataset(path: Path, transpose: bool | None, trained_on: str, options: Options) -> Dataset | None:
    """Return the data at a path as a Dataset, and note what they were taken for; None if the path does not exist."""
    kept: AbstractContextManager[list[str]] = held_back() if trained_on else nullcontext([])
    with kept as notes:  # the data may be read again, as an earlier version did
        found = find_and_read(path, options)
        if found is None:
            return None
        name = found.name or (path.resolve().name if path.is_dir() else path.name)
        dataset = dataset_of(name, found, transpose, options)
    if trained_on and transpose is None and dataset.fingerprint != trained_on:
        before = read_as_before(name, found, trained_on)
        if before is not None:
            logger.info(f"{name}: {found.what or 'tables'}, read as by the earlier version that trained this model")
            return before
    for sentence in notes:
        logger.info(sentence)
    return dataset


def find_and_read(path: Path, options: Options) -> Found | None:
    """Return the data at a path, read by the first reader that finds some; None if the path does not exist."""
    place = Place(path)
    for find, read in READERS:
        if (where := find(place)) is not None:
            return read(where, options)
    if not path.exists():
        return None
    raise DataError(fault_of(place))


def read_as_before(name: str, found: Found, trained_on: str) -> Dataset | None:
    """Return the Dataset as earlier versions read it, if it has the fingerprint `trained_on`, or None."""
    if found.as_before is None:
        return None
    try:
        with held_back():
            before = found.as_before()
            dataset = checked(name, in_order(before.parts), validation=before.parts.get("val"), **before.facts)
    except (DataError, ConfigError):  # no model was trained on data that cannot be read in this way
        return None
    return dataset if dataset.fingerprint == trained_on else None


def dataset_of(name: str, found: Found, transpose: bool | None, options: Options) -> Dataset:
    """Return what a reader found as a Dataset, and note what it was taken for."""
    what, for_model = found.what, options.for_model
    if for_model:
        alone = found.parts.get("test") or next(iter(found.parts.values()))
        parts = found.parts if "train" in found.parts else {"train": alone}
        found = replace(found, parts=parts, facts={**found.facts, "is_for_model": True})
    if "kind" not in found.facts:
        found = with_tables(found, options)
    if transpose or (transpose is None and found.is_transposed):
        found = replace(found, parts=turned(found.parts))
        what = f"{what}, turned upright" if found.is_transposed else f"{what} with height and width swapped".strip()
    if "test" not in found.parts and not for_model:
        logger.info(f"{name} has no test part: results will be of validation alone")
    dataset = checked(name, in_order(found.parts), validation=found.parts.get("val"), **found.facts)
    if what or (not for_model and dataset.kind != "features" and dataset.columns is None):  # tables have notes already
        logger.info(f"{name}: {f'{what}: ' if what else ''}{describe(dataset, for_model=for_model)}")
    return dataset


def with_tables(found: Found, options: Options) -> Found:
    """Return arrays as `from_arrays` does: rows that are not pixels as features, text labels as classes."""
    pairs = {}
    for part, arrays in found.parts.items():
        (images_from, images), (labels_from, labels) = arrays.items()
        pairs[part] = {images_from: images, labels_from: as_labels(labels, labels_from)}
    parts = parts_of_arrays(pairs, options.choices)
    choices = replace(options.choices, class_names=found.facts.get("class_names") or options.choices.class_names)
    choices = replace(choices, label=None) if found.took_label else choices
    taken = found_in(parts, choices)
    return replace(found, parts=taken.parts, facts={**found.facts, **taken.facts})


def in_order(parts: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the training arrays, then the test arrays if there are any."""
    return {**parts["train"], **parts.get("test", {})}


def describe(dataset: Dataset, *, for_model: bool) -> str:
    """Return in words how many images a data set has, of which shape and classes."""
    is_one_part = dataset.valid_labels is None and dataset.test_labels is None
    counts = [f"{len(dataset.train_labels):,} {'labelled' if for_model and is_one_part else 'training'}"]
    for labels, part in ((dataset.valid_labels, "validation"), (dataset.test_labels, "test")):
        if labels is not None:
            counts.append(f"{len(labels):,} {part}")
    shape = "x".join(map(str, dataset.image_shape))
    listed = f"{', '.join(counts[:-1])} and {counts[-1]}" if len(counts) > 1 else counts[0]
    classes = count(dataset.n_classes, "class", "classes")
    return f"{listed} images of {shape}, {classes} ({few(dataset.class_names)})"
