"""Check images and labels of any source, and hash them.

Each check is made once, here, and later code relies on it. `formats`, `tables` and `pictures` read files, and
`datasets` makes a whole data set.
"""

from __future__ import annotations

import hashlib

import numpy as np

from barenet.errors import DataError
from barenet.messages import count

__all__ = [
    "BRIGHT",
    "MAX_CLASSES",
    "as_bytes",
    "check_counts",
    "check_pair",
    "check_range",
    "extend_hash",
    "hash_arrays",
    "hold_bytes",
    "not_one_each",
]

# A larger label means damage: the last layer alone would need a column of weights for each number below it.
MAX_CLASSES = 2**16
BRIGHT = 127  # whole numbers up to 255 are taken for bytes of pictures only if the largest is above this


def check_pair(
    images_from: str, images: np.ndarray, labels_from: str, labels: np.ndarray, *, are_features: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, D), uint8 or finite float32, and labels (n,), int64; `images_from` and `labels_from` name them.

    Features stay float32 or float64, and may be NaN where a number is missing: `tables` has checked them.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if images.ndim == 1 and images.shape == labels.shape[:1] and images.size > 1 and labels.ndim == 1:
        raise DataError(
            f"{images_from} does not hold images or rows of features: it has shape {images.shape}, expected "
            f"(n, height, width) or (n, features); reshape(-1, 1) makes a column of a single feature"
        )
    if images.ndim == 1 and labels.ndim > 1:
        raise DataError(
            f"{images_from} has shape {images.shape} and {labels_from} {labels.shape}: images and labels are swapped"
        )
    if images.ndim < 2 or images.size == 0:
        fault = "holds no images" if images.ndim > 1 else "does not hold images"
        raise DataError(f"{images_from} {fault}: it has shape {images.shape}, expected (n, height, width)")
    if labels.ndim != 1:
        raise not_one_each(labels, labels_from)
    check_counts(images_from, images, labels_from, labels)
    if labels.dtype.kind not in "iu":
        raise DataError(f"{labels_from} holds {labels.dtype}, expected integer labels from 0 to C - 1")
    reason = f"labels must be from 0 to {MAX_CLASSES - 1}; y.astype(str) makes names of others"
    check_range(labels, MAX_CLASSES, labels_from, reason)
    rows = np.ascontiguousarray(images) if are_features else _flat_images(images, images_from)
    return rows, labels.astype(np.int64)


def check_counts(images_from: str, images: np.ndarray, labels_from: str, labels: np.ndarray) -> None:
    """Raise DataError where there are more images (n, ...) than labels (n,) or fewer."""
    if len(images) != len(labels):
        raise DataError(
            f"{images_from} holds {count(len(images), 'image')} but {labels_from} {count(len(labels), 'label')}: "
            f"they must belong together"
        )


def not_one_each(labels: np.ndarray, where: str) -> DataError:
    """Return an error that says how to make one label an image from labels in several columns."""
    is_one_hot = labels.ndim == 2 and labels.dtype.kind in "biuf" and bool(np.all(np.sum(labels != 0, axis=1) == 1))
    remedy = (
        "so argmax(axis=1) of one-hot rows" if is_one_hot or labels.ndim != 2 else "so one of the columns: labels[:, 0]"
    )
    what = "number" if labels.dtype.kind in "biuf" else "name"
    return DataError(f"{where} has shape {labels.shape}, expected labels (n,): one {what} an image, {remedy}")


def check_range(labels: np.ndarray, n_classes: int, where: str, reason: str) -> None:
    """Raise DataError for a label that is not in 0..n_classes-1; `reason` ends the message."""
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


def hold_bytes(images: np.ndarray) -> bool:
    """Whether numbers of another type are the bytes of pictures: whole, from 0 to 255, and some of them bright."""
    return bool(images.min() >= 0 and BRIGHT < images.max() <= 255 and np.all(images == np.rint(images)))


def as_bytes(images: np.ndarray, where: str, images_from: str) -> np.ndarray:
    """Return images as bytes, as the training images are; raise DataError if they hold other values."""
    if images.min() < 0 or images.max() > 255 or np.any(images != np.rint(images)):
        raise DataError(
            f"{where} has pixels from {images.min():g} to {images.max():g}, but {images_from} holds whole numbers from "
            f"0 to 255: training and other images must be alike"
        )
    return images.astype(np.uint8)


def hash_arrays(shape: tuple[int, ...], *arrays: np.ndarray | None) -> str:
    """Hash the image shape, then each array's dtype, shape and bytes, little-endian on any machine."""
    digest = hashlib.sha256(repr(shape).encode())
    for array in arrays:
        if array is not None:
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            digest.update(f"{little.dtype.str}{little.shape}".encode())
            digest.update(little.data)
    return f"sha256:{digest.hexdigest()}"


def extend_hash(fingerprint: str, *arrays: np.ndarray) -> str:
    """Hash the result of `hash_arrays` together with the bytes of further arrays."""
    digest = hashlib.sha256(fingerprint.encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return f"sha256:{digest.hexdigest()}"
