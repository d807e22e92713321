"""A person's code, called safely: `loss, gradients = form.call(parameters, x, labels, l2)`.

Every call gets copies, so that a function that changes its arguments is noticed and does no harm. It must return one
finite number, and gradients with the structure and the shapes of the parameters; else a message says what is wrong and
where. An exception becomes one line with the line number in the person's file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.errors import BarenetError, ConfigError, ShapeError
from barenet.gradcheck.functions.failures import check_finite, explain_failure, explain_shape, file_of, squeezed
from barenet.gradcheck.functions.layout import examples_in_columns, shown_names
from barenet.gradcheck.functions.names import match_gradients
from barenet.gradcheck.functions.signature import Form, read_function
from barenet.gradcheck.functions.structure import as_array, few, flatten, kind, numbers, rebuild
from barenet.interrupts import waiting
from barenet.messages import count

Array = NDArray[np.float64]
Function = Callable[..., Any]

__all__ = ["Answer", "CheckedFunction", "Function"]


@dataclass(frozen=True)
class Answer:
    """The result of one call: the loss, gradients in float64 in the order and shapes of the parameters, and notes.

    `forgotten` are the biases whose gradient is missing, with zeros in its place.
    """

    loss: float
    gradients: list[Array]
    is_single: bool
    notes: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()


class CheckedFunction:
    """A person's code with the structure of its parameters and its batch.

    `names` and `values` list the parameters' arrays, in float64; a call takes other values in the same order. `keys`
    are the places in the structure, such as [0][1]. With `in_columns` an image is a column of x, else a row.
    """

    def __init__(
        self, code: Function | Form, parameters: Any, x: Any, labels: Any, *, in_columns: bool | None = None
    ) -> None:
        self.form = code if isinstance(code, Form) else read_function(code)
        self.title, self.takes_l2 = self.form.title, self.form.takes_l2
        self.is_one_array = isinstance(parameters, np.ndarray)
        self.structure = {self.form.first: parameters} if self.is_one_array else parameters
        arrays = flatten(self.structure, "parameters")
        self.keys = list(arrays)
        self.names = shown_names(self.keys, [array.shape for array in arrays.values()], self.form)
        self.dtypes = {array.dtype for array in arrays.values()}
        self.values = [array.astype(np.float64) for array in arrays.values()]
        for name, value in zip(self.names, self.values, strict=True):
            check_finite(value, f"parameter {name}")
        self.x, self.labels = numbers(x, "x"), numbers(labels, "labels")
        if self.x.dtype.kind == "f":
            self.x = self.x.astype(np.float64)
        check_finite(self.x, "x")
        shapes = [value.shape for value in self.values]
        self.in_columns = examples_in_columns(self.x, self.labels, shapes) if in_columns is None else in_columns

    @property
    def n_images(self) -> int:
        """B, the number of inputs in the batch."""
        return self.x.shape[-1] if self.in_columns else len(self.x)

    def call(self, values: Sequence[Array], l2: float | None = None, *, allow_infinite: bool = False) -> Answer:
        """Return loss and gradients at `values`; raise if the function fails or returns something else."""
        loss, gradients, given, x, labels = self.run(values, l2)
        self.check_untouched(values, given, x, labels)
        arrays, forgotten = self.ordered(gradients)
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
        return Answer(number, shaped, single, tuple(notes), forgotten)

    def loss(self, values: Sequence[Array], l2: float | None = None) -> float:
        """Return the loss alone, which may be infinite."""
        if self.form.objective is not None:
            return self.number(self.attempt(self.form.objective, values, l2)[0])
        return self.number(self.run(values, l2)[0])

    def run(self, values: Sequence[Array], l2: float | None) -> tuple[Any, Any, Any, Any, Any]:
        """Return the loss and the gradients unchecked, and the copies that the function got."""
        answer, *given = self.attempt(self.form.call, values, l2)
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            many = f"{count(len(answer), 'thing')}" if isinstance(answer, tuple | list) else kind(answer)
            raise ConfigError(f"{self.title} must return two things, loss and gradients; it returns {many}")
        if isinstance(answer[0], dict | list) and not isinstance(answer[1], dict) and as_array(answer[1]).ndim == 0:
            raise ConfigError(f"{self.title} returns gradients, loss; the loss comes first")
        return *answer, *given

    def attempt(self, call: Callable[..., Any], values: Sequence[Array], l2: float | None) -> tuple[Any, Any, Any, Any]:
        """Return what a call returns, and the copies that it got; an exception becomes one line."""
        parameters, x, labels = rebuild(self.structure, iter(values)), self.x.copy(), self.labels.copy()
        try:
            with np.errstate(all="ignore"), waiting():  # it may never return
                given = parameters[self.form.first] if self.is_one_array else parameters
                return call(given, x, labels, l2 or 0.0), parameters, x, labels
        except (MemoryError, BarenetError):
            raise
        except (Exception, SystemExit) as error:
            raise ConfigError(explain_failure(error, file_of(self.form.written), self.title)) from error

    def number(self, loss: Any) -> float:
        """Return the loss as a Python float."""
        array = as_array(loss)
        if array.size != 1 or array.dtype.kind not in "fiub":
            raise ConfigError(f"{self.title} must return one number as the loss, got {kind(loss)}")
        return float(array.reshape(()))

    def ordered(self, gradients: Any) -> tuple[list[NDArray[Any]], tuple[str, ...]]:
        """Return the gradients in the order of the parameters, and the biases without one, for which they are zeros."""
        if self.is_one_array and not isinstance(gradients, dict):
            gradients = {self.form.first: gradients}
        arrays = flatten(gradients, f"the gradients that {self.title} returns")
        if not set(arrays) <= set(self.keys):
            matched = match_gradients(self.keys, arrays)
            if any(key not in self.keys for key in matched.values()):  # dW1 for W1; others, such as dz1, are not needed
                arrays = {name: arrays[key] for name, key in matched.items()}
        missing = [key for key in self.keys if key not in arrays]
        extra = [name for name in arrays if name not in self.keys]
        shapes = dict(zip(self.keys, (value.shape for value in self.values), strict=True))
        is_named = all(not key.startswith("[") for key in self.keys)
        only_biases = is_named and any(len(squeezed(shapes[key])) > 1 for key in arrays if key in shapes)
        if extra or (missing and not (only_biases and all(len(squeezed(shapes[key])) <= 1 for key in missing))):
            shown = dict(zip(self.keys, self.names, strict=True))
            told = [f"without {few([shown[key] for key in missing])}"] * bool(missing)
            told += [f"with {few(extra)}"] * bool(extra)
            raise ShapeError(
                f"{self.title} returns gradients {', '.join(told)}; they must be named and "
                f"nested as the parameters: {few(self.keys)}"
            )
        for key, name in zip(self.keys, self.names, strict=True):
            if key in arrays and squeezed(arrays[key].shape) != squeezed(shapes[key]):
                axis = int(self.in_columns)
                raise ShapeError(explain_shape(name, shapes[key], arrays[key].shape, self.n_images, axis))
        zeros = {key: np.zeros(shapes[key]) for key in missing}
        return [(arrays | zeros)[key] for key in self.keys], tuple(self.names[self.keys.index(key)] for key in missing)

    def check_untouched(self, values: Sequence[Array], given: Any, x: Array, labels: Array) -> None:
        """Raise if the function has changed its arguments."""
        told = {**dict(zip(self.keys, values, strict=True)), "x": self.x, "labels": self.labels}
        try:
            after = {**flatten(given, "parameters"), "x": x, "labels": labels}
        except ConfigError:
            after = {}
        for name, before in told.items():
            if not np.array_equal(after.get(name, np.nan), before, equal_nan=True):
                shown = dict(zip(self.keys, self.names, strict=True)).get(name, name)
                raise ConfigError(f"{self.title} changes {shown} in place; it must leave its arguments as they are")
