"""Engines for tests: small networks, any number of threads, and all results of an epoch bit by bit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from barenet.config.names import setting_path
from barenet.config.sources import build_config
from barenet.data.batches import TrainingImages
from barenet.engine import parts
from barenet.engine.choice import ThreadChoice
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.protocol import Engine, EpochPlan
from barenet.engine.state import TrainingState
from barenet.training.epochs import plan_epoch, start_state
from barenet.training.labels import soft_labels, weigh_classes
from barenet.training.preparation import Custom, architecture_of, loss_of

SHAPE, N_CLASSES = (8, 8), 10
N_INPUTS = 64
SETTINGS = {
    "hidden": "40,24",
    "activation": "relu",
    "normalization": "none",
    "label_smoothing": 0,
    "average_decay": 0,
    "mirror": False,
    "lr": 0.01,
}


@dataclass
class Case:
    """Networks to train, and on what.

    common: settings of all. rows: those of each network. n_images: of an epoch. first_step: how many steps came before.
    kind: "numpy" or "compiled".
    """

    common: dict[str, Any] = field(default_factory=dict)
    rows: Sequence[dict[str, Any]] = ({"seed": 0},)
    batch_size: int = 16
    n_images: int = 70
    first_step: int = 0
    custom: Custom = field(default_factory=Custom)
    kind: str = "numpy"

    def __post_init__(self) -> None:
        self.configs = [
            build_config(
                "quick",
                flags={
                    setting_path(name): value
                    for name, value in {**SETTINGS, "batch_size": self.batch_size, **self.common, **row}.items()
                },
            )
            for row in self.rows
        ]
        self.architecture = architecture_of(self.configs[0], N_INPUTS, N_CLASSES, self.custom)
        rng = np.random.default_rng(0)
        n = self.n_images + 30
        self.images = TrainingImages(
            rng.integers(0, 256, (n, N_INPUTS)).astype(np.uint8),
            rng.integers(0, N_CLASSES, n),
            scale=1 / 255,
            image_shape=SHAPE,
            most_shift=self.configs[0].data.shift,
            affine=self.configs[0].data.affine,
        )
        names = [str(label) for label in range(N_CLASSES)]
        plain, factors = loss_of(self.configs[0], self.custom), self.configs[0].model.class_weight
        self.loss = weigh_classes(plain, factors, names, self.images.labels)
        self.images.soft_labels = soft_labels(self.configs[0], self.loss, self.images.labels, N_CLASSES)

    def start(self, networks: Sequence[int]) -> TrainingState:
        """Return the state of some networks before the epoch; biases and slots are not zero."""
        states = []
        for n in networks:
            state = start_state(self.configs[n], self.architecture)
            rng = np.random.default_rng(n)
            state.values[...] += rng.normal(0, 0.02, state.values.shape)
            for slot in state.slots.values():
                slot[...] = np.abs(rng.normal(0, 0.01, slot.shape)) if self.first_step else 0
            state.n_steps[...] = self.first_step
            states.append(state)
        return TrainingState.concatenate(states)

    def plan(self, networks: Sequence[int]) -> EpochPlan:
        """Return an epoch's steps; the rates fall from step to step."""
        configs = [self.configs[n] for n in networks]
        rows = np.random.default_rng(1).permutation(self.n_images + 30)[: self.n_images]
        n_steps = -(-self.n_images // self.batch_size)
        rates = np.array([config.optimizer.learning_rate for config in configs])
        return plan_epoch(configs, rows, 1, self.first_step, rates * np.linspace(1, 0.5, n_steps)[:, None])

    def engine(self, networks: Sequence[int], threads: int, state: TrainingState | None = None) -> Engine:
        """Return an engine with exactly so many threads."""
        make: Any = NumpyEngine
        if self.kind == "compiled":
            from barenet.engine.compiled.engine import CompiledEngine as make
        engine = make(
            [self.configs[n] for n in networks],
            self.architecture,
            self.loss,
            self.start(networks) if state is None else state,
            self.images,
            batch_size=self.batch_size,
            most_threads=threads,
        )
        engine.choice = ThreadChoice([threads])
        return engine

    def train(self, networks: Sequence[int], threads: int | Sequence[int] = 1, stops: Sequence[int] = ()) -> list[Any]:
        """Train an epoch in stretches that end at `stops`; return for each network all its results.

        threads: a number, or one for each stretch.
        """
        plan = self.plan(networks)
        bounds = [0, *stops, plan.n_steps]
        numbers = [threads] * (len(bounds) - 1) if isinstance(threads, int) else list(threads)
        engine = self.engine(networks, numbers[0])
        try:
            engine.begin(plan)
            results = []
            for n, (start, stop) in zip(numbers, itertools.pairwise(bounds), strict=True):
                engine.choice = ThreadChoice([n])
                results.append(engine.train(start, stop))
            return collect(engine, self.start(networks), results)
        finally:
            engine.close()


def collect(engine: Engine, before: TrainingState, results: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[Any]:
    """Return for each network all results of the stretches of an epoch, as bytes by name."""
    state, norms = engine.capture(before), engine.norms()
    arrays = {
        **{name: array for name, array in state.arrays().items() if not name.startswith("best")},
        "losses": np.concatenate([losses for losses, _ in results]).T,
        "predicted": np.concatenate([predicted for _, predicted in results], axis=-1),
        "gradient norm": norms.gradient,
        "update norm": norms.update,
        "weight norm": norms.weights,
        **{f"ratio of {name}": ratio for name, ratio in norms.ratios.items()},
        "evaluated": engine.evaluation_network().parameters.values,
        "lost": engine.first_lost_steps(),
    }
    assert all(len(array) == before.n_networks for array in arrays.values())
    return [{name: array[n].tobytes() for name, array in arrays.items()} for n in range(before.n_networks)]


# For tests that both engines must pass.
ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.extra)]


def cut_small_steps(monkeypatch) -> None:
    """Let the rule of parts cut the steps of small networks, as it cuts those of large ones."""
    monkeypatch.setattr(parts, "PART_WORK", 100_000)
    monkeypatch.setattr(parts, "PIECE_WORK", 50_000)
    monkeypatch.setattr(parts, "FEWEST_ROWS", 16)
