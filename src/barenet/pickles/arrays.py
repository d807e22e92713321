"""Recognise what NumPy writes into a pickle to make an array, by exact names, types and values.

A name is only a symbol here, and a call or a state is a pattern to match: nothing that a file names is imported, looked
up or called. An array becomes a view of the bytes that were read, without a copy. `reader` decides on the order of
these steps, and adds file and byte to the errors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from barenet.errors import CheckpointError
from barenet.messages import describe, one_line

__all__ = ["Array", "DType", "Global", "fill", "recognise_call", "recognise_name"]


@dataclass(eq=False)
class Global:
    """A name that NumPy writes, as a symbol: nothing is imported."""

    module: str
    name: str


@dataclass(eq=False)
class DType:
    """The result of `numpy.dtype("f8", False, True)`; BUILD adds the byte order."""

    code: str
    order: str | None = None


@dataclass(eq=False)
class Array:
    """The result of `_reconstruct(ndarray, (0,), b"b")`, empty until BUILD, or of `_frombuffer(...)`, filled."""

    value: np.ndarray | None = None


def recognise_name(module: object, name: object) -> Global:
    """Return the symbol for a name that NumPy writes."""
    if not (isinstance(module, str) and isinstance(name, str)):
        raise CheckpointError("a global whose name is not text")
    if (module, name) not in CALLS:
        raise CheckpointError(f"global {describe(f'{module}.{name}')} is not one that NumPy writes for arrays")
    return Global(module, name)


def recognise_call(function: object, args: object) -> Any:
    """Return the value that a call would return."""
    if not isinstance(function, Global):
        raise CheckpointError(f"a call of {describe(function)}")
    value = CALLS[function.module, function.name](args)
    if value is None:
        raise CheckpointError(f"global {function.module}.{function.name} called in another way than NumPy does")
    return value


def fill(target: object, state: Any) -> None:
    """Give an empty array its values, or a dtype its byte order, in place."""
    none = type(None)
    if isinstance(target, Array) and target.value is None:
        if _are(state, int, tuple, DType, bool, bytes) and state[0] == 1:
            target.value = _array(state[4], state[2], state[1], "F" if state[3] else "C")
            return
    elif isinstance(target, DType) and target.order is None:
        known = _are(state, int, str, none, none, none, int, int, int) and state[1] in {"<", ">", "|"}
        if known and (state[0], *state[5:]) == (3, -1, -1, 0):
            target.order = state[1]
            return
    raise CheckpointError(f"a state for {describe(target)} that NumPy doesn't write")


def _are(values: object, *kinds: type) -> bool:
    return type(values) is tuple and [type(value) for value in values] == list(kinds)


def _array(raw: bytes, dtype: DType, shape: tuple[Any, ...], order: Literal["C", "F"]) -> np.ndarray:
    if dtype.order is None:
        raise CheckpointError("a NumPy dtype without its byte order")
    if not _are(shape, *[int] * len(shape)) or len(shape) > 32 or any(not 0 <= n < 2**40 for n in shape):
        raise CheckpointError("an array shape that isn't at most 32 whole numbers from 0 to 2**40")
    flat = np.dtype(dtype.order + dtype.code)
    if math.prod(shape) * flat.itemsize != len(raw):
        raise CheckpointError(f"an array of shape {one_line(shape, 80)}, dtype {flat} in {len(raw):,} bytes")
    try:
        return np.frombuffer(raw, flat).reshape(shape, order=order)
    except ValueError:  # one axis is 0, and the others are beyond what NumPy can index
        raise CheckpointError(f"an array of shape {one_line(shape, 80)}") from None


# The calls. Each returns None for arguments that NumPy does not write.


def _call_bytes(args: Any) -> object:
    """`bytes()`, `bytearray()` and `bytearray(b"...")`, as protocols 0 to 4 write them."""
    return b"" if _are(args) else args[0] if _are(args, bytes) else None


def _call_encode(args: Any) -> object:
    """`_codecs.encode(text, "latin1")`: how protocols 0 to 2 carry bytes."""
    if not _are(args, str, str) or args[1] != "latin1":
        return None
    try:
        return args[0].encode("latin-1")
    except UnicodeEncodeError:
        raise CheckpointError("text that stands for bytes holds wider characters") from None


def _call_dtype(args: Any) -> object:
    if not (_are(args, str, bool, bool) or _are(args, str, int, int)) or args[1:] != (False, True):
        return None
    if not re.fullmatch("f[248]|[iu][1248]", args[0]):
        raise CheckpointError(f"an array of dtype {describe(args[0])}, expected numbers such as 'f8'")
    return DType(args[0])


def _call_reconstruct(args: Any) -> object:
    known = _are(args, Global, tuple, bytes) and _are(args[1], int) and args[0].name == "ndarray"
    return Array() if known and args[1:] == ((0,), b"b") else None


def _call_scalar(args: Any) -> object:
    return _array(args[1], args[0], (), "C")[()] if _are(args, DType, bytes) else None


def _call_frombuffer(args: Any) -> object:
    if _are(args, bytes, DType, tuple, str) and args[3] in {"C", "F"}:
        return Array(_array(*args))
    if _are(args, bytes, DType, tuple, str, tuple) and args[3] == "K":
        array, axes = _array(args[0], args[1], args[2], "C"), args[4]
        if _are(axes, *[int] * array.ndim) and sorted(axes) == list(range(array.ndim)):
            return Array(array.transpose(axes))
    return None


CALLS: dict[tuple[str, str], Callable[[Any], object]] = {
    ("_codecs", "encode"): _call_encode,
    ("collections", "OrderedDict"): lambda args: {} if _are(args) else None,
    ("numpy", "dtype"): _call_dtype,
    ("numpy", "ndarray"): lambda args: None,  # only ever an argument of _reconstruct
}
for _module in ("__builtin__", "builtins"):  # protocols 0 to 2 keep Python 2's name
    CALLS |= {(_module, "bytes"): _call_bytes, (_module, "bytearray"): _call_bytes}
for _module in ("numpy.core", "numpy._core"):  # NumPy 1 and 2
    CALLS[f"{_module}.multiarray", "_reconstruct"] = _call_reconstruct
    CALLS[f"{_module}.multiarray", "scalar"] = _call_scalar
    CALLS[f"{_module}.numeric", "_frombuffer"] = _call_frombuffer
