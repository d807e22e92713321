"""The words for each kind of mistake that `hypotheses` finds, and how to correct it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from barenet.gradcheck.mistakes.reference import Reference

__all__ = ["Mistake", "describe"]


@dataclass(frozen=True)
class Mistake:
    """A mistake by its name on the page docs/gradcheck.md: the wrong parameters, what is wrong, what to do."""

    kind: str
    parameters: tuple[str, ...]
    what: str
    fix: str


# What is wrong, and what to do; {B} is the size of the batch.
WORDS = {
    "not_divided_by_batch": (
        "the gradient is {B} times too large, and B = {B}: it is summed over the batch and never divided by B",
        "divide once, where the error starts: dz = (p - y) / B",
    ),
    "divided_by_batch_twice": (
        "the gradient is 1/{B} of the right one, B = {B} images: it is divided by B twice (or the loss is a sum)",
        "divide once, where the error starts: dz = (p - y) / B; then sum, with no mean and no / B, for every W and b",
    ),
    "wrong_sign": ("the gradient has the wrong sign", "return dJ/dW, which descent subtracts; y - p should be p - y"),
    "factor_two_extra": (
        "the gradient is exactly twice the right one",
        "look for the 2 of a derivative of a square whose loss already has the 1/2",
    ),
    "factor_two_missing": (
        "the gradient is exactly half of the right one",
        "look for a square: the derivative of z^2 is 2 z, and only (1/2) z^2 gives z",
    ),
    "softmax_twice": (
        "softmax's derivative is applied twice: (p - y) / B is already the derivative by the logits, and it is "
        "multiplied by p (1 - p), or by softmax's Jacobian, once more",
        "leave dz = (p - y) / B as it is: softmax and cross-entropy together give just that",
    ),
    "sigmoid_twice": (
        "sigmoid's derivative is applied twice: (s - y) is already the derivative by the logits, and it is multiplied "
        "by s (1 - s) once more",
        "leave dz = s - y as it is: sigmoid and cross-entropy together give just that",
    ),
    "l2_missing": (
        "the loss has an L2 term, and its derivative is missing from the gradient",
        "add l2 * W to dW, for a loss with (l2 / 2) * sum(W**2)",
    ),
    "l2_twice": (
        "the L2 term is counted twice in the gradient",
        "for a loss with (l2 / 2) * sum(W**2) add l2 * W once: not 2 * l2 * W, nor again in the update",
    ),
    "l2_half": (
        "the L2 term is counted half in the gradient",
        "the derivative of l2 * sum(W**2) is 2 * l2 * W; only (l2 / 2) * sum(W**2) gives l2 * W",
    ),
    "l2_divided_by_batch": (
        "the L2 term is divided by B in the gradient and not in the loss",
        "add l2 * W after dividing by B, or divide it in the loss too",
    ),
    "l2_times_batch": (
        "the L2 term is divided by B in the loss and not in the gradient",
        "add l2 / B * W, or leave the division out of the loss too",
    ),
    "l2_not_in_loss": (
        "the gradient has an L2 term (a multiple of W) that the loss lacks",
        "add (l2 / 2) * sum(W**2) to the loss, or nothing to the gradient",
    ),
    "l2_twice_or_not_in_loss": (
        "the gradient has a multiple of W too much: L2 is counted twice in it, or is not in the loss",
        "for a loss with (l2 / 2) * sum(W**2) add l2 * W to dW, once",
    ),
    "l2_on_biases": (
        "the gradient has an L2 term on the biases, and the loss has it on the weights only",
        "add l2 * W to each dW and nothing to any db",
    ),
    "transposed_gradient": (
        "the gradient is the transpose of the right one",
        "a gradient has the shape of its parameter: for z = x @ W it is x.T @ dz, not dz.T @ x",
    ),
    "accumulated": (
        "the gradient grows from call to call by the same amount: it is added to that of the last call",
        "start from zeros in every call, or assign with = instead of +=",
    ),
    "overflow": (
        "large logits overflow: {change} {said}",
        "subtract each row's largest logit before exp: e = np.exp(z - z.max(axis=1, keepdims=True))",
    ),
}


def describe(
    kind: str, parameters: Sequence[str], names: Sequence[str], network: Reference | None, **values: object
) -> Mistake:
    """Return a mistake in words; `kind` may have the place of the mistake after colons."""
    name, *place = kind.split(":")
    if name in WORDS:
        what, fix = (text.format(**values) for text in WORDS[name])
        return Mistake(name, tuple(parameters), what, fix)
    assert network is not None
    layers = dict(enumerate((names[i] for i in network.layout.weights), start=1))
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
