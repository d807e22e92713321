"""barenet's compiled engine, called in the same way as the NumPy engine in `ours`."""

from __future__ import annotations

from typing import Any

import numba

from barenet.engine.compiled.engine import CompiledEngine
from barenet.engine.protocol import Engine
from peers import ours


class Peer(ours.Peer):
    """The compiled engine, with the losses and predicted classes that it returns for an epoch."""

    def make_engine(self, *args: Any, **kwargs: Any) -> Engine:
        """Return the engine."""
        return CompiledEngine(*args, **kwargs)

    def about(self) -> dict[str, Any]:
        """Return what `ours` returns, and the version of Numba."""
        return {**super().about(), "numba": numba.__version__}

    def describe_choice(self) -> str:
        """Return how many threads the engine uses."""
        assert isinstance(self.engine, CompiledEngine)
        n = self.engine.choice.best
        return f"{n} thread{'s'[: n != 1]}"
