"""Arrays that come by name, as in an .npz file or a pickled dictionary: which are images, which labels, of which part.

The words are those of `data.parts`. Arrays are read only once it is known which ones are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from barenet.data.found import Found
from barenet.data.parts import role_of
from barenet.errors import DataError
from barenet.messages import few

__all__ = ["EXPECTED_NAMES", "assign", "found_by_name"]

EXPECTED_NAMES = "x_train and y_train, and x_val, y_val, x_test, y_test where they are there"
KERAS = ("x_train", "y_train", "x_test", "y_test", "x_val", "y_val")  # said by nobody, as nothing was guessed
NAMES_OF_CLASSES = ("class_names", "label_names", "target_names", "classnames")


def assign(names: Sequence[str], where: str) -> dict[str, tuple[str, str]]:
    """Return by part the names of images and labels among `names`; raise DataError where that is not clear.

    >>> assign(["train_images", "train_labels", "note"], "d.npz")
    {'train': ('train_images', 'train_labels')}
    """
    roles = {name: role_of(name) for name in names if name not in NAMES_OF_CLASSES}
    slots: dict[tuple[str, str], list[str]] = {}
    for name, role in roles.items():
        if role.kind is not None and not role.rest:
            slots.setdefault((role.part or "train", role.kind), []).append(name)
    for (part, kind), own in slots.items():
        if len(own) > 1:
            what = "images" if kind == "x" else "labels"
            raise DataError(f"{where} holds {few(own)}, which may all be the {part} {what}: keep one of them")
    if ("train", "x") not in slots or ("train", "y") not in slots:
        lacks = [f"{kind}_train" for kind in "xy" if ("train", kind) not in slots]
        raise DataError(f"{where} lacks {', '.join(lacks)}: found {few(list(names))}; expected {EXPECTED_NAMES}")
    assigned = {}
    for part in ("train", "val", "test"):
        own = [slots[part, kind][0] for kind in "xy" if (part, kind) in slots]
        if len(own) == 1:
            raise DataError(f"{where} holds {own[0]} without {'labels' if (part, 'x') in slots else 'images'} to it")
        if own:
            assigned[part] = (own[0], own[1])
    return assigned


def found_by_name(names: Sequence[str], read: Callable[[str], np.ndarray], where: str, what: str) -> Found:
    """Return what arrays hold; `read` returns one by its name, `what` says what they came in."""
    assigned = assign(names, where)
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
    return Found(parts, what, facts=facts)
