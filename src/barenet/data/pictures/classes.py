"""The pictures in folders of classes, by part, and messages for folders without classes."""

from __future__ import annotations

from pathlib import Path

from barenet.data.files import is_system
from barenet.data.options import Options
from barenet.data.parts import is_filler
from barenet.data.pictures.folders import LeftOut, PictureFile, has_own_pictures, list_pictures
from barenet.data.pictures.layouts import ORDER, Layout, PictureFolder, chain, flat_parts
from barenet.data.pictures.picture import SUFFIXES
from barenet.errors import DataError
from barenet.messages import few
from barenet.reading.borders import check_text

__all__ = ["find_pictures"]

EXPECTED_LAYOUT = (
    "expected a folder a class (train/cat/1.png), or a table (.csv) beside them with a column of file names and one of "
    "labels"
)


def find_pictures(root: Path, layout: Layout | None, options: Options) -> PictureFolder:
    """Return the pictures in folders of classes, in order of their names and then classes; class names are sorted.

    Raises DataError if there is no layout, or if it is wrong.
    """
    if layout is None:
        raise DataError(describe_fault(root))
    class_names = check_classes(layout, 1 if options.for_model else 2)
    left_out = LeftOut()
    for folder in {root, layout.root, *(path.parent for classes in layout.parts.values() for _, path in classes)}:
        left_out.look_beside_classes(folder)
    parts = {part: find_part(layout, part, class_names, left_out) for part in ORDER if part in layout.parts}
    left_out.report(root)
    return PictureFolder(layout.root, class_names, parts, layout.words)


def check_classes(layout: Layout, least: int) -> tuple[str, ...]:
    """Return the names of the training classes, sorted; raise DataError for too few, or two that are nearly equal."""
    names = sorted(name for name, _ in layout.parts["train"])
    folder = layout.parts["train"][0][1].parent
    by_folded: dict[str, str] = {}
    for name in names:
        check_text(name, f"the name of the class, a folder in {folder},")
        other = by_folded.setdefault(name.casefold(), name)
        if other is not name:
            raise DataError(
                f"{folder} holds {other!r} and {name!r}, which differ in capital letters only and are one folder on "
                f"many systems: rename one, or move its pictures into the other"
            )
    if len(names) < least:
        raise DataError(one_class(folder, names))
    return tuple(names)


def one_class(folder: Path, names: list[str]) -> str:
    """Return the message for a single class."""
    return (
        f"{folder} holds one class only, {few(names)}: a classifier needs two classes or more, the pictures of each in "
        f"a folder named after it"
    )


def find_part(layout: Layout, part: str, class_names: tuple[str, ...], left_out: LeftOut) -> list[PictureFile]:
    """Return the pictures of one part, each with its label; a class may lack pictures to test, not to train."""
    label_of = {name: label for label, name in enumerate(class_names)}
    pictures: list[PictureFile] = []
    for name, folder in sorted(layout.parts[part]):
        if name not in label_of:
            raise DataError(
                f"{folder}: there is no class {name!r} to train on, only {few(class_names, limit=8)}: rename "
                f"the folder, or add one to the training pictures"
            )
        found = list(list_pictures(folder, label_of[name], left_out))
        if part == "train" and not found:
            raise DataError(f"{folder} holds no pictures ({', '.join(SUFFIXES)}): add some, or remove the folder")
        pictures += found
    if not pictures:
        where = layout.parts[part][0][1].parent
        raise DataError(f"{where} holds no pictures ({', '.join(SUFFIXES)}): add some, or remove the folder")
    return sorted(pictures)


def describe_fault(root: Path) -> str:
    """Return why there are no folders of classes in `root`."""
    *_, last = chain(root)
    for folder in chain(root):
        if parts := flat_parts(folder):
            return (
                f"{folder}: {few(parts)} hold{'s' if len(parts) == 1 else ''} pictures but no folder a class, so "
                f"nothing says what is on them: {EXPECTED_LAYOUT}"
            )
    if has_own_pictures(last) and last != root and not is_filler(last.name):
        return one_class(last.parent, [last.name])
    names = few(sorted(path.name for path in last.iterdir() if not is_system(path.name)))
    if has_own_pictures(last):
        return f"{last} holds pictures but no folders of classes: found {names}; {EXPECTED_LAYOUT}"
    return (
        f"{last} holds no pictures in folders of classes: found {names}; {EXPECTED_LAYOUT}, with pictures "
        f"({', '.join(SUFFIXES)})"
    )
