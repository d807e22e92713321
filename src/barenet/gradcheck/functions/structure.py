"""Parameters in a person's structure: a dict, list or tuple of arrays, also nested.

`flatten` gives every array its name in messages: W1 for parameters["W1"], [0] for parameters[0], [0].W for
parameters[0]["W"]. `rebuild` puts arrays back into the same structure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError, ShapeError

Array = NDArray[Any]
NUMBERS = "fiub"  # the kinds of dtypes of real numbers

__all__ = ["as_array", "few", "flatten", "index_text", "kind", "numbers", "rebuild"]


def flatten(structure: Any, what: str) -> dict[str, Array]:
    """Return the arrays of a structure by name, in their order; raise ConfigError for other values."""
    if not isinstance(structure, Mapping | list | tuple):
        raise ConfigError(f"{what} must be a dict or a list of arrays, got {kind(structure)}")
    leaves = dict(walk(structure, ""))
    if not leaves:
        raise ConfigError(f"there is no array in {what}")
    arrays = {}
    for name, leaf in leaves.items():
        array = as_array(leaf)
        if array.dtype.kind not in NUMBERS:
            raise ConfigError(f"{name} in {what} must be an array of real numbers, got {kind(leaf)}")
        if array.size == 0:
            raise ShapeError(f"{name} in {what} is empty, of shape {array.shape}")
        arrays[name] = array
    return arrays


def as_array(value: Any) -> Array:
    """Return a value as an array; if its rows have unequal lengths, an array of objects."""
    try:
        return np.asarray(value)
    except ValueError:
        return np.asarray([None])


def numbers(value: Any, what: str) -> Array:
    """Return a value as an array of real numbers; raise ConfigError if it holds something else."""
    array = as_array(value)
    if array.dtype.kind not in NUMBERS:
        raise ConfigError(f"{what} must be an array of real numbers, got {kind(value)}")
    return array


def walk(structure: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield every leaf of a structure with its name."""
    if isinstance(structure, Mapping):
        for key, entry in structure.items():
            yield from walk(entry, f"{name}.{key}" if name else str(key))
    elif isinstance(structure, list | tuple):
        for i, entry in enumerate(structure):
            yield from walk(entry, f"{name}[{i}]")
    else:
        yield name, structure


def rebuild(structure: Any, arrays: Iterator[Array]) -> Any:
    """Return the same structure with copies of other arrays at its leaves, taken in order."""
    if isinstance(structure, Mapping):
        return {key: rebuild(entry, arrays) for key, entry in structure.items()}
    if isinstance(structure, list | tuple):
        built = [rebuild(entry, arrays) for entry in structure]
        return built if isinstance(structure, list) else tuple(built)
    return next(arrays).copy()


def kind(value: Any) -> str:
    """Return a short description of a value's type and shape."""
    if value is None:
        return "None"
    shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
    if isinstance(value, np.ndarray) and value.dtype.kind not in NUMBERS:
        shape += f" and type {value.dtype}"
    name = "array" if isinstance(value, np.ndarray) else type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}{shape}"


def few(names: Sequence[str], limit: int = 8) -> str:
    """Return the first names, and how many others there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def index_text(array: Array, flat: int) -> str:
    """Return a flat position in an array as an index of Python: [2, 0]."""
    place = np.unravel_index(flat, array.shape)
    return f"[{', '.join(str(int(i)) for i in place)}]"
