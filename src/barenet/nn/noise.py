"""The random numbers of dropout: a function of step and position, not a stream of numbers.

The number for one value depends on five things: the network's seed, the dropout layer, the step, the position of the
image in the batch, and the unit. A hash turns them into 32 bits that look random. So any step can be repeated, a part
of a batch gets the same numbers as in the whole batch, and a network in a stack the same as alone.

    table   (position, unit)       a constant, made once for a batch size
    keys    (seed, layer, step)    two numbers of 32 bits, a few operations a step
    number  (table, keys)          six operations on arrays of 32-bit integers; compiled code gives exactly the same
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Noise", "hash_with_keys", "keys_of_steps", "position_table"]

Words = NDArray[np.uint32]

# 2^32 and 2^64 divided by the golden ratio, made odd: their multiples are spread evenly.
GOLDEN_32 = 0x9E3779B1
GOLDEN_64 = 0x9E3779B97F4A7C15
MASK_64 = 2**64 - 1
# Multipliers and shifts of the hash "lowbias32" (Chris Wellons, "Prospecting for Hash Functions", 2018), as arrays
# without axes: converting a Python integer costs as much as an operation on a small batch.
FIRST, SECOND = np.array(0x7FEB352D, np.uint32), np.array(0x846CA68B, np.uint32)
BY_15, BY_16 = np.array(15, np.uint32), np.array(16, np.uint32)


class Noise:
    """Seeds and step for all dropout layers of a network, or of a stack.

    seeds: an integer for each network, 0, 1, ... by default. The same seed drops the same units in a stack as alone.
    step: the number of the training step, counted from 0; the training code sets it before each forward pass. Two
        forward passes with the same step drop the same units.
    """

    def __init__(self, seeds: Iterable[int]) -> None:
        self.seeds = list(seeds)
        self.step = 0

    def keys(self, layer: int) -> Words:
        """Return two keys for each network (2, N), for this step and the dropout layer with number `layer`."""
        keys = [mix_64(mix_64(seed + (layer + 1) * GOLDEN_64) + self.step * GOLDEN_64) for seed in self.seeds]
        return np.array([[key >> 32 for key in keys], [key & 0xFFFFFFFF for key in keys]], np.uint32)


def keys_of_steps(seed: int, layer: int, steps: NDArray[np.int64]) -> Words:
    """Return the keys (S, 2) that `Noise.keys` gives for one network in steps (S,)."""
    start = np.array(mix_64(seed + (layer + 1) * GOLDEN_64), np.uint64)
    z = start + steps.astype(np.uint64) * np.uint64(GOLDEN_64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return np.column_stack([z >> np.uint64(32), z & np.uint64(0xFFFFFFFF)]).astype(np.uint32)


def mix_64(z: int) -> int:
    """Return 64 bits; changing one bit of `z` changes about half of them (Steele, Lea and Flood 2014, SplitMix64)."""
    z &= MASK_64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK_64
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK_64
    return z ^ z >> 31


def mix_32(x: Words) -> Words:
    """Return lowbias32 of each element, in new arrays: what `mix_64` is for 64 bits, for 32 bits."""
    x = (x ^ (x >> BY_16)) * FIRST
    x = (x ^ (x >> BY_15)) * SECOND
    return x ^ (x >> BY_16)


def position_table(n_images: int, n_units: int) -> Words:
    """Return a constant for each position of a batch and each unit (B, H); a larger table begins with a smaller one."""
    units = mix_32(np.arange(1, n_units + 1, dtype=np.uint32))
    positions = np.arange(n_images, dtype=np.uint32)[:, None] * np.uint32(GOLDEN_32)
    return mix_32(positions + units)


def hash_with_keys(table: Words, keys: Words, out: Words, scratch: Words) -> None:
    """Write a number from 0 to 2^32 - 1 for each value, (..., B, H).

    table: of positions and units (B, H), or some of its rows.
    keys: two a network, (2, ..., 1, 1), or (2,) for one network.
    """
    first_key, second_key = keys[0, ...], keys[1, ...]
    np.bitwise_xor(table, first_key, out=out)
    np.multiply(out, FIRST, out=out)
    np.right_shift(out, BY_15, out=scratch)
    np.bitwise_xor(out, scratch, out=out)
    np.add(out, second_key, out=out)
    np.multiply(out, SECOND, out=out)
