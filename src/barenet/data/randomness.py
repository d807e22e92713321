"""One generator for each random choice, given by a seed, the purpose of the choice and the epoch.

So order of calls, resuming, stacking and the number of workers change nothing: the same seed, purpose and epoch always
give the same numbers.
"""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["generator"]


def generator(seed: int, purpose: str, epoch: int = 0) -> np.random.Generator:
    """Return a fresh generator for (seed, purpose, epoch); purposes are short words such as "order"."""
    key = zlib.crc32(purpose.encode())
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, key, epoch])))
