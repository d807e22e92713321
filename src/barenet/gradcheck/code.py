"""Check a function of someone's file, which may come without parameters and a batch: try until it can be called.

Every attempt starts from freshly loaded code, so that one attempt leaves nothing behind for the next.

Where layers of different widths make the function fail, equal widths are tried. A transposed weight, or a mask of
another layer, is an error in the one case; in the other it is a wrong gradient, which can be named.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from barenet.errors import BarenetError, ConfigError, ShapeError
from barenet.gradcheck.check import check_own_gradients
from barenet.gradcheck.functions.arguments import N_IMAGES, WIDTHS, Code, Plan, find_function, make_arguments, plans
from barenet.gradcheck.functions.function import OwnFunction
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
    """Return what `check_own_gradients` finds for a function of the code that `load` returns.

    `sizes` (inputs, hidden units, classes) and `one_hot` fix what would be tried; `options` are handed on. Raises what
    the attempt that got furthest raised, if none succeeds.
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
    """Return the first way of calling the function that works, and why the one that got furthest before it did not.

    If none works, raise that.
    """
    furthest: tuple[tuple[int, int], BarenetError] | None = None
    progress: tuple[int, int]
    failure: BarenetError | None
    for plan in plans(load(), widths, one_hot):
        code = load()
        function = find_function(code, name)
        try:
            own = OwnFunction(function, *make_arguments(code, plan, n_images, seed))
        except (ConfigError, ShapeError) as error:
            progress, failure = (0, 0), error
        else:
            progress, failure = try_call(own)
        if failure is None:
            return plan, furthest[1] if furthest is not None else None
        if furthest is None or progress > furthest[0]:
            furthest = progress, failure
    assert furthest is not None
    raise with_hint(furthest[1], load())


def with_hint(error: BarenetError, code: Code) -> BarenetError:
    """Return an error about names of parameters with the way to bring one's own."""
    ours = not {"parameters", "init_parameters"} & set(code)
    if not (ours and isinstance(error.__cause__, KeyError)):
        return error
    hint = "; parameters are called W1, b1, W2, ... unless the file defines parameters() or init_parameters(sizes)"
    hinted = ConfigError(f"{error}{hint}")
    hinted.__cause__ = error.__cause__
    return hinted


def try_call(own: OwnFunction) -> tuple[tuple[int, int], BarenetError | None]:
    """Return how far a call gets, and why no further; (kind of end, line reached)."""
    l2 = 0.0 if own.takes_l2 else None
    gradients = None
    try:
        _, gradients, *_ = own.run(own.values, l2)
        own.call(own.values, l2)
    except (ConfigError, ShapeError) as error:
        if error.__cause__ is not None:
            return (1, line_reached(error, own)), error
        return (0 if gradients is not None and lacks_layers(gradients, own) else 2, 0), error
    return (3, 0), None


def lacks_layers(gradients: Any, own: OwnFunction) -> bool:
    """Return whether there are right gradients but for the last layers.

    Handed too many layers a function may well go on to the end, and return gradients of its own few. That says less
    than an error on the way with the right number of them.
    """
    try:
        names = list(flatten(gradients, "gradients"))
    except ConfigError:
        return False
    missing = len(own.names) - len(names)
    return missing > 0 and missing % 2 == 0 and set(names) == set(own.names[:-missing])


def line_reached(error: BarenetError, own: OwnFunction) -> int:
    """Return the line of the function itself at which an exception came up; the further down, the further it got."""
    code = getattr(own.function, "__code__", None)
    frames = traceback.walk_tb(error.__cause__.__traceback__) if error.__cause__ else ()
    return max((line for frame, line in frames if frame.f_code is code), default=0)
