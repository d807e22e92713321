"""The arrangement of a network in memory for compiled kernels: padded to multiples of 16, weights in panels.

Files and all other code use the flat parameters of `nn.parameters`; this module converts them into this form, and back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.engine.compiled.kernels.layers import ACTIVATION_CODES, IDENTITY
from barenet.engine.compiled.kernels.vectors import LANES
from barenet.engine.compiled.tables import BIAS, LAYER_COLUMNS, TRANSPOSED, WEIGHTS, WIDE_IN, WIDE_OUT
from barenet.nn import Architecture, Loss
from barenet.nn.layers.batch_norm import ghosts

__all__ = ["Layout"]

Floats = NDArray[np.float32]


FEWEST_LINES = 8  # a row of so many cache lines or more gets an odd number of them


def padded(n: int) -> int:
    """Return the next multiple of 16."""
    return -(-n // LANES) * LANES


def row_length(n: int) -> int:
    """Return the distance between rows of n numbers in the memory of a batch.

    Long rows are an odd number of cache lines, 16 numbers each, apart: rows at distances of a power of two would
    compete for few places in the cache.
    """
    lines = padded(n) // LANES
    return (lines + (lines % 2 == 0 and lines >= FEWEST_LINES)) * LANES


@dataclass(frozen=True)
class Layout:
    """The places of all arrays of one network.

    layers: (L, LAYER_COLUMNS), see `tables`. size: numbers of the parameters; transposed: of transposed weights; work:
    of the memory that a batch needs. input_factors: see `tables.Network`.
    """

    architecture: Architecture
    layers: NDArray[np.int64]
    size: int
    transposed: int
    work: int
    input_factors: int

    @staticmethod
    def of(
        architecture: Architecture,
        loss: Loss,
        batch_size: int,
        *,
        drops_inputs: bool = False,
        drops_units: bool = False,
        trains: bool = True,
    ) -> Layout:
        """Return the layout of a network for batches of up to `batch_size` images.

        If `trains` is false, weights include batch normalisation, which then has no arrays.
        """
        rows = architecture.rows
        kinds = architecture.kinds(loss)
        layers = np.zeros((len(rows), LAYER_COLUMNS), np.int64)
        size = transposed = work = statistics = 0
        n_ghosts = len(ghosts(batch_size))

        def reserve(row: int, n_rows: int = batch_size) -> int:
            nonlocal work
            start = work
            work += n_rows * row
            return start

        x = reserve(row_length(rows[0].input_dim))
        input_factors = reserve(row_length(rows[0].input_dim)) if drops_inputs else -1
        for number, row in enumerate(rows):
            wide_in, wide_out = padded(row.input_dim), padded(row.output_dim)
            row_in, row_out = row_length(row.input_dim), row_length(row.output_dim)
            code = ACTIVATION_CODES[row.activation.name] if "activation" in kinds[number] else IDENTITY
            is_dropped = drops_units and number + 1 < len(rows)
            z = reserve(row_out)
            a = reserve(row_out) if code != IDENTITY else z
            given = reserve(row_out) if row.residual else a
            out = reserve(row_out) if is_dropped else given
            factors, d, panels = reserve(row_out) if is_dropped else -1, reserve(row_out), reserve(wide_out)
            normalized = inverse = mean = variance = totals = -1
            has_statistics = trains and "batch_norm" in kinds[number]
            if "layer_norm" in kinds[number]:
                normalized, inverse = reserve(row_out), reserve(LANES)
            elif has_statistics:
                normalized = reserve(row_out)
                inverse, mean, variance, totals = (reserve(row_out, n_ghosts) for _ in range(4))
            layers[number] = (
                *(row.input_dim, row.output_dim, wide_in, wide_out, row_in, row_out, size, 0, code, x, z, a, out),
                *(factors, d, panels, transposed if number else -1),
                *(normalized, inverse, given, reserve(row_out) if row.residual else d),
                *(statistics if has_statistics else -1, mean, variance, totals),
            )
            statistics += 2 * row.output_dim if has_statistics else 0
            size += wide_in * wide_out
            transposed += wide_in * wide_out if number else 0
            x = out
        for number, row in enumerate(rows):
            layers[number, BIAS] = size
            size += padded(row.output_dim)
        return Layout(architecture, layers, size, transposed, work, input_factors)

    def pack(self, flat: Floats) -> Floats:
        """Return parameters (P,) in this layout, with 0 as padding."""
        out = np.zeros(self.size, np.float32)
        for (weights, bias), spec in zip(self.views(flat), self.layers, strict=True):
            n_in, n_out, wide_in, wide_out = (int(width) for width in spec[:4])
            whole = np.zeros((wide_in, wide_out), np.float32)
            whole[:n_in, :n_out] = weights
            panels = whole.reshape(wide_in, -1, LANES).swapaxes(0, 1)
            out[spec[WEIGHTS] : spec[WEIGHTS] + whole.size] = panels.reshape(-1)
            out[spec[BIAS] : spec[BIAS] + n_out] = bias
        return out

    def unpack(self, packed: Floats) -> Floats:
        """Return parameters in this layout as flat parameters (P,)."""
        flat = np.empty(sum(row.n_parameters for row in self.architecture.rows), np.float32)
        for (weights, bias), spec in zip(self.views(flat), self.layers, strict=True):
            n_in, n_out, wide_in, wide_out = (int(width) for width in spec[:4])
            panels = packed[spec[WEIGHTS] : spec[WEIGHTS] + wide_in * wide_out].reshape(-1, wide_in, LANES)
            weights[...] = panels.swapaxes(0, 1).reshape(wide_in, wide_out)[:n_in, :n_out]
            bias[...] = packed[spec[BIAS] : spec[BIAS] + n_out]
        return flat

    def views(self, flat: Floats) -> list[tuple[Floats, Floats]]:
        """Return views of each layer's weights (D, H) and biases (H,) in the flat parameters."""
        pairs, first_weight = [], 0
        first_bias = self.architecture.n_weights
        for row in self.architecture.rows:
            n_weights = row.input_dim * row.output_dim
            weights = flat[first_weight : first_weight + n_weights].reshape(row.input_dim, row.output_dim)
            pairs.append((weights, flat[first_bias : first_bias + row.output_dim]))
            first_weight, first_bias = first_weight + n_weights, first_bias + row.output_dim
        return pairs

    def places(self) -> dict[str, tuple[int, int]]:
        """Return for each parameter, by name, where it begins in the flat parameters and how many numbers it has."""
        found, start = {}, 0
        for name, (n_rows, n_columns) in {**self.architecture.weights, **self.architecture.biases}.items():
            found[name] = start, n_rows * n_columns
            start += n_rows * n_columns
        return found

    def transpose(self, packed: Floats) -> Floats:
        """Return the transposed weights of all layers except the first, in panels; kernels keep them up to date."""
        out = np.zeros(self.transposed, np.float32)
        for spec in self.layers[1:]:
            size, wide_in = spec[WIDE_IN] * spec[WIDE_OUT], spec[WIDE_IN]
            panels = packed[spec[WEIGHTS] : spec[WEIGHTS] + size].reshape(-1, wide_in, LANES)
            whole = panels.swapaxes(0, 1).reshape(wide_in, -1).T
            out[spec[TRANSPOSED] : spec[TRANSPOSED] + size] = (
                whole.reshape(len(whole), -1, LANES).swapaxes(0, 1).reshape(-1)
            )
        return out
