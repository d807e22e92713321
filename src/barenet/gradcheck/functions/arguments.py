"""Parameters and a batch for a person's function: from the person's code if it has some, else made here.

Code may define `parameters()`, `init_parameters(sizes)` and `batch()`. What it does not define is made here: W1, b1,
W2, b2, ... as a dict, a list or a list of pairs, for three layers, two, one or four; labels are integers or one-hot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from barenet.errors import ConfigError, ShapeError, nearest
from barenet.gradcheck.functions.function import explain_failure, file_of
from barenet.gradcheck.functions.structure import flatten

__all__ = ["N_IMAGES", "WIDTHS", "Code", "Plan", "find_function", "make_arguments", "plans"]

# For each depth first different widths, so that wrong pairs of arrays do not fit, then equal ones.
WIDTHS = ((8, 7, 6, 5), (6,) * 4, (8, 7, 5), (6,) * 3, (8, 5), (6,) * 2, (8, 7, 6, 4, 5), (6,) * 5)
N_IMAGES = 12  # neither a width nor a small factor: "12 times too large" can only mean the batch
MAKERS = ("parameters", "init_parameters", "batch")

Code = Mapping[str, Any]  # the names in someone's file


@dataclass(frozen=True)
class Plan:
    """One way of calling the function.

    `sizes` are the widths from the inputs to the classes, None if the code's parameters determine them; those are
    read as (in, out), or (out, in) if `is_flipped`.
    """

    sizes: tuple[int, ...] | None
    structure: str
    is_one_hot: bool
    is_flipped: bool = False

    @property
    def has_equal_widths(self) -> bool:
        """Whether all layers have the same width, which was chosen here."""
        return self.sizes is not None and len(set(self.sizes)) == 1

    def describe(self, code: Code) -> str:
        """Return a note on the arguments."""
        widths = f" of sizes {'-'.join(map(str, self.sizes))}" if self.sizes else ""
        batch = "its own batch()" if "batch" in code else f"{'one-hot' if self.is_one_hot else 'integer'} labels"
        return f"handed in: {self.structure}{widths}, {batch}"


def plans(code: Code, widths: Sequence[tuple[int, ...]], one_hot: bool | None) -> Iterator[Plan]:
    """Yield plans for calling a function, the most likely first."""
    labels = (False, True) if one_hot is None and "batch" not in code else (bool(one_hot),)
    if "parameters" in code:
        flips = (False,) if "batch" in code else (False, True)
        yield from (Plan(None, "its own parameters()", hot, flip) for flip in flips for hot in labels)
        return
    made_here = ("a dict W1, b1, ...", "a list W1, b1, ...", "a list of (W, b)")
    structures = ("its own init_parameters()",) if "init_parameters" in code else made_here
    for sizes in widths:
        yield from (Plan(sizes, structure, hot) for structure in structures for hot in labels)


def make_arguments(code: Code, plan: Plan, n_images: int, seed: int) -> tuple[Any, Any, Any]:
    """Return parameters, x and labels for one plan."""
    rng = np.random.default_rng(seed)
    if "parameters" in code:
        parameters = call_maker(code, "parameters")
    elif "init_parameters" in code:
        parameters = call_maker(code, "init_parameters", list(plan.sizes or ()))
    else:
        parameters = make_parameters(plan, rng)
    if "batch" in code:
        batch = call_maker(code, "batch")
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise ConfigError("batch() must return two things, x and labels")
        return parameters, *batch
    n_inputs, n_classes = (plan.sizes[0], plan.sizes[-1]) if plan.sizes else outer_widths(parameters, plan.is_flipped)
    # Rows of about the same length for any number of inputs: large logits would give probabilities of nearly zero.
    x = rng.normal(0, min(1.0, (8 / n_inputs) ** 0.5), (n_images, n_inputs))
    labels = rng.permutation(np.arange(n_images) % n_classes)  # every class occurs, if there are enough images
    return parameters, x, np.eye(n_classes)[labels] if plan.is_one_hot else labels


def make_parameters(plan: Plan, rng: np.random.Generator) -> Any:
    """Return weights (in, out) and biases (1, out) in one of the structures; the biases are not zero."""
    pairs = []
    for n_in, n_out in pairwise(plan.sizes or ()):
        pairs.append((rng.normal(0, (2 / n_in) ** 0.5, (n_in, n_out)), rng.normal(0, 0.3, (1, n_out))))
    if plan.structure.startswith("a dict"):
        return {f"{kind}{i}": array for i, pair in enumerate(pairs, 1) for kind, array in zip("Wb", pair, strict=True)}
    return pairs if plan.structure.endswith("(W, b)") else [array for pair in pairs for array in pair]


def outer_widths(parameters: Any, is_flipped: bool) -> tuple[int, int]:
    """Return the number of inputs and of classes, by the first and the last matrix of some parameters."""
    matrices = [array.shape for array in flatten(parameters, "parameters()").values() if array.ndim == 2]
    matrices = [shape for shape in matrices if min(shape) > 1] or matrices
    if not matrices:
        raise ShapeError("parameters() holds no matrix that shows how many inputs there are; define batch() as well")
    first, last = matrices[0], matrices[-1]
    return (first[1], last[0]) if is_flipped else (first[0], last[1])


def call_maker(code: Code, name: str, *arguments: Any) -> Any:
    """Return the result of one of `MAKERS` in the code; a failure becomes one line."""
    function = find_function(code, name)
    try:
        return function(*arguments)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(explain_failure(error, file_of(function), f"{name}()")) from error


def find_function(code: Code, name: str) -> Callable[..., Any]:
    """Return a function of the code by its name."""
    functions = [known for known, value in code.items() if callable(value) and not known.startswith("_")]
    if name not in code:
        module = code.get("__name__")
        written_here = [known for known in functions if getattr(code[known], "__module__", None) == module]
        hint = nearest(name, written_here) if written_here else "it defines no function"
        raise ConfigError(f"there is no function {name!r}; {hint}")
    if not callable(code[name]):
        raise ConfigError(f"{name} is no function but a value of type {type(code[name]).__name__}")
    return code[name]  # type: ignore[no-any-return]
