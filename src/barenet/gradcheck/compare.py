"""Compare the gradients of a person's code with central differences, and with the classic mistakes.

The code is not examined: only its loss is trusted, and every gradient is compared with that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from barenet.gradcheck.differences import Precision, choose, relative_error
from barenet.gradcheck.functions.function import CheckedFunction
from barenet.gradcheck.measure import Measured, fill_zeros, find_precision
from barenet.gradcheck.mistakes.evidence import Evidence, Findings
from barenet.gradcheck.mistakes.hypotheses import explain
from barenet.gradcheck.mistakes.l2 import explain_l2
from barenet.gradcheck.mistakes.losses import WRONG_AXIS
from barenet.gradcheck.mistakes.place import where_to_look
from barenet.gradcheck.mistakes.recognition import find_layouts, recognise
from barenet.gradcheck.mistakes.reference import Layout, Reference, Variation
from barenet.gradcheck.mistakes.wording import describe
from barenet.gradcheck.overflow import find_overflow
from barenet.gradcheck.report import OwnGradientReport, OwnParameter

Array = NDArray[np.float64]

__all__ = ["compare_gradients"]

POINTS = 10  # a recognised network must give the same loss at so many points


@np.errstate(all="ignore")  # the gradients of some mistakes are infinite, and the losses that are tried may be
def compare_gradients(
    checked: CheckedFunction,
    *,
    l2: float = 0.1,
    tolerance: float | None = None,
    max_coordinates: int = 200,
    seed: int = 0,
) -> OwnGradientReport:
    """Compare the gradients that the code returns with central differences of its loss.

    Code that takes a strength of L2 is checked with `l2` and without. At most `max_coordinates` of each parameter are
    checked, chosen by `seed`. The tolerance is 1e-6, or 1e-2 for code that computes in float32.

    Raises ConfigError or ShapeError, with the line of the code, if it fails or returns something else.
    """
    rng = np.random.default_rng(seed)
    notes = fill_zeros(checked, rng)
    plain = Measured(checked, 0.0 if checked.takes_l2 else None)
    precision = find_precision(plain, rng)
    precision = replace(precision, tolerance=tolerance or precision.tolerance)
    chosen = [choose(value.shape, max_coordinates, rng) for value in checked.values]
    plain.differentiate(chosen, precision)
    whole = Measured(checked, l2) if checked.takes_l2 else plain
    if checked.takes_l2:
        whole.differentiate(chosen, precision)
    network = find_network(plain, precision, rng)
    if network is not None and network.is_guarded:
        notes.append(forgive_guard(plain, whole, network))
    layout = network.layout if network is not None else find_layout(checked)
    n_outputs = layout.read(checked.values)[0][-1].shape[1] if layout is not None else 1
    findings, unexplained = find_mistakes(plain, whole, network, layout, precision)
    mistakes = [
        describe(kind, spoilt, checked.names, network, B=checked.n_images, C=n_outputs)
        for kind, spoilt in findings.items()
    ]
    rows = tuple(whole.row(i, len(chosen[i]), precision) for i in range(len(checked.names)))
    notes += [*dict.fromkeys(whole.answer.notes), *remarks(plain, whole, rows, precision), *checked.form.notes]
    # A gradient -y / p is infinite where p is zero, which is no overflow of exp.
    overflow, note = ([], []) if "softmax_left_out" in findings else find_overflow(whole, network, precision)
    named = {name for names in findings.values() for name in names}.difference(unexplained)
    return OwnGradientReport(
        function=checked.title,
        loss=whole.answer.loss,
        parameters=rows,
        mistakes=(*mistakes, *overflow),
        unexplained=tuple(row.name for row in rows if not row.is_right and row.name not in named),
        where=where_to_look(layout, checked.names, [row.is_right for row in rows]),
        notes=(*notes, *note),
        network=None if network is None else network.describe(checked.values),
        precision=precision.name,
        tolerance=precision.tolerance,
    )


def find_layout(checked: CheckedFunction) -> Layout | None:
    """Return which parameters are the weights and the biases of which layer, by their shapes."""
    shapes = [value.shape for value in checked.values]
    return next(find_layouts(shapes, flat_inputs(checked).shape[1]), None)


def find_network(plain: Measured, precision: Precision, rng: np.random.Generator) -> Reference | None:
    """Return the network that the function computes, if it is a known kind of perceptron."""
    checked = plain.checked
    points = [list(checked.values)]
    points += [[v * (1 + 0.3 * rng.normal(size=v.shape)) for v in checked.values] for _ in range(POINTS - 1)]
    losses = [checked.loss(point, plain.l2) for point in points]
    if not np.all(np.isfinite(losses)):
        return None
    close = 1e-10 if precision.name == "float64" else 1e-4
    network = recognise(points, losses, flat_inputs(checked), lambda n_classes: one_hot(checked, n_classes), close)
    if network is None:
        return None
    # Except at kinks and saturated probabilities, the quotients must agree with it; else it is another network.
    most = 0.1 if network.is_guarded else 10 * precision.tolerance
    for gradient, numeric, smallest in zip(meant(checked, network), plain.numeric, plain.smallest, strict=True):
        if relative_error(gradient, numeric, smallest) > most:
            return None
    return network


def meant(checked: CheckedFunction, network: Reference) -> list[Array]:
    """Return the gradient of a recognised network with its L2 terms."""
    targets = targets_of(checked, network)
    gradients = network.gradients(checked.values, flat_inputs(checked), targets, Variation())
    terms = zip(gradients, network.l2_of(checked.values), checked.values, strict=True)
    return [gradient + strength * value for gradient, strength, value in terms]


def forgive_guard(plain: Measured, whole: Measured, network: Reference) -> str:
    """Replace the gradient of log(p + guard) by that of log(p), and return a note about it."""
    right = meant(plain.checked, network)
    for i, numeric in enumerate(plain.numeric):
        l2_part = whole.numeric[i] - numeric
        plain.numeric[i] = np.where(np.isfinite(numeric), right[i], np.nan)
        whole.numeric[i] = plain.numeric[i] + l2_part
    return f"the loss is a {network.loss}; gradients are compared with those of log(p)"


def find_mistakes(
    plain: Measured, whole: Measured, network: Reference | None, layout: Layout | None, precision: Precision
) -> tuple[Findings, list[str]]:
    """Return the mistakes that explain the gradients without L2 and the L2 term, and the unexplained parameters."""
    checked = plain.checked
    l2 = (
        network.l2_of(checked.values)
        if network is not None
        else [0.0] * len(checked.names)
        if checked.takes_l2
        else None
    )
    terms = [strength * value for strength, value in zip(l2 or [0.0] * len(checked.names), checked.values, strict=True)]
    evidence = Evidence(
        names=checked.names,
        values=checked.values,
        numeric=[numeric - term for numeric, term in zip(plain.numeric, terms, strict=True)],
        reported=plain.each_call,
        smallest=plain.smallest,
        l2=l2,
        n_images=checked.n_images,
        tolerance=precision.tolerance,
        layout=layout,
        network=network,
        x=flat_inputs(checked),
        targets=None if network is None else targets_of(checked, network),
    )
    findings, unexplained = explain(evidence)
    if network is not None and network.loss in WRONG_AXIS:  # the loss is wrong, whatever its gradients are
        findings.setdefault("softmax_wrong_axis", [])
    if whole is not plain:
        part = replace(
            evidence,
            numeric=[a - b for a, b in zip(whole.numeric, plain.numeric, strict=True)],
            reported=[a - b for a, b in zip(whole.each_call, plain.each_call, strict=True)],
            smallest=[a + b for a, b in zip(whole.smallest, plain.smallest, strict=True)],
        )
        of_l2, left = explain_l2(part, findings)
        unexplained += left
        for kind, names in of_l2.items():
            findings[kind] = list(dict.fromkeys([*findings.get(kind, []), *names]))
    grown = [
        name
        for i, name in enumerate(checked.names)
        if whole.changed[i]
        and (
            relative_error(whole.each_call[i], whole.numeric[i], whole.smallest[i]) <= precision.tolerance
            or any(name in names for names in findings.values())
        )
    ]
    return findings | ({"accumulated": grown} if grown else {}), unexplained


def remarks(plain: Measured, whole: Measured, rows: Sequence[OwnParameter], precision: Precision) -> list[str]:
    """Return what else a person should know about this check."""
    notes = []
    if precision.name == "float32":
        notes.append(f"it computes in float32, where gradients can be compared only to {precision.tolerance:g}")
    changed = [name for name, differs in zip(whole.checked.names, whole.changed, strict=True) if differs]
    if changed:
        notes.append(f"called twice with the same arguments, it returns other gradients of {', '.join(changed)}")
    for row in rows:
        if row.n_skipped:
            notes.append(f"{row.n_skipped} of {row.n_skipped + row.n_checked} coordinates of {row.name} lie at a kink")
    if whole is not plain:
        notes.append(f"checked with l2 = {whole.l2:g} and without")
        if whole.answer.loss == plain.answer.loss:
            notes.append("l2 does not change the loss")
    return notes


def flat_inputs(checked: CheckedFunction) -> Array:
    """Return the inputs as rows (B, D)."""
    rows = checked.x.T if checked.in_columns else checked.x
    return rows.reshape(checked.n_images, -1).astype(np.float64)


def targets_of(checked: CheckedFunction, network: Reference) -> Array:
    """Return the one-hot labels of a recognised network."""
    targets = one_hot(checked, network.layout.read(checked.values)[0][-1].shape[1])
    assert targets is not None
    return targets


def one_hot(checked: CheckedFunction, n_classes: int) -> Array | None:
    """Return the labels as rows (B, C) of zeros and ones; None if they do not fit `n_classes` classes."""
    labels = checked.labels.T if checked.in_columns else checked.labels
    if labels.shape == (checked.n_images, n_classes) or (n_classes == 1 and labels.size == checked.n_images):
        return labels.reshape(-1, n_classes).astype(np.float64)
    if labels.size == checked.n_images and np.array_equal(labels, labels.astype(np.int64)):
        flat = labels.astype(np.int64).reshape(-1)
        return np.eye(n_classes)[flat] if flat.min() >= 0 and flat.max() < n_classes else None
    return None
