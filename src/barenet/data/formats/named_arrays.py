"""Arrays with names, as in an .npz file or a pickled dictionary: which are images, which labels, of which part.

The words are those of `data.parts`. Arrays are read only when it is known which ones are needed. Arrays without names
are recognised by their shapes.
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

EXPECTED_NAMES = "x_train and y_train, and x_val, y_val, x_test, y_test if there are any"
KERAS = ("x_train", "y_train", "x_test", "y_test", "x_val", "y_val")  # these names need no guess, and no note
# The parts of so many pairs of arrays without names, in their order.
PARTS_OF_PAIRS = {1: ("train",), 2: ("train", "test"), 3: ("train", "val", "test")}
NAMES_OF_CLASSES = ("class_names", "label_names", "target_names", "classnames")


def assign(
    names: Sequence[str], where: str, choose: Callable[[Sequence[str]], str | None], default: str | None = "train"
) -> dict[str, tuple[str, str]]:
    """Return by part the names of images and labels among `names`; raise DataError where that is not clear.

    `choose` returns one of several names that may mean the same, or None. `default` is the part that must be there;
    names that say no part belong to it. With None, such names belong to "train", and any part is enough.

    >>> assign(["train_images", "train_labels", "note"], "d.npz", lambda names: None)
    {'train': ('train_images', 'train_labels')}
    """
    roles = {name: role_of(name) for name in names if name not in NAMES_OF_CLASSES}
    slots: dict[tuple[str, str], list[str]] = {}
    for name, role in roles.items():
        if role.kind is not None and not role.rest:
            slots.setdefault((role.part or default or "train", role.kind), []).append(name)
    for (part, kind), candidates in slots.items():
        if len(candidates) > 1:
            chosen = choose(candidates)
            if chosen is None:
                what = "images" if kind == "x" else "labels"
                raise DataError(
                    f"{where} holds {few(candidates)}, which may all be the {part} {what}: keep one of them"
                )
            candidates[:] = [chosen]
    needed = default or next((part for part in ("train", "test", "val") if (part, "x") in slots), "train")
    if lacks := [f"{kind}_{needed}" for kind in "xy" if (needed, kind) not in slots]:
        raise DataError(f"{where} lacks {', '.join(lacks)}: found {few(list(names))}; expected {EXPECTED_NAMES}")
    assigned = {}
    # Test images may have no labels, but only if no other array, with a damaged or unusual name, may be the labels.
    is_clear = all(role.kind is not None and not role.rest for role in roles.values())
    for part in ("train", "val", "test"):
        pair = [slots[part, kind][0] for kind in "xy" if (part, kind) in slots]
        if len(pair) == 1 and not (is_clear and part == "test" and (part, "x") in slots):
            raise DataError(f"{where} holds {pair[0]} without {'labels' if (part, 'x') in slots else 'images'} to it")
        if pair:
            assigned[part] = (pair[0], pair[1]) if len(pair) > 1 else (pair[0], "")
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
    """Return images and labels from arrays by name; `read` returns the array of a name, `what` names their container.

    `outline` returns an array of the right shape without reading it, so that images and labels that do not belong
    together are found before memory is taken for them.
    """
    assigned = assign(names, where, lambda alike: one_of_alike(alike, read), default)
    unlabelled = [images for images, labels in assigned.values() if not labels]
    assigned = {part: pair for part, pair in assigned.items() if pair[1]}
    for x, y in assigned.values():
        images, labels = (outline or read)(x), read(y)  # labels are small, so they are checked first
        if images.ndim > 1 and labels.ndim == 1:
            check_counts(f"{x} in {where}", images, f"{y} in {where}", labels)
    parts = {part: {f"{name} in {where}": read(name) for name in pair} for part, pair in assigned.items()}
    facts: dict[str, Any] = {}
    if given := [name for name in names if name in NAMES_OF_CLASSES]:
        facts["class_names"] = tuple(str(name) for name in read(given[0]).ravel())
    used = [name for pair in assigned.values() for name in pair]
    if all(name in KERAS for name in used):
        what = ""
    elif what:
        taken = "; ".join(f"{part}: {images}, {labels}" for part, (images, labels) in assigned.items())
        what = f"{what} ({taken})"
    if unlabelled:
        what = f"{what}, left out {few(unlabelled)}, without labels".removeprefix(", ")
    return Found(parts, what, facts=facts)


def one_of_alike(names: Sequence[str], read: Callable[[str], np.ndarray]) -> str | None:
    """Return the name of images whose numbers the other array has in rows, as in scikit-learn's digits, or None."""
    flat, images = sorted(((read(name), name) for name in names), key=lambda item: item[0].ndim)[:2]
    is_twice = len(names) == 2 and flat[0].ndim == 2 < images[0].ndim and len(flat[0]) == len(images[0])
    return images[1] if is_twice and np.array_equal(flat[0], images[0].reshape(len(flat[0]), -1)) else None


def pairs_among(arrays: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """Return pairs of images and labels from arrays without names, or None if the shapes do not show them.

    Either labels follow their images, or all images come first, as from scikit-learn's `train_test_split`.
    """
    half = len(arrays) // 2
    for images, labels in ((arrays[::2], arrays[1::2]), (arrays[:half], arrays[half:])):
        if len(images) == len(labels) and all(map(are_pair, images, labels)):
            return list(zip(images, labels, strict=True))
    return None


def are_pair(images: np.ndarray, labels: np.ndarray) -> bool:
    """Whether two arrays can be images or features and their labels."""
    return images.ndim > 1 and labels.ndim == 1 and len(images) == len(labels)
