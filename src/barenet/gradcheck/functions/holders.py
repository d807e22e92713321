"""The arrays in an object: its parameters, and the gradients that belong to them.

    net.W1, net.params["W1"]                 and  net.dW1, net.grads["W1"], net.grads["dW1"]
    net.layers[0].W, net.layers[0]["W"]      and  net.layers[0].dW, net.layers[0]["dW"]
    net.weights[0], net.biases[0]            and  net.dweights[0], net.dbiases[0]

An array is known by its steps from the object, because a method may put another array in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from barenet.gradcheck.functions.names import gradient_of, has_other_end, is_gradients, is_parameter
from barenet.gradcheck.functions.structure import kind

__all__ = ["Entry", "entries", "find_gradients", "find_parameters", "write"]

DEEPEST = 5  # steps from the object to an array
COLLECTIONS = {"params", "parameters", "param", "weights_and_biases"}  # all arrays in them are parameters
Steps = tuple[tuple[str, Any], ...]  # ("attribute", name) or ("item", key)


@dataclass(frozen=True)
class Entry:
    """An array or a number in an object, where it is: W of layers[0], or W1 of params.

    `owner` are the steps to the object that has it, `collection` the attribute in between, "" if there is none.
    """

    owner: Steps
    collection: str
    name: str
    steps: Steps
    value: Any

    @property
    def title(self) -> str:
        """The name in messages: W1, or layers[0].W."""
        before = as_text(self.owner)
        inside = f"{self.collection}." if "[" in self.collection else ""
        return f"{before}.{inside}{self.name}" if before else f"{inside}{self.name}"


def as_text(steps: Steps) -> str:
    """Return steps as a person writes them: layers[0].W."""
    text = ""
    for how, key in steps:
        text += f".{key}" if how == "attribute" or isinstance(key, str) else f"[{key}]"
    return text.removeprefix(".")


def entries(root: Any) -> list[Entry]:
    """Return all arrays and floats in an object."""
    found = []
    for steps, value in walk(root, (), set()):
        last = max(k for k, (how, _) in enumerate(steps) if how == "attribute")
        owner, tail = steps[:last], steps[last:]
        named = [k for k, (_, key) in enumerate(tail) if isinstance(key, str)]
        split = named[-1]  # the last step with a name; indices after it belong to the name
        found.append(Entry(owner, as_text(tail[:split]), as_text(tail[split:]), steps, value))
    return found


def walk(value: Any, steps: Steps, seen: set[int]) -> Iterator[tuple[Steps, Any]]:
    """Yield every array and float below an object with the steps to it."""
    if isinstance(value, np.ndarray | np.floating | float):
        if steps:
            yield steps, value
        return
    if len(steps) > DEEPEST or id(value) in seen or isinstance(value, type | ModuleType):
        return
    if isinstance(value, Mapping):
        parts = [(("item", key), part) for key, part in value.items() if isinstance(key, str | int)]
    elif isinstance(value, list | tuple):
        parts = [(("item", i), part) for i, part in enumerate(value)]
    elif callable(value) and not hasattr(type(value), "forward"):
        return
    else:
        parts = [(("attribute", name), part) for name, part in getattr(value, "__dict__", {}).items()]
    for step, part in parts:
        yield from walk(part, (*steps, step), seen | {id(value)})


def find_parameters(root: Any) -> dict[str, list[Steps]]:
    """Return the parameters by their names, each with the steps to its array: several, if it has several places."""
    found: dict[str, list[Steps]] = {}
    by_id: dict[int, str] = {}
    every = entries(root)
    sure = {(entry.owner, entry.name): id(entry.value) for entry in every if entry.collection in COLLECTIONS}
    for entry in every:
        is_one = entry.collection in COLLECTIONS or is_parameter(entry.name)
        places = [key for _, key in entry.steps[:-1] if isinstance(key, str)]
        if not is_one or any(is_gradients(place) or place.lower().startswith(("cache", "optim")) for place in places):
            continue
        attribute = entry.collection.partition("[")[0].partition(".")[0]
        is_copy = entry.collection != "" and sure.get((entry.owner, entry.name), id(entry.value)) != id(entry.value)
        if entry.collection not in COLLECTIONS and (has_other_end(attribute) or is_copy):
            continue  # such as the velocity of each parameter, or the best parameters so far
        if id(entry.value) in by_id and isinstance(entry.value, np.ndarray):
            found[by_id[id(entry.value)]].append(entry.steps)
        else:
            name = entry.title if entry.title not in found else as_text(entry.steps)
            found[name] = [entry.steps]
            by_id[id(entry.value)] = name
    return found


def find_gradients(root: Any, parameters: Mapping[str, list[Steps]]) -> dict[str, Any]:
    """Return copies of the stored gradients by the names of the parameters; those that are not found are left out."""
    every = entries(root)
    at = {entry.steps: entry for entry in every}
    found = {}
    for name, places in parameters.items():
        for steps in places:
            mine = at.get(steps)
            value = None if mine is None else gradient_beside(mine, every)
            if value is not None:
                found[name] = np.array(value)
                break
    return found


def gradient_beside(mine: Entry, every: list[Entry]) -> Any:
    """Return the gradient of a parameter: in its collection, in one of gradients, or an attribute of its owner."""
    beside: dict[str, dict[str, Any]] = {}
    for entry in every:
        if entry.owner == mine.owner:
            beside.setdefault(entry.collection, {})[entry.name] = entry.value
    order = [mine.collection, *(c for c in beside if is_gradients(c.partition("[")[0].partition(".")[0])), ""]
    for collection in order:
        names = beside.get(collection, {})
        key = gradient_of(mine.name, names, same=collection not in (mine.collection, ""))
        if key is not None:
            return names[key]
    return None


def read(root: Any, steps: Steps) -> Any:
    """Return what is at some steps from an object."""
    for how, key in steps:
        root = getattr(root, key) if how == "attribute" else root[key]
    return root


def write(root: Any, places: list[Steps], value: Any) -> None:
    """Give a parameter a value: in its array if that is float64, because other parts of the object may use it too."""
    now = read(root, places[0])
    if isinstance(now, np.ndarray) and now.dtype == np.float64 and now.flags.writeable and now.shape == value.shape:
        now[...] = value
        return
    new = value.copy() if value.ndim else float(value)
    for steps in places:
        holder, (how, key) = read(root, steps[:-1]), steps[-1]
        if how == "attribute":
            setattr(holder, key, new)
        elif isinstance(holder, tuple):
            raise TypeError(f"{as_text(steps)} is in a tuple, and is no float64 array: {kind(now)}")
        else:
            holder[key] = new
