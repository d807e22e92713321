"""The ways of calling a person's code that are tried, the most likely first.

Code may define `parameters()`, `init_parameters(sizes)` and `batch()`. What it does not define is made: arrays W1, b1,
W2, b2, ... in several structures, for three layers, two, one or four; images in rows or in columns; labels as integers
or one-hot. A class is made with its sizes, and an object has its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from barenet.gradcheck.functions.names import is_parameter
from barenet.gradcheck.functions.objects import has_methods
from barenet.gradcheck.functions.signature import read_function

__all__ = ["MAKERS", "N_IMAGES", "WIDTHS", "Code", "Plan", "plans"]

# For each depth first different widths, so that wrong pairs of arrays do not fit, then equal ones.
WIDTHS = ((8, 7, 6, 5), (6,) * 4, (8, 7, 5), (6,) * 3, (8, 5), (6,) * 2, (8, 7, 6, 4, 5), (6,) * 5)
N_IMAGES = 12  # neither a width nor a small factor: "12 times too large" can only mean the batch
LAYOUTS = ((False, False), (True, True), (True, False))  # whether weights are (out, in), and images in columns
MADE_HERE = ("a dict W1, b1, ...", "a list W1, b1, ...", "a list of (W, b)")
ONE_MATRIX, SEPARATE = "one matrix", "separate arrays"

MAKERS = ("parameters", "init_parameters", "batch")

Code = Mapping[str, Any]  # the names in someone's file


@dataclass(frozen=True)
class Plan:
    """One way of calling the code.

    `sizes` are the widths from the inputs to the classes, None if the code's parameters determine them. Weights are
    (in, out), or (out, in) if `is_flipped`; images are rows, or columns if `in_columns`.
    """

    sizes: tuple[int, ...] | None
    structure: str
    is_one_hot: bool
    is_flipped: bool = False
    in_columns: bool = False

    @property
    def has_equal_widths(self) -> bool:
        """Whether all layers have the same width, which was chosen here."""
        return self.sizes is not None and len(set(self.sizes)) == 1

    @property
    def usual(self) -> Plan:
        """The same plan with weights (in, out) and images in rows."""
        return Plan(self.sizes, self.structure, self.is_one_hot)

    def describe(self, code: Code) -> str:
        """Return a note on the arguments."""
        widths = f" of sizes {'-'.join(map(str, self.sizes))}" if self.sizes else ""
        flipped = ", weights (out, in)" if self.is_flipped and self.sizes else ""
        if "batch" in code:
            return f"handed in: {self.structure}{widths}{flipped}, the file's batch()"
        columns = ", images in columns" if self.in_columns else ""
        return f"handed in: {self.structure}{widths}{flipped}{columns}, {self.labels} labels"

    @property
    def labels(self) -> str:
        """The kind of labels."""
        return "one-hot" if self.is_one_hot else "integer"


def plans(code: Code, name: str, widths: Sequence[tuple[int, ...]], one_hot: bool | None) -> Iterator[Plan]:
    """Yield plans for calling the function, the class or the object `name` of the code."""
    thing = code[name]
    made = "batch" in code
    if isinstance(thing, type):
        yield from of_class(thing.__name__, widths, one_hot, made)
    elif not is_function(thing):
        yield from with_parameters(f"the parameters of {name}", one_hot, made)
    elif "parameters" in code:
        yield from with_parameters("the file's parameters()", one_hot, made)
    else:
        form = read_function(thing)
        structures = structures_for(form.first, form.separate, "init_parameters" in code)
        depth = sum(not named.lower().startswith("b") for named in form.separate)
        fits = [sizes for sizes in widths if not depth or len(sizes) == depth + 1]
        if structures[0] == ONE_MATRIX:
            fits.sort(key=len)
        for sizes in fits or widths:
            for flipped, columns in LAYOUTS if len(set(sizes)) > 1 else LAYOUTS[:1]:
                for structure in structures:
                    if structure != ONE_MATRIX or len(sizes) == 2:
                        yield from (
                            Plan(sizes, structure, hot, flipped, columns) for hot in kinds(one_hot, columns, made)
                        )


def structures_for(first: str, separate: Sequence[str], has_maker: bool) -> tuple[str, ...]:
    """Return the structures of parameters that may fit a function, by the names of its arguments."""
    if separate:
        return (SEPARATE,)
    if has_maker:
        return ("the file's init_parameters()",)
    if not is_parameter(first):
        return MADE_HERE
    return (ONE_MATRIX, *MADE_HERE) if first.lower() in ("w", "theta", "weight") else (*MADE_HERE, ONE_MATRIX)


def kinds(one_hot: bool | None, columns: bool, made: bool) -> tuple[bool, ...]:
    """Return which labels are tried: integers first, for columns one-hot first.

    Integers (B,) would fit arrays (C, B) of columns without an error, and give a meaningless loss.
    """
    if one_hot is not None or made:
        return (bool(one_hot),)
    return (True, False) if columns else (False, True)


def with_parameters(structure: str, one_hot: bool | None, made: bool) -> Iterator[Plan]:
    """Yield plans for parameters that the code defines."""
    for flipped, columns in LAYOUTS[:1] if made else ((False, False), (True, False), (True, True)):
        yield from (Plan(None, structure, hot, flipped, columns) for hot in kinds(one_hot, columns, made))


def of_class(title: str, widths: Sequence[tuple[int, ...]], one_hot: bool | None, made: bool) -> Iterator[Plan]:
    """Yield plans for a class, which is made with some sizes."""
    for sizes in widths:
        for flipped, columns in LAYOUTS if len(set(sizes)) > 1 else LAYOUTS[:1]:
            yield from (Plan(sizes, f"{title}(...)", hot, flipped, columns) for hot in kinds(one_hot, columns, made))


def is_function(thing: Any) -> bool:
    """Return whether a thing is called as a function: also functools.partial, and an object with __call__ alone."""
    if isinstance(thing, type) or not callable(thing):
        return False
    return hasattr(thing, "__code__") or hasattr(thing, "__func__") or not has_methods(thing)
