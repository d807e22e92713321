"""An object with methods, such as a network with `forward` and `backward`, as `call(parameters, x, labels, l2)`.

    loss(x, labels) -> loss, gradients                     one method for both
    loss(x, labels), gradients(x, labels)                  one method for each
    forward(x), loss(output, labels), backward(...)        the steps of a training

Methods and their arguments are known by their usual names. Gradients are returned, or stored beside the parameters; a
`backward` that only changes the parameters is called with a learning rate of 1, and the change is minus the gradient.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from barenet.errors import ConfigError, ShapeError
from barenet.gradcheck.functions.holders import Steps, find_gradients, find_parameters, read, write
from barenet.gradcheck.functions.names import match_gradients, role_of
from barenet.gradcheck.functions.signature import Form
from barenet.gradcheck.functions.structure import flatten

__all__ = ["has_methods", "read_object"]

BOTH = "loss_and_gradients loss_and_gradient loss_and_grads loss_and_grad"
LOSS = (
    "loss compute_loss calculate_loss calc_loss get_loss loss_fn loss_function cost compute_cost cost_function "
    "objective criterion cross_entropy cross_entropy_loss mse mse_loss"
)
FORWARD = "forward feedforward feed_forward forward_propagation forward_prop forward_pass"
BACKWARD = (
    "gradients gradient grads grad compute_gradients compute_grads backward backprop back_prop backpropagation "
    "back_propagation backward_propagation backward_prop backward_pass"
)
SLOPE = "loss_gradient loss_grad loss_derivative loss_backward loss_prime dloss cost_derivative"
Known = dict[str, Any]  # from a role to the value for it


def method(thing: Any, names: str) -> Callable[..., Any] | None:
    """Return the first method with one of these names."""
    found = (getattr(thing, name, None) for name in names.split())
    return next((value for value in found if callable(value) and not isinstance(value, type)), None)


def has_methods(thing: Any) -> bool:
    """Return whether a class or an object can be read as a network."""
    names = f"{BOTH} {LOSS} {FORWARD} {BACKWARD}".split()
    return not isinstance(thing, ModuleType) and any(callable(getattr(thing, name, None)) for name in names)


def read_object(thing: Any) -> tuple[Form, dict[str, Any]]:
    """Return how an object is called, and its parameters; a copy of it is used, so that it stays as it is."""
    title = type(thing).__name__
    try:
        network = Network(thing, title)
    except (TypeError, ValueError, RecursionError, NotImplementedError) as error:
        raise ConfigError(f"{title} cannot be copied ({error}); write a function f(parameters, x, labels)") from error
    values = {name: np.array(read(network.thing, places[0])) for name, places in network.parameters.items()}
    form = Form(title, network.call, network.takes_l2, type(thing), objective=network.loss, notes=network.notes)
    return form, values


class Network:
    """A copy of a person's object: gets parameters and a batch, and gives the loss and the gradients."""

    def __init__(self, original: Any, title: str) -> None:
        thing = copy.deepcopy(original)
        self.original, self.thing, self.title = original, thing, title
        self.moves = False  # whether the gradients are the change of the parameters
        self.parameters: dict[str, list[Steps]] = find_parameters(thing)
        if not self.parameters:
            raise ConfigError(
                f"{title} has no parameters; they must be attributes such as self.W1 and self.b1, a dict self.params, "
                "or W and b of each object in self.layers"
            )
        self.both, self.forward = method(thing, BOTH), method(thing, FORWARD)
        self.backward = method(thing, BACKWARD)
        layer = getattr(thing, "loss", None) or getattr(thing, "criterion", None)
        self.loss_layer = layer if hasattr(layer, "forward") else None
        self.loss_method = method(self.loss_layer, "forward calculate") or method(thing, LOSS)
        self.slope = method(self.loss_layer, "backward") or method(thing, SLOPE)
        self.notes: list[str] = []
        used = [m for m in (self.both, self.forward, self.loss_method, self.backward) if m is not None]
        self.l2_attribute = next(
            (n for n, v in vars(thing).items() if role_of(n) == "l2" and isinstance(v, float | int)), None
        )
        self.takes_l2 = self.l2_attribute is not None or any("l2" in roles_of(m).values() for m in used)

    def loss(self, parameters: Mapping[str, Any], x: Any, labels: Any, l2: float) -> Any:
        """Return the loss alone."""
        known = self.prepare(parameters, x, labels, l2)
        return self.run_loss(known)[0]

    def call(self, parameters: Mapping[str, Any], x: Any, labels: Any, l2: float) -> tuple[Any, Any]:
        """Return the loss and a dict of gradients."""
        if self.moves:  # a momentum that it keeps would change its next step
            return Network(self.original, self.title).call(parameters, x, labels, l2)
        known = self.prepare(parameters, x, labels, l2)
        loss, returned = self.run_loss(known)
        if returned is None:
            if self.backward is None:
                raise ConfigError(f"{self.title} has no method backward or gradients; {self.what_to_write()}")
            if "error" in [role for name, role in roles_of(self.backward).items() if name in required(self.backward)]:
                known["error"] = self.error_of(known)
            returned = self.ask(self.backward, known)
        return loss, self.gradients(returned, parameters)

    def prepare(self, parameters: Mapping[str, Any], x: Any, labels: Any, l2: float) -> Known:
        """Give the object its parameters, and return what its methods may need."""
        for name, value in parameters.items():
            write(self.thing, self.parameters[name], value)
        if self.l2_attribute is not None:
            setattr(self.thing, self.l2_attribute, l2)
        return {"x": x, "labels": labels, "l2": l2, "rate": 1.0}

    def run_loss(self, known: Known) -> tuple[Any, Any]:
        """Return the loss, and the gradients if the same method returns them; else None."""
        if self.both is not None:
            return pair(self.ask(self.both, known))
        if self.forward is not None:
            output, cache = pair(self.ask(self.forward, known))
            known |= {"output": output} | ({"cache": cache} if cache is not None else {})
            if self.loss_method is None and np.ndim(output) == 0 and "labels" in roles_of(self.forward).values():
                return output, cache
        if self.loss_method is None:
            raise ConfigError(f"{self.title} has no method loss; {self.what_to_write()}")
        given = known | {"x": known.get("output", known["x"])} if self.loss_layer is not None else known
        loss, second = pair(self.ask(self.loss_method, given))
        if isinstance(second, np.ndarray) and second.shape == np.shape(known.get("output", 0.0)):
            known["error"], second = second, None
        return loss, second

    def error_of(self, known: Known) -> Any:
        """Return the derivative of the loss with respect to the output, for backward."""
        if "error" in known:
            return known["error"]
        if self.slope is None:
            raise ConfigError(
                f"{self.title}.{self.backward.__name__} takes the derivative of the loss with respect to the output; "  # type: ignore[union-attr]
                "write a method loss_gradient(output, labels) that returns it"
            )
        return self.ask(self.slope, known)

    def gradients(self, returned: Any, given: Mapping[str, Any]) -> Any:
        """Return the gradients by the names of the parameters: returned, stored, or the change of the parameters."""
        names = list(self.parameters)
        if isinstance(returned, Mapping | list | tuple):
            arrays = flatten(returned, f"the gradients of {self.title}")
            matched = match_gradients(names, arrays)
            if matched:
                return {name: arrays[key] for name, key in matched.items()}
            if len(arrays) == len(names):
                return dict(zip(names, arrays.values(), strict=True))
        stored = find_gradients(self.thing, self.parameters)
        now = {name: np.array(read(self.thing, places[0])) for name, places in self.parameters.items()}
        change = {name: given[name] - now[name] for name in names if now[name].shape == given[name].shape}
        moved = [name for name, difference in change.items() if np.any(difference)]
        if moved and not self.notes:
            self.notes.append(f"{self.title} also changes {', '.join(moved)} when it computes gradients")
        if stored:
            return stored
        rate = self.rate()
        if not moved or rate is None:
            raise ShapeError(
                f"{self.title} neither returns gradients nor stores them; store them as self.d{names[0].split('.')[-1]}"
                f" and so on, or return a dict with the names {', '.join(names[:4])}"
            )
        self.moves = True
        return {name: difference / rate for name, difference in change.items()}

    def rate(self) -> float | None:
        """Return the learning rate of a backward that changes the parameters; None if it is not known."""
        if self.backward is not None and "rate" in roles_of(self.backward).values():
            return 1.0
        every = vars(self.original).items()  # in the copy the rate may have decayed
        found = {n: v for n, v in every if role_of(n) == "rate" and isinstance(v, float | int) and v}
        names = sorted(found, key=lambda name: name.strip("_") == "alpha")  # that may be the slope of a leaky ReLU too
        return float(found[names[0]]) if names else None

    def ask(self, function: Callable[..., Any], known: Known) -> Any:
        """Call a method with what its arguments are known to be."""
        needed = required(function)
        given = {name: known[role] for name, role in roles_of(function).items() if role in known}
        if function is not self.backward:  # elsewhere alpha = 0.01 is the slope of a leaky ReLU
            given = {name: value for name, value in given.items() if role_of(name) != "rate" or name in needed}
        missing = [name for name in needed if name not in given]
        if missing:
            raise ConfigError(
                f"{self.title}.{function.__name__} takes {missing[0]}, which is not known; {self.what_to_write()}"
            )
        return function(**given)

    def what_to_write(self) -> str:
        """Return what a person can write so that the object can be checked."""
        return f"write a method loss_and_gradients(self, x, labels) in {self.title} that returns loss, gradients"


def arguments_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the arguments of a method that have a name."""
    every = inspect.signature(function).parameters.values()
    return [a for a in every if a.kind not in (a.VAR_POSITIONAL, a.VAR_KEYWORD)]


def required(function: Callable[..., Any]) -> list[str]:
    """Return the arguments without a default."""
    return [a.name for a in arguments_of(function) if a.default is a.empty]


def roles_of(function: Callable[..., Any]) -> dict[str, str]:
    """Return the role of each argument that has one; in (y, t) and (y, labels), y is the output."""
    roles = {a.name: role for a in arguments_of(function) if (role := role_of(a.name)) is not None}
    labels = [name for name, role in roles.items() if role == "labels"]
    outputs = [name for name in labels if name.lower() == "y"]
    if len(labels) > 1 and outputs:
        roles[outputs[0]] = "output"
    return roles


def pair(answer: Any) -> tuple[Any, Any]:
    """Return the first of what a method returns, and the rest: None, the second, or a tuple."""
    if not isinstance(answer, tuple | list) or len(answer) < 2:
        return (answer[0], None) if isinstance(answer, tuple | list) and answer else (answer, None)
    return answer[0], answer[1] if len(answer) == 2 else tuple(answer[1:])
