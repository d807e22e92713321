"""Cutting a matrix product into parts that BLAS multiplies faster than the whole.

For a small batch, BLAS spends much time on copying the weights into the order that a large product needs. For products
of up to a million multiply-adds, OpenBLAS has kernels for processors with AVX-512 that do not copy (its
`kernel/x86_64/*gemm_small_kernel_permit_skylakex.c`). So a wide product is given to it as several narrow ones, each for
some columns of the result. That is the same computation, in one call of `np.matmul`.

The number of parts depends only on the shapes, so a network gets the same bits in a stack as alone. If BLAS has no such
kernels, as for processors without AVX-512, the parts cost about as much as the whole (`benchmarks/parts.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Parts", "columns", "cut", "rows"]

Array = NDArray[np.floating]

# Measured: larger batches keep BLAS busy, and narrower or more parts cost more than they save.
LARGEST_BATCH = 32
NARROWEST_PART = 32
MOST_FORWARD_PARTS = 8

# Limits of these kernels: multiply-adds, and elements of the result if the second factor is transposed.
MULTIPLY_ADDS = 1_000_000
ELEMENTS = 1_024


def columns(matrix: Array, n: int) -> Array:
    """Return a view (..., n, B, H / n) of a matrix (..., B, H): n groups of columns."""
    return matrix.reshape(*matrix.shape[:-1], n, -1).swapaxes(-3, -2)


def rows(matrix: Array, n: int) -> Array:
    """Return a view (..., n, D / n, H) of a matrix (..., D, H): n groups of rows."""
    return matrix.reshape(*matrix.shape[:-2], n, -1, matrix.shape[-1])


@dataclass(frozen=True)
class Parts:
    """Into how many parts a layer's three products are cut: y = x W, dW = x^T dy, dx = dy W^T."""

    forward: int = 1
    dW: int = 1
    dx: int = 1

    @property
    def is_whole(self) -> bool:
        """Whether nothing is cut."""
        return self == Parts()


def cut(batch: int, n_inputs: int, n_outputs: int) -> Parts:
    """Return how to cut the products of a layer with weights (n_inputs, n_outputs) for a batch."""
    if not 1 <= batch <= LARGEST_BATCH:
        return Parts()
    forward = fewest(n_outputs, MULTIPLY_ADDS // (batch * n_inputs))
    return Parts(
        forward=forward if forward <= MOST_FORWARD_PARTS else 1,
        dW=fewest(n_inputs, MULTIPLY_ADDS // (batch * n_outputs)),
        dx=fewest(n_inputs, min(MULTIPLY_ADDS // (batch * n_outputs), ELEMENTS // batch)),
    )


def fewest(width: int, widest: int) -> int:
    """Return the smallest number of equal parts of `width` that are at most `widest`, or 1 if they are too narrow."""
    fitting = (n for n in range(1, width // NARROWEST_PART + 1) if width % n == 0 and width // n <= widest)
    return next(fitting, 1)
