"""How a step is cut into parts: only by shapes and batch size, so that any number of threads gives the same bits.

A product of some rows may differ in the last bit from those rows of the whole product, because BLAS adds in another
order. So the parts are fixed, and a run records the version of the rule. Each part costs calls and repeated work of
BLAS, so small steps are not cut (`python benchmarks/parts.py` measures both).
"""

from __future__ import annotations

import itertools

__all__ = ["RULE_VERSION", "image_parts", "is_small_layer", "split", "weight_pieces"]

RULE_VERSION = 1

# A part with fewer multiply-adds costs more time than a second thread saves.
PART_WORK = 24_000_000
PIECE_WORK = 12_000_000
MOST_PARTS = 8
FEWEST_ROWS = 64  # a piece has at least so many rows of a weight matrix
SMALL_LAYER = 32_768  # a layer with fewer weights is small


def image_parts(batch_size: int, n_weights: int) -> int:
    """Return into how many parts the images of a batch are cut, for a network of `n_weights` weights."""
    by_rows = next((n for limit, n in ((128, 1), (512, 2), (2048, 4)) if batch_size < limit), MOST_PARTS)
    return max(1, min(by_rows, batch_size * n_weights // PART_WORK))


def weight_pieces(batch_size: int, n_inputs: int, n_outputs: int) -> int:
    """Return into how many pieces of rows a weight matrix (n_inputs, n_outputs) is cut."""
    by_work = batch_size * n_inputs * n_outputs // PIECE_WORK
    return max(1, min(MOST_PARTS, by_work, n_inputs // FEWEST_ROWS))


def is_small_layer(n_inputs: int, n_outputs: int) -> bool:
    """Whether a layer has few weights: such consecutive layers, if they are not cut, are one piece."""
    return n_inputs * n_outputs < SMALL_LAYER


def split(n: int, n_parts: int) -> list[slice]:
    """Return nearly equal slices that cover n rows in order.

    >>> split(5, 2)
    [slice(0, 2, None), slice(2, 5, None)]
    """
    bounds = [n * part // n_parts for part in range(n_parts + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(bounds)]
