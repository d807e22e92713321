"""What is known about every parameter before mistakes are looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.gradcheck.mistakes.reference import Layout, Reference

Array = NDArray[np.float64]
Findings = dict[str, list[str]]  # from the kind of a mistake, with its place if it has one, to the wrong parameters

__all__ = ["Evidence", "Findings"]


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
    layout: Layout | None = None
    network: Reference | None = None
    x: Array | None = None
    targets: Array | None = None

    @property
    def n_outputs(self) -> int:
        """C, the number of outputs; 1 if it is not known."""
        return 1 if self.layout is None else self.layout.read(self.values)[0][-1].shape[1]

    def is_weight(self, i: int) -> bool:
        """Return whether parameter i is a matrix of weights, not a bias."""
        return i in self.layout.weights if self.layout is not None else np.squeeze(self.values[i]).ndim > 1

    def l2_of(self, i: int) -> Array:
        """Return the known L2 term of the right gradient of parameter i."""
        return (0.0 if self.l2 is None else self.l2[i]) * self.values[i]
