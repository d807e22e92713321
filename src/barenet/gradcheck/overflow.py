"""Does a softmax overflow? Make the logits larger and look for infinities.

Adding the same number to all logits does not change softmax and cross-entropy, but e^1000 is infinite. If all
parameters are made larger, infinite gradients may have another reason, such as an activation that overflows or 0 / 0.
They mean softmax if the network is known, and adding a different number to the logits of each image has the same
effect; else they give a note. If only the loss is infinite, it may be log(0) of a probability that rounds to zero: that
gives a note too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError
from barenet.gradcheck.differences import Precision
from barenet.gradcheck.measure import Measured
from barenet.gradcheck.mistakes.reference import Reference
from barenet.gradcheck.mistakes.wording import Mistake, describe

Array = NDArray[np.float64]

__all__ = ["find_overflow"]

SHIFT = 1000.0  # e^1000 is infinite in float64 too
SMALL_SHIFTS = (1.0, -2.0, 5.0)
LARGER = (10, 100, 1000)  # factors of all parameters
LARGE = 10_000.0  # added to all weights of the last layer
NOT_FINITE = "it is not finite"


def find_overflow(
    measured: Measured, network: Reference | None, precision: Precision
) -> tuple[list[Mistake], list[str]]:
    """Return the mistake of a softmax that overflows, if there is one, and notes."""
    checked = measured.checked
    if network is None:
        biases = find_shifts(measured, precision)
    else:
        biases = list(network.layout.biases[-1:]) if network.has_softmax else []
    for i in biases:
        change = f"with {SHIFT:g} added to every logit, which should change nothing,"
        loss_is_finite, spoilt, said = look(measured, shifted(checked.values, i, SHIFT))
        if spoilt or said or not loss_is_finite:
            return [describe("overflow", spoilt, checked.names, None, change=change, said=said or NOT_FINITE)], []
    for times in LARGER:
        loss_is_finite, spoilt, said = look(measured, [times * value for value in checked.values])
        change = f"with parameters {times} times as large"
        if (spoilt or said) and network is not None and has_unstable_softmax(measured, network):
            return [describe("overflow", spoilt, checked.names, None, change=change, said=said or NOT_FINITE)], []
        if spoilt or said:
            found = said or f"the gradients of {', '.join(spoilt)} are not finite"
            return [], [f"{change} {found}: an exp may overflow, or 0 be divided by 0"]
        if not loss_is_finite:
            return [], [
                f"{change} the loss is not finite while the gradients are: a probability rounds to 0, and log(0) is "
                "infinite; log p = z - max z - log(sum(exp(z - max z))) never is"
            ]
    return [], []


def has_unstable_softmax(measured: Measured, network: Reference) -> bool:
    """Whether gradients become infinite if the logits of each image get a large number, which changes no probability.

    A number that is added to all weights of the last layer changes all logits of an image by the same amount: that
    number times the sum of the activations.
    """
    _, spoilt, said = look(measured, shifted(measured.checked.values, network.layout.weights[-1], LARGE))
    return network.has_softmax and bool(spoilt or said)


def find_shifts(measured: Measured, precision: Precision) -> list[int]:
    """Return the parameters to which a number can be added, to every element, without changing the loss."""
    checked, close = measured.checked, 1e-10 if precision.name == "float64" else 1e-4
    loss = checked.loss(checked.values, measured.l2)
    return [
        i
        for i, value in enumerate(checked.values)
        if np.squeeze(value).ndim == 1
        and all(
            abs(checked.loss(shifted(checked.values, i, by), measured.l2) - loss) <= close * abs(loss)
            for by in SMALL_SHIFTS
        )
    ]


def shifted(values: Sequence[Array], i: int, by: float) -> list[Array]:
    """Return the parameters with a number added to every element of parameter i."""
    return [value + by if j == i else value for j, value in enumerate(values)]


def look(measured: Measured, values: Sequence[Array]) -> tuple[bool, list[str], str]:
    """Return whether the loss is finite at `values`, the parameters whose gradient is not, and an arithmetic error."""
    checked = measured.checked
    try:
        answer = checked.call(values, measured.l2, allow_infinite=True)
    except ConfigError as error:
        # math.exp raises where np.exp gives infinity; other failures at such values say nothing about overflow.
        return True, [], str(error) if isinstance(error.__cause__, ArithmeticError) else ""
    spoilt = [name for name, g in zip(checked.names, answer.gradients, strict=True) if not np.all(np.isfinite(g))]
    return bool(np.isfinite(answer.loss)), spoilt, ""
