"""Check code of which only the name is given: try different parameters and batches until one works.

Every attempt loads the code again, so that an attempt cannot change the next one.

If layers of different widths make the code fail, equal widths are tried. With different widths, a transposed weight
or the mask of another layer is an error; with equal widths it is a wrong gradient, which can be named.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from barenet.errors import BarenetError, ConfigError, ShapeError
from barenet.gradcheck.compare import compare_gradients
from barenet.gradcheck.functions.arguments import find_code, make_checked
from barenet.gradcheck.functions.failures import file_of
from barenet.gradcheck.functions.function import CheckedFunction
from barenet.gradcheck.functions.plans import N_IMAGES, WIDTHS, Code, Plan, plans
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
    """Return the report on a function, a class or an object of the code that `load` returns.

    `sizes` (inputs, hidden units, classes) and `one_hot` replace the ones that are tried; `options` are passed on. If
    no attempt succeeds, the error of the attempt that got furthest is raised.
    """
    widths = WIDTHS if sizes is None else [tuple(sizes)]
    plan, failure = find_plan(load, name, widths, one_hot=one_hot, n_images=n_images, seed=seed)
    code = load()
    report = compare_gradients(make_checked(code, name, plan, n_images, seed), seed=seed, **options)
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
    shapes_failed: set[Plan] = set()
    code = load()
    find_code(code, name)
    for plan in plans(code, name, widths, one_hot):
        if plan != plan.usual and plan.usual not in shapes_failed:
            continue  # other layouts help only if shapes do not fit
        try:
            checked = make_checked(load(), name, plan, n_images, seed)
        except (ConfigError, ShapeError) as error:
            progress, failure = (0, 0), error
        else:
            progress, failure = try_call(checked)
        if failure is None:
            return plan, furthest[1] if furthest is not None else None
        if isinstance(failure.__cause__, ValueError | IndexError):
            shapes_failed.add(plan.usual)
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
    missing = len(checked.keys) - len(names)
    return missing > 0 and missing % 2 == 0 and set(names) == set(checked.keys[:-missing])


def line_reached(error: BarenetError, checked: CheckedFunction) -> int:
    """Return the line of the function at which an exception was raised; a larger number means that it got further."""
    file = file_of(checked.form.written)
    frames = traceback.walk_tb(error.__cause__.__traceback__) if error.__cause__ else ()
    return max((line for frame, line in frames if frame.f_code.co_filename == file), default=0)
