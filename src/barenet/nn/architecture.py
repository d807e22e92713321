"""The description of a network: its dense layers in a row, and the activation behind each.

Whatever has to know what a network is made of asks here: the network itself, memory estimates, files, exports, pages.
"""

from __future__ import annotations

import itertools
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
OPTIONAL = {"normalization": "none", "residual": False}  # further keys of a row, with what they are by default
NORMALIZATIONS = ("none", "layer")


@dataclass(frozen=True)
class LayerSpec:
    """One row of an architecture: a dense layer and the activation behind it.

    normalization: between the two, "none" or "layer". residual: whether what the row takes is added to what it gives.
    """

    input_dim: int
    output_dim: int
    activation: Activation
    normalization: str = "none"
    residual: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the row as the files store it; what is not there has no key, as in older files."""
        row = {"input_dim": self.input_dim, "output_dim": self.output_dim, "activation": self.activation.name}
        more = {"normalization": self.normalization, "residual": self.residual}
        return row | {name: value for name, value in more.items() if value != OPTIONAL[name]}

    @property
    def functions(self) -> str:
        """What is behind the dense layer, in words.

        >>> LayerSpec(128, 128, find_activation("gelu"), "layer", residual=True).functions
        'layer norm, gelu, residual'
        """
        norm = [] if self.normalization == "none" else [f"{self.normalization} norm"]
        return ", ".join([*norm, self.activation.name, *["residual"] * self.residual])

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
            if not isinstance(row.residual, bool):
                raise ConfigError(f"layer {i + 1}: residual must be true or false, got {row.residual!r}")
            if row.residual and i + 1 == len(self.rows):
                raise ConfigError(f"layer {i + 1}: the last layer takes no residual connection")
            if row.residual and row.input_dim != row.output_dim:
                widths = f"{row.input_dim} and {row.output_dim}"
                raise ConfigError(f"layer {i + 1}: residual needs input_dim and output_dim to be equal, got {widths}")
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
        residual: bool = False,
    ) -> Architecture:
        """Return the architecture of these widths, from inputs to classes, with an activation for each layer.

        `custom` are functions that a person wrote, recognised by their names. `normalization` is of all hidden layers,
        `residual` of those that take as many values as they give: all but the first, and the first if the images have
        as many values.

        >>> Architecture.from_sizes([784, 128, 10], ["relu", "softmax"]).n_weights
        101632
        """
        if residual:
            check_residual_sizes(sizes[1:-1])
        kinds = [normalization] * (len(sizes) - 2) + ["none"]
        connected = [residual and n_in == n_out for n_in, n_out in itertools.pairwise(sizes[:-1])] + [False]
        functions = [find_activation(name, custom) for name in activations]
        rows = zip(sizes[:-1], sizes[1:], functions, kinds, connected, strict=True)
        return Architecture(tuple(LayerSpec(*row) for row in rows))

    @staticmethod
    def from_rows(rows: Iterable[LayerSpec | Mapping[str, Any]], custom: Iterable[Activation] = ()) -> Architecture:
        """Return the architecture of rows of `input_dim`, `output_dim`, `activation`, the course project's format.

        A row may have a `normalization` and a `residual` as well.
        """
        return Architecture(tuple(row if isinstance(row, LayerSpec) else read_row(row, custom) for row in rows))

    def __repr__(self) -> str:
        sizes = "-".join(str(size) for size in (self.n_inputs, *(row.output_dim for row in self.rows)))
        names = dict.fromkeys(row.activation.name for row in self.hidden)
        kinds = dict.fromkeys(row.normalization for row in self.hidden if row.normalization != "none")
        connected = ["residual"] * any(row.residual for row in self.hidden)
        return ", ".join([sizes, *names, *(f"{kind} normalization" for kind in kinds), *connected])

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
        """Return the kinds of the layers of each row, in order: "dense", and what else is applied before and behind it.

        The identity is no layer, nor a softmax that is left to the loss.
        """
        applied = [row.activation.name != "identity" for row in self.rows]
        if self.rows[-1].activation.name == "softmax":
            applied[-1] = not self.ends_in_logits(loss)
        return [
            (
                *["residual_start"] * row.residual,
                "dense",
                *["layer_norm"] * (row.normalization == "layer"),
                *["activation"] * is_applied,
                *["residual_sum"] * row.residual,
            )
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
    if set(row) - set(OPTIONAL) != set(KEYS):
        raise ConfigError(f"a layer needs exactly {', '.join(sorted(KEYS))}, got {', '.join(map(str, row)) or 'none'}")
    activation = find_activation(row["activation"], custom)
    more = {name: row.get(name, default) for name, default in OPTIONAL.items()}
    return LayerSpec(row["input_dim"], row["output_dim"], activation, **more)


def check_residual_sizes(hidden: Sequence[int]) -> None:
    """Raise ConfigError unless there are several hidden layers, all of one width."""
    same = ",".join([str(hidden[0])] * max(2, len(hidden))) if hidden else "128,128"
    if len(hidden) < 2:
        found = f"one of {hidden[0]} units" if hidden else "none"
        raise ConfigError(
            f"residual needs two hidden layers or more, all of one width, such as {same}; there is {found}"
        )
    if len(set(hidden)) > 1:
        widths = ", ".join(map(str, hidden))
        raise ConfigError(f"residual connections between unequal widths: {widths}; take one for all, such as {same}")
