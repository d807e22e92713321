"""The form of homework that was not made from the kit: how many hidden layers, which activations, which metrics.

An adapter states it in capital letters; what it does not state is as in the kit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any

from barenet.kit.findings import NotPossible

__all__ = ["Form", "form_of", "titled"]

ACTIVATIONS = ("relu", "tanh", "sigmoid")  # in the order in which a training prefers them
METRICS = ("acc", "loss")
ALLOWED = {
    "hidden_layers": "1 or 2",
    "activations": f"some of {', '.join(ACTIVATIONS)}",
    "activation_per_layer": "True or False",
    "metrics": f"some of {', '.join(METRICS)}",
    "eval_step": "1 or 2",
}


@dataclass(frozen=True)
class Form:
    """What networks and trainings of a homework can be."""

    hidden_layers: int = 2
    activations: tuple[str, ...] = ACTIVATIONS
    activation_per_layer: bool = True
    metrics: tuple[str, ...] = METRICS
    eval_step: int = 2  # the largest number of epochs between validations

    @property
    def usual(self) -> str:
        """The activation of trainings: the first of relu, tanh and sigmoid that there is."""
        return next(name for name in ACTIVATIONS if name in self.activations)

    @property
    def n_layers(self) -> int:
        """The number of layers with weights."""
        return self.hidden_layers + 1

    def spoken(self) -> str:
        """Return the form in words.

        >>> Form(hidden_layers=1).spoken()
        'one hidden layer, activations relu, tanh, sigmoid, metrics acc, loss'
        >>> Form(2, ("relu",), activation_per_layer=False, metrics=("acc",), eval_step=1).spoken()
        'two hidden layers, one activation for both, activations relu, metrics acc, a validation after every epoch'
        """
        layers = "one hidden layer"
        if self.hidden_layers == 2:
            layers = "two hidden layers" if self.activation_per_layer else "two hidden layers, one activation for both"
        names, metrics = ", ".join(self.activations), ", ".join(self.metrics)
        if self.eval_step == 1:
            return f"{layers}, activations {names}, metrics {metrics}, a validation after every epoch"
        return f"{layers}, activations {names}, metrics {metrics}"

    def sizes(self, four: Sequence[int]) -> tuple[int, ...]:
        """Return these sizes (inputs, two hidden layers, classes), without the second hidden layer if there is none.

        >>> Form(hidden_layers=1).sizes((6, 5, 4, 3))
        (6, 5, 3)
        """
        return (*four[: self.n_layers], four[-1])

    def hidden(self, first: str, second: str) -> tuple[str, ...]:
        """Return the activations of the hidden layers: the first one for all where they cannot differ.

        >>> Form().hidden("tanh", "relu"), Form(activation_per_layer=False).hidden("tanh", "relu")
        (('tanh', 'relu'), ('tanh', 'tanh'))
        """
        return (first, second if self.activation_per_layer else first)[: self.hidden_layers]

    def others(self) -> list[tuple[str, ...]]:
        """Return activations of hidden layers in which each one but the usual comes first once.

        >>> Form().others(), Form(hidden_layers=1).others()
        ([('tanh', 'sigmoid'), ('sigmoid', 'tanh')], [('tanh',), ('sigmoid',)])
        """
        names = [name for name in ACTIVATIONS if name in self.activations and name != self.usual]
        return [self.hidden(name, names[i - 1] if len(names) > 1 else self.usual) for i, name in enumerate(names)]


def titled(activation: str) -> str:
    """Return the name of an activation in a sentence."""
    return "ReLU" if activation == "relu" else activation


def form_of(adapter: ModuleType, name: str) -> Form:
    """Return the form that an adapter states; `name` is its file. Raises NotPossible for a value that cannot be."""
    values: dict[str, Any] = {}
    for field in fields(Form):
        if not hasattr(adapter, field.name.upper()):
            continue
        value = getattr(adapter, field.name.upper())
        if isinstance(value, str) or not is_allowed(field.name, value):
            raise NotPossible(f"{field.name.upper()} in {name} must be {ALLOWED[field.name]}, got {value!r}")
        values[field.name] = tuple(value) if field.name in ("activations", "metrics") else value
    return Form(**values)


def is_allowed(field: str, value: Any) -> bool:
    """Whether a setting of an adapter can have this value."""
    if field in ("hidden_layers", "eval_step"):
        return type(value) is int and value in (1, 2)
    if field == "activation_per_layer":
        return isinstance(value, bool)
    known = ACTIVATIONS if field == "activations" else METRICS
    return isinstance(value, Sequence) and len(value) > 0 and all(one in known for one in value)
