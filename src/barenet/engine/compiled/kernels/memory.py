"""Vectors in arrays: loading and storing, for functions that Numba compiles.

    v = load(x, i)      # x[i], ..., x[i + 15] of a one-dimensional float32 array
    store(y, i, v)
    double(kernels, at(x, 32), n)       # the kernel gets x from x[32] on

If the environment variable BARENET_CHECK_BOUNDS is set, `load` and `store` check that they stay in their arrays:
Numba's option for that does not cover them.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

from barenet.engine.compiled.kernels.compiling import CHECKS_BOUNDS, helper, start_of
from barenet.engine.compiled.kernels.vectors import LANES, VECTOR, vector

__all__ = ["at", "load", "load_from", "store", "store_to"]


def address_of(context: Any, builder: Any, kind: Any, array: Any, position: Any) -> Any:
    """Return the address of the element of an array (n,) at a position, as a pointer to a vector."""
    return builder.bitcast(builder.gep(start_of(context, builder, kind, array), [position]), VECTOR.as_pointer())


def load_from(builder: Any, address: Any) -> Any:
    """Return the vector at an address, which need not be aligned to the vector's size."""
    loaded = builder.load(address)
    loaded.align = 4
    return loaded


def store_to(builder: Any, value: Any, address: Any) -> None:
    """Write a vector to an address."""
    builder.store(value, address).align = 4


@intrinsic
def address_at(_typing: Any, array: Any, first: Any) -> Any:
    """Return the address of array[first]."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.gep(start_of(context, builder, signature.args[0], given[0]), [given[1]])

    return types.CPointer(array.dtype)(array, types.intp), generate


@helper
def rest_from(array, first):
    """Return array[first:]."""
    return array[first:]


@intrinsic
def load_unchecked(_typing: Any, array: Any, position: Any) -> Any:
    """Return array[position : position + 16]."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return load_from(builder, address_of(context, builder, signature.args[0], *given))

    return vector(array, types.intp), generate


@intrinsic
def store_unchecked(_typing: Any, array: Any, position: Any, value: Any) -> Any:
    """Write array[position : position + 16]."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        store_to(builder, given[2], address_of(context, builder, signature.args[0], *given[:2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@helper
def load_checked(array, position):
    """Return array[position : position + 16]; raise IndexError if that is not in the array."""
    if position < 0 or position + LANES > array.size:
        raise IndexError("a vector is loaded from outside its array")
    return load_unchecked(array, position)


@helper
def store_checked(array, position, value):
    """Write array[position : position + 16]; raise IndexError if that is not in the array."""
    if position < 0 or position + LANES > array.size:
        raise IndexError("a vector is stored outside its array")
    store_unchecked(array, position, value)


at = rest_from if CHECKS_BOUNDS else address_at
load, store = (load_checked, store_checked) if CHECKS_BOUNDS else (load_unchecked, store_unchecked)
