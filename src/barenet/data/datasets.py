"""Load images and labels, from the package, a folder, an .npz file or arrays, into one checked `Dataset`.

Whatever the source, the arrays end in `_checked`, so each check stands once and everything after this module
may trust what it gets. Scaling, splitting and batching are left to the modules that follow.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from barenet.data.idx import GZIP_MAGIC, MAX_BYTES, MAX_DEFLATE_RATIO, impostor, read_idx, reading
from barenet.errors import DataError

__all__ = ["CARRIED_NAME", "MAX_CLASSES", "Dataset", "from_arrays", "ignore", "load_dataset"]

CARRIED_NAME = "fashion-mnist"
CARRIED_CLASS_NAMES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
# SHA-256 of each unpacked file, in the order in which they are read.
CARRIED_FILES = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
# What `_fingerprint` gives for these files; their bytes are pinned above, so it need not be computed anew.
CARRIED_FINGERPRINT = "sha256:89828629e6b085ed8d785f84a03817120e2d7fedb029e42b19be175501a928bb"

# Four files in this order; EMNIST puts a prefix before each and says `test` for `t10k`.
FILE_KINDS = ("train-images", "train-labels", "t10k-images", "t10k-labels")
FILE_NAME = re.compile(
    r"(?:(?P<prefix>.+)-)?(?P<part>train|t10k|test)-(?P<what>images|labels)[-.]idx\d-ubyte(?:\.gz)?",
    re.IGNORECASE,
)
EXPECTED_FILES = f"the four IDX files {', '.join(CARRIED_FILES)}"
NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
# A label beyond it is damage: the last layer alone would need a column of weights for each number below it.
MAX_CLASSES = 2**16


def ignore(sentence: str) -> None:
    """Take a note and do nothing with it."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels that passed every check; n training images of D pixels, C classes.

    `train_images` (n, D) and `test_images` are uint8, or finite float32; labels (n,) are int64 in 0..C-1. The
    test arrays are None when there are none. `mirror_safe` says that a mirrored image keeps its class, which
    is known for the carried data only. `fingerprint` is "sha256:" and a hash of image shape and arrays.
    """

    name: str
    image_shape: tuple[int, ...]
    train_images: np.ndarray = field(repr=False)
    train_labels: np.ndarray = field(repr=False)
    test_images: np.ndarray | None = field(repr=False)
    test_labels: np.ndarray | None = field(repr=False)
    class_names: tuple[str, ...]
    mirror_safe: bool
    fingerprint: str

    @property
    def n_inputs(self) -> int:
        """D, the number of pixels (times channels) of an image."""
        return math.prod(self.image_shape)

    @property
    def n_classes(self) -> int:
        """C, the number of classes."""
        return len(self.class_names)


@dataclass(frozen=True)
class _Part:
    """The training or the test half as it was read, and what to call its arrays in a message."""

    images: np.ndarray
    labels: np.ndarray
    images_from: str
    labels_from: str


def load_dataset(path: str | Path | None = None, *, note: Callable[[str], None] = ignore) -> Dataset:
    """Load a folder of four IDX files or an .npz file; the carried Fashion-MNIST where `path` is None.

    A path that isn't there and ends in `fashion-mnist` means the carried data too. `note` gets a sentence for
    whatever deserves attention without being wrong. Raises DataError or MachineError.
    """
    if path is None:
        return _load_carried(note)
    path = Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises RuntimeError for an unknown user
    with reading(path):
        if path.is_dir():
            return _load_folder(path, note)
        if path.exists():
            return _load_npz(path, note)
    if path.name.lower() == CARRIED_NAME:
        note(f"{path} does not exist: using the Fashion-MNIST that comes with barenet")
        return _load_carried(note)
    raise DataError(f"data path {path} does not exist: expected a folder or an .npz file, or {CARRIED_NAME}")


def from_arrays(
    x: Any,
    y: Any,
    x_test: Any = None,
    y_test: Any = None,
    *,
    class_names: Sequence[str] | None = None,
    name: str = "arrays",
    note: Callable[[str], None] = ignore,
) -> Dataset:
    """Make a Dataset of images x (n, ...) and integer labels y (n,) or (n, 1).

    uint8 images stay as they are, without a copy if they are contiguous; other numbers become float32. Raises
    DataError.
    """
    train = _Part(_as_array(x, "x"), _as_array(y, "y"), "x", "y")
    if (x_test is None) != (y_test is None):
        lacking = "x_test" if x_test is None else "y_test"
        raise DataError(f"{lacking} is None but its partner is not: hand in both x_test and y_test, or neither")
    test = None
    if x_test is not None:
        test = _Part(_as_array(x_test, "x_test"), _as_array(y_test, "y_test"), "x_test", "y_test")
    return _checked(name, train, test, note, class_names=class_names)


def _load_carried(note: Callable[[str], None]) -> Dataset:
    folder = resources.files("barenet.data") / "fashion_mnist"
    arrays = []
    for file_name, sha256 in CARRIED_FILES.items():
        with resources.as_file(folder / file_name) as path:
            try:
                arrays.append(read_idx(path, sha256=sha256))
            except DataError as error:
                raise DataError(f"{error}; it is part of barenet: reinstall barenet") from error
    train, test = _parts(arrays, list(CARRIED_FILES))
    return _checked(CARRIED_NAME, train, test, note, fingerprint=CARRIED_FINGERPRINT)


def _load_folder(folder: Path, note: Callable[[str], None]) -> Dataset:
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    if not names:
        raise DataError(f"{folder} is an empty folder: expected {EXPECTED_FILES}")
    paths: dict[str, Path] = {}
    prefixes = set()
    for name in names:
        if (match := FILE_NAME.fullmatch(name)) and (folder / name).is_file():
            part = "train" if match["part"].lower() == "train" else "t10k"
            # Where a file lies there unpacked and packed, the unpacked one sorts first and wins.
            paths.setdefault(f"{part}-{match['what'].lower()}", folder / name)
            prefixes.add(match["prefix"] or "no prefix")
    if len(prefixes) > 1:
        raise DataError(
            f"{folder} holds several data sets ({_few(sorted(prefixes), limit=8)}): move the four files of one "
            f"of them into a folder of their own"
        )
    if missing := [kind for kind in FILE_KINDS if kind not in paths]:
        raise DataError(f"{folder} lacks {', '.join(missing)}: found {_few(names)}; expected {EXPECTED_FILES}")
    sources = [paths[kind] for kind in FILE_KINDS]
    train, test = _parts([read_idx(path) for path in sources], [str(path) for path in sources])
    return _checked(folder.resolve().name, train, test, note)


def _load_npz(path: Path, note: Callable[[str], None]) -> Dataset:
    if not path.is_file():
        raise DataError(f"{path} is neither a folder nor a file: expected {EXPECTED_FILES} or an .npz file")
    with path.open("rb") as file:
        beginning = file.read(64)
    if beginning.startswith((GZIP_MAGIC, b"\0\0")):
        raise DataError(f"{path} is a single file: give the folder with {EXPECTED_FILES}")
    if not beginning.startswith(b"PK"):
        fault = impostor(beginning) or "is not a zip archive, as an .npz file is: save it with np.savez_compressed"
        raise DataError(f"{path} {fault if beginning else 'is empty (0 bytes): download it again'}")
    with zipfile.ZipFile(path) as archive:
        found = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        if missing := [key for key in NPZ_KEYS if key not in found]:
            raise DataError(f"{path} lacks {', '.join(missing)}: found {_few(found)}; expected {', '.join(NPZ_KEYS)}")
        n_stored = path.stat().st_size
        arrays = [_read_member(archive, key, f"{key} in {path}", n_stored) for key in NPZ_KEYS]
    train, test = _parts(arrays, [f"{key} in {path}" for key in NPZ_KEYS])
    return _checked(path.name, train, test, note)


def _read_member(archive: zipfile.ZipFile, key: str, where: str, n_stored: int) -> np.ndarray:
    """Read one array of an .npz file, once its header and the archive agree on a credible length."""
    info = archive.getinfo(f"{key}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
        raise DataError(f"{where} is encrypted or packed in an unusual way: save it with np.savez_compressed")
    try:
        with archive.open(info) as member:
            version = np.lib.format.read_magic(member)
            old = version == (1, 0)
            header_of = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
            shape, _, dtype = header_of(member)
            n_header = member.tell()
    except ValueError as error:
        raise DataError(f"{where} has a damaged header: save it again with np.savez_compressed") from error
    if dtype.hasobject:
        raise DataError(f"{where} holds Python objects (dtype {dtype}), which are never loaded: save numbers")
    n_bytes = math.prod(max(size, 1) for size in shape) * dtype.itemsize
    promise = f"{where}: its header promises {n_bytes:,} bytes of {dtype} in shape {shape}"
    if min(shape, default=0) < 0 or n_bytes > MAX_BYTES:
        raise DataError(f"{promise}, which cannot be right: the file is damaged, get it again")
    n_held = min(info.file_size, min(info.compress_size, n_stored) * MAX_DEFLATE_RATIO) - n_header
    if math.prod(shape) * dtype.itemsize != n_held:
        raise DataError(f"{promise}, but the archive holds {n_held:,}: the file is damaged, get it again")
    with archive.open(info) as member:
        array: np.ndarray = np.lib.format.read_array(member, allow_pickle=False)
    return array


def _parts(arrays: Sequence[np.ndarray], sources: Sequence[str]) -> tuple[_Part, _Part]:
    train = _Part(arrays[0], arrays[1], sources[0], sources[1])
    return train, _Part(arrays[2], arrays[3], sources[2], sources[3])


def _as_array(values: Any, where: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{where} is ragged: all its images must have the same shape") from error


def _few(names: Sequence[str], limit: int = 4) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    # repr for a name with a line break or the like in it: messages are one line.
    shown = [name if name.isprintable() else repr(name) for name in names[:limit]]
    return (", ".join(shown) or "nothing") + more


def _checked(
    name: str,
    train: _Part,
    test: _Part | None,
    note: Callable[[str], None],
    *,
    class_names: Sequence[str] | None = None,
    fingerprint: str | None = None,
) -> Dataset:
    """Check all that can be wrong with images and labels; the one way to a Dataset."""
    images, labels = _check_part(train)
    shape, n_classes = train.images.shape[1:], int(labels.max()) + 1
    if class_names is not None:
        _check_range(labels, len(class_names), train.labels_from, f"class_names has {len(class_names)}")
        n_classes = len(class_names)
    counts = np.bincount(labels, minlength=n_classes)
    if np.count_nonzero(counts) < 2:
        raise DataError(f"{train.labels_from}: every label is {labels[0]}: a classifier needs two classes or more")

    test_images = test_labels = None
    if test is not None:
        test_images, test_labels = _check_part(test)
        if (test.images.shape[1:], test_images.dtype) != (shape, images.dtype):
            raise DataError(
                f"{test.images_from} holds {test_images.dtype} images of shape {test.images.shape[1:]}, but "
                f"{train.images_from} holds {images.dtype} of {shape}: training and test images must be alike"
            )
        _check_range(test_labels, n_classes, test.labels_from, f"the training labels end at {n_classes - 1}")

    if fingerprint is None:
        fingerprint = _fingerprint(shape, images, labels, test_images, test_labels)
    # The carried data are the carried data in whatever folder they lie.
    is_carried = fingerprint == CARRIED_FINGERPRINT
    if class_names is None:
        class_names = CARRIED_CLASS_NAMES if is_carried else [str(label) for label in range(n_classes)]
    if empty := [str(label) for label in np.flatnonzero(counts == 0)]:
        note(f"{train.labels_from}: no training image of class {_few(empty)}: the network cannot learn it")
    return Dataset(
        name=name,
        image_shape=shape,
        train_images=images,
        train_labels=labels,
        test_images=test_images,
        test_labels=test_labels,
        class_names=tuple(class_names),
        mirror_safe=is_carried,
        fingerprint=fingerprint,
    )


def _check_part(part: _Part) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, D) uint8 or float32 and labels (n,) int64."""
    images, labels = part.images, part.labels
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if images.ndim == 1 and labels.ndim > 1:
        raise DataError(
            f"{part.images_from} has shape {images.shape} and {part.labels_from} {labels.shape}: "
            f"images and labels are swapped"
        )
    if images.ndim < 2 or images.size == 0:
        fault = "holds no images" if images.ndim > 1 else "does not hold images"
        raise DataError(f"{part.images_from} {fault}: it has shape {images.shape}, expected (n, height, width)")
    if labels.ndim != 1:
        raise DataError(
            f"{part.labels_from} has shape {labels.shape}, expected labels (n,): one number an image, "
            f"so argmax(axis=1) of one-hot rows"
        )
    if len(images) != len(labels):
        raise DataError(
            f"{part.images_from} holds {len(images)} images but {part.labels_from} {len(labels)} labels: "
            f"they must belong together"
        )
    if labels.dtype.kind not in "iu":
        raise DataError(f"{part.labels_from} holds {labels.dtype}, expected integer labels from 0 to C - 1")
    _check_range(labels, MAX_CLASSES, part.labels_from, f"labels may not exceed {MAX_CLASSES - 1}")
    return _flat_images(images, part.images_from), labels.astype(np.int64)


