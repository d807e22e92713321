"""A person's function, called safely: `loss, gradients = function(parameters, x, labels)`.

Every call gets copies, so that a function that changes its arguments is noticed and does no harm. It must return one
finite number, and gradients with the structure and the shapes of the parameters; else a message says what is wrong and
where. An exception becomes one line with the line number in the person's file.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError, ShapeError
from barenet.gradcheck.functions.structure import few, flatten, index_text, kind, rebuild
from barenet.interrupts import waiting
from barenet.messages import count

Array = NDArray[np.float64]
Function = Callable[..., Any]

__all__ = ["Answer", "CheckedFunction", "Function", "explain_failure", "takes_l2"]


@dataclass(frozen=True)
class Answer:
    """The result of one call: the loss, gradients in float64 in the order and shapes of the parameters, and notes."""

    loss: float
    gradients: list[Array]
    is_single: bool
    notes: tuple[str, ...] = ()


class CheckedFunction:
    """A person's function with the structure of its parameters and its batch.

    `names` and `values` list the parameters' arrays, in float64; a call takes other values in the same order.
    """

    def __init__(self, function: Function, parameters: Any, x: Any, labels: Any) -> None:
        self.function, self.structure = function, parameters
        self.title = getattr(function, "__name__", type(function).__name__)
        arrays = flatten(parameters, "parameters")
        self.names = list(arrays)
        self.dtypes = {array.dtype for array in arrays.values()}
        self.values = [array.astype(np.float64) for array in arrays.values()]
        for name, value in zip(self.names, self.values, strict=True):
            check_finite(value, f"parameter {name}")
        self.x, self.labels = np.asarray(x), np.asarray(labels)
        if self.x.dtype.kind == "f":
            self.x = self.x.astype(np.float64)
        if not (self.x.ndim and self.labels.ndim and len(self.x) == len(self.labels) > 0):
            raise ShapeError(f"x and labels must have as many rows, got shapes {self.x.shape} and {self.labels.shape}")
        check_finite(self.x, "x")
        self.takes_l2 = takes_l2(function)

    @property
    def n_images(self) -> int:
        """B, the number of inputs in the batch."""
        return len(self.x)

    def call(self, values: Sequence[Array], l2: float | None = None, *, allow_infinite: bool = False) -> Answer:
        """Return loss and gradients at `values`; raise if the function fails or returns something else."""
        loss, gradients, given, x, labels = self.run(values, l2)
        self.check_untouched(values, given, x, labels)
        arrays = self.ordered(gradients)
        notes, shaped = [], []
        for name, value, array in zip(self.names, values, arrays, strict=True):
            if array.shape != value.shape:
                notes.append(explain_shape(name, value.shape, array.shape))
            shaped.append(array.astype(np.float64).reshape(value.shape))
        single = any(array.dtype.kind == "f" and array.dtype.itemsize < 8 for array in arrays)
        number = self.number(loss)
        if not allow_infinite:
            if not np.isfinite(number):
                raise ConfigError(f"{self.title} returns a loss of {number}")
            for name, array in zip(self.names, shaped, strict=True):
                check_finite(array, f"the gradient of {name}")
        return Answer(number, shaped, single, tuple(notes))

    def loss(self, values: Sequence[Array], l2: float | None = None) -> float:
        """Return the loss alone, which may be infinite."""
        return self.number(self.run(values, l2)[0])

    def run(self, values: Sequence[Array], l2: float | None) -> tuple[Any, Any, Any, Any, Any]:
        """Return the loss and the gradients unchecked, and the copies that the function got."""
        parameters, x, labels = rebuild(self.structure, iter(values)), self.x.copy(), self.labels.copy()
        keywords = {"l2": l2} if self.takes_l2 and l2 is not None else {}
        try:
            with np.errstate(all="ignore"), waiting():  # it may never return
                answer = self.function(parameters, x, labels, **keywords)
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:
            raise ConfigError(explain_failure(error, file_of(self.function), self.title)) from error
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            many = f"{count(len(answer), 'thing')}" if isinstance(answer, tuple | list) else kind(answer)
            raise ConfigError(f"{self.title} must return two things, loss and gradients; it returns {many}")
        if isinstance(answer[0], dict | list) and np.ndim(answer[1]) == 0 and not isinstance(answer[1], dict):
            raise ConfigError(f"{self.title} returns gradients, loss; the loss comes first")
        return *answer, parameters, x, labels

    def number(self, loss: Any) -> float:
        """Return the loss as a Python float."""
        array = np.asarray(loss)
        if array.size != 1 or array.dtype.kind not in "fiub":
            raise ConfigError(f"{self.title} must return one number as the loss, got {kind(loss)}")
        return float(array.reshape(()))

    def ordered(self, gradients: Any) -> list[NDArray[Any]]:
        """Return the gradients in the order of the parameters; their names and shapes must be the parameters'."""
        arrays = flatten(gradients, f"the gradients that {self.title} returns")
        if set(arrays) != set(self.names):
            missing = [name for name in self.names if name not in arrays]
            extra = [name for name in arrays if name not in self.names]
            told = [f"without {few(missing)}"] * bool(missing) + [f"with {few(extra)}"] * bool(extra)
            raise ShapeError(
                f"{self.title} returns gradients {', '.join(told)}; they must be named and "
                f"nested as the parameters: {few(self.names)}"
            )
        for name, value in zip(self.names, self.values, strict=True):
            if squeezed(arrays[name].shape) != squeezed(value.shape):
                raise ShapeError(explain_shape(name, value.shape, arrays[name].shape))
        return [arrays[name] for name in self.names]

    def check_untouched(self, values: Sequence[Array], given: Any, x: Array, labels: Array) -> None:
        """Raise if the function has changed its arguments."""
        told = {**dict(zip(self.names, values, strict=True)), "x": self.x, "labels": self.labels}
        try:
            after = {**flatten(given, "parameters"), "x": x, "labels": labels}
        except ConfigError:
            after = {}
        for name, before in told.items():
            if not np.array_equal(after.get(name, np.nan), before, equal_nan=True):
                raise ConfigError(f"{self.title} changes {name} in place; it must leave its arguments as they are")


def takes_l2(function: Function) -> bool:
    """Return whether a function has a parameter called l2."""
    try:
        return "l2" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without its axes of length 1: biases may be (H,) or (1, H)."""
    return tuple(n for n in shape if n != 1)


def explain_shape(name: str, wanted: tuple[int, ...], got: tuple[int, ...]) -> str:
    """Return a sentence about a gradient whose shape is not that of its parameter."""
    hint = ": is it transposed?" if got == wanted[::-1] and squeezed(got) != squeezed(wanted) else ""
    return f"the gradient of {name} has shape {got}, {name} itself {wanted}{hint or '; give it the same'}"


def check_finite(array: NDArray[Any], what: str) -> None:
    """Raise unless every number of an array is finite."""
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        bad = np.flatnonzero(~np.isfinite(array))
        many = f", and {len(bad) - 1} more like it" if len(bad) > 1 else ""
        raise ConfigError(f"{what} holds {array.flat[bad[0]]} at {index_text(array, int(bad[0]))}{many}")


def file_of(function: Function) -> str | None:
    """Return the file that a function was written in."""
    plain = inspect.unwrap(function)
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
