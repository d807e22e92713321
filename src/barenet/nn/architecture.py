"""The description of a network: its dense layers in order, and the activation after each.

All code that needs to know the layers of a network uses it: the network, memory estimates, files, exports, pages.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from barenet.errors import ConfigError
from barenet.nn.activations import Activation, find_activation
from barenet.nn.losses import Loss
from barenet.nn.rows import LayerSpec, each_layer, read_row

__all__ = ["Architecture", "LayerSpec", "each_layer"]


@dataclass(frozen=True, repr=False)
class Architecture:
    """All rows of a network, from the images to the classes.

    Raises:
        ConfigError: a width is not a positive integer, or a layer's input_dim is not the output_dim of the one before.
    """

    rows: tuple[LayerSpec, ...]

    def __post_init__(self) -> None:
        if not self.rows:
            raise ConfigError("an architecture needs at least one layer, got none")
        for i, row in enumerate(self.rows):
            row.check(i + 1, is_last=i + 1 == len(self.rows))
            if i and row.input_dim != self.rows[i - 1].output_dim:
                raise ConfigError(
                    f"layers do not fit: layer {i} gives {self.rows[i - 1].output_dim} values, "
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

        `custom` are functions that a person wrote, recognised by their names. `normalization` is for all hidden layers,
        `residual` for those with as many inputs as outputs: all but the first, and the first if the images have as
        many values.

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
        """C, the number of values that the last layer gives."""
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
    def statistics(self) -> dict[str, tuple[int, int]]:
        """The shapes of the running statistics of batch normalisation by name: mean1, variance1, ..."""
        normalized = [(i, row) for i, row in enumerate(self.rows, start=1) if row.normalization == "batch"]
        return {f"{name}{i}": (1, row.output_dim) for i, row in normalized for name in ("mean", "variance")}

    @property
    def n_statistics(self) -> int:
        """How many running statistics there are: S."""
        return sum(prod(shape) for shape in self.statistics.values())

    @property
    def n_weights(self) -> int:
        """How many weights there are, biases not counted."""
        return sum(prod(shape) for shape in self.weights.values())

    @property
    def n_units(self) -> int:
        """How many units there are, with the classes and without the inputs."""
        return sum(row.output_dim for row in self.rows)

    def ends_in_logits(self, loss: Loss) -> bool:
        """Whether the network's outputs are logits, not probabilities, when it is trained with `loss`.

        Cross-entropy includes the softmax of the last layer, so the network does not apply it; with other losses it
        does.
        """
        return loss.output == "softmax" or self.rows[-1].activation.name != "softmax"

    def kinds(self, loss: Loss) -> list[tuple[str, ...]]:
        """Return the kinds of the layers of each row, in order: "dense", and the layers before and after it.

        The identity is not a layer, and neither is a softmax that the loss includes.
        """
        applied = [row.activation.name != "identity" for row in self.rows]
        if self.rows[-1].activation.name == "softmax":
            applied[-1] = not self.ends_in_logits(loss)
        return [
            (
                *["residual_start"] * row.residual,
                "dense",
                *[f"{row.normalization}_norm"] * (row.normalization != "none"),
                *["activation"] * is_applied,
                *["residual_sum"] * row.residual,
            )
            for row, is_applied in zip(self.rows, applied, strict=True)
        ]

    def fitting_batch_size(self, n_images: int, batch_size: int) -> int:
        """Return the batch size, or with batch normalisation the next larger one that gives no batch of one image."""
        if not self.n_statistics or batch_size >= n_images:
            return batch_size
        sizes = range(max(2, batch_size), n_images + 1)
        return next(size for size in sizes if n_images % size != 1)

    def check_batches(self, n_images: int, batch_size: int) -> None:
        """Raise ConfigError if batch normalisation would be over one image, for which it always gives 0.

        n_images: how many a network trains on in an epoch; the last batch has the remaining ones.
        """
        if not self.n_statistics or (n_images % batch_size or batch_size) > 1:
            return
        if batch_size == 1:
            raise ConfigError("batch normalization needs two images or more in a batch, got data.batch_size = 1")
        better = self.fitting_batch_size(n_images, batch_size)
        raise ConfigError(
            f"batch normalization needs two images or more in a batch: with data.batch_size = {batch_size} the last of "
            f"an epoch has one alone, the rest of {n_images}; take another size, such as {better}"
        )

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as the files store them."""
        return [row.as_dict() for row in self.rows]


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
