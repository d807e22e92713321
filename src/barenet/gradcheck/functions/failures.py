"""What is wrong with a person's function, in one line: an exception, a shape, a number that is not finite."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError
from barenet.gradcheck.functions.structure import index_text

__all__ = ["check_finite", "explain_failure", "explain_shape", "file_of", "squeezed"]


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without its axes of length 1: biases may be (H,) or (1, H)."""
    return tuple(n for n in shape if n != 1)


def explain_shape(name: str, wanted: tuple[int, ...], got: tuple[int, ...], n_images: int = 0, axis: int = 0) -> str:
    """Return a sentence about a gradient whose shape is not that of its parameter.

    For a bias it says which sum over the `n_images` images is missing; the images are on `axis` of dz.
    """
    hint = "; give it the same"
    if squeezed(got) != squeezed(wanted):
        is_bias = len(squeezed(wanted)) <= 1 and n_images > 0
        right = f"sum dz over the {n_images} images: dz.sum(axis={axis}, keepdims=True)"
        if is_bias and squeezed(got) == (n_images,):
            hint = f": the wrong axis is summed; {right}"
        elif is_bias and squeezed(got) == ():
            hint = f": all of dz is summed; {right}"
        elif is_bias and sorted(squeezed(got)) == sorted((n_images, *squeezed(wanted))):
            hint = f": the sum is missing; {right}"
        elif got == wanted[::-1]:
            hint = ": is it transposed?"
    return f"the gradient of {name} has shape {got}, {name} itself {wanted}{hint}"


def check_finite(array: NDArray[Any], what: str) -> None:
    """Raise unless every number of an array is finite."""
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        bad = np.flatnonzero(~np.isfinite(array))
        many = f", and {len(bad) - 1} more like it" if len(bad) > 1 else ""
        raise ConfigError(f"{what} holds {array.flat[bad[0]]} at {index_text(array, int(bad[0]))}{many}")


def file_of(written: Any) -> str | None:
    """Return the file in which a function, a method or a class is written."""
    if isinstance(written, type):
        methods = [value for value in vars(written).values() if hasattr(value, "__code__")]
        return methods[0].__code__.co_filename if methods else None
    plain = inspect.unwrap(written)
    code = getattr(plain, "__code__", None) or getattr(type(plain).__call__, "__code__", None)
    return code.co_filename if code is not None else None


def explain_failure(error: BaseException, file: str | None, title: str) -> str:
    """Return one line about an exception in a person's code: the line there, and the exception's message."""
    message = " ".join(str(error).split())
    said = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename == file:
        return f"{Path(error.filename or title).name} line {error.lineno}: {type(error).__name__}: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    if not frames:
        return f"{title} fails: {said}"
    last = frames[-1]
    code = f" ({last.line})" if last.line else ""
    return f"{Path(last.filename).name} line {last.lineno}: {said}{code}"
