"""Arrays that come by name, as in an .npz file or a pickled dictionary: which are images, which labels, of which part.

The words are those of `data.parts`. Arrays are read only once it is known which ones are needed. Arrays without names
are told apart by their shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from barenet.data.checks import check_counts
from barenet.data.found import Found
from barenet.data.parts import role_of
from barenet.errors import DataError
from barenet.messages import few

__all__ = ["EXPECTED_NAMES", "PARTS_OF_PAIRS", "assign", "found_by_name", "pairs_among"]

EXPECTED_NAMES = "x_train and y_train, and x_val, y_val, x_test, y_test where they are there"
KERAS = ("x_train", "y_train", "x_test", "y_test", "x_val", "y_val")  # said by nobody, as nothing was guessed
# The parts of so many pairs of arrays without names, in their order.
PARTS_OF_PAIRS = {1: ("train",), 2: ("train", "test"), 3: ("train", "val", "test")}
NAMES_OF_CLASSES = ("class_names", "label_names", "target_names", "classnames")


def assign(
    names: Sequence[str], where: str, choose: Callable[[Sequence[str]], str | None], default: str | None = "train"
) -> dict[str, tuple[str, str]]:
    """Return by part the names of images and labels among `names`; raise DataError where that is not clear.

    `choose` returns one of several names that may mean the same, or None. `default` is the part that must be there, and
    that a name means which says none; with None that is "train", and any part will do.

    >>> assign(["train_images", "train_labels", "note"], "d.npz", lambda names: None)
    {'train': ('train_images', 'train_labels')}
    """
    roles = {name: role_of(name) for name in names if name not in NAMES_OF_CLASSES}
    slots: dict[tuple[str, str], list[str]] = {}
    for name, role in roles.items():
        if role.kind is not None and not role.rest:
            slots.setdefault((role.part or default or "train", role.kind), []).append(name)
    for (part, kind), own in slots.items():
        if len(own) > 1:
            chosen = choose(own)
            if chosen is None:
                what = "images" if kind == "x" else "labels"
                raise DataError(f"{where} holds {few(own)}, which may all be the {part} {what}: keep one of them")
            own[:] = [chosen]
    needed = default or next((part for part in ("train", "test", "val") if (part, "x") in slots), "train")
    if lacks := [f"{kind}_{needed}" for kind in "xy" if (needed, kind) not in slots]:
        raise DataError(f"{where} lacks {', '.join(lacks)}: found {few(list(names))}; expected {EXPECTED_NAMES}")
    assigned = {}
    # Test images may come without labels, but not beside an array that may be these by a damaged or an unusual name.
    is_clear = all(role.kind is not None and not role.rest for role in roles.values())
    for part in ("train", "val", "test"):
        own = [slots[part, kind][0] for kind in "xy" if (part, kind) in slots]
        if len(own) == 1 and not (is_clear and part == "test" and (part, "x") in slots):
            raise DataError(f"{where} holds {own[0]} without {'labels' if (part, 'x') in slots else 'images'} to it")
        if own:
            assigned[part] = (own[0], own[1]) if len(own) > 1 else (own[0], "")
    return assigned


def found_by_name(
    names: Sequence[str],
    read: Callable[[str], np.ndarray],
    where: str,
    what: str,
    default: str | None = "train",
    *,
    outline: Callable[[str], np.ndarray] | None = None,
) -> Found:
    """Return what arrays hold; `read` returns one by its name, `what` says what they came in.

    `outline` returns an array of the shape of one, without reading it: images and labels that do not belong together
    are then found before memory is taken for them.
    """
    assigned = assign(names, where, lambda own: one_of_alike(own, read), default)
    unlabelled = [images for images, labels in assigned.values() if not labels]
    assigned = {part: own for part, own in assigned.items() if own[1]}
    for x, y in assigned.values():
        images, labels = (outline or read)(x), read(y)  # labels are small: what is wrong with them is found first
        if images.ndim > 1 and labels.ndim == 1:
            check_counts(f"{x} in {where}", images, f"{y} in {where}", labels)
    parts = {part: {f"{name} in {where}": read(name) for name in own} for part, own in assigned.items()}
    facts: dict[str, Any] = {}
    if given := [name for name in names if name in NAMES_OF_CLASSES]:
        facts["class_names"] = tuple(str(name) for name in read(given[0]).ravel())
    used = [name for own in assigned.values() for name in own]
    if all(name in KERAS for name in used):
        what = ""
    elif what:
        taken = "; ".join(f"{part}: {images}, {labels}" for part, (images, labels) in assigned.items())
        what = f"{what} ({taken})"
    if unlabelled:
        what = f"{what}, left out {few(unlabelled)}, without labels".removeprefix(", ")
    return Found(parts, what, facts=facts)


def one_of_alike(names: Sequence[str], read: Callable[[str], np.ndarray]) -> str | None:
    """Return the name of images of which another array holds the same numbers in rows, as scikit-learn's digits do."""
    flat, images = sorted(((read(name), name) for name in names), key=lambda own: own[0].ndim)[:2]
    is_twice = len(names) == 2 and flat[0].ndim == 2 < images[0].ndim and len(flat[0]) == len(images[0])
    return images[1] if is_twice and np.array_equal(flat[0], images[0].reshape(len(flat[0]), -1)) else None


def pairs_among(arrays: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """Return images with their labels out of arrays without names, or None where shapes do not tell them apart.

    Either labels follow their images, or all images come first, as from scikit-learn's `train_test_split`.
    """
    half = len(arrays) // 2
    for images, labels in ((arrays[::2], arrays[1::2]), (arrays[:half], arrays[half:])):
        if len(images) == len(labels) and all(map(are_pair, images, labels)):
            return list(zip(images, labels, strict=True))
    return None


def are_pair(images: np.ndarray, labels: np.ndarray) -> bool:
    """Whether two arrays can be images or features, and a label to each."""
    return images.ndim > 1 and labels.ndim == 1 and len(images) == len(labels)
