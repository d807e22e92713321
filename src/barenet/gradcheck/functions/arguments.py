"""Parameters and a batch for a person's code: from the code if it has some, else made here, as a plan says."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from barenet.errors import BarenetError, ConfigError, ShapeError, nearest
from barenet.gradcheck.functions.failures import explain_failure, file_of
from barenet.gradcheck.functions.function import CheckedFunction
from barenet.gradcheck.functions.names import role_of
from barenet.gradcheck.functions.objects import has_methods, read_object
from barenet.gradcheck.functions.plans import ONE_MATRIX, SEPARATE, Code, Plan, is_function
from barenet.gradcheck.functions.signature import Form, read_function
from barenet.gradcheck.functions.structure import flatten

__all__ = ["find_code", "make_checked"]

SIZES = re.compile(r"(layer_?|layers_?)?(sizes|dims|dimensions|shape|widths|units)|layers|n_units|architecture")
INPUTS = re.compile(r"d|n_x|(n_?|num_?)?(in|inputs?|features)(_?(size|dim|nodes|units|features|layer))?|d_?in")
OUTPUTS = re.compile(
    r"c|k|n_y|(n_?|num_?)?(out|outputs?|class|classes|labels)(_?(size|dim|nodes|units|features|layer))?|d_?out"
)
HIDDEN = re.compile(r"h|n_h|(n_?|num_?)?hidden_?\d?(_?(size|dim|nodes|units|layer|features)_?\d?)?|h\d|d_?h")
HIDDENS = re.compile(r"hidden_?(layers?_?)?(sizes|dims|layers|widths|units)")

# Values for arguments of a class that have no default, by their names.
OTHERS = {
    "rate": 0.1, "l2": 0.1, "seed": 0, "random_seed": 0, "random_state": 0, "rng_seed": 0, "activation": "relu",
    "act": "relu", "nonlinearity": "relu", "hidden_activation": "relu", "activation_name": "relu",
    "activation_fn": "relu", "activation_function": "relu", "act_fn": "relu", "act_func": "relu",
}  # fmt: skip


def make_checked(code: Code, name: str, plan: Plan, n_images: int, seed: int) -> CheckedFunction:
    """Return the code `name` with the parameters and the batch of a plan."""
    rng = np.random.default_rng(seed)
    form, parameters = make_parameters(code, name, plan, rng)
    if "batch" in code:
        batch = call(code, "batch")
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise ConfigError("batch() must return two things, x and labels")
        return CheckedFunction(form, parameters, *batch)
    n_inputs, n_classes = (plan.sizes[0], plan.sizes[-1]) if plan.sizes else outer_widths(parameters, plan.is_flipped)
    # Rows of about the same length for any number of inputs: large logits would give probabilities of nearly zero.
    x = rng.normal(0, min(1.0, (8 / n_inputs) ** 0.5), (n_images, n_inputs))
    labels = rng.permutation(np.arange(n_images) % max(n_classes, 2))  # every class occurs, if there are enough images
    if plan.is_one_hot or n_classes == 1:
        labels = np.eye(n_classes)[labels] if n_classes > 1 else labels.reshape(-1, 1)
    if plan.in_columns:
        x, labels = x.T.copy(), labels.T.copy()
    return CheckedFunction(form, parameters, x, labels, in_columns=plan.in_columns)


def make_parameters(code: Code, name: str, plan: Plan, rng: np.random.Generator) -> tuple[Form, Any]:
    """Return how the code is called, and its parameters."""
    thing = find_code(code, name)
    if isinstance(thing, type):
        thing = make_object(thing, plan)
    if not is_function(thing) and has_methods(thing):
        return read_object(thing)
    form = read_function(thing)
    if "parameters" in code:
        return form, call(code, "parameters")
    if "init_parameters" in code:
        return form, call(code, "init_parameters", list(plan.sizes or ()))
    return form, made_here(form, plan, rng)


def made_here(form: Form, plan: Plan, rng: np.random.Generator) -> Any:
    """Return weights (in, out) and biases (1, out) in one of the structures, or as the plan says; no bias is zero."""
    pairs = []
    for n_in, n_out in pairwise(plan.sizes or ()):
        weights, biases = rng.normal(0, (2 / n_in) ** 0.5, (n_in, n_out)), rng.normal(0, 0.3, (1, n_out))
        pairs.append((weights.T.copy() if plan.is_flipped else weights, biases.T.copy() if plan.in_columns else biases))
    if plan.structure == ONE_MATRIX:
        return pairs[0][0]
    if plan.structure == SEPARATE:
        of_biases = [name for name in form.separate if name.lower().startswith("b")]
        of_weights = [name for name in form.separate if name not in of_biases]
        if max(len(of_weights), len(of_biases)) > len(pairs):
            raise ShapeError(
                f"{form.title} takes {len(form.separate)} arrays, and no network that is tried has such ones; "
                "define parameters(), which returns these arrays in a dict"
            )
        arrays = dict(zip(of_weights, [w for w, _ in pairs], strict=False))
        arrays |= dict(zip(of_biases, [b for _, b in pairs], strict=False))
        return {name: arrays[name] for name in form.separate}
    if plan.structure.startswith("a dict"):
        return {f"{kind}{i}": array for i, pair in enumerate(pairs, 1) for kind, array in zip("Wb", pair, strict=True)}
    return pairs if plan.structure.endswith("(W, b)") else [array for pair in pairs for array in pair]


def make_object(kind: type, plan: Plan) -> Any:
    """Return an object of a class, made with the sizes of a plan by the names of the arguments."""
    sizes = plan.sizes or ()
    hidden = list(sizes[1:-1])
    given: dict[str, Any] = {}
    try:
        arguments = [
            a for a in inspect.signature(kind).parameters.values() if a.kind not in (a.VAR_POSITIONAL, a.VAR_KEYWORD)
        ]
    except (TypeError, ValueError):
        arguments = []
    for argument in arguments:
        name = argument.name.lower()
        if SIZES.fullmatch(name):
            given[argument.name], hidden = list(sizes), []
        elif HIDDENS.fullmatch(name):
            given[argument.name], hidden = hidden, []
        elif INPUTS.fullmatch(name):
            given[argument.name] = sizes[0]
        elif OUTPUTS.fullmatch(name):
            given[argument.name] = sizes[-1]
        elif HIDDEN.fullmatch(name):
            if not hidden:
                raise ShapeError(f"{kind.__name__} takes {argument.name}, and there is no such layer in {sizes}")
            given[argument.name] = hidden.pop(0)
        elif argument.default is argument.empty and (role_of(name) or name) in OTHERS:
            given[argument.name] = OTHERS[role_of(name) or name]
        elif argument.default is argument.empty:
            raise ConfigError(
                f"{kind.__name__} takes {argument.name}, which is not known; define an object in the file, such as "
                f"net = {kind.__name__}(...), and check net"
            )
    if hidden and given:
        raise ShapeError(f"{kind.__name__} has fewer hidden layers than {sizes}")
    return attempt(kind, kind.__name__, **given)


def outer_widths(parameters: Any, is_flipped: bool) -> tuple[int, int]:
    """Return the number of inputs and of classes, by the first and the last matrix of some parameters."""
    if isinstance(parameters, np.ndarray):
        parameters = [parameters]
    shapes = [array.shape for array in flatten(parameters, "parameters()").values() if array.ndim == 2]
    oriented = [shape[::-1] if is_flipped else shape for shape in shapes]
    matrices = [shape for shape in oriented if min(shape) > 1] or oriented
    if not matrices:
        raise ShapeError("parameters() holds no matrix that shows how many inputs there are; define batch() as well")
    n_inputs, n_classes = matrices[0][0], matrices[-1][1]
    # A last layer with one output is (n, 1), and has the shape of a bias; if weights are (out, in), its bias tells.
    has_one = (n_classes, 1) in oriented and (not is_flipped or (1, 1) in shapes)
    return n_inputs, 1 if has_one else n_classes


def call(code: Code, name: str, *arguments: Any) -> Any:
    """Return the result of a function in the code; a failure becomes one line."""
    return attempt(find_code(code, name), f"{name}()", *arguments)


def attempt(function: Callable[..., Any], title: str, *arguments: Any, **named: Any) -> Any:
    """Return the result of a person's function; a failure becomes one line."""
    try:
        return function(*arguments, **named)
    except (MemoryError, BarenetError):
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(explain_failure(error, file_of(function), title)) from error


def find_code(code: Code, name: str) -> Any:
    """Return a function, a class or an object of the code by its name."""
    things = [known for known, value in code.items() if callable(value) and not known.startswith("_")]
    if name not in code:
        module = code.get("__name__")
        written_here = [known for known in things if getattr(code[known], "__module__", None) == module]
        hint = nearest(name, written_here) if written_here else "it defines no function"
        raise ConfigError(f"there is no function {name!r}; {hint}")
    thing = code[name]
    if not (callable(thing) or has_methods(thing)):
        raise ConfigError(f"{name} is no function but a value of type {type(thing).__name__}")
    return thing
