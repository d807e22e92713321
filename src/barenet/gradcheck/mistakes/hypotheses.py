"""Which classic mistake explains the measured numbers?

Every hypothesis is a gradient: the numeric one times B, the numeric one plus a multiple of the weights, or that of a
reference network whose back-propagation has a mistake in one place. A mistake is named only if all numbers of a
parameter agree with such a gradient as exactly as a right gradient must. Otherwise no mistake is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ShapeError
from barenet.gradcheck.differences import relative_error
from barenet.gradcheck.mistakes.reference import Reference, Variation

Array = NDArray[np.float64]
Findings = dict[str, list[str]]  # from the kind of a mistake, with its place if it has one, to the wrong parameters

__all__ = ["Evidence", "Findings", "explain", "explain_l2"]


@dataclass(frozen=True)
class Evidence:
    """What is known about every parameter, in the order of the parameters.

    `numeric` is NaN where it is not known. If the L2 term is known, it is subtracted from `numeric` but not from
    `reported`, and `l2` is its factor: the right gradient has `l2` times the parameter's value. `l2` is None if it is
    not known whether the loss has an L2 term.
    """

    names: Sequence[str]
    values: Sequence[Array]
    numeric: Sequence[Array]
    reported: Sequence[Array]
    smallest: Sequence[float]
    l2: Sequence[float] | None
    n_images: int
    tolerance: float
    network: Reference | None = None
    x: Array | None = None
    targets: Array | None = None


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
    return best, unexplained


def explain_from(evidence: Evidence, bases: Sequence[Array]) -> tuple[Findings, list[str]]:
    """Return the mistakes that turn `bases` into the reported gradients, and the parameters that none explains."""
    findings: Findings = {}
    unexplained = []
    for i, (name, base) in enumerate(zip(evidence.names, bases, strict=True)):
        kinds = adjustments(evidence, i, base)
        if kinds is None:
            unexplained.append(name)
        for kind in kinds or ():
            findings.setdefault(kind, []).append(name)
    return findings, unexplained


def adjustments(evidence: Evidence, i: int, base: Array) -> tuple[str, ...] | None:
    """Return the mistakes, at most two, that turn `base` into the reported gradient of a parameter; None if unknown."""
    for kinds, gradient in hypotheses(evidence, i, base):
        if relative_error(evidence.reported[i], gradient, evidence.smallest[i]) <= evidence.tolerance:
            return kinds
    return None


def hypotheses(evidence: Evidence, i: int, base: Array) -> Iterator[tuple[tuple[str, ...], Array]]:
    """Yield mistakes with the gradient of parameter i that each would give; first no mistake."""
    value = evidence.values[i]
    l2 = evidence.l2[i] if evidence.l2 is not None else 0.0
    right = base + l2 * value
    yield (), right
    if np.sum(np.isfinite(base)) < 3 or not np.any(evidence.reported[i]):
        return  # one or two numbers would fit many mistakes, and zeros fit none
    factors = factor_kinds(evidence.n_images)
    for kind, factor in factors.items():
        yield (kind,), factor * right
        yield (kind,), factor * base + l2 * value
    if is_square(value):
        yield ("transposed_gradient",), right.T
        yield ("transposed_gradient",), base.T + l2 * value
    for kind, wrong in l2_kinds(evidence, i, base).items():
        yield (kind,), base + wrong * value
        if l2:
            yield from (((other, kind), factor * base + wrong * value) for other, factor in factors.items())


def factor_kinds(n_images: int) -> dict[str, float]:
    """Return mistakes by which the gradient is a multiple of the right one, with the factor."""
    factors = {"not_divided_by_batch": n_images, "divided_by_batch_twice": 1 / n_images}
    return factors | {"wrong_sign": -1.0, "factor_two_extra": 2.0, "factor_two_missing": 0.5}


def l2_kinds(evidence: Evidence, i: int, base: Array) -> dict[str, float]:
    """Return for each mistake with L2 the factor of the parameter's value in the gradient of parameter i."""
    value, reported = evidence.values[i], evidence.reported[i]
    known = np.isfinite(base)
    if evidence.l2 is not None and abs(evidence.l2[i]) * np.linalg.norm(value) > evidence.smallest[i]:
        return wrong_l2(evidence.l2[i], evidence.n_images)
    factor = float(np.vdot(value[known], (reported - base)[known]) / np.vdot(value[known], value[known]))
    if evidence.l2 is not None:  # the loss has no L2 term here
        return {"l2_not_in_loss" if is_weight(value) else "l2_on_biases": factor} if factor > 0 else {}
    if factor < 0:
        return {"l2_missing": factor}
    return {"l2_twice_or_not_in_loss" if is_weight(value) else "l2_on_biases": factor}


def wrong_l2(l2: float, n_images: int) -> dict[str, float]:
    """Return for each mistake the factor of the weights in the gradient, if `l2` is the right factor."""
    kinds = {"l2_missing": 0.0, "l2_twice": 2 * l2, "l2_half": l2 / 2, "l2_divided_by_batch": l2 / n_images}
    return kinds | {"l2_times_batch": l2 * n_images}


