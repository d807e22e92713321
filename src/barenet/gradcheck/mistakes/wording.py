"""The words for each kind of mistake that `hypotheses` finds, and how to correct it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from barenet.gradcheck.mistakes.losses import OUTPUT_OF
from barenet.gradcheck.mistakes.reference import Reference
from barenet.gradcheck.mistakes.words import OUTPUT_FIXES, WORDS

__all__ = ["Mistake", "describe"]


@dataclass(frozen=True)
class Mistake:
    """A mistake by its name on the page docs/gradcheck.md: the wrong parameters, what is wrong, what to do."""

    kind: str
    parameters: tuple[str, ...]
    what: str
    fix: str


def describe(
    kind: str, parameters: Sequence[str], names: Sequence[str], network: Reference | None, **values: object
) -> Mistake:
    """Return a mistake in words; `kind` may have the place of the mistake after colons."""
    name, *place = kind.split(":")
    if name in WORDS:
        output = OUTPUT_OF.get(network.loss, "identity") if network is not None else "identity"
        values |= {"output": output, "output_fix": OUTPUT_FIXES[output]}
        what, fix = (text.format(**values) for text in WORDS[name])
        return Mistake(name, tuple(parameters), what, fix)
    assert network is not None
    layers = dict(enumerate((names[i] for i in network.layout.weights), start=1))
    if name == "z_for_a":
        return describe_input(tuple(parameters), place[0], layers)
    if name == "error_without_slope":
        return describe_error(tuple(parameters), place[0], layers)
    if name == "transposed_weight":
        return describe_transposed(tuple(parameters), place[0], layers, network)
    return describe_slope(name, tuple(parameters), place, layers, network)


def describe_transposed(parameters: tuple[str, ...], place: str, layers: dict[int, str], network: Reference) -> Mistake:
    """Return the words for an error that is multiplied by a matrix instead of its transpose."""
    every = place == "all"
    weight = layers[2 if every else int(place)]
    what = "every weight matrix" if every else f"the weight matrix {weight}"
    forth, back = (f"{weight}.T", weight) if network.layout.flipped else (weight, f"{weight}.T")
    return Mistake(
        "transposed_weight",
        parameters,
        f"on the way back the error goes through {what} the wrong way round: {back} and {forth} are mixed up",
        f"z = a @ {forth} gives da = dz @ {back}",
    )


def describe_error(parameters: tuple[str, ...], place: str, layers: dict[int, str]) -> Mistake:
    """Return the words for an error that goes back without the derivative of an activation."""
    layer = 2 if place == "all" else int(place)
    where = "every layer but the first" if place == "all" else f"layer {layer}"
    return Mistake(
        "error_without_slope",
        parameters,
        f"the error that goes back from {where} lacks the derivative of the activation, which the layer's gradients "
        "have",
        f"use the same dz{layer} for the gradient of {layers[layer]} and for the error of the layer below",
    )


def describe_input(parameters: tuple[str, ...], place: str, layers: dict[int, str]) -> Mistake:
    """Return the words for a weight's gradient that has z in the place of a."""
    layer = 2 if place == "all" else int(place)
    where = "every weight but the first" if place == "all" else layers[layer]
    return Mistake(
        "z_for_activation",
        parameters,
        f"the gradient of {where} has z{layer - 1} in the place of a{layer - 1}: the layer's input is the activation",
        f"d{layers[layer]} = a{layer - 1}.T @ dz{layer}, with a{layer - 1} the activation of z{layer - 1}",
    )


def describe_slope(
    kind: str, parameters: tuple[str, ...], place: list[str], layers: dict[int, str], network: Reference
) -> Mistake:
    """Return the words for an activation's derivative that is missing, or taken in the wrong place."""
    last = len(layers)
    layer = None if place[0] in ("all", "late") else int(place[0])
    name = network.activations[min(layer or 1, last - 1) - 1]
    is_mask = name == "relu"
    thing = "ReLU mask (z > 0)" if is_mask else f"derivative of {name}"
    where = "every hidden layer" if layer is None else f"hidden layer {layer}"
    right = "dz = da * (z > 0)" if is_mask else f"dz = da * (derivative of {name} at z)"
    fix = f"{right}, with the z of the layer that da belongs to"
    if kind == "slope_missing":
        return Mistake("mask_missing", parameters, f"the {thing} of {where} is missing on the way back", fix)
    if kind == "slope_at_a":
        fix = {
            "sigmoid": "in terms of the layer's output a it is a * (1 - a); do not put a through sigmoid again",
            "tanh": "in terms of the layer's output a it is 1 - a**2; do not put a through tanh again",
        }.get(name, f"take the derivative at z, before the activation, not at a = {name}(z)")
        return Mistake("slope_at_activation", parameters, f"the {thing} of {where} is taken at a instead of z", fix)
    if kind == "formula_at_z":
        fix = f"{OUTPUT_FIXES[name]}, with a = {name}(z)"
        what = f"the {thing} of {where} has z in the place of a: the formula in terms of the output is applied to z"
        return Mistake("formula_at_z", parameters, what, fix)
    if place[0] == "late":
        what = f"the {thing} is applied one layer too early: at the output layer, which has none, and not at the first"
    elif layer == last:
        what = f"the {thing} is applied at the output layer, which has none"
    elif layer is None:
        what = f"the {thing} of every hidden layer is taken from the layer {'below' if place[1] == '-1' else 'above'}"
    else:
        m = int(place[1])
        source = "the inputs" if m == 0 else "the output layer's logits" if m == last else f"hidden layer {m}"
        what = f"the {thing} of {where} is taken from {source}"
    return Mistake("mask_from_wrong_layer", parameters, what, fix)
