"""Mistakes in the gradient of an L2 term: a wrong multiple of the weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.gradcheck.differences import relative_error
from barenet.gradcheck.mistakes.evidence import Evidence, Findings
from barenet.gradcheck.mistakes.factors import factor_kinds

Array = NDArray[np.float64]

__all__ = ["explain_l2", "l2_kinds"]


def l2_kinds(evidence: Evidence, i: int, base: Array) -> dict[str, float]:
    """Return for each mistake with L2 the factor of the parameter's value in the gradient of parameter i."""
    value, reported = evidence.values[i], evidence.reported[i]
    known = np.isfinite(base)
    if evidence.l2 is not None and abs(evidence.l2[i]) * np.linalg.norm(value) > evidence.smallest[i]:
        return wrong_l2(evidence.l2[i], evidence.n_images)
    factor = float(np.vdot(value[known], (reported - base)[known]) / np.vdot(value[known], value[known]))
    if evidence.l2 is not None:  # the loss has no L2 term here
        return {"l2_not_in_loss" if evidence.is_weight(i) else "l2_on_biases": factor} if factor > 0 else {}
    if factor < 0:
        return {"l2_missing": factor}
    return {"l2_twice_or_not_in_loss" if evidence.is_weight(i) else "l2_on_biases": factor}


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
        if name in data_mistakes.get("updated_too_early", ()):
            continue  # the update, and so its whole gradient, depends on L2
        value, reported, numeric = evidence.values[i], evidence.reported[i], evidence.numeric[i]
        known = np.isfinite(numeric)

        def fits(a: Array, b: Array, smallest: float = evidence.smallest[i]) -> bool:
            return relative_error(a, b, smallest) <= evidence.tolerance

        factors = factor_kinds(evidence.n_images, evidence.n_outputs)
        scales = [factors[kind] for kind, names in data_mistakes.items() if name in names and kind in factors]
        named = [scale * numeric for scale in (*scales, float(np.prod(scales)))]
        if name in data_mistakes.get("transposed_gradient", ()):
            named.append(numeric.T)
        if any(fits(reported, gradient) for gradient in (numeric, *named)) or not known.any():
            continue
        right = float(np.vdot(value[known], numeric[known]) / np.vdot(value[known], value[known]))
        factor = float(np.vdot(value, reported) / np.vdot(value, value))
        kinds: list[str] = []
        if fits(numeric, 0 * value):
            if factor > 0 and fits(reported, factor * value):
                kinds = ["l2_not_in_loss" if evidence.is_weight(i) else "l2_on_biases"]
        elif fits(numeric, right * value):
            kinds = [
                kind for kind, wrong in wrong_l2(right, evidence.n_images).items() if fits(reported, wrong * value)
            ]
        if not kinds:
            unexplained.append(name)
        for kind in kinds:
            findings.setdefault(kind, []).append(name)
    return findings, unexplained
