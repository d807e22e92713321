"""What people call the parts of a data set, its images and its labels: in names of folders, of files and of keys.

Tables say which word means which part, and which words mean images or labels. The functions first split a name
into words, so that `X_train`, `xTrain`, `training set` and `TrainImages` have the same meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["FEATURES", "LABELS", "PARTS", "Role", "is_filler", "part_of", "parts_among", "role_of", "words_of"]

PARTS = {
    **dict.fromkeys(("train", "training", "trn", "trainval", "训练", "训练集"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "devel", "development", "验证", "验证集"), "val"),
    **dict.fromkeys(
        ("test", "tests", "testing", "tst", "t10k", "eval", "evaluation", "holdout", "测试", "测试集"), "test"
    ),
}
# Only in names of arrays: a folder `tr` or `te` may be a class.
SHORT_PARTS = {"tr": "train", "va": "val", "vl": "val", "te": "test", "ts": "test"}

FEATURES = frozenset(
    ["x", "xs", "feature", "features", "input", "inputs", "image", "images", "img", "imgs", "pixels", "data"]
)
LABELS = frozenset(
    ["y", "ys", "label", "labels", "lbl", "lbls", "target", "targets", "class", "classes", "category", "categories"]
)
# Words without a meaning here: a folder `training set`, `train_images` or `test data` is a part like `train` or `test`.
FILLERS = frozenset(
    [
        *("set", "sets", "dataset", "data", "split", "folder", "files", "samples"),
        *("image", "images", "img", "imgs", "picture", "pictures", "pics", "photos"),
    ]
)


class Role(NamedTuple):
    """What a name says: the part or None, "x" for images or features, "y" for labels or None, the words left over."""

    part: str | None
    kind: str | None
    rest: tuple[str, ...]


def words_of(name: str) -> list[str]:
    """Return the words of a name in small letters.

    >>> words_of("Training-Set"), words_of("xTrain"), words_of("kmnist-train-imgs")
    (['training', 'set'], ['x', 'train'], ['kmnist', 'train', 'imgs'])
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[-_. ()\[\]]+", apart.lower()) if word]


def unglued(word: str, endings: frozenset[str], known: Iterable[str]) -> list[str]:
    """Return a word as two if it is a known word and one of `endings`, in either order: `trainset`, `xtrain`."""
    for other in known:
        if word == other:
            return [word]
        if word.startswith(other) and word[len(other) :] in endings:
            return [other, word[len(other) :]]
        if word.endswith(other) and word[: -len(other)] in endings:
            return [word[: -len(other)], other]
    return [word]


def part_of(name: str) -> str | None:
    """Return "train", "val" or "test" for the name of a folder or file that says only that, or None.

    >>> part_of("training_set"), part_of("TestImages"), part_of("valid"), part_of("train station")
    ('train', 'test', 'val', None)
    """
    part, rest = split_part(name)
    return part if part is not None and not rest else None


def is_filler(name: str) -> bool:
    """Whether a name has no meaning here, neither a part nor a class: `images`, `data set`."""
    return split_part(name) == (None, ())


def split_part(name: str) -> tuple[str | None, tuple[str, ...]]:
    """Return the part that a name says, and its words that are neither part nor filler; None for several parts.

    A number right after a part is ignored: `test1`.
    """
    words = [single for word in words_of(name) for single in unglued(word, FILLERS, PARTS)]
    words = [plain if (plain := word.rstrip("0123456789")) in PARTS else word for word in words]
    found = {PARTS[word] for word in words if word in PARTS}
    rest = tuple(word for word in words if word not in PARTS and word not in FILLERS)
    return (found.pop() if len(found) == 1 else None), rest


def parts_among(names: Iterable[str]) -> dict[str, str]:
    """Return the parts that names in one folder say, by name.

    A name counts if it says only a part, or if other names share all its other words: `seg_train`, `seg_test`.

    >>> parts_among(["seg_train", "seg_test", "notes"])
    {'seg_train': 'train', 'seg_test': 'test'}
    """
    split = {name: split_part(name) for name in names}
    by_rest: dict[tuple[str, ...], set[str]] = {}
    for part, rest in split.values():
        if part is not None:
            by_rest.setdefault(rest, set()).add(part)
    shared = {rest for rest, found in by_rest.items() if not rest or (len(found) > 1 and "train" in found)}
    return {name: part for name, (part, rest) in split.items() if part is not None and rest in shared}


def role_of(name: str) -> Role:
    """Return what the name of an array, or of a file that holds one, says.

    >>> role_of("X_train"), role_of("val_labels"), role_of("kmnist-test-imgs")
    (Role(part='train', kind='x', rest=()), Role(part='val', kind='y', rest=()), Role(part='test', kind='x', \
rest=('kmnist',)))
    """
    known = PARTS | SHORT_PARTS
    kinds = FEATURES | LABELS | FILLERS
    words = [single for word in words_of(name) for single in unglued(word, kinds, known)]
    parts = {known[word] for word in words if word in known}
    # `image_labels` are labels, `train_data_labels` too.
    is_y = any(word in LABELS for word in words)
    is_x = any(word in FEATURES for word in words)
    rest = tuple(word for word in words if word not in known and word not in kinds)
    return Role(parts.pop() if len(parts) == 1 else None, "y" if is_y else "x" if is_x else None, rest)
