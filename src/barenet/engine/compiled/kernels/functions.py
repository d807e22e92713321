"""The formulas of `formulas` as functions that kernels call on vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from barenet.engine.compiled.kernels import formulas
from barenet.engine.compiled.kernels.formulas import Vector
from barenet.engine.compiled.kernels.vectors import elementwise, vector

__all__ = ["elu", "elu_slope", "exp", "expm1", "gelu_share", "gelu_slope", "log", "sigmoid", "silu_slope", "softplus",
           "tanh"]  # fmt: skip


def function(formula: Callable[..., Vector], n_arguments: int = 1) -> Any:
    """Return a formula as a function that Numba copies into the function that calls it."""

    def build(builder: Any, *values: Any) -> Any:
        return formula(*(Vector(builder, value) for value in values)).value

    return elementwise(vector, [vector] * n_arguments, build)


exp, expm1, log, tanh = map(function, (formulas.exp, formulas.expm1, formulas.log, formulas.tanh))
sigmoid, softplus, elu = function(formulas.sigmoid), function(formulas.softplus), function(formulas.elu)
gelu_share, gelu_slope = function(formulas.gelu_share), function(formulas.gelu_slope, 2)
silu_slope, elu_slope = function(formulas.silu_slope, 2), function(formulas.elu_slope)
