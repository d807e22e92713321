"""Which axis of a batch counts the images, and what a person calls the arrays of a list."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ShapeError
from barenet.gradcheck.functions.signature import Form

__all__ = ["examples_in_columns", "shown_names"]

Shape = tuple[int, ...]


def examples_in_columns(x: NDArray[np.generic], labels: NDArray[np.generic], shapes: Sequence[Shape]) -> bool:
    """Return whether each image is a column of x (D, B), with labels (B,), (1, B) or (C, B); else it is a row.

    If both fit, the biases decide: (n, 1) belongs to columns.
    """
    rows = bool(x.ndim and labels.ndim and len(x) == len(labels) > 0)
    columns = bool(x.ndim == 2 and labels.ndim and x.shape[1] == labels.shape[-1] > 0)
    if not rows and not columns:
        raise ShapeError(
            f"x and labels must have as many rows, or as many columns, got shapes {x.shape} and {labels.shape}"
        )
    matrices = [shape for shape in shapes if len(shape) == 2 and min(shape) > 1]
    standing = [shape for shape in shapes if len(shape) == 2 and shape[1] == 1 < shape[0]]
    first_fits = bool(matrices) and x.ndim == 2 and matrices[0][1] == x.shape[0]
    return columns and (not rows or (bool(standing) and first_fits))


def shown_names(keys: Sequence[str], shapes: Sequence[Shape], form: Form) -> list[str]:
    """Return names for messages: those of a dict, or for lists those in the person's code, else W1, b1, W2, ..."""
    if not all(key.startswith("[") for key in keys):
        return list(keys)
    unpacked = unpacked_names(form, len(keys))
    if unpacked is not None and all(key.count("[") == 1 for key in keys):
        return unpacked
    are_pairs = len(keys) % 2 == 0 and all(
        len(shapes[k]) == 2 and int(np.prod(shapes[k + 1])) in shapes[k] for k in range(0, len(keys), 2)
    )
    if are_pairs:
        return [f"{kind}{layer}" for layer in range(1, len(keys) // 2 + 1) for kind in "Wb"]
    matrices = [k for k, shape in enumerate(shapes) if len(shape) == 2]
    return [f"W{k}" for k in range(1, len(keys) + 1)] if len(matrices) == len(keys) > 1 else list(keys)


def unpacked_names(form: Form, n: int) -> list[str] | None:
    """Return [W, b, V, c] if the function has a line W, b, V, c = parameters; None if it has not."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(form.written)))
    except (OSError, TypeError, SyntaxError):
        return None
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Name(id=name)) if (
                name == form.first and len(names) == n
            ):
                if all(isinstance(name, ast.Name) for name in names):
                    return [name.id for name in names if isinstance(name, ast.Name)]
    return None
