"""The hyper-parameters of learning rules and schedules: name, default, limits, and what each does.

Each is declared here once. Learning rules and schedules name those that they have; settings, flags, the help and the
page of all settings are made from these declarations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = [
    "BETA1",
    "BETA2",
    "CLIP_NORM",
    "DECAY_RATE",
    "DECAY_STEP",
    "EPSILON",
    "L2",
    "MINIMUM",
    "MOMENTUM",
    "NESTEROV",
    "WEIGHT_DECAY",
    "HyperParameter",
    "names_of",
]


@dataclass(frozen=True)
class HyperParameter:
    """One hyper-parameter.

    Args:
        name: as the settings have it.
        default: the value without a person's choice; None for none.
        description: what it does, in one sentence.
        least: the smallest value.
        is_above: whether `least` itself is too small.
        below: the first value that is too large.
    """

    name: str
    default: float | bool | None
    description: str
    least: float = 0.0
    is_above: bool = False
    below: float = math.inf


L2 = HyperParameter("l2", 0.0, "Strength of (l2 / 2) sum(W**2) in the objective; weights only.")
CLIP_NORM = HyperParameter("clip_norm", None, "Largest norm of the gradient; by default, any.", is_above=True)
MOMENTUM = HyperParameter("momentum", 0.0, "Momentum of sgd.", below=1.0)
NESTEROV = HyperParameter("nesterov", False, "Nesterov's kind of momentum.")
BETA1 = HyperParameter("beta1", 0.9, "Decay of adam's first moment.", below=1.0)
BETA2 = HyperParameter("beta2", 0.999, "Decay of adam's second moment.", below=1.0)
EPSILON = HyperParameter("epsilon", 1e-8, "Added to adam's denominator.", is_above=True)
WEIGHT_DECAY = HyperParameter("weight_decay", 0.0, "Decoupled decay of adamw; weights only.")

DECAY_RATE = HyperParameter("decay_rate", 1.0, "Factor at each decay (step, exponential).")
DECAY_STEP = HyperParameter(
    "decay_step", 1, "Steps between two decays (step, exponential).", is_above=True, below=2**31
)
MINIMUM = HyperParameter("minimum", 0.0, "step decays only above it; cosine and exponential end at it.")


def names_of(declared: tuple[HyperParameter, ...]) -> tuple[str, ...]:
    """Return the names of some hyper-parameters."""
    return tuple(own.name for own in declared)
