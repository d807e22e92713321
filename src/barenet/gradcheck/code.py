"""Check a function in a person's file, perhaps without parameters and a batch: try different arguments until one works.

Every attempt loads the code again, so that an attempt cannot change the next one.

If layers of different widths make the function fail, equal widths are tried. With different widths, a transposed weight
or the mask of another layer is an error; with equal widths it is a wrong gradient, which can be named.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from barenet.errors import BarenetError, ConfigError, ShapeError
from barenet.gradcheck.check import check_own_gradients
from barenet.gradcheck.functions.arguments import N_IMAGES, WIDTHS, Code, Plan, find_function, make_arguments, plans
from barenet.gradcheck.functions.function import CheckedFunction
from barenet.gradcheck.functions.structure import flatten
from barenet.gradcheck.report import OwnGradientReport

__all__ = ["check_own_code"]


def check_own_code(
    load: Callable[[], Code],
    name: str,
    *,
    sizes: Sequence[int] | None = None,
    one_hot: bool | None = None,
    n_images: int = N_IMAGES,
    seed: int = 0,
    **options: Any,
) -> OwnGradientReport:
    """Return the report of `check_own_gradients` for a function of the code that `load` returns.

    `sizes` (inputs, hidden units, classes) and `one_hot` replace the ones that are tried; `options` are passed on. If
    no attempt succeeds, the error of the attempt that got furthest is raised.
    """
    widths = WIDTHS if sizes is None else [tuple(sizes)]
    plan, failure = find_plan(load, name, widths, one_hot=one_hot, n_images=n_images, seed=seed)
    code = load()
    arguments = make_arguments(code, plan, n_images, seed)
    report = check_own_gradients(find_function(code, name), *arguments, seed=seed, **options)
    notes = [plan.describe(code), *report.notes]
    if plan.has_equal_widths and sizes is None and failure is not None:
        if not report.mistakes:
            raise failure
        notes.insert(0, f"with layers of different widths it fails: {failure}")
    return replace(report, notes=tuple(notes))


def find_plan(
    load: Callable[[], Code],
    name: str,
    widths: Sequence[tuple[int, ...]],
    *,
    one_hot: bool | None,
    n_images: int,
    seed: int,
) -> tuple[Plan, BarenetError | None]:
    """Return the first plan that works, and the error of the plan that got furthest before it.

    If no plan works, raise that error.
    """
    furthest: tuple[tuple[int, int], BarenetError] | None = None
    progress: tuple[int, int]
    failure: BarenetError | None
    for plan in plans(load(), widths, one_hot):
        code = load()
        function = find_function(code, name)
        try:
            checked = CheckedFunction(function, *make_arguments(code, plan, n_images, seed))
        except (ConfigError, ShapeError) as error:
            progress, failure = (0, 0), error
        else:
            progress, failure = try_call(checked)
        if failure is None:
            return plan, furthest[1] if furthest is not None else None
        if furthest is None or progress > furthest[0]:
            furthest = progress, failure
    assert furthest is not None
    raise with_hint(furthest[1], load())


def with_hint(error: BarenetError, code: Code) -> BarenetError:
    """Return an error; if a name of a parameter is missing, with a hint how the file can define its parameters."""
    ours = not {"parameters", "init_parameters"} & set(code)
    if not (ours and isinstance(error.__cause__, KeyError)):
        return error
    hint = "; parameters are called W1, b1, W2, ... unless the file defines parameters() or init_parameters(sizes)"
    hinted = ConfigError(f"{error}{hint}")
    hinted.__cause__ = error.__cause__
    return hinted


def try_call(checked: CheckedFunction) -> tuple[tuple[int, int], BarenetError | None]:
    """Return how far a call gets, as (kind of end, line reached), and its error."""
    l2 = 0.0 if checked.takes_l2 else None
    gradients = None
    try:
        _, gradients, *_ = checked.run(checked.values, l2)
        checked.call(checked.values, l2)
    except (ConfigError, ShapeError) as error:
        if error.__cause__ is not None:
            return (1, line_reached(error, checked)), error
        return (0 if gradients is not None and lacks_layers(gradients, checked) else 2, 0), error
    return (3, 0), None


def lacks_layers(gradients: Any, checked: CheckedFunction) -> bool:
    """Return whether gradients of the last layers are missing.

    With too many layers a function may run to its end, and return gradients only of the layers that it knows. That says
    less than an error with the right number of layers.
    """
    try:
        names = list(flatten(gradients, "gradients"))
    except ConfigError:
        return False
    missing = len(checked.names) - len(names)
    return missing > 0 and missing % 2 == 0 and set(names) == set(checked.names[:-missing])


def line_reached(error: BarenetError, checked: CheckedFunction) -> int:
    """Return the line of the function at which an exception was raised; a larger number means that it got further."""
    code = getattr(checked.function, "__code__", None)
    frames = traceback.walk_tb(error.__cause__.__traceback__) if error.__cause__ else ()
    return max((line for frame, line in frames if frame.f_code is code), default=0)