def _check_range(labels: np.ndarray, n_classes: int, where: str, reason: str) -> None:
    for row in (int(labels.argmin()), int(labels.argmax())):
        if not 0 <= labels[row] < n_classes:
            raise DataError(f"{where}: label {labels[row]} of image {row} is out of range: {reason}")


def _flat_images(images: np.ndarray, where: str) -> np.ndarray:
    flat = np.ascontiguousarray(images.reshape(len(images), -1))
    if flat.dtype == np.uint8:
        return flat
    if flat.dtype.kind not in "iufb":
        raise DataError(f"{where} holds {flat.dtype}, expected numbers (uint8 or float32)")
    with np.errstate(over="ignore"):  # what overflows becomes infinite, and is found below
        converted = flat.astype(np.float32, copy=False)
    if not (finite := np.isfinite(converted)).all():
        row, pixel = np.argwhere(~finite)[0]
        raise DataError(
            f"{where}: pixel {pixel} of image {row} is {flat[row, pixel]}, expected finite float32 numbers: "
            f"clean the images first"
        )
    return converted


def _fingerprint(shape: tuple[int, ...], *arrays: np.ndarray | None) -> str:
    """Hash the image shape, then each array's dtype, shape and bytes, little-endian on any machine."""
    digest = hashlib.sha256(repr(shape).encode())
    for array in arrays:
        if array is not None:
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            digest.update(f"{little.dtype.str}{little.shape}".encode())
            digest.update(little.data)
    return f"sha256:{digest.hexdigest()}"
