"""One generator for each random choice, keyed by what the choice is for.

Order of calls, resuming, stacking and the number of workers then change nothing: the same seed, purpose and epoch
give the same numbers wherever and whenever they are drawn.
"""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["generator"]


def generator(seed: int, purpose: str, epoch: int = 0) -> np.random.Generator:
    """Return a fresh generator for (seed, purpose, epoch); purposes are short words such as "order"."""
    key = zlib.crc32(purpose.encode())
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, key, epoch])))
