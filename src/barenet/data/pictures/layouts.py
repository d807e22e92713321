"""Find the pictures of a data set: folders, or a table of labels, say which classes and parts there are.

    cat/ dog/                          a folder for each class
    train/cat/ train/dog/ test/...     parts above the classes, by any name that `data.parts` knows
    cat/train/ cat/test/ dog/...       parts inside the classes
    one/folder/of/these                one or two folders deeper, as some archives unpack
    1.png 2.png labels.csv             pictures in one folder, and a table of their names and labels: see `labelled`

The first two are those of torchvision's `ImageFolder` and Keras's `image_dataset_from_directory`. Nothing is decoded
here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from barenet.data.files import Place, subfolders
from barenet.data.parts import is_filler, parts_among, words_of
from barenet.data.pictures.folders import PictureFile, has_own_pictures, has_pictures
from barenet.errors import DataError
from barenet.messages import few
from barenet.notes import logger

__all__ = ["FOLDERS", "PictureFolder", "find_layout", "find_picture_root"]

ORDER = ("train", "val", "test")
# Folders with data about pictures, which are often beside a folder `images`.
COMPANIONS = frozenset(
    [
        *("annotation", "annotations", "label", "labels", "mask", "masks", "trimaps", "segmentation", "segmentations"),
        *("bbox", "bboxes", "boxes", "xml", "xmls", "json", "meta", "metadata", "groundtruth", "ground truth", "gt"),
    ]
)
FOLDERS = "pictures in a folder a class"


@dataclass(frozen=True)
class PictureFolder:
    """The pictures of a data set by part: "train", and "val" and "test" if there are such parts.

    root: the folder that holds the classes or parts. layout: what says the classes, in words.
    """

    root: Path
    class_names: tuple[str, ...]
    parts: dict[str, list[PictureFile]]
    layout: str = FOLDERS


@dataclass(frozen=True)
class Layout:
    """The folders of classes by part, each with the name of its class; `flat`: parts without folders of classes."""

    root: Path
    parts: dict[str, list[tuple[str, Path]]]
    words: str
    flat: dict[str, Path] = field(default_factory=dict)


def find_picture_root(place: Place) -> Path | None:
    """Return the folder at a place if there are pictures in it or below it, or None."""
    path = place.path
    if not path.is_dir():
        return None
    if any(has_pictures(folder) for _, folder in subfolders(path)):
        return path
    return path if has_own_pictures(path) else None


def chain(root: Path) -> Iterator[Path]:
    """Yield a folder, then the one in it, and so on, while each holds a single folder (copies and companions apart)."""
    folder = root
    while True:
        yield folder
        below = [path for name, path in without_copies(folder)[0] if not is_companion(name)]
        if len(below) != 1 or has_own_pictures(folder):
            return
        folder = below[0]


def without_copies(folder: Path) -> tuple[list[tuple[str, Path]], list[str]]:
    """Return the folders in a folder without copies, and the names of copies: their folders have names of the others.

    Archives often hold a data set twice, in `flowers/rose` and in `flowers/flowers/rose`.
    """
    below = subfolders(folder)
    names = {name for name, _ in below}
    copies = [name for name, path in below if (inner := {n for n, _ in subfolders(path)}) and inner <= names - {name}]
    return [(name, path) for name, path in below if name not in copies], copies


def find_layout(root: Path, *, for_model: bool = False) -> Layout | None:
    """Return which folders are classes, at `root` or in the first folder below it that holds some, or None.

    `for_model`: one class is enough, and a training part may be missing; then another part is called "train".
    """
    copies: list[str] = []
    beside: list[str] = []
    for folder in chain(root):
        kept, copied = without_copies(folder)
        copies += [str(folder / name) for name in copied]
        layout = (
            parts_above(folder, for_model=for_model)
            or parts_inside(folder)
            or classes_alone(folder, for_model=for_model)
        )
        if layout is not None:
            if copies:
                logger.info(f"{root}: left out {few(copies)}, a copy of the folders beside it")
            if beside:
                logger.info(f"{root}: left out {few(beside)}, which belongs to the pictures")
            return layout
        beside += [str(folder / name) for name, _ in kept if is_companion(name)]
    return None


def parts_above(folder: Path, *, for_model: bool) -> Layout | None:
    """Return the layout of folders `train`, `test`, ... above classes, or None."""
    below = dict(subfolders(folder))
    names = parts_among(below)
    # A folder `train` of pictures of trains is a class.
    if not any(class_folders(below[name]) for name in names):
        return None
    found: dict[str, Path] = {}
    for name, part in names.items():
        if part in found:
            raise DataError(f"{folder} holds {found[part].name} and {name}, both for {part}: keep one of them")
        found[part] = below[name]
    if "train" not in found and for_model:
        alone = found.get("test") or next(iter(found.values()))
        return Layout(folder, {"train": class_folders(alone)}, f"{FOLDERS}, of {alone.name}")
    if "train" not in found:
        listed = few(sorted(path.name for path in found.values()))
        raise DataError(f"{folder} has {listed} but no train: put the training pictures into {folder}/train")
    to_train = class_folders(found["train"])
    if not to_train:
        raise DataError(f"{found['train']} has no folders of classes, but {few(sorted(set(found) - {'train'}))} has")
    known = {name for name, _ in to_train}
    classes = {part: class_folders(path, known) for part, path in found.items()}
    if others := sorted(set(below) - {path.name for path in found.values()}):
        logger.info(f"{folder}: left out what is beside train: {few(others)}")
    named = ", ".join(f"{part}: {path.name}" for part, path in sorted(found.items()) if path.name != part)
    words = FOLDERS + (f" ({named})" if named else "")
    flat = {part: path for part, path in found.items() if not classes[part]}
    return Layout(folder, {part: folders for part, folders in classes.items() if folders}, words, flat)


def class_folders(folder: Path, known: Collection[str] = ()) -> list[tuple[str, Path]]:
    """Return name and path of the classes of one part: in its folder, or deeper if that holds only one folder.

    A single folder is a class if its name is one of the `known` ones, or if no folders below it can be classes.
    """
    single: list[tuple[str, Path]] = []
    for below in chain(folder):
        found = [(name, path) for name, path in without_copies(below)[0] if not is_filler(name)]
        if len(found) > 1 or (found and found[0][0] in known):
            return found
        single = single or [(name, path) for name, path in found if name != folder.name and has_pictures(path)]
    return single


def parts_inside(folder: Path) -> Layout | None:
    """Return the layout of classes that each hold folders `train`, `test`, ..., or None."""
    classes = subfolders(folder)
    if all(is_filler(name) or is_companion(name) for name, _ in classes):
        return None
    inside = {name: parts_among(dict(subfolders(path))) for name, path in classes}
    split = [name for name, parts in inside.items() if "train" in parts.values() and len(set(parts.values())) > 1]
    if not split or len(classes) < 2:
        return None
    parts: dict[str, list[tuple[str, Path]]] = {}
    for name, path in classes:
        if name not in split or has_own_pictures(path) or len(inside[name]) != len(subfolders(path)):
            raise DataError(
                f"{path}: {folder / split[0]} holds {few(sorted(inside[split[0]]))}, this class something else: give "
                f"all classes the same folders"
            )
        for called, part in inside[name].items():
            parts.setdefault(part, []).append((name, path / called))
    return Layout(folder, parts, f"{FOLDERS}, with the parts inside each")


def classes_alone(folder: Path, *, for_model: bool) -> Layout | None:
    """Return the layout of folders of classes without parts, or None if there are fewer than two."""
    below, _ = without_copies(folder)
    if flat_parts(folder) or all(is_filler(name) or is_companion(name) for name, _ in below):
        return None
    # A folder `train` may be a class of trains; a folder `test` or `validation` is never a class.
    parts = parts_among(name for name, _ in below)
    classes = [(name, path) for name, path in below if parts.get(name, "train") == "train"]
    if len(classes) < 2 and not (for_model and classes and has_own_pictures(classes[0][1])):
        return None
    inside = {frozenset(name for name, inner in subfolders(path) if has_pictures(inner)) for _, path in classes}
    if len(inside) == 1 and len(shared := inside.pop()) > 1:
        listed = few([name for name, _ in classes])
        logger.info(
            f"{folder}: each of {listed} holds the folders {few(sorted(shared))}, taken together as one class; if "
            f"these are the classes, give one folder that holds them"
        )
    if left := sorted({name for name, _ in below} - {name for name, _ in classes}):
        logger.info(f"{folder}: left out {few(left)}, without folders of classes in it")
    return Layout(folder, {"train": classes}, FOLDERS)


def is_companion(name: str) -> bool:
    """Whether a folder's name is that of data about pictures: `annotations`, `masks`."""
    return " ".join(words_of(name)) in COMPANIONS


def flat_parts(folder: Path) -> list[str]:
    """Return the folders in `folder` that have names of parts and hold pictures, if they cannot be classes."""
    with_pictures = [name for name, path in subfolders(folder) if has_pictures(path)]
    parts = parts_among(with_pictures)
    return sorted(parts) if len(set(parts.values())) > 1 or (parts and len(parts) == len(with_pictures)) else []
