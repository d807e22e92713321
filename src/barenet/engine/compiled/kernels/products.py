"""Products of matrices, in tiles of the result that stay in the processor's registers.

All three products of a layer have one form: c(i, j) = start(i, j) + the sum over k of a(i, k) b(k, j), where the terms
are added in the order of k. The order never depends on tiles, blocks or threads, so neither do the bits.

    y  = x W + b             a = x,      b = W
    dx = dy W^T              a = dy,     b = W^T, which is stored transposed
    W  = keep W + x^T dy     a = x^T,    b = dy

`a` may have any two strides. Columns of `b`, `c` and `start` are in panels of 16 that are contiguous in memory; a panel
may have any stride from row to row. Weights are stored panel after panel, each with all its rows, so that a tile reads
them in order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from barenet.engine.compiled.kernels.compiling import CHECKS_BOUNDS, FLOATS, SIZE, helper, kernel, start_of
from barenet.engine.compiled.kernels.memory import load, load_from, store, store_to
from barenet.engine.compiled.kernels.registers import SMALL_ROWS, TILE_ROWS, TILE_VECTORS
from barenet.engine.compiled.kernels.vectors import INTS as VECTOR_OF_INTS
from barenet.engine.compiled.kernels.vectors import LANES, VECTOR, fused, spread

__all__ = ["into_panels", "product", "transpose"]

WORD = ir.IntType(64)
# Sizes that fit into one core's caches: 256 rows of a panel are 16 KB, and 256 columns of 128 rows of `a` 128 KB.
MOST_TERMS = 256
MOST_ROWS = 128
ONE = np.float32(1)


def tile(n_rows: int, n_vectors: int) -> Any:
    """Return an intrinsic that computes a tile of n_rows x n_vectors panels of a product.

    Its arguments are n; then for each of a, b, c, start the array, the first element and two strides, for `a` from row
    to row and from term to term, for the others from row to row and from panel to panel; then the factor of `start`.
    """

    @intrinsic
    def compute_tile(
        _typing: Any,
        n: Any,
        a: Any,
        a0: Any,
        a_row: Any,
        a_term: Any,
        b: Any,
        b0: Any,
        b_row: Any,
        b_panel: Any,
        c: Any,
        c0: Any,
        c_row: Any,
        c_panel: Any,
        start: Any,
        s0: Any,
        s_row: Any,
        s_panel: Any,
        scale: Any,
    ) -> Any:
        """Compute a tile."""
        place = [types.intp] * 3
        signature = types.void(types.intp, a, *place, b, *place, c, *place, start, *place, types.float32)

        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            kinds, n, factor = signature.args, given[0], spread(builder, given[17])
            a, b, c, start = (given[first : first + 4] for first in (1, 5, 9, 13))

            def pointer(kind: Any, operand: Any) -> Any:
                return builder.gep(start_of(context, builder, kind, operand[0]), [operand[1]])

            def at(origin: Any, operand: Any, row: int, panel: int) -> Any:
                rows = builder.mul(operand[2], ir.Constant(WORD, row))
                panels = builder.mul(operand[3], ir.Constant(WORD, panel))
                return builder.bitcast(builder.gep(origin, [builder.add(rows, panels)]), VECTOR.as_pointer())

            from_a, from_b = pointer(kinds[1], a), pointer(kinds[5], b)
            to_c, from_start = pointer(kinds[9], c), pointer(kinds[13], start)
            cells = [(i, v) for i in range(n_rows) for v in range(n_vectors)]
            # Variables, not values: LLVM keeps them in registers.
            sums = {cell: cgutils.alloca_once(builder, VECTOR) for cell in cells}
            for i, v in cells:
                builder.store(builder.fmul(factor, load_from(builder, at(from_start, start, i, v))), sums[i, v])
            with cgutils.for_range(builder, n) as loop:
                term_a = builder.gep(from_a, [builder.mul(loop.index, a[3])])
                term_b = builder.gep(from_b, [builder.mul(loop.index, b[2])])
                columns = [load_from(builder, at(term_b, b, 0, v)) for v in range(n_vectors)]
                for i in range(n_rows):
                    number = builder.load(builder.gep(term_a, [builder.mul(a[2], ir.Constant(WORD, i))]))
                    row = spread(builder, number)
                    for v in range(n_vectors):
                        builder.store(fused(builder, row, columns[v], builder.load(sums[i, v])), sums[i, v])
            for i, v in cells:
                store_to(builder, builder.load(sums[i, v]), at(to_c, c, i, v))
            return context.get_dummy_value()

        return signature, generate

    return compute_tile


@intrinsic
def transpose_square(_typing: Any, a: Any, a0: Any, out: Any, out0: Any) -> Any:
    """Write the transpose of 16 vectors that are contiguous in memory.

    It takes four rounds; the round of distance d takes pairs of vectors that are d apart, and exchanges their numbers
    that are d apart.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        def places(kind: Any, array: Any, first: Any) -> list[Any]:
            origin = builder.gep(start_of(context, builder, kind, array), [first])
            return [
                builder.bitcast(builder.gep(origin, [ir.Constant(WORD, LANES * row)]), VECTOR.as_pointer())
                for row in range(LANES)
            ]

        rows = [load_from(builder, place) for place in places(signature.args[0], *given[:2])]
        for distance in (8, 4, 2, 1):
            lanes = range(LANES)
            low = [lane if not lane & distance else LANES + lane - distance for lane in lanes]
            high = [lane + distance if not lane & distance else LANES + lane for lane in lanes]
            for i in (row for row in lanes if not row & distance):
                pair = rows[i], rows[i + distance]
                rows[i], rows[i + distance] = (
                    builder.shuffle_vector(*pair, ir.Constant(VECTOR_OF_INTS, chosen)) for chosen in (low, high)
                )
        for row, place in zip(rows, places(signature.args[2], *given[2:]), strict=True):
            store_to(builder, row, place)
        return context.get_dummy_value()

    return types.void(a, types.intp, out, types.intp), generate


