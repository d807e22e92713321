"""Does a loss overflow? Raise the logits and look for infinities.

Adding the same number to all logits leaves softmax and cross-entropy as they are, but e^1000 is infinite. Where the
output layer is not known all parameters grow instead, and gradients that are not finite tell the same. A loss alone
that is infinite then may be log(0) of a probability that rounds to zero: that is remarked, and is no mistake.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError
from barenet.gradcheck.measure import Measured
from barenet.gradcheck.mistakes.reference import Reference
from barenet.gradcheck.mistakes.wording import Mistake, describe

Array = NDArray[np.float64]

__all__ = ["find_overflow"]

SHIFT = 1000.0  # e^1000 is infinite in float64 too
LARGER = (10, 100, 1000)  # times the parameters


def find_overflow(measured: Measured, network: Reference | None) -> tuple[list[Mistake], list[str]]:
    """Return the mistake of an overflow, if there is one, and remarks."""
    own = measured.own
    if network is not None and network.has_softmax and network.layout.biases:
        values = list(own.values)
        last = network.layout.biases[-1]
        values[last] = values[last] + SHIFT
        loss_is_finite, spoilt, said = look(measured, values)
        if spoilt or said or not loss_is_finite:
            change = f"with {SHIFT:g} added to every logit, which should change nothing,"
            return [describe("overflow", spoilt, own.names, None, change=change, said=said or "it is not finite")], []
    for times in LARGER:
        loss_is_finite, spoilt, said = look(measured, [times * value for value in own.values])
        change = f"with parameters {times} times as large"
        if spoilt or said:
            return [describe("overflow", spoilt, own.names, None, change=change, said=said or "it is not finite")], []
        if not loss_is_finite:
            return [], [
                f"{change} the loss is not finite while the gradients are: a probability rounds to 0, and log(0) is "
                "infinite; log p = z - max z - log(sum(exp(z - max z))) never is"
            ]
    return [], []


def look(measured: Measured, values: Sequence[Array]) -> tuple[bool, list[str], str]:
    """Return whether the loss is finite at `values`, the parameters whose gradient is not, and an arithmetic error."""
    own = measured.own
    try:
        answer = own.call(values, measured.l2, allow_infinite=True)
    except ConfigError as error:
        # math.exp raises where np.exp gives infinity; any other failure at such values tells nothing of overflow
        return True, [], str(error) if isinstance(error.__cause__, ArithmeticError) else ""
    spoilt = [name for name, g in zip(own.names, answer.gradients, strict=True) if not np.all(np.isfinite(g))]
    return bool(np.isfinite(answer.loss)), spoilt, ""
