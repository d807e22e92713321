"""Does back-propagation agree with the difference quotient?

For a coordinate w_i the derivative is compared with (J(w_i + h) - J(w_i - h)) / 2h, in float64, where
J = loss + (l2 / 2) sum(W**2). The relative error of a parameter is the norm of the difference over the larger of the
two norms, over all coordinates that are checked.

If a ReLU or a hinge has its kink between w_i - h and w_i + h, the quotient is of no use. Such coordinates are
recognised by a change in the pattern of active units, skipped, and counted; more than one in a hundred is a failure.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ShapeError
from barenet.interrupts import check
from barenet.nn import MLP, Loss, Workspace, make_loss
from barenet.nn.layers import ActivationLayer
from barenet.nn.optimizers import add_l2

Array = NDArray[np.floating]

__all__ = ["GradientReport", "ParameterReport", "check_gradients"]

STEP = 1e-5  # about the cube root of float64's precision, where rounding and curvature errors balance
MOST_SKIPPED = 0.01


@dataclass(frozen=True)
class ParameterReport:
    """The result of the check for one parameter; counts are coordinates."""

    name: str
    relative_error: float
    n_checked: int
    n_skipped: int


@dataclass(frozen=True, repr=False)
class GradientReport:
    """The result of the check, a row for each parameter."""

    parameters: tuple[ParameterReport, ...]
    tolerance: float

    def __repr__(self) -> str:
        rows = ", ".join(f"{row.name} {row.relative_error:.1e}" for row in self.parameters)
        return f"GradientReport(passed={self.passed}, relative errors {rows}; at most {self.tolerance:g})"

    @property
    def relative_error(self) -> float:
        """The largest relative error of any parameter; NaN if one is NaN, which Python's max may ignore."""
        return float(np.max([row.relative_error for row in self.parameters]))

    @property
    def skipped_fraction(self) -> float:
        """Share of all coordinates that were skipped at a kink, 0-1."""
        skipped = sum(row.n_skipped for row in self.parameters)
        return skipped / max(1, skipped + sum(row.n_checked for row in self.parameters))

    @property
    def passed(self) -> bool:
        """Whether every gradient agrees, few coordinates were skipped, and none of the parameters wholly."""
        looked_at_all = all(row.n_checked for row in self.parameters)
        return looked_at_all and self.relative_error <= self.tolerance and self.skipped_fraction <= MOST_SKIPPED

    def as_dict(self) -> dict[str, Any]:
        """Return the report as `--json` prints it."""
        return {
            "passed": self.passed,
            "relative_error": self.relative_error,
            "tolerance": self.tolerance,
            "skipped_fraction": self.skipped_fraction,
            "parameters": [asdict(row) for row in self.parameters],
        }


def check_gradients(
    mlp: MLP,
    x: Array,
    labels: NDArray[np.integer],
    loss: str | Loss = "cross_entropy",
    *,
    l2: float = 0.0,
    tolerance: float = 1e-6,
    max_coordinates: int = 200,
    seed: int = 0,
) -> GradientReport:
    """Compare analytic with central-difference gradients, parameter by parameter.

    `mlp` must be float64; in a stack all networks are checked at once. At most `max_coordinates` of each parameter
    are checked, chosen by `seed`. Afterwards the parameters have the same bits as before.

    Raises:
        ShapeError: the network is not float64, or these images do not fit it.
        ConfigError: no loss has that name.
    """
    if mlp.dtype != np.float64:
        raise ShapeError(f"gradients are checked in float64, got a network in {mlp.dtype}; make it with dtype=float64")
    loss = make_loss(loss) if isinstance(loss, str) else loss
    objective = Objective(mlp, x, labels, loss, l2)
    analytic = {name: view.copy() for name, view in mlp.parameters.named(objective.gradient()).items()}
    rng = np.random.default_rng(seed)
    rows = []
    for name, view in mlp.parameters.views.items():
        n = view.shape[-2] * view.shape[-1]
        chosen = np.sort(rng.choice(n, min(n, max_coordinates), replace=False))
        rows.append(check_parameter(objective, name, view, analytic[name], chosen))
    return GradientReport(tuple(rows), tolerance)


def check_parameter(
    objective: Objective,
    name: str,
    view: Array,
    analytic: Array,
    chosen: NDArray[np.intp],
) -> ParameterReport:
    """Compare the derivative with the difference quotient at the chosen coordinates of one parameter."""
    pairs = []
    for row, column in zip(*np.unravel_index(chosen, view.shape[-2:]), strict=True):
        check()
        numeric = objective.difference_quotient(view[..., row, column])
        if numeric is not None:
            pairs.append((analytic[..., row, column], numeric))
    if not pairs:
        return ParameterReport(name, 0.0, 0, len(chosen))
    a, n = np.moveaxis(np.array(pairs), 1, 0)
    larger = max(np.linalg.norm(a), np.linalg.norm(n))
    error = float(np.linalg.norm(a - n) / larger) if larger else 0.0
    return ParameterReport(name, error, len(pairs), len(chosen) - len(pairs))


class Objective:
    """J = loss + (l2 / 2) sum(W**2) of a network on one batch, with its gradient and its difference quotients."""

    def __init__(self, mlp: MLP, x: Array, labels: NDArray[np.integer], loss: Loss, l2: float) -> None:
        self.mlp, self.x, self.labels, self.loss, self.l2 = mlp, x, labels, loss, l2
        self.workspace = Workspace(mlp, x.shape[-2])

    def value(self) -> Array:
        """Return J, shape (...); dropout drops the same units each time, because the step does not change."""
        logits = self.mlp.forward(self.x, self.workspace, training=True)
        weights = self.mlp.parameters.values[..., : self.mlp.parameters.n_decayed]
        loss = self.loss(logits, self.labels, dlogits=self.workspace.dlogits)
        return np.asarray(loss + self.l2 / 2 * np.vecdot(weights, weights))

    def gradient(self) -> Array:
        """Return the analytic gradient of J, flat (..., P)."""
        self.value()
        self.mlp.backward(self.workspace)
        parameters = self.mlp.parameters
        weights = (..., slice(0, parameters.n_decayed))
        add_l2(parameters.grads[weights], parameters.values[weights], self.l2)
        return parameters.grads

    def difference_quotient(self, coordinate: Array) -> Array | None:
        """Return dJ / d coordinate, shape (...), or None if there is a kink in between."""
        before = coordinate.copy()
        coordinate[...] = before + STEP
        above, width, pattern = self.value(), coordinate.copy(), self.pattern()
        coordinate[...] = before - STEP
        below, width = self.value(), width - coordinate
        has_kink = any(not np.array_equal(p, q) for p, q in zip(pattern, self.pattern(), strict=True))
        coordinate[...] = before
        return None if has_kink else np.asarray((above - below) / width)

    def pattern(self) -> list[NDArray[np.bool_]]:
        """Return on which side of their kinks all units are, and all classes of a loss with kinks."""
        sides = []
        for layer, slot in zip(self.mlp.layers, self.workspace.current, strict=True):
            if isinstance(layer, ActivationLayer):
                sides += [slot.x > kink for kink in layer.activation.kinks]
        if self.loss.has_kinks:
            sides.append(self.workspace.dlogits > 0)
        return sides
