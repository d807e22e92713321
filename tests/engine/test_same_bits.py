"""The same bits with any number of threads, alone and in stacks, in one stretch or in many, cut or whole."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from engines import Case, collect, cut_small_steps
from families import slow_except

from barenet.engine import parts
from barenet.engine.numpy_engine import engine as engine_module
from barenet.engine.team import Team

SEEDS = [{"seed": seed} for seed in (0, 7, 1, 42, 3)]
RATES = [row | {"lr": lr} for row, lr in zip(SEEDS, (0.1, 0.02, 0.3, 0.05, 0.2), strict=True)]
L2 = [row | {"l2": l2} for row, l2 in zip(RATES, (1e-3, 0, 1e-2, 0.1, 0), strict=True)]
SGD = {"optimizer": "sgd"}
CASES = {
    "sgd": (SGD, RATES),
    "sgd, L2, one order": (SGD, [row | {"seed": 4} for row in L2]),
    "sgd, clipped, L2, averaged": (
        SGD,
        [
            row | {"clip_norm": c, "average_decay": a}
            for row, c, a in zip(L2, (0.1, 1.0, 0.05, 9.0, 0.5), (0.9, 0.99, 0.5, 0.999, 0.95), strict=True)
        ],
    ),
    "momentum, dropout": (
        SGD | {"activation": "tanh"},
        [
            row | {"momentum": m, "dropout": d, "input_dropout": i}
            for row, m, d, i in zip(
                L2, (0.9, 0.5, 0.95, 0.1, 0.8), (0.5, 0, 0.1, 0.3, 0), (0, 0.2, 0.1, 0, 0), strict=True
            )
        ],
    ),
    "nesterov, hinge, shifted": (
        SGD | {"nesterov": True, "loss": "hinge", "shift": 2, "class_weight": "2=3,5=0.2"},
        [r | {"momentum": 0.8} for r in RATES],
    ),
    "adam, clipped, mirrored": (
        {"optimizer": "adam", "mirror": True, "activation": "gelu"},
        [
            row | {"beta1": b, "l2": l2, "clip_norm": c}
            for row, b, l2, c in zip(
                SEEDS, (0.9, 0.8, 0, 0.95, 0.5), (0, 1e-3, 0, 1e-2, 0), (1, 0.1, 9, 2, 0.3), strict=True
            )
        ],
    ),
    "adam, squared error, one order, shifted and mirrored": (
        {"optimizer": "adam", "loss": "mse", "activation": "softplus", "mirror": True, "shift": 1},
        [{"seed": 5, "lr": lr} for lr in (0.01, 0.001, 0.003, 0.02, 0.005)],
    ),
    "adamw, averaged, smoothed, dropout": (
        {
            "label_smoothing": 0.1,
            "activation": "gelu",
            "dropout": 0.2,
            "input_dropout": 0.1,
            "class_weight": "balanced",
        },
        [
            row | {"weight_decay": w, "average_decay": a}
            for row, w, a in zip(SEEDS, (0, 0.1, 0.01, 0.3, 0.05), (0.9, 0.99, 0.5, 0.999, 0.95), strict=True)
        ],
    ),
    "adamw, mixed": (
        {
            **{"activation": "gelu", "mixup": 0.5, "mirror": True, "shift": 1, "affine": 0.1},
            "class_weight": "2=3,5=0.2",
        },
        [row | {"weight_decay": w} for row, w in zip(SEEDS, (0, 0.1, 0.01, 0.3, 0.05), strict=True)],
    ),
    "adamw, mixed, one order, smoothed": (
        {"activation": "relu", "mixup": 0.2, "label_smoothing": 0.1},
        [{"seed": 2, "lr": lr} for lr in (0.01, 0.001, 0.003, 0.02, 0.005)],
    ),
    "adamw, normalised, dropout": (  # 128 units: the distance between rows is larger than their length
        {"activation": "gelu", "normalization": "layer", "hidden": "40,128", "dropout": 0.2},
        [row | {"weight_decay": w} for row, w in zip(SEEDS, (0, 0.1, 0.01, 0.3, 0.05), strict=True)],
    ),
    "adamw, averaged, normalised over images, dropout": (
        {"activation": "gelu", "normalization": "batch", "hidden": "40,128", "dropout": 0.2},
        [
            row | {"weight_decay": w, "average_decay": a}
            for row, w, a in zip(SEEDS, (0, 0.1, 0.01, 0.3, 0.05), (0.9, 0.99, 0.5, 0.999, 0.95), strict=True)
        ],
    ),
    "sgd, clipped, normalised over images, residual": (
        SGD | {"activation": "relu", "normalization": "batch", "residual": True, "hidden": "64,64", "clip_norm": 0.5},
        RATES,
    ),
    "adamw, residual, normalised, dropout": (  # 64 units, as many as pixels: the first layer has a connection too
        {
            **{"activation": "gelu", "normalization": "layer", "residual": True, "hidden": "64,64"},
            **{"dropout": 0.2, "input_dropout": 0.1},
        },
        [row | {"weight_decay": w} for row, w in zip(SEEDS, (0, 0.1, 0.01, 0.3, 0.05), strict=True)],
    ),
    "adamw, clipped, one order, dropout": (
        {"activation": "relu", "dropout": 0.3, "average_decay": 0.9, "clip_norm": 0.5},
        [{"seed": 2, "lr": lr} for lr in (0.01, 0.001, 0.003, 0.02, 0.005)],
    ),
}
# Small batches stay whole; the others are cut into 2 parts and 4, of unequal sizes, and the last batch of an epoch into
# fewer.
SIZES = {"whole": (16, 70), "in two": (131, 300), "in four": (518, 700)}
SETTINGS = list(itertools.product(CASES, SIZES))
# By default each case is tried with one size, one after the other.
SOME = [(name, list(SIZES)[i % len(SIZES)]) for i, name in enumerate(CASES)]
# Networks of a stack, and threads. Each setting is tried with some of these pairs, and with all of them as a slow test.
PAIRS = [pair for pair in itertools.product(range(1, 6), range(1, 5)) if pair != (1, 1)]
A_SETTING = 2


@pytest.fixture(autouse=True)
def small_steps_are_cut(monkeypatch):
    cut_small_steps(monkeypatch)


def make_case(name: str, size: str, kind: str = "numpy") -> Case:
    common, rows = CASES[name]
    batch_size, n_images = SIZES[size]
    return Case(common, rows, batch_size=batch_size, n_images=n_images, first_step=7, kind=kind)


def assert_same(found, expected, what) -> None:
    for network, (bits, own) in enumerate(zip(found, expected, strict=True)):
        assert bits.keys() == own.keys()
        different = [name for name in own if bits[name] != own[name]]
        assert not different, (what, network, different)


def check_bits(kind, name, size, pairs) -> None:
    case = make_case(name, size, kind)
    alone = functools.cache(lambda n: case.train([n])[0])
    for n_networks, threads in pairs:
        networks = list(range(5 - n_networks, 5))  # a network is not always in the same place
        assert_same(case.train(networks, threads), [alone(n) for n in networks], (n_networks, threads))


def test_the_sizes_are_cut_as_they_say():
    weights = make_case("sgd", "whole").architecture.n_weights
    for size, n_parts, n_pieces in (("whole", 1, 1), ("in two", 2, 4), ("in four", 4, 4)):
        batch = SIZES[size][0]
        assert parts.image_parts(batch, weights) == n_parts
        assert parts.weight_pieces(batch, 64, 40) == n_pieces


def test_the_networks_of_a_case_differ(kind):
    for name in CASES:
        found = make_case(name, "whole", kind).train(range(5))
        assert len({bits["values"] for bits in found}) == 5
        assert all(bits["lost"] == np.int64(-1).tobytes() for bits in found)


@pytest.mark.parametrize(("name", "size"), slow_except(SETTINGS, *SOME))
def test_bits_depend_neither_on_threads_nor_on_other_networks(kind, name, size):
    first = A_SETTING * SETTINGS.index((name, size))
    check_bits(kind, name, size, [PAIRS[i % len(PAIRS)] for i in range(first, first + A_SETTING)])


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "size"),
    [pytest.param(*own, marks=pytest.mark.slow if own in SOME else pytest.mark.full) for own in SETTINGS],
)
def test_bits_are_the_same_for_all_pairs_of_networks_and_threads(kind, name, size):
    check_bits(kind, name, size, PAIRS)


class ShuffledTeam(Team):
    """Runs the tasks of a phase in a random order, each as a random thread."""

    def __init__(self, n_threads: int) -> None:
        super().__init__(1)
        self.n_threads, self.rng = n_threads, np.random.default_rng(n_threads)

    def run(self, tasks) -> None:
        for number in self.rng.permutation(len(tasks)):
            tasks[number](int(self.rng.integers(self.n_threads)))


@pytest.mark.parametrize("name", slow_except(CASES, *list(CASES)[::3]))
def test_bits_do_not_depend_on_which_thread_takes_which_part_and_when(name, monkeypatch):
    """On the NumPy engine; threads of compiled kernels wait for each other inside of a task."""
    case = make_case(name, "in four")
    expected = [case.train([n])[0] for n in (0, 3)]
    monkeypatch.setattr(engine_module, "Team", ShuffledTeam)
    assert_same(case.train([0, 3], 8), expected, "shuffled")


STRETCHES = {
    "one step at a time": ([1, 2, 3, 4], [3, 3, 3, 3, 3]),
    "more and fewer threads": ([1, 2, 4], [1, 4, 2, 3]),
    "from threads for networks to threads for parts": ([2, 3], [2, 3, 1]),
}


@pytest.mark.parametrize("stretches", STRETCHES)
@pytest.mark.parametrize(
    "name",
    slow_except(
        [
            "adamw, averaged, smoothed, dropout",
            "adamw, averaged, normalised over images, dropout",
            "sgd, L2, one order",
        ],
        "adamw, averaged, smoothed, dropout",
    ),
)
def test_an_epoch_may_be_taken_in_stretches_on_other_numbers_of_threads(kind, name, stretches):
    stops, threads = STRETCHES[stretches]
    common, rows = CASES[name]
    for batch_size, n_images in ((16, 70), (131, 600)):
        case = Case(common, rows, batch_size=batch_size, n_images=n_images, kind=kind)
        for networks in ([0], [4, 1, 2]):
            assert_same(case.train(networks, threads, stops), case.train(networks), (batch_size, networks))


@pytest.mark.parametrize(
    "name",
    [
        "momentum, dropout",
        "adamw, averaged, smoothed, dropout",
        "adamw, averaged, normalised over images, dropout",
    ],
)
@pytest.mark.parametrize("size", slow_except(SIZES, "in two"))
def test_another_engine_enters_an_epoch_anywhere(kind, name, size):
    case, networks = make_case(name, size, kind), [3, 0, 2]
    plan, before = case.plan(networks), case.start(networks)
    for middle in range(1, plan.n_steps):
        first = case.engine(networks, 1)
        first.begin(plan)
        results = [first.train(0, middle)]
        second = case.engine(networks, 2, first.capture(before))
        second.begin(plan)
        results.append(second.train(middle, plan.n_steps))
        found = collect(second, before, results)
        first.close()
        second.close()
        assert_same(found, case.train(networks), middle)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_state_is_captured_before_the_first_step_and_after_any(kind, threads):
    case, networks = make_case("momentum, dropout", "in two", kind), [1, 4]
    plan, before = case.plan(networks), case.start(networks)
    engine = case.engine(networks, threads)
    engine.begin(plan)
    for name, array in engine.capture(before).arrays().items():
        np.testing.assert_array_equal(array, before.arrays()[name])
    engine.train(0, 2)
    state = engine.capture(before)
    assert state.n_steps.tolist() == [9, 9]
    kept = state.values.copy()
    engine.train(2, plan.n_steps)
    np.testing.assert_array_equal(state.values, kept)  # a copy, which later steps leave alone
    assert not np.array_equal(engine.capture(before).values, kept)
    engine.close()
