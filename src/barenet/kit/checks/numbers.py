"""Check the type, the shape and the values of what a student's function returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.kit.findings import Wrong
from barenet.messages import one_line

Array = NDArray[np.float64]

__all__ = ["Array", "array_of", "is_close", "mistake_in", "number_of", "shown"]


def array_of(
    value: Any, shape: tuple[int, ...], what: str, *, finite: bool = True, flat: bool = False, hint: str = ""
) -> Array:
    """Return a result as float64; raise Wrong if it is no array of numbers of this shape.

    With `flat` (n,) is accepted for (1, n), and returned as (1, n). `hint` says what to do about another shape.
    """
    if value is None:
        raise Wrong(f"{what} is None; is a return missing?")
    if not isinstance(value, np.ndarray):
        raise Wrong(f"{what} must be a NumPy array of shape {shape}, got {type(value).__name__}")
    if value.dtype.kind not in "fiub":
        raise Wrong(f"{what} must hold numbers, got an array of {value.dtype}")
    if flat and shape == (1, *value.shape):
        value = value.reshape(shape)
    if value.shape != shape:
        hint = "; is it transposed?" if value.shape == shape[::-1] else hint
        raise Wrong(f"{what} must have shape {shape}, got {value.shape}{hint}")
    array: Array = value.astype(np.float64)
    if finite and not np.all(np.isfinite(array)):
        raise Wrong(f"{what} has {array[~np.isfinite(array)].flat[0]} in it; it must be finite")
    return array


def number_of(value: Any, what: str, *, finite: bool = True) -> float:
    """Return a result as a float; raise Wrong if it is not one number."""
    if value is None:
        raise Wrong(f"{what} is None; is a return missing?")
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        raise Wrong(f"{what} must be one number, got {type(value).__name__}")
    if array.size != 1:
        raise Wrong(f"{what} must be one number, got an array of shape {array.shape}")
    number = float(array.reshape(()))
    if finite and not np.isfinite(number):
        raise Wrong(f"{what} is {number}; it must be finite")
    return number


def is_close(got: Any, wanted: Any, tolerance: float = 1e-5) -> bool:
    """Whether two results agree; float32 is close enough."""
    got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    return got.shape == wanted.shape and bool(np.allclose(got, wanted, rtol=tolerance, atol=tolerance / 10))


def mistake_in(what: str, got: Any, wanted: Any, mistakes: Mapping[str, Any]) -> list[str]:
    """Return nothing if a result is right; else a sentence with both values, and the mistake that gives this result.

    `mistakes` maps a sentence about a mistake to the result that it would give.
    """
    if is_close(got, wanted):
        return []
    named = next((sentence for sentence, result in mistakes.items() if is_close(got, result)), None)
    values = f"{what} is {shown(got)}, and must be {shown(wanted)}"
    return [values] if named is None else [values, named]


def shown(value: Any) -> str:
    """Return a number or a small array as text.

    >>> shown(0.25), shown([[1, 2.5]])
    ('0.25', '[[1. , 2.5]]')
    """
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{float(array):.6g}"
    return one_line(
        np.array2string(array, precision=4, separator=", ", threshold=20, suppress_small=True), 200
    ).replace("\\n", "")