large_pair, small_pair, row_pair = tile(TILE_ROWS, 2), tile(SMALL_ROWS, 2), tile(1, 2)
large_tile, small_tile, row_tile = tile(TILE_ROWS, 1), tile(SMALL_ROWS, 1), tile(1, 1)


@helper
def check_extent(array, first, rows, row, columns, column, last):
    """Raise IndexError if rows x columns, with these strides and `last` numbers at each place, go beyond an array."""
    if rows and columns and (first < 0 or first + (rows - 1) * row + (columns - 1) * column + last > array.size):
        raise IndexError("a product reaches outside its arrays")


@kernel(types.void, SIZE, SIZE, SIZE, *[FLOATS, SIZE, SIZE, SIZE] * 4, types.float32)
def product(
    rows, panels, n, a, a0, a_row, a_term, b, b0, b_row, b_panel, c, c0, c_row, c_panel, start, s0, s_row, s_panel,
    scale
):  # fmt: skip
    """Write c(i, j) = scale start(i, j) + the sum of a(i, k) b(k, j) over k from 0 to n - 1.

    rows x panels: the shape of the result, in panels of 16 columns. Of each array (flat, float32) its first element and
    two strides are given, see `tile`.
    """
    if CHECKS_BOUNDS:
        check_extent(a, a0, rows, a_row, n, a_term, 1)
        check_extent(b, b0, n, b_row, panels, b_panel, LANES)
        check_extent(c, c0, rows, c_row, panels, c_panel, LANES)
        check_extent(start, s0, rows, s_row, panels, s_panel, LANES)
    for first in range(0, rows, MOST_ROWS):
        block_rows = min(MOST_ROWS, rows - first)
        to = c0 + first * c_row
        multiply_block(
            block_rows, panels, min(n, MOST_TERMS), a, a0 + first * a_row, a_row, a_term, b, b0, b_row, b_panel,
            c, to, c_row, c_panel, start, s0 + first * s_row, s_row, s_panel, scale,
        )  # fmt: skip
        # Partial sums are kept in the result, and added in the order of k.
        for term in range(MOST_TERMS, n, MOST_TERMS):
            multiply_block(
                block_rows, panels, min(n - term, MOST_TERMS), a, a0 + first * a_row + term * a_term, a_row, a_term,
                b, b0 + term * b_row, b_row, b_panel, c, to, c_row, c_panel, c, to, c_row, c_panel, ONE,
            )  # fmt: skip


