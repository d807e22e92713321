"""A person's function as `call(parameters, x, labels, l2)`, whatever the order and the names of its arguments.

f(parameters, x, labels)        the usual form, with any names
f(X, Y, parameters)             another order, known by the names of x and the labels
f(W, X, y, reg)                 one matrix, and the strength of L2 under one of its usual names
f(x, y, W1, b1, W2, b2)         every array by itself; it returns loss, dW1, db1, dW2, db2, or loss and gradients
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from barenet.errors import ConfigError
from barenet.gradcheck.functions.names import is_parameter, role_of

__all__ = ["Form", "read_function"]

WHAT_TO_WRITE = "write a function f(parameters, x, labels) that returns loss, gradients"


@dataclass(frozen=True)
class Form:
    """How a person's code is called: `call(parameters, x, labels, l2)` returns loss and gradients.

    `written` is the function or the class whose lines messages name. `objective` returns the loss alone, where that is
    less work. `separate` are the names of arrays that are handed in one by one; `first` is the name of the argument
    for the parameters. `notes` are remarks that calls leave.
    """

    title: str
    call: Callable[[Any, Any, Any, float], Any]
    takes_l2: bool
    written: Any
    objective: Callable[[Any, Any, Any, float], Any] | None = None
    separate: tuple[str, ...] = ()
    first: str = "parameters"
    notes: list[str] = field(default_factory=list)


def read_function(function: Callable[..., Any]) -> Form:
    """Return how a function is called, by the names of its arguments."""
    title = getattr(function, "__name__", type(function).__name__)
    try:
        arguments = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a function written in C
        return by_position(function, title, "parameters", None)
    if any(a.kind is a.POSITIONAL_ONLY for a in arguments):
        return by_position(function, title, "parameters", None)
    names = [a.name for a in arguments if a.kind not in (a.VAR_POSITIONAL, a.VAR_KEYWORD)]
    required = [a.name for a in arguments if a.name in names and a.default is a.empty]
    roles = {role: name for name in reversed(names) if (role := role_of(name)) in ("x", "labels", "l2")}
    l2 = roles.pop("l2", None)
    rest = [name for name in required if name not in {*roles.values(), l2}]
    if len(roles) < 2 or not rest:
        if len(roles) == 2 and len(required) == len(names) - (l2 in names and l2 not in required) == 2:
            raise ConfigError(f"{title} takes no parameters, so they cannot be varied; {WHAT_TO_WRITE}")
        return by_position(function, title, names[0] if names else "parameters", l2)
    if len(rest) > 1:
        unknown = [name for name in rest if not is_parameter(name)]
        if unknown and len(unknown) < len(rest):
            raise ConfigError(f"{title} takes {unknown[0]}, which has no default; give it one, or {WHAT_TO_WRITE}")
        if unknown:
            return by_position(function, title, names[0], l2)
    return by_name(function, title, rest, roles, l2)


def by_position(function: Callable[..., Any], title: str, first: str, l2: str | None) -> Form:
    """Return the form f(parameters, x, labels)."""

    def call(parameters: Any, x: Any, labels: Any, strength: float) -> Any:
        return function(parameters, x, labels, **({l2: strength} if l2 else {}))

    return Form(title, call, l2 is not None, function, first=first)


def by_name(function: Callable[..., Any], title: str, rest: list[str], roles: dict[str, str], l2: str | None) -> Form:
    """Return the form of a function whose arguments for x and the labels are known by their names."""
    several = len(rest) > 1

    def call(parameters: Any, x: Any, labels: Any, strength: float) -> Any:
        given = dict(parameters) if several else {rest[0]: parameters}
        given |= {roles["x"]: x, roles["labels"]: labels} | ({l2: strength} if l2 else {})
        answer = function(**given)
        return gathered(answer, rest) if several else answer

    return Form(title, call, l2 is not None, function, separate=tuple(rest) if several else (), first=rest[0])


def gathered(answer: Any, names: list[str]) -> Any:
    """Return loss and a dict of gradients from (loss, dW1, db1, ...) or (loss, [dW1, db1, ...])."""
    if not isinstance(answer, tuple | list):
        return answer
    if len(answer) == 1 + len(names):
        return answer[0], dict(zip(names, answer[1:], strict=True))
    if len(answer) == 2 and isinstance(answer[1], tuple | list) and len(answer[1]) == len(names):
        return answer[0], dict(zip(names, answer[1], strict=True))
    return answer
