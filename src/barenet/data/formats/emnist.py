"""What is special in EMNIST: its images are transposed, its classes are characters, and letters count from 1.

Its files are recognised by their names, `emnist-<split>-...`: https://arxiv.org/abs/1702.05373. A `mapping` file
beside them says which character each label is.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from barenet.data.found import Found
from barenet.errors import DataError
from barenet.messages import one_line
from barenet.reading.borders import reading

__all__ = ["emnist_split", "read_as_emnist", "tables_as_emnist"]

MERGED = string.digits + string.ascii_uppercase + "abdefghnqrt"  # lower case where it does not look like upper case
CHARACTERS = {
    **{split: dict(enumerate(MERGED)) for split in ("balanced", "bymerge")},
    "byclass": dict(enumerate(string.digits + string.ascii_uppercase + string.ascii_lowercase)),
    **{split: dict(enumerate(string.digits)) for split in ("digits", "mnist")},
    "letters": {number: f"{upper}/{upper.lower()}" for number, upper in enumerate(string.ascii_uppercase, start=1)},
}


def emnist_split(name: str) -> str | None:
    """Return which of EMNIST's splits the name of a file, or its prefix, says; None for other data.

    >>> emnist_split("emnist-letters"), emnist_split("emnist-balanced-train.csv"), emnist_split("kmnist")
    ('letters', 'balanced', None)
    """
    match = re.match(r"emnist[-_ ]([a-z]+)", name.lower())
    return match[1] if match and match[1] in CHARACTERS else None


def read_as_emnist(folder: Path, split: str, parts: Mapping[str, Mapping[str, np.ndarray]]) -> Found:
    """Return EMNIST's arrays as found: marked as transposed, classes named by characters, counted from 0."""
    names = read_mapping(folder, split)
    (_, labels) = list(parts["train"].values())
    what, as_before = f"EMNIST {split} IDX files", Found(parts)
    lowest = int(labels.min()) if labels.size and labels.dtype.kind in "iu" else 0
    if lowest > 0:
        what = f"{what} (labels count from {lowest}: there is no class without images)"
        parts = {part: shifted(arrays, lowest) for part, arrays in parts.items()}
    all_labels = [labels for _, labels in (list(arrays.values()) for arrays in parts.values())]
    highest = max((int(labels.max()) for labels in all_labels if labels.size), default=0)
    class_names = tuple(names.get(label + lowest, str(label + lowest)) for label in range(highest + 1))
    return Found(parts, what, is_transposed=True, as_before=lambda: as_before, facts={"class_names": class_names})


def tables_as_emnist(found: Found, split: str) -> Found:
    """Return tables of EMNIST's pixels as found: marked as transposed, classes named by characters."""
    names = {str(label): name for label, name in CHARACTERS[split].items()}
    class_names = tuple(names.get(name, name) for name in found.facts.get("class_names", ()))
    facts = {**found.facts, **({"class_names": class_names} if class_names else {})}
    return replace(found, what=f"EMNIST {split} tables", is_transposed=True, facts=facts)


def shifted(arrays: Mapping[str, np.ndarray], lowest: int) -> dict[str, np.ndarray]:
    """Return unchanged images, and labels that count from 0."""
    images, (labels_from, labels) = arrays.items()
    return dict([images, (labels_from, labels.astype(np.int64) - lowest)])


def read_mapping(folder: Path, split: str) -> dict[int, str]:
    """Return the character or characters of each label, from the mapping file or else from `CHARACTERS`."""
    file = folder / f"emnist-{split}-mapping.txt"
    if not file.is_file():
        return CHARACTERS[split]
    with reading(file):
        lines = file.read_text("utf-8", errors="replace").splitlines()
    names = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            label, *codes = map(int, line.split())
            names[label] = "/".join(dict.fromkeys(map(chr, codes)))
        except (ValueError, OverflowError):
            raise DataError(
                f"{file}, line {number}: {one_line(line, 40)!r}, expected a label and the codes of its characters"
            ) from None
    return names
