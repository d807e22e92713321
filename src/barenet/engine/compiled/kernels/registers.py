"""How many vectors a tile of a product may hold: as many as the processor has registers for. It changes only speed."""

from __future__ import annotations

import llvmlite.binding as llvm
import numba

__all__ = ["SMALL_ROWS", "TILE_ROWS", "TILE_VECTORS"]

SMALL_ROWS = 4  # of tiles for the rows that remain after large tiles


def tile_shape(features: str) -> tuple[int, int]:
    """Return rows and vectors of 16 of a tile for a processor with these features, as LLVM writes them.

    AVX-512 has 32 registers of 16 numbers, AVX2 16 of 8, NEON 32 of 4. Sums fill most of them: a processor that starts
    two fused product-sums at once, and ends each four clocks later, needs at least eight registers of sums.
    """
    return (8, 2) if "+avx512f" in features.split(",") else (6, 1)


def features() -> str:
    """Return the features of the processor that Numba compiles for: this one, or the one in Numba's settings."""
    chosen = numba.config.CPU_FEATURES  # type: ignore[attr-defined]
    if chosen is not None:
        return str(chosen)
    return str(llvm.get_host_cpu_features().flatten())


TILE_ROWS, TILE_VECTORS = tile_shape(features())
