"""Products of the compiled engine against float64; the same bits in other places in memory and with other tiles."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from barenet.engine.compiled.kernels.compiling import addresses, compiled
from barenet.engine.compiled.kernels.products import into_panels, product, transpose
from barenet.engine.compiled.kernels.registers import tile_shape

pytestmark = pytest.mark.extra

LANES = 16
ROWS, TERMS, PANELS = (1, 3, 15, 17, 130), (1, 255, 256, 257, 1000), (1, 2, 3)
f32 = np.float32


@compiled
def multiply(kernels, rows, panels, n, a, a0, a_row, a_term, b, b0, b_row, b_panel, c, c0, start, s0, s_row, scale):
    """Call the kernel; c and start lie panel after panel, `rows` rows each."""
    product(kernels, rows, panels, n, a, a0, a_row, a_term, b, b0, b_row, b_panel,
            c, c0, LANES, LANES * rows, start, s0, s_row, LANES * rows, scale)  # fmt: skip


@compiled
def call_transpose(kernels, first, stop, rows, panels, weights, out):
    transpose(kernels, first, stop, rows, panels, weights, 0, out, 0)


@compiled
def call_into_panels(kernels, first, stop, rows, panels, a, a_row, out):
    into_panels(kernels, first, stop, rows, panels, a, 0, a_row, out, 0)


def in_panels(matrix):
    """Return a matrix (rows, 16 panels) panel after panel, flat."""
    return np.ascontiguousarray(matrix.reshape(len(matrix), -1, LANES).swapaxes(0, 1)).reshape(-1)


def from_panels(flat, rows):
    """Return what `in_panels` was given."""
    return flat.reshape(-1, rows, LANES).swapaxes(0, 1).reshape(rows, -1)


def computed(a, b, start=None, scale=1.0, *, transposed=False, before=0):
    """Return scale start + a b by the kernel; `a` is stored transposed; each array has `before` numbers in front."""
    rows, n = a.shape
    panels = b.shape[1] // LANES
    gap = np.full(before, np.nan, f32)
    flat_a = np.concatenate([gap, (a.T if transposed else a).ravel()])
    flat_b = np.concatenate([gap, in_panels(b)])
    zeros = np.zeros_like(a, shape=(rows, b.shape[1]))
    flat_start = np.concatenate([gap, in_panels(zeros if start is None else start)])
    out = np.full(before + rows * b.shape[1] + 32, 7, f32)
    a_row, a_term = (1, rows) if transposed else (n, 1)
    multiply(
        addresses(), rows, panels, n, flat_a, before, a_row, a_term, flat_b, before, LANES, LANES * n, out, before,
        flat_start, before, LANES, f32(scale),
    )  # fmt: skip
    assert (out[:before] == 7).all()
    assert (out[-32:] == 7).all()  # nothing is written after the result
    return from_panels(out[before:-32], rows)


def drawn(rows, n, panels, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape).astype(f32) for shape in ((rows, n), (n, LANES * panels), (rows, LANES * panels)))


def in_order(a, b, start):
    """Return start + a b in float64 with each sum rounded to float32, term after term: what fused product-sums give.

    The product of two float32 numbers is exact in float64, and two roundings of one sum are too rare for tests.
    """
    sums = start.astype(f32)
    for k in range(a.shape[1]):
        exact = a[:, k : k + 1].astype(np.float64) * b[k].astype(np.float64)
        sums = (sums.astype(np.float64) + exact).astype(f32)
    return sums


@pytest.mark.parametrize("n", TERMS)
@pytest.mark.parametrize("rows", ROWS)
def test_a_product_is_that_of_float64(rows, n):
    for panels in PANELS:
        a, b, start = drawn(rows, n, panels)
        # Each sum is off by at most half an ulp of the sums so far.
        bound = n * 2.0**-24 * (np.abs(a).astype(np.float64) @ np.abs(b) + np.abs(start))
        for scale, given in ((1, None), (1, start), (0.75, start), (0, start)):
            expected = a.astype(np.float64) @ b + (0 if given is None else scale * given.astype(np.float64))
            for transposed in (False, True):
                found = computed(a, b, given, scale, transposed=transposed)
                assert (np.abs(found - expected) <= bound + 1e-6 * np.abs(start)).all(), (panels, scale, transposed)


@pytest.mark.parametrize("rows", [1, 3, 16, 17, 130])
def test_terms_are_added_one_after_the_other_with_one_rounding_each(rows):
    for n in (1, 37, 257, 600):
        a, b, start = drawn(rows, n, 2, seed=n)
        np.testing.assert_array_equal(computed(a, b, start), in_order(a, b, start))


def test_bits_depend_neither_on_the_place_in_a_larger_matrix_nor_in_memory():
    a, b, start = drawn(130, 600, 3)
    whole = computed(a, b, start)
    for first, rows in ((0, 1), (5, 1), (7, 6), (100, 30), (129, 1), (3, 127)):
        for panel, panels in ((0, 1), (1, 1), (1, 2), (2, 1)):
            part = slice(first, first + rows), slice(panel * LANES, (panel + panels) * LANES)
            for before in (0, 3):
                own = computed(a[part[0]], b[:, part[1]], start[part], before=before)
                np.testing.assert_array_equal(own, whole[part])
    np.testing.assert_array_equal(computed(a, b, start, transposed=True), whole)


def test_an_infinite_number_and_a_nan_stay_in_their_row():
    a, b, start = drawn(17, 20, 2)
    expected = computed(a, b, start)
    a[3, 5], a[9, 19] = np.inf, np.nan
    found = computed(a, b, start)
    others = [row for row in range(17) if row not in (3, 9)]
    np.testing.assert_array_equal(found[others], expected[others])
    assert np.isinf(found[3]).all()
    assert np.isnan(found[9]).all()


@pytest.mark.parametrize(("rows", "columns"), [(16, 16), (16, 48), (48, 16), (80, 144)])
def test_transposed_weights_are_the_transpose(rows, columns):
    weights = np.arange(rows * columns, dtype=f32).reshape(rows, columns)
    out = np.full(rows * columns + LANES, 7, f32)
    for first in range(0, rows, 32):  # some rows at a time
        stop = min(first + 32, rows)
        call_transpose(addresses(), first, stop, rows, columns // LANES, in_panels(weights), out)
    np.testing.assert_array_equal(from_panels(out[:-LANES], columns), weights.T)
    assert (out[-LANES:] == 7).all()


@pytest.mark.parametrize("panels", PANELS)
@pytest.mark.parametrize("rows", ROWS)
def test_rows_are_copied_into_panels(rows, panels):
    for apart in (0, 16):  # numbers between the end of a row and the next
        matrix = np.arange(rows * (panels * LANES + apart), dtype=f32).reshape(rows, -1)
        out = np.full(rows * panels * LANES + LANES, 7, f32)
        middle = rows // 2
        for first, stop in ((0, middle), (middle, rows)):
            call_into_panels(addresses(), first, stop, rows, panels, matrix.reshape(-1), matrix.shape[1], out)
        np.testing.assert_array_equal(from_panels(out[:-LANES], rows), matrix[:, : panels * LANES])
        assert (out[-LANES:] == 7).all()


def test_tiles_are_larger_where_there_are_more_registers():
    avx2 = "+sse2,+avx,+avx2,+fma,-avx512f"
    assert np.prod(tile_shape(avx2)) < np.prod(tile_shape(avx2.replace("-avx512f", "+avx512f")))


def digest():
    """Return a hash of products of many shapes."""
    found = hashlib.sha256()
    for rows in (*ROWS, 6, 7, 16):
        for n in (1, 257, 600):
            for panels in PANELS:
                a, b, start = drawn(rows, n, panels)
                found.update(computed(a, b, start, 0.5).tobytes())
    return found.hexdigest()


# The changed module that chooses the tile is put in place before the others import it.
IN_ANOTHER_TILE = """
import importlib.util, sys
from pathlib import Path
import barenet.engine.compiled
name = "barenet.engine.compiled.kernels.registers"
path = Path(barenet.engine.compiled.__file__).parent / "kernels" / "registers.py"
spec = importlib.util.spec_from_file_location(name, path)
registers = sys.modules[name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(registers)
tile = registers.TILE_ROWS, registers.TILE_VECTORS = int(sys.argv[1]), int(sys.argv[2])
import test_compiled_products
from barenet.engine.compiled.kernels import products
assert (products.TILE_ROWS, products.TILE_VECTORS) == tile
print(test_compiled_products.digest())
"""


@pytest.mark.parametrize(
    "tile",
    [pytest.param(tile, marks=pytest.mark.full) for tile in ((8, 2), (6, 1), (4, 1), (3, 2), (1, 1))],
)
def test_bits_do_not_depend_on_the_shape_of_tiles(tile, tmp_path):
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    found = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_TILE, *map(str, tile)],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == digest()
