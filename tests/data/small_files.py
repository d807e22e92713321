"""A data set of four training and two test images, as bytes of IDX files and as arrays."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from barenet.data.datasets import Dataset
from barenet.errors import DataError

USUAL_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
# Four training images of 2 x 3 pixels with labels 0 1 2 1, two test images with labels 2 0.
TRAIN_PIXELS, TEST_PIXELS = bytes(range(24)), bytes(range(100, 112))
TRAIN_IMAGES = b"\0\0\x08\x03" + struct.pack(">3I", 4, 2, 3) + TRAIN_PIXELS
TRAIN_LABELS = b"\0\0\x08\x01" + struct.pack(">I", 4) + bytes([0, 1, 2, 1])
TEST_IMAGES = b"\0\0\x08\x03" + struct.pack(">3I", 2, 2, 3) + TEST_PIXELS
TEST_LABELS = b"\0\0\x08\x01" + struct.pack(">I", 2) + bytes([2, 0])
CONTENTS = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

X = np.frombuffer(TRAIN_PIXELS, np.uint8).reshape(4, 2, 3)
Y = np.array([0, 1, 2, 1])
X_TEST = np.frombuffer(TEST_PIXELS, np.uint8).reshape(2, 2, 3)
Y_TEST = np.array([2, 0])
ARRAYS = {"x_train": X, "y_train": Y, "x_test": X_TEST, "y_test": Y_TEST}


def message_of(function, *fragments: object, error: type[Exception] = DataError) -> str:
    """Call `function`, which must fail in one line that holds every fragment."""
    with pytest.raises(error) as caught:
        function()
    message = str(caught.value)
    assert "\n" not in message
    for fragment in fragments:
        assert str(fragment) in message
    return message


def check_is_the_small_one(dataset: Dataset, name: str) -> None:
    assert dataset.name == name
    assert dataset.image_shape == (2, 3)
    assert (dataset.n_inputs, dataset.n_classes) == (6, 3)
    assert dataset.class_names == ("0", "1", "2")
    assert dataset.mirror_safe is False
    assert dataset.train_images.dtype == np.uint8
    assert dataset.train_images.shape == (4, 6)
    assert dataset.train_images.tobytes() == TRAIN_PIXELS
    assert dataset.train_labels.dtype == np.int64
    assert dataset.train_labels.tolist() == [0, 1, 2, 1]
    assert dataset.test_images.shape == (2, 6)
    assert dataset.test_images.tobytes() == TEST_PIXELS
    assert dataset.test_labels.dtype == np.int64
    assert dataset.test_labels.tolist() == [2, 0]
