"""One row of an architecture: a dense layer, and what follows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from barenet.errors import ConfigError
from barenet.nn.activations import Activation, find_activation

__all__ = ["LayerSpec", "each_layer", "read_row"]

KEYS = ("input_dim", "output_dim", "activation")
OPTIONAL = {"normalization": "none", "residual": False}  # further keys of a row, with their defaults
NORMALIZATIONS = ("none", "layer", "batch")


@dataclass(frozen=True)
class LayerSpec:
    """One row of an architecture: a dense layer and the activation after it.

    normalization: between the two, "none", "layer" or "batch". residual: whether the input is added to the output.
    """

    input_dim: int
    output_dim: int
    activation: Activation
    normalization: str = "none"
    residual: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the row as files store it; defaults have no key, as in older files."""
        row = {"input_dim": self.input_dim, "output_dim": self.output_dim, "activation": self.activation.name}
        more = {"normalization": self.normalization, "residual": self.residual}
        return row | {name: value for name, value in more.items() if value != OPTIONAL[name]}

    def check(self, number: int, *, is_last: bool) -> None:
        """Raise ConfigError unless the row can be number `number`, counted from 1, of a network."""
        for name in ("input_dim", "output_dim"):
            width = getattr(self, name)
            if not isinstance(width, int | np.integer) or isinstance(width, bool) or width < 1:
                raise ConfigError(f"layer {number}: {name} must be a positive integer, got {width!r}")
        if self.normalization not in NORMALIZATIONS:
            known = f"{', '.join(NORMALIZATIONS[:-1])} or {NORMALIZATIONS[-1]}"
            raise ConfigError(f"layer {number}: normalization must be {known}, got {self.normalization!r}")
        if self.normalization != "none" and is_last:
            raise ConfigError(f"layer {number}: the last layer takes no normalization, got {self.normalization!r}")
        if self.normalization == "layer" and self.output_dim == 1:
            raise ConfigError(
                f"layer {number}: layer normalization over one unit gives 0 for every image; use 2 or more"
            )
        if not isinstance(self.residual, bool):
            raise ConfigError(f"layer {number}: residual must be true or false, got {self.residual!r}")
        if self.residual and is_last:
            raise ConfigError(f"layer {number}: the last layer takes no residual connection")
        if self.residual and self.input_dim != self.output_dim:
            widths = f"{self.input_dim} and {self.output_dim}"
            raise ConfigError(f"layer {number}: residual needs input_dim and output_dim to be equal, got {widths}")

    @property
    def functions(self) -> str:
        """What follows the dense layer, in words.

        >>> LayerSpec(128, 128, find_activation("gelu"), "layer", residual=True).functions
        'layer norm, gelu, residual'
        """
        norm = [] if self.normalization == "none" else [f"{self.normalization} norm"]
        return ", ".join([*norm, self.activation.name, *["residual"] * self.residual])

    @property
    def n_parameters(self) -> int:
        """How many weights and biases the row has."""
        return (self.input_dim + 1) * self.output_dim


def each_layer(activation: str | Activation | Sequence[str | Activation], n_hidden: int) -> list[str | Activation]:
    """Return an activation for each of `n_hidden` layers, from one for all of them or a sequence with one for each.

    >>> each_layer("relu", 2), each_layer(("relu", "tanh"), 2)
    (['relu', 'relu'], ['relu', 'tanh'])
    """
    if isinstance(activation, str | Activation):
        return [activation] * n_hidden
    names = list(activation)
    if len(names) != n_hidden:
        shown = ", ".join(name if isinstance(name, str) else name.name for name in names)
        listed = f"{len(names)} activation{'s' * (len(names) != 1)}{f' ({shown})' * bool(names)}"
        layers = f"{n_hidden} hidden layer{'s' * (n_hidden != 1)}"
        raise ConfigError(f"{listed} for {layers}; give one for all of them, or one for each")
    return names


def read_row(row: Mapping[str, Any], custom: Iterable[Activation]) -> LayerSpec:
    """Return one row of an architecture; raise ConfigError if its keys are wrong."""
    if set(row) - set(OPTIONAL) != set(KEYS):
        raise ConfigError(f"a layer needs exactly {', '.join(sorted(KEYS))}, got {', '.join(map(str, row)) or 'none'}")
    activation = find_activation(row["activation"], custom)
    more = {name: row.get(name, default) for name, default in OPTIONAL.items()}
    return LayerSpec(row["input_dim"], row["output_dim"], activation, **more)