@helper
def multiply_block(
    rows, panels, n, a, a0, a_row, a_term, b, b0, b_row, b_panel, c, c0, c_row, c_panel, start, s0, s_row, s_panel,
    scale
):  # fmt: skip
    """Write a part of a product that fits into the cache, tile after tile."""
    large = rows_of_large_tiles(rows)
    small = large + (rows - large) // SMALL_ROWS * SMALL_ROWS
    pairs = panels - panels % 2 if TILE_VECTORS == 2 else 0
    if TILE_VECTORS == 2:
        for j in range(0, pairs, 2):
            bj, cj, sj = b0 + j * b_panel, c0 + j * c_panel, s0 + j * s_panel
            for i in range(0, large, TILE_ROWS):
                large_pair(n, a, a0 + i * a_row, a_row, a_term, b, bj, b_row, b_panel,
                           c, cj + i * c_row, c_row, c_panel, start, sj + i * s_row, s_row, s_panel, scale)  # fmt: skip
            for i in range(large, small, SMALL_ROWS):
                small_pair(n, a, a0 + i * a_row, a_row, a_term, b, bj, b_row, b_panel,
                           c, cj + i * c_row, c_row, c_panel, start, sj + i * s_row, s_row, s_panel, scale)  # fmt: skip
            for i in range(small, rows):
                row_pair(n, a, a0 + i * a_row, a_row, a_term, b, bj, b_row, b_panel,
                         c, cj + i * c_row, c_row, c_panel, start, sj + i * s_row, s_row, s_panel, scale)  # fmt: skip
    for j in range(pairs, panels):
        bj, cj, sj = b0 + j * b_panel, c0 + j * c_panel, s0 + j * s_panel
        for i in range(0, large, TILE_ROWS):
            large_tile(n, a, a0 + i * a_row, a_row, a_term, b, bj, b_row, b_panel,
                       c, cj + i * c_row, c_row, c_panel, start, sj + i * s_row, s_row, s_panel, scale)  # fmt: skip
        for i in range(large, small, SMALL_ROWS):
            small_tile(n, a, a0 + i * a_row, a_row, a_term, b, bj, b_row, b_panel,
                       c, cj + i * c_row, c_row, c_panel, start, sj + i * s_row, s_row, s_panel, scale)  # fmt: skip
        for i in range(small, rows):
            row_tile(n, a, a0 + i * a_row, a_row, a_term, b, bj, b_row, b_panel,
                     c, cj + i * c_row, c_row, c_panel, start, sj + i * s_row, s_row, s_panel, scale)  # fmt: skip


@helper
def rows_of_large_tiles(rows):
    """Return how many rows the large tiles compute; small tiles compute the others, except up to three rows."""
    n = rows // TILE_ROWS
    left = rows - n * TILE_ROWS
    if TILE_ROWS == 6 and n and (left == 2 or left == 3):  # noqa: PLR1714 (Numba allows no set here)
        n -= 1
    return n * TILE_ROWS


@kernel(types.void, *[SIZE] * 4, FLOATS, SIZE, SIZE, FLOATS, SIZE)
def into_panels(first, stop, rows, panels, a, a0, a_row, out, out0):
    """Copy rows, from `first` to before `stop`, of a matrix (rows, 16 panels) into panels, each with all its rows."""
    for j in range(panels):
        for i in range(first, stop):
            store(out, out0 + (j * rows + i) * LANES, load(a, a0 + i * a_row + j * LANES))


@kernel(types.void, *[SIZE] * 4, FLOATS, SIZE, FLOATS, SIZE)
def transpose(first, stop, rows, panels, weights, w0, out, out0):
    """Write rows, from `first` to before `stop`, of weights in panels (rows, 16 panels) into panels of the transpose.

    `first`, `stop` and `rows` are multiples of 16.
    """
    if CHECKS_BOUNDS:
        check_extent(weights, w0, rows, LANES, panels, rows * LANES, LANES)
        check_extent(out, out0, 16 * panels, LANES, rows // LANES, 16 * panels * LANES, LANES)
    for j in range(panels):
        for i in range(first, stop, LANES):
            transpose_square(weights, w0 + (j * rows + i) * LANES, out, out0 + (i * panels + j * LANES) * LANES)
