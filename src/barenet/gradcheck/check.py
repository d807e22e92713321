"""The check of a person's code from Python: `check_own_gradients`, for a function or an object."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from barenet.errors import ConfigError
from barenet.gradcheck.code import check_own_code
from barenet.gradcheck.compare import compare_gradients
from barenet.gradcheck.functions.function import CheckedFunction
from barenet.gradcheck.functions.objects import has_methods, read_object
from barenet.gradcheck.functions.plans import MAKERS, is_function
from barenet.gradcheck.report import OwnGradientReport

__all__ = ["check_own_gradients"]


def check_own_gradients(
    code: Any,
    parameters: Any = None,
    x: Any = None,
    labels: Any = None,
    *,
    l2: float = 0.1,
    tolerance: float | None = None,
    max_coordinates: int = 200,
    seed: int = 0,
) -> OwnGradientReport:
    """Compare the gradients that your code computes with central differences of its loss.

    `code` is a function, called as `loss, gradients = code(parameters, x, labels)` or with its arguments in another
    order; or an object with methods such as `forward`, `loss` and `backward`, whose parameters are its attributes; or
    its class. `parameters` is a dict or a list of arrays, or an array, and the gradients have the same structure and
    shapes. `x` (B, ...) and `labels`, integer (B,) or one-hot (B, C), are passed on; images may be columns too. What
    you leave out is made: `check_own_gradients(code)`, or `check_own_gradients(net, x, labels)` for an object.

    Code that takes a strength of L2 is checked with `l2` and without. At most `max_coordinates` of each parameter are
    checked, chosen by `seed`. The tolerance is 1e-6, or 1e-2 for code that computes in float32.

    Raises ConfigError or ShapeError, with the line of your code, if it fails or returns something else.
    """
    options: dict[str, Any] = {"l2": l2, "tolerance": tolerance, "max_coordinates": max_coordinates, "seed": seed}
    is_object = not is_function(code) and not isinstance(code, type) and has_methods(code)
    if is_object and labels is None and x is not None:
        parameters, x, labels = None, parameters, x
    if x is None and labels is None and parameters is None:
        name = getattr(code, "__name__", type(code).__name__)
        return check_own_code(lambda: namespace_of(code) | {name: code}, name, **options)
    if x is None or labels is None:
        raise ConfigError("give x and labels too, or neither parameters nor x and labels")
    if not is_object:
        if parameters is None:
            raise ConfigError("give the parameters too, a dict or a list of arrays")
        return compare_gradients(CheckedFunction(code, parameters, x, labels), **options)
    form, values = read_object(code)
    if parameters is not None:
        raise ConfigError("an object has its parameters in its attributes; leave the argument parameters out")
    return compare_gradients(CheckedFunction(form, values, x, labels), **options)


def namespace_of(code: Callable[..., Any]) -> dict[str, Any]:
    """Return the functions beside a function that make its parameters and its batch."""
    beside = getattr(inspect.unwrap(code), "__globals__", {}) if callable(code) else {}
    return {name: beside[name] for name in MAKERS if callable(beside.get(name))}
