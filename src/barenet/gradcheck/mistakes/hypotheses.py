"""Which classic mistake explains the measured numbers?

Every hypothesis is a gradient: the numeric one times B, the numeric one plus a multiple of the weights, or that of a
reference network whose back-propagation has a mistake in one place. A mistake is named only if all numbers of a
parameter agree with such a gradient as exactly as a right gradient must. Otherwise no mistake is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from barenet.gradcheck.differences import relative_error
from barenet.gradcheck.mistakes.evidence import Evidence, Findings
from barenet.gradcheck.mistakes.factors import factors
from barenet.gradcheck.mistakes.l2 import l2_kinds
from barenet.gradcheck.mistakes.variations import wrong_gradients

Array = NDArray[np.float64]

__all__ = ["explain"]

FEW = 3  # fewer numbers than this fit many mistakes


def explain(evidence: Evidence) -> tuple[Findings, list[str]]:
    """Return the smallest set of mistakes that leaves the fewest parameters unexplained, and these parameters."""
    best, unexplained = explain_from(evidence, evidence.numeric)
    if not unexplained and len(best) <= 1:
        return best, []
    for kinds, gradients in wrong_gradients(evidence):
        found, left = explain_from(evidence, gradients)
        if (len(left), len(found) + len(kinds)) < (len(unexplained), len(best)):
            spoilt = [
                name
                for name, base, right in zip(evidence.names, gradients, evidence.numeric, strict=True)
                if relative_error(base, right) > evidence.tolerance and name not in left
            ]
            best, unexplained = dict.fromkeys(kinds, spoilt) | found, left
            if not left and len(best) == 1:
                break
    return best, unexplained


def explain_from(evidence: Evidence, bases: Sequence[Array]) -> tuple[Findings, list[str]]:
    """Return the mistakes that turn `bases` into the reported gradients, and the parameters that none explains."""
    known = [int(np.sum(np.isfinite(base))) for base in bases]
    named: dict[int, tuple[str, ...] | None] = {}
    for i in sorted(range(len(bases)), key=lambda i: known[i] < FEW):
        # One or two numbers would fit many mistakes: there, only those are possible that other parameters show.
        others = {kinds for kinds in named.values() if kinds} if known[i] < FEW else None
        named[i] = adjustments(evidence, i, bases[i], others)
    findings: Findings = {}
    for i, name in enumerate(evidence.names):
        for kind in named[i] or ():
            findings.setdefault(kind, []).append(name)
    return findings, [name for i, name in enumerate(evidence.names) if named[i] is None]


def adjustments(
    evidence: Evidence, i: int, base: Array, possible: set[tuple[str, ...]] | None
) -> tuple[str, ...] | None:
    """Return the mistakes, at most three, that turn `base` into the reported gradient; None if unknown."""
    for kinds, gradient in hypotheses(evidence, i, base):
        if possible is not None and kinds not in {(), ("bias_forgotten",), ("gradient_zero",), *possible}:
            continue
        if relative_error(evidence.reported[i], gradient, evidence.smallest[i]) <= evidence.tolerance:
            return kinds
    return None


def hypotheses(evidence: Evidence, i: int, base: Array) -> Iterator[tuple[tuple[str, ...], Array]]:
    """Yield mistakes with the gradient of parameter i that each would give; first no mistake."""
    value, l2 = evidence.values[i], evidence.l2_of(i)
    right = base + l2
    yield (), right
    if not np.any(evidence.reported[i]):
        yield ("gradient_zero" if evidence.is_weight(i) else "bias_forgotten",), np.zeros_like(right)
        return
    is_plain = base is evidence.numeric[i]  # no other mistake is assumed already
    multiples = list(factors(evidence.n_images, evidence.n_outputs, pairs=is_plain))
    for kinds, factor in multiples:
        yield kinds, factor * right
        yield kinds, factor * base + l2
    if is_square(value):
        yield ("transposed_gradient",), right.T
        yield ("transposed_gradient",), base.T + l2
    for kind, wrong in l2_kinds(evidence, i, base).items():
        yield (kind,), base + wrong * value
        if is_plain and np.any(l2):
            yield from (((*kinds, kind), factor * base + wrong * value) for kinds, factor in multiples)


def is_square(value: Array) -> bool:
    """Return whether a parameter is a square matrix."""
    return value.ndim == 2 and len(set(value.shape)) == 1
