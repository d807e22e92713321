"""The description of a network: its dense layers in a row, and the activation behind each.

Whatever has to know what a network is made of asks here: the network itself, memory estimates, files, exports, pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from barenet.errors import ConfigError
from barenet.nn.activations import Activation, find_activation
from barenet.nn.losses import Loss

__all__ = ["NORMALIZATIONS", "Architecture", "LayerSpec", "each_layer"]

KEYS = ("input_dim", "output_dim", "activation")
NORMALIZATIONS = ("none", "layer")


@dataclass(frozen=True)
class LayerSpec:
    """One row of an architecture: a dense layer and the activation behind it, maybe with a normalisation between."""

    input_dim: int
    output_dim: int
    activation: Activation
    normalization: str = "none"

    def as_dict(self) -> dict[str, Any]:
        """Return the row as the files store it; what is not there has no key, as in older files."""
        row = {"input_dim": self.input_dim, "output_dim": self.output_dim, "activation": self.activation.name}
        return row if self.normalization == "none" else {**row, "normalization": self.normalization}

    @property
    def functions(self) -> str:
        """What is behind the dense layer, in words.

        >>> LayerSpec(784, 128, find_activation("gelu"), "layer").functions
        'layer norm, gelu'
        """
        return self.activation.name if self.normalization == "none" else f"layer norm, {self.activation.name}"

    @property
    def n_parameters(self) -> int:
        """How many weights and biases the row has."""
        return (self.input_dim + 1) * self.output_dim


@dataclass(frozen=True, repr=False)
class Architecture:
    """All rows of a network, from the images to the classes.

    Raises:
        ConfigError: a width is not a positive integer, or a layer does not take what the one before gives.
    """

    rows: tuple[LayerSpec, ...]

    def __post_init__(self) -> None:
        if not self.rows:
            raise ConfigError("an architecture needs at least one layer, got none")
        for i, row in enumerate(self.rows):
            for name in ("input_dim", "output_dim"):
                width = getattr(row, name)
                if not isinstance(width, int | np.integer) or isinstance(width, bool) or width < 1:
                    raise ConfigError(f"layer {i + 1}: {name} must be a positive integer, got {width!r}")
            if row.normalization not in NORMALIZATIONS:
                known = " or ".join(NORMALIZATIONS)
                raise ConfigError(f"layer {i + 1}: normalization must be {known}, got {row.normalization!r}")
            if row.normalization != "none" and i + 1 == len(self.rows):
                raise ConfigError(f"layer {i + 1}: the last layer takes no normalization, got {row.normalization!r}")
            if row.normalization != "none" and row.output_dim == 1:
                raise ConfigError(f"layer {i + 1}: normalization over one unit gives 0 for every image; use 2 or more")
            if i and row.input_dim != self.rows[i - 1].output_dim:
                raise ConfigError(
                    f"layers must chain: layer {i} gives {self.rows[i - 1].output_dim} values, "
                    f"layer {i + 1} expects {row.input_dim}"
                )

    @staticmethod
    def from_sizes(
        sizes: Sequence[int],
        activations: Sequence[str | Activation],
        custom: Iterable[Activation] = (),
        normalization: str = "none",
    ) -> Architecture:
        """Return the architecture of these widths, from inputs to classes, with an activation for each layer.

        `custom` are functions that a person wrote, recognised by their names. `normalization` is of all hidden layers.

        >>> Architecture.from_sizes([784, 128, 10], ["relu", "softmax"]).n_weights
        101632
        """
        kinds = [normalization] * (len(sizes) - 2) + ["none"]
        rows = zip(sizes[:-1], sizes[1:], activations, kinds, strict=True)
        return Architecture(
            tuple(LayerSpec(n_in, n_out, find_activation(name, custom), kind) for n_in, n_out, name, kind in rows)
        )

    @staticmethod
    def from_rows(rows: Iterable[LayerSpec | Mapping[str, Any]], custom: Iterable[Activation] = ()) -> Architecture:
        """Return the architecture of rows of `input_dim`, `output_dim`, `activation`, the course project's format.

        A row may have a `normalization` as well.
        """
        return Architecture(tuple(row if isinstance(row, LayerSpec) else read_row(row, custom) for row in rows))

    def __repr__(self) -> str:
        sizes = "-".join(str(size) for size in (self.n_inputs, *(row.output_dim for row in self.rows)))
        names = dict.fromkeys(row.activation.name for row in self.hidden)
        kinds = dict.fromkeys(row.normalization for row in self.hidden if row.normalization != "none")
        return ", ".join([sizes, *names, *(f"{kind} normalization" for kind in kinds)])

    @property
    def n_inputs(self) -> int:
        """D, the values of one image."""
        return self.rows[0].input_dim

    @property
    def n_classes(self) -> int:
        """C, the values that the last layer gives."""
        return self.rows[-1].output_dim

    @property
    def hidden(self) -> tuple[LayerSpec, ...]:
        """All rows but the last."""
        return self.rows[:-1]

    @property
    def weights(self) -> dict[str, tuple[int, int]]:
        """The shape of each weight matrix by name: W1, W2, ..."""
        return {f"W{i}": (row.input_dim, row.output_dim) for i, row in enumerate(self.rows, start=1)}

    @property
    def biases(self) -> dict[str, tuple[int, int]]:
        """The shape of each bias by name: b1, b2, ..."""
        return {f"b{i}": (1, row.output_dim) for i, row in enumerate(self.rows, start=1)}

    @property
    def n_weights(self) -> int:
        """How many weights there are, biases not counted."""
        return sum(prod(shape) for shape in self.weights.values())

    @property
    def n_units(self) -> int:
        """How many units there are, the classes included and the inputs not."""
        return sum(row.output_dim for row in self.rows)

    def ends_in_logits(self, loss: Loss) -> bool:
        """Whether the network's outputs are logits, and not probabilities, when it is trained with `loss`.

        A softmax on the last layer is left to a loss that stands for it, as cross-entropy does, and really applied
        with any other.
        """
        return loss.output == "softmax" or self.rows[-1].activation.name != "softmax"

    def kinds(self, loss: Loss) -> list[tuple[str, ...]]:
        """Return the kinds of the layers of each row, in order: "dense", "layer_norm" and "activation" where applied.

        The identity is no layer, nor a softmax that is left to the loss.
        """
        applied = [row.activation.name != "identity" for row in self.rows]
        if self.rows[-1].activation.name == "softmax":
            applied[-1] = not self.ends_in_logits(loss)
        return [
            ("dense", *["layer_norm"] * (row.normalization == "layer"), *["activation"] * is_applied)
            for row, is_applied in zip(self.rows, applied, strict=True)
        ]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as the files store them."""
        return [row.as_dict() for row in self.rows]


def each_layer(activation: str | Activation | Sequence[str | Activation], n_hidden: int) -> list[str | Activation]:
    """Return an activation for each of `n_hidden` layers, of one for all of them or of a sequence of as many.

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
    """Return one row of an architecture, checked for its keys."""
    if set(row) - {"normalization"} != set(KEYS):
        raise ConfigError(f"a layer needs exactly {', '.join(sorted(KEYS))}, got {', '.join(map(str, row)) or 'none'}")
    activation = find_activation(row["activation"], custom)
    return LayerSpec(row["input_dim"], row["output_dim"], activation, row.get("normalization", "none"))
