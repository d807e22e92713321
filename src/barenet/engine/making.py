"""Which engine trains some networks: compiled kernels, or NumPy, with threads or in worker processes.

The kind of engine determines the last bits, so a run or a study keeps one kind: `settle_engine` chooses it, once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from barenet.config.tables import Config
from barenet.data.batches import TrainingImages
from barenet.engine.choice import candidates_for
from barenet.engine.compiled.available import describe_compiling, is_installed, why_not
from barenet.engine.numpy_engine.batch_tasks import needs_whole_batch
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.parts import image_parts
from barenet.engine.protocol import Engine
from barenet.engine.state import TrainingState
from barenet.errors import ConfigError, RunError
from barenet.nn import CUSTOM, Architecture, Loss
from barenet.notes import held_back, logger

__all__ = [
    "NAMES",
    "check_engine",
    "choose_engine",
    "count_processes",
    "describe_engine",
    "make_engine",
    "settle_engine",
]

Kind = Literal["numpy", "compiled"]

NAMES = {"numpy": "NumPy", "compiled": "compiled kernels"}

# A worker process takes about a second to start. For a shorter training than this, threads are used.
WORTH_SECONDS = 8.0
# Only to estimate the time of a step: seconds of calls, and multiply-adds a second of one core.
SECONDS_OF_CALLS = 60e-6
MULTIPLY_ADDS = 1e10


def settle_engine(config: Config) -> Config:
    """Return the settings with the engine that trains, numpy or compiled; note what a person may not expect.

    Raises ConfigError if the settings name an engine that cannot be used.
    """
    kind = choose_engine(config)
    if kind == "compiled" and (sentence := describe_compiling()) is not None:
        logger.info(sentence)
    return config.with_values(trainer__engine=kind)


def choose_engine(config: Config) -> Kind:
    """Return which engine trains: the one in the settings; for `auto`, that of BARENET_ENGINE, else by Numba."""
    asked: str = config.trainer.engine
    where = "trainer.engine"
    if asked == "auto":
        asked, where = os.environ.get("BARENET_ENGINE") or "auto", "BARENET_ENGINE"
    if asked not in ("auto", "numpy", "compiled"):
        raise ConfigError(f"BARENET_ENGINE must be numpy or compiled, got {asked!r}; correct it, or unset it")
    if asked == "numpy" or (asked == "auto" and not is_installed()):
        return "numpy"
    if has_custom_functions(config):
        logger.info("compiled kernels cannot use custom activations or losses: training on the engine numpy")
        return "numpy"
    if (why := why_not()) is None:
        return "compiled"
    if asked == "compiled":
        raise ConfigError(f"{where} is compiled, but {why}; or choose numpy")
    logger.info(f"training on the engine numpy: {why}")
    return "numpy"


def is_compiled(config: Config) -> bool:
    """Whether compiled kernels train; `settle_engine` has told why not."""
    with held_back():
        return choose_engine(config) == "compiled"


def check_engine(folder: Path, config: Config) -> None:
    """Raise RunError if the engine that began a run or a study cannot be used here."""
    if config.trainer.engine == "compiled" and (why := why_not()) is not None:
        raise RunError(f"{folder} was begun with compiled kernels, and goes on only with them; {why}")


def has_custom_functions(config: Config) -> bool:
    """Whether the settings name an activation or a loss that a person wrote."""
    model = config.model
    given = [model.activation] if isinstance(model.activation, str) else model.activation
    activations = given if model.layers is None else [row.activation for row in model.layers]
    return any(name.startswith(CUSTOM) for name in (*activations, model.loss))


def make_engine(
    configs: Sequence[Config],
    architecture: Architecture,
    loss: Loss,
    state: TrainingState,
    images: TrainingImages,
    *,
    batch_size: int,
    most_threads: int,
    n_steps: int,
) -> Engine:
    """Return an engine for networks that will take up to `n_steps` steps, on up to `most_threads` cores."""
    made_of = (configs, architecture, loss, state, images)
    if is_compiled(configs[0]):
        from barenet.engine.compiled.engine import CompiledEngine

        return CompiledEngine(*made_of, batch_size=batch_size, most_threads=most_threads)
    extent = {"batch_size": batch_size, "most_threads": most_threads, "n_steps": n_steps}
    n = choose_processes(len(configs), architecture, loss, **extent)
    if n > 1:
        from barenet.engine.processes.engine import ProcessEngine

        try:
            return ProcessEngine(*made_of, batch_size=batch_size, n_processes=n)
        except OSError:  # no disk space for the images that workers map: threads need none
            pass
    return NumpyEngine(*made_of, batch_size=batch_size, most_threads=most_threads)


def describe_engine(
    config: Config,
    n_networks: int,
    architecture: Architecture,
    loss: Loss,
    *,
    batch_size: int,
    most_threads: int,
    n_steps: int,
) -> str:
    """Return in words what `make_engine` will make, as far as it is known before."""
    if is_compiled(config):
        most = max(candidates_for(most_threads, n_networks, batch_size * architecture.n_weights))
        return f"{NAMES['compiled']}, {f'up to {most} threads' if most > 1 else '1 thread'}"
    n = choose_processes(
        n_networks, architecture, loss, batch_size=batch_size, most_threads=most_threads, n_steps=n_steps
    )
    if n > 1:
        return f"NumPy in {n} processes"
    return f"NumPy, up to {most_threads} threads" if most_threads > 1 else "NumPy, 1 thread"


def choose_processes(
    n_networks: int, architecture: Architecture, loss: Loss, *, batch_size: int, most_threads: int, n_steps: int
) -> int:
    """Return how many worker processes train; 1 for none, as with custom functions, which run in this process."""
    if needs_whole_batch(architecture, loss):
        return 1
    return count_processes(n_networks, architecture, batch_size, most_threads, n_steps)


def count_processes(
    n_networks: int, architecture: Architecture, batch_size: int, most_threads: int, n_steps: int
) -> int:
    """Return how many worker processes train several networks; 1 for none, in this process.

    Threads wait for the lock of the interpreter, processes do not. But processes need a training that is long enough.
    And if batches are cut and there are fewer networks than cores, threads can share a network.
    """
    if image_parts(batch_size, architecture.n_weights) > 1 and n_networks < most_threads:
        return 1
    step = SECONDS_OF_CALLS + 3 * batch_size * architecture.n_weights / MULTIPLY_ADDS
    is_worth = n_networks * n_steps * step >= WORTH_SECONDS
    return min(n_networks, most_threads) if is_worth else 1
