"""Chosen training images as rows of float32 numbers: gathered, mirrored or shifted by a table, scaled, mixed."""

from __future__ import annotations

import numpy as np
from numba import types

from barenet.engine.compiled.kernels.compiling import BYTES, FLOATS, INTS, SIZE, kernel

__all__ = ["gather", "mix"]


@kernel(types.void, FLOATS, SIZE, SIZE, types.boolean, BYTES, FLOATS, SIZE, SIZE, INTS, SIZE, types.float32)
def gather(x, row, padded, are_bytes, bytes_, floats, image, n_inputs, sources, change, scale):
    """Write an image into a row of x (rows, padded), times `scale`.

    bytes_, floats: all images, flat, as uint8 or as float32; the other one is empty; `are_bytes` says which. sources:
    for each kind of change, from which pixel each pixel comes, flat; `change` is negative if the image does not change.
    """
    start, first = row * padded, image * n_inputs
    if are_bytes:
        if change < 0:
            for j in range(n_inputs):
                x[start + j] = np.float32(bytes_[first + j]) * scale
        else:
            table = change * n_inputs
            for j in range(n_inputs):
                x[start + j] = np.float32(bytes_[first + sources[table + j]]) * scale
    elif change < 0:
        for j in range(n_inputs):
            x[start + j] = floats[first + j] * scale
    else:
        table = change * n_inputs
        for j in range(n_inputs):
            x[start + j] = floats[first + sources[table + j]] * scale


@kernel(types.void, FLOATS, SIZE, FLOATS, SIZE, SIZE, types.float32)
def mix(first, start, second, begin, width, share):
    """Write share * first + (1 - share) * second over `width` numbers of `first` from `start` on."""
    rest = np.float32(1) - share
    for j in range(width):
        first[start + j] = share * first[start + j] + rest * second[begin + j]