def explain_l2(evidence: Evidence, data_mistakes: Findings) -> tuple[Findings, list[str]]:
    """Return the mistakes in the L2 term, and the parameters whose L2 term no mistake explains.

    `numeric` and `reported` are the changes of both gradients between no L2 and L2. A parameter whose whole gradient is
    a wrong multiple, or transposed, is already in `data_mistakes`.
    """
    findings: Findings = {}
    unexplained = []
    for i, name in enumerate(evidence.names):
        value, reported, numeric = evidence.values[i], evidence.reported[i], evidence.numeric[i]
        known = np.isfinite(numeric)

        def fits(a: Array, b: Array, smallest: float = evidence.smallest[i]) -> bool:
            return relative_error(a, b, smallest) <= evidence.tolerance

        factors = factor_kinds(evidence.n_images)
        scales = [factors[kind] for kind, names in data_mistakes.items() if name in names and kind in factors]
        named = [scale * numeric for scale in scales]
        if name in data_mistakes.get("transposed_gradient", ()):
            named.append(numeric.T)
        if any(fits(reported, gradient) for gradient in (numeric, *named)) or not known.any():
            continue
        right = float(np.vdot(value[known], numeric[known]) / np.vdot(value[known], value[known]))
        factor = float(np.vdot(value, reported) / np.vdot(value, value))
        kinds: list[str] = []
        if fits(numeric, 0 * value):
            if factor > 0 and fits(reported, factor * value):
                kinds = ["l2_not_in_loss" if is_weight(value) else "l2_on_biases"]
        elif fits(numeric, right * value):
            kinds = [
                kind for kind, wrong in wrong_l2(right, evidence.n_images).items() if fits(reported, wrong * value)
            ]
        if not kinds:
            unexplained.append(name)
        for kind in kinds:
            findings.setdefault(kind, []).append(name)
    return findings, unexplained


def wrong_gradients(evidence: Evidence) -> Iterator[tuple[list[str], list[Array]]]:
    """Yield kinds of mistakes in back-propagation with the gradients that each gives, if the network is known."""
    network = evidence.network
    if network is None or evidence.x is None or evidence.targets is None:
        return
    n_layers = len(network.layout.weights)
    outputs = [""]
    if network.has_softmax:
        outputs += ["p (1 - p)", "softmax's Jacobian"]
    elif network.loss == "binary cross-entropy":
        outputs += ["s (1 - s)"]
    ways = [([], Variation()), *wrong_slopes(n_layers, network.activations), *wrong_weights(n_layers)]
    for kinds, way in ways:
        for output in outputs:
            twice = ["softmax_twice" if network.has_softmax else "sigmoid_twice"] if output else []
            all_kinds = kinds + twice
            how = Variation(output, way.slopes, way.untransposed)
            with suppress(ShapeError):  # with these shapes the mistake would be an error
                if all_kinds:
                    yield all_kinds, network.gradients(evidence.values, evidence.x, evidence.targets, how)


def wrong_slopes(n_layers: int, activations: Sequence[str]) -> Iterator[tuple[list[str], Variation]]:
    """Yield variations in which an activation's derivative is missing or taken in the wrong place."""
    hidden = range(1, n_layers)
    for layer in hidden:
        yield [f"slope_missing:{layer}"], Variation(slopes={layer: None})
        yield [f"slope_at_a:{layer}"], Variation(slopes={layer: ("a", layer)})
        for m in range(n_layers + 1):
            if m != layer:
                yield [f"slope_elsewhere:{layer}:{m}"], Variation(slopes={layer: ("z", m)})
    if n_layers > 2:
        yield ["slope_missing:all"], Variation(slopes=dict.fromkeys(hidden))
        yield ["slope_at_a:all"], Variation(slopes={layer: ("a", layer) for layer in hidden})
        for shift in (-1, 1):
            yield (
                [f"slope_elsewhere:all:{shift:+d}"],
                Variation(slopes={layer: ("z", layer + shift) for layer in hidden}),
            )
    if n_layers > 1:
        yield [f"slope_elsewhere:{n_layers}:{n_layers}"], Variation(slopes={n_layers: ("z", n_layers)})
        late = Variation(slopes={n_layers: ("z", n_layers), 1: None})
        yield ["slope_elsewhere:late"], late


def wrong_weights(n_layers: int) -> Iterator[tuple[list[str], Variation]]:
    """Yield variations in which the error is multiplied by a weight matrix instead of its transpose."""
    for layer in range(2, n_layers + 1):
        yield [f"transposed_weight:{layer}"], Variation(untransposed=frozenset([layer]))
    if n_layers > 2:
        yield ["transposed_weight:all"], Variation(untransposed=frozenset(range(2, n_layers + 1)))


def is_weight(value: Array) -> bool:
    """Return whether a parameter is a matrix, not a bias."""
    return np.squeeze(value).ndim > 1


def is_square(value: Array) -> bool:
    """Return whether a parameter is a square matrix."""
    return value.ndim == 2 and len(set(value.shape)) == 1
